"""Chooses the thresholds of a finished product anew, without training.

    python -m jdstyle.decide --saved_model=RUN/saved_model --precision_floor=0.6

Writes a new product whose networks are those of the old one, which stays as it
is, a table of what changes (decisions.csv) and a page with a curve per style
(decisions.html). Without --split it chooses on the scores out of fold that lie
beside the product.

Styles of which nothing is asked keep their thresholds. --precision_floor=0.6
asks it of all, --precision_floor=floral:0.8 of one, and beside the other.
"""

import os
import time

from absl import flags

from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import path_flags
from jdstyle import product_flags
from jdstyle.datasets import labels
from jdstyle.errors import InputError
from jdstyle.files import cells
from jdstyle.files import lock
from jdstyle.files import places
from jdstyle.files import together
from jdstyle.runs import directory

flags.adopt_module_key_flags(data_flags)
flags.adopt_module_key_flags(product_flags)

_OUTPUT_DIR = path_flags.DEFINE_folder(
    "output_dir",
    None,
    "Folder that takes the new product. Default: decided, beside the "
    "SavedModel.",
)
_PRECISION_FLOOR = flags.DEFINE_multi_string(
    "precision_floor",
    [],
    "Lowest precision: VALUE for all styles, STYLE:VALUE for one; may be given "
    "several times. Of the thresholds that keep it, the best is taken. It is "
    "kept where the lower end of its 95 % interval keeps it.",
)
_RECALL_FLOOR = flags.DEFINE_multi_string(
    "recall_floor", [], "Lowest recall, as --precision_floor."
)
_COST = flags.DEFINE_multi_string(
    "cost",
    [],
    "MISS:FALSE, what a miss and a false alarm cost, such as 5:1, whose sum is "
    "to be small; STYLE:MISS:FALSE for one style. Else F-beta is to be large.",
)
_BETA = flags.DEFINE_float(
    "beta",
    None,
    "The threshold of the best F-beta, in all styles without --cost: recall "
    "counts beta times as much as precision. Where other flags ask for a "
    "choice: 2.",
)
_PREVALENCE = path_flags.DEFINE_path(
    "prevalence",
    None,
    "A CSV file with the header style,share: what share of the photos to come "
    "has a style. Those with it and without it count accordingly.",
)
_THRESHOLDS = path_flags.DEFINE_path(
    "thresholds",
    None,
    "A CSV file with the header style,threshold: thresholds by hand.",
)
_SPLIT = flags.DEFINE_enum(
    "split",
    None,
    labels.SPLITS,
    "Photos of --dataset to choose on. Default: those whose scores out of fold "
    "lie beside the product.",
)
_LIMITS = flags.DEFINE_boolean(
    "limits",
    True,
    "Whether limits on how many styles a photo has, of products of `fuse`, go "
    "on applying after the thresholds.",
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Photos per call of the model.", lower_bound=1
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Seed of the resamples that choose thresholds and give intervals.",
    lower_bound=0,
)


def main(argv):
    del argv
    saved_model = places.beside(product_flags.SAVED_MODEL.value)
    output_dir = _OUTPUT_DIR.value or os.path.join(
        os.path.dirname(saved_model), "decided"
    )
    places.require_folder(output_dir, "output_dir")
    _require_other_place(saved_model, output_dir)
    if _SPLIT.value is None and flags.FLAGS["dataset"].present:
        raise InputError(
            "--split is required with --dataset: which of its photos choose. "
            "Leave both out to choose on the scores beside the product."
        )
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.decisions import changes
    from jdstyle.decisions import graph
    from jdstyle.decisions import new_product
    from jdstyle.decisions import wishes
    from jdstyle.runs import probability_tables

    product = graph.Decided(saved_model)
    asked = wishes.read(
        product.style_names,
        precision_floor=_PRECISION_FLOOR.value,
        recall_floor=_RECALL_FLOOR.value,
        cost=_COST.value,
        beta=_BETA.value,
        prevalence_path=_PREVALENCE.value,
        thresholds_path=_THRESHOLDS.value,
    )

    def claim(source, take=directory.require_free, **options):
        record = {"task": "decide", **source, "seed": _SEED.value}
        flag_texts = cli.flag_texts()
        take(output_dir, flag_texts, record, flag="output_dir", **options)

    scored = _score(saved_model, product.style_names, claim)
    start = time.monotonic()
    choice = new_product.choose(
        product, scored, asked, limits=_LIMITS.value, seed=_SEED.value
    )
    with lock.hold(output_dir, "output_dir"):
        # An earlier product stays until this one is whole.
        with together.replacing(output_dir, new_product.HELD) as new:
            # Again: the files that it reads may have changed.
            claim(scored.source, directory.start, into=new)
            new_product.write(
                product, scored, asked, choice, new, limits=_LIMITS.value
            )
        probability_tables.bind(output_dir, directory.OUT_OF_FOLD_FILE)
    new = os.path.join(output_dir, directory.SAVED_MODEL_DIR)
    table = changes.table(choice.rows, [w.beta if w else 2.0 for w in asked])
    print(cells.visible(table.to_string(index=False)))
    print(new_product.OPTIMISTIC)
    seconds = time.monotonic() - start
    print(f"{len(scored.ids)} photos in {seconds:.1f} s, after loading")
    print(f"Table: {os.path.join(output_dir, new_product.TABLE_FILE)}")
    print(f"Page: {os.path.join(output_dir, new_product.PAGE_FILE)}")
    print(f"SavedModel: {new}")
    following = commands.predict(new)
    if _SPLIT.value != "test":
        following = commands.line(
            "evaluate", saved_model=new, data_dir=data_flags.DATA_DIR.value
        )
    print(f"Next: {following}")


def _require_other_place(saved_model, output_dir):
    new = os.path.join(output_dir, directory.SAVED_MODEL_DIR)
    if os.path.realpath(new) == os.path.realpath(saved_model):
        raise InputError(
            f"--output_dir={output_dir} is where --saved_model={saved_model} "
            "lies, which stays as it is. Name another folder."
        )


def _score(saved_model, style_names, claim):
    """Returns the `scored.Scored` to choose on.

    Args:
        saved_model: directory of the SavedModel.
        style_names: list of strings, its styles.
        claim: function of the photos' source that refuses an output folder,
            before photos are scored for minutes.
    """
    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.decisions import scored

    if _SPLIT.value is None:
        found = scored.read_beside(saved_model, style_names)
        claim(found.source)
        return found
    builder = prepared.open_prepared(
        data_flags.dataset_of(saved_model), data_flags.DATA_DIR.value
    )
    claim(records.source(builder)._asdict())
    return scored.score_split(
        saved_model, builder, _SPLIT.value, batch_size=_BATCH_SIZE.value
    )


if __name__ == "__main__":
    cli.run(main)
