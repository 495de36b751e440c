"""Scores a SavedModel on one split of a prepared data set.

    python -m jdstyle.evaluate --saved_model=RUN/saved_model --split=test

Prints a table with a row per style and writes results.json and
probabilities.csv. Without --dataset it takes the data set that the model has
learned, as the run.json beside it says.
"""

import os
import time

from absl import flags

from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import path_flags
from jdstyle import prevalence_flags
from jdstyle import product_flags
from jdstyle.datasets import labels
from jdstyle.files import places

flags.adopt_module_key_flags(data_flags)
flags.adopt_module_key_flags(product_flags)

_SPLIT = flags.DEFINE_enum(
    "split", "test", labels.SPLITS, "The photos to score the model on."
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Photos per call of the model.", lower_bound=1
)
_OUTPUT_DIR = path_flags.DEFINE_folder(
    "output_dir",
    None,
    "The directory for the results. By default evaluation-<dataset>-<split>, "
    "with --prevalence behind it -prevalence, beside the SavedModel.",
)
_PREVALENCE = prevalence_flags.define()


def main(argv):
    del argv
    saved_model = places.beside(product_flags.SAVED_MODEL.value)
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.datasets import prepared
    from jdstyle.evaluation import score_tables
    from jdstyle.serving import evaluation
    from jdstyle.serving import loader

    start = time.monotonic()
    # Before a data set is opened: the demo would be drawn, for minutes.
    loader.require_directory(saved_model)
    dataset = data_flags.dataset_of(saved_model)
    output_dir = _OUTPUT_DIR.value or os.path.join(
        os.path.dirname(saved_model),
        "-".join(["evaluation", dataset.replace("/", "-"), _SPLIT.value])
        + ("-prevalence" if _PREVALENCE.value else ""),
    )
    places.require_folder(output_dir, "output_dir")
    builder = prepared.open_prepared(dataset, data_flags.DATA_DIR.value)
    result = evaluation.evaluate(
        saved_model,
        builder,
        _SPLIT.value,
        output_dir,
        batch_size=_BATCH_SIZE.value,
        shares=_PREVALENCE.value,
    )
    print(score_tables.format_table(result))
    seconds = time.monotonic() - start
    print(f"{result['photos']} photos in {seconds:.0f} s, loading included")
    print(f"Results: {os.path.join(output_dir, 'results.json')}")
    print(f"Next: {commands.predict(saved_model)}")


if __name__ == "__main__":
    cli.run(main)
