"""Fuses the finished runs of a folder into one SavedModel.

    python -m jdstyle.fuse --runs_dir=runs/demo

Members (a backbone's runs for all styles, averaged over folds) are blended,
corrected by the relations between styles, thresholded and kept to a plausible
number of styles. All of it was chosen on photos that the networks had not seen.
"""

import os

from absl import flags

from jdstyle import cli
from jdstyle.errors import InputError
from jdstyle.files import lock
from jdstyle.runs import directory

_RUNS_DIR = flags.DEFINE_string(
    "runs_dir", None, "Folder whose sub-folders are finished runs."
)
_RUNS = flags.DEFINE_list(
    "runs",
    None,
    "Names of the runs to fuse; * and ? stand for letters. Default: all.",
)
_ALLOW_MISSING = flags.DEFINE_boolean(
    "allow_missing",
    False,
    "Fuse although trainings are missing: the last sweep's, or a style or fold "
    "that another member has. results.json then names them.",
)
_DATASET = flags.DEFINE_string(
    "dataset", "demo", "demo, jd_fashion or label_table/NAME."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared data sets."
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where the product goes. Default: <runs_dir>/fused."
)
_FUSION = flags.DEFINE_enum(
    "fusion",
    "mean",
    ["mean", "weighted", "stack"],
    "mean: of the members' probabilities; weighted: weights per style; stack: "
    "a logistic regression on all members and styles.",
)
_RELATIONS = flags.DEFINE_enum(
    "relations",
    "shared",
    ["shared", "full", "none"],
    "Weights of the other styles in equation 2. shared: one per style; full: "
    "one per pair of styles; none: no correction.",
)
_MIN_STYLES = flags.DEFINE_integer(
    "min_styles",
    None,
    "Fewest styles of a photo. Default: as the training labels have it.",
    lower_bound=0,
)
_MAX_STYLES = flags.DEFINE_integer(
    "max_styles",
    None,
    "Most styles of a photo. Default: as the training labels have it.",
    lower_bound=1,
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Of parts and intervals.", lower_bound=0
)


def main(argv):
    del argv
    if _RUNS_DIR.value is None:
        raise InputError("--runs_dir is required: the folder of the runs.")
    # Here, so that --help does not wait for TensorFlow.
    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.evaluation import scores
    from jdstyle.fusion import product
    from jdstyle.fusion import rules
    from jdstyle.sweeps import completeness

    builder = prepared.open_prepared(_DATASET.value, _DATA_DIR.value)
    output_dir = _OUTPUT_DIR.value or os.path.join(_RUNS_DIR.value, "fused")
    # Before an earlier product gives way.
    completeness.find_runs(
        _RUNS_DIR.value,
        builder.info.metadata["fingerprint"],
        _RUNS.value,
        allow_missing=_ALLOW_MISSING.value,
    )
    with lock.alone(output_dir, "output_dir"):
        directory.start(
            output_dir,
            cli.flag_texts(),
            {
                "task": "fuse",
                **records.source(builder)._asdict(),
                "seed": _SEED.value,
            },
            flag="output_dir",
            again=True,  # The folder may hold more runs by now.
        )
        results, _, gains = product.fuse(
            _RUNS_DIR.value,
            builder,
            output_dir,
            rules.Options(
                fusion=_FUSION.value,
                relations=_RELATIONS.value,
                least=_MIN_STYLES.value,
                most=_MAX_STYLES.value,
                seed=_SEED.value,
            ),
            include=_RUNS.value,
            allow_missing=_ALLOW_MISSING.value,
        )
    if gains is not None:
        print("What the relations gained, each fold decided by the others:")
        print(product.gains_table(gains).to_string())
    print("All members, out of fold:")
    print(scores.format_table(results["validation"]))
    print("The photos also chose thresholds and weights: it flatters a little.")
    saved_model = os.path.join(output_dir, directory.SAVED_MODEL_DIR)
    print(f"P(A|B): {os.path.join(output_dir, product.MUTUAL_PICTURE)}")
    print(f"SavedModel: {saved_model}")
    split = "test" if "test" in builder.info.splits else "validation"
    print(
        f"Next: python -m jdstyle.evaluate --saved_model={saved_model} "
        f"--dataset={_DATASET.value} --data_dir={_DATA_DIR.value} "
        f"--split={split}"
    )


if __name__ == "__main__":
    cli.run(main)
