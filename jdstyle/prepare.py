"""Checks the photos and labels of a data set and writes its records.

    python -m jdstyle.prepare --dataset=demo
    python -m jdstyle.prepare --dataset=jd_fashion --manual_dir=DIR
    python -m jdstyle.prepare --dataset=deepfashion/fine --manual_dir=DIR
    python -m jdstyle.prepare --dataset=label_table/NAME --table=labels.csv \\
        --images_dir=DIR
"""

from absl import flags

from jdstyle import cli
from jdstyle import defaults
from jdstyle.errors import InputError

_DATASET = flags.DEFINE_string(
    "dataset",
    "demo",
    "demo, jd_fashion, deepfashion/coarse, deepfashion/fine or "
    "label_table/NAME.",
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared data sets."
)
_MANUAL_DIR = flags.DEFINE_string(
    "manual_dir",
    None,
    "jd_fashion: folder with train.txt, images/ and, optional, fold.txt, "
    "test.txt and result.txt. deepfashion: folder with Anno_coarse/ (older: "
    "Anno/) and Eval/, or Anno_fine/, and img/ or Img/img/. Default: "
    "<data_dir>/downloads/manual.",
)
_NUM_ATTRIBUTES = flags.DEFINE_integer(
    "num_attributes",
    20,
    "deepfashion: how many attributes to keep, the most balanced ones; 0 for "
    "all.",
    lower_bound=0,
)
_CROP_TO_BOX = flags.DEFINE_boolean(
    "crop_to_box", False, "deepfashion: cut each photo to its garment's box."
)
_CATEGORIES = flags.DEFINE_boolean(
    "categories",
    False,
    "deepfashion: take the categories for attributes too, one label each.",
)
_TABLE = flags.DEFINE_string(
    "table",
    None,
    "label_table: CSV with a header, an image column and a 0/1 column per "
    "style; optional columns split, fold and group.",
)
_IMAGES_DIR = flags.DEFINE_string(
    "images_dir",
    None,
    "label_table: folder that the image column is relative to. Default: the "
    "table's.",
)
_IMAGE_COLUMN = flags.DEFINE_string(
    "image_column", None, "label_table: its name. Default: the first column."
)
_STYLES = flags.DEFINE_list(
    "styles",
    None,
    "label_table: the style columns, names or FIRST:LAST for a run of them. "
    "Default: all columns but image, split, fold and group.",
)
_ALLOW_ALL_ZERO = flags.DEFINE_boolean(
    "allow_all_zero", False, "label_table: take photos that have no style."
)
_SHORT_SIDE = flags.DEFINE_integer(
    "short_side",
    defaults.SHORT_SIDE,
    "Largest short side of a stored photo, in pixels.",
    lower_bound=16,
)
_MAX_BAD_FRACTION = flags.DEFINE_float(
    "max_bad_fraction",
    0.01,
    "Fail if more than this share of the photos cannot be used.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_ALLOW_MISSING = flags.DEFINE_boolean(
    "allow_missing", False, "Go on without the photos that are missing."
)
_ALLOW_LEAKS = flags.DEFINE_boolean(
    "allow_leaks",
    False,
    "Go on where given splits or folds tear near-duplicate photos apart; the "
    "results say so.",
)
_NUM_FOLDS = flags.DEFINE_integer(
    "num_folds", 5, "Folds to make where the labels have none.", lower_bound=2
)
_TEST_FRACTION = flags.DEFINE_float(
    "test_fraction",
    0.2,
    "Share of the photos that tests, where the labels have neither splits nor "
    "folds.",
    lower_bound=0.0,
    upper_bound=0.9,
)
_SEED = flags.DEFINE_integer("seed", 0, "Of folds and splits.", lower_bound=0)
_OVERWRITE = flags.DEFINE_boolean(
    "overwrite", False, "Prepare anew what is there, e.g. for changed photos."
)


def main(argv):
    del argv
    more = {}
    _require_flags_of(_DATASET.value)
    if _DATASET.value.startswith("label_table/"):
        if not _TABLE.value:
            raise InputError(f"--dataset={_DATASET.value} needs --table.")
        more = {
            "table": _TABLE.value,
            "images_dir": _IMAGES_DIR.value,
            "image_column": _IMAGE_COLUMN.value,
            "style_columns": _STYLES.value,
            "allow_all_zero": _ALLOW_ALL_ZERO.value,
        }
    elif _DATASET.value.startswith("deepfashion/"):
        more = {
            "num_attributes": _NUM_ATTRIBUTES.value,
            "crop_to_box": _CROP_TO_BOX.value,
            "categories": _CATEGORIES.value,
        }
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.datasets import prepared
    from jdstyle.datasets import summary
    from jdstyle.datasets.builder import Options

    options = Options(
        short_side=_SHORT_SIDE.value,
        max_bad_fraction=_MAX_BAD_FRACTION.value,
        allow_missing=_ALLOW_MISSING.value,
        num_folds=_NUM_FOLDS.value,
        test_fraction=_TEST_FRACTION.value,
        seed=_SEED.value,
        allow_leaks=_ALLOW_LEAKS.value,
    )
    builder = prepared.make_builder(
        _DATASET.value,
        _DATA_DIR.value,
        options,
        manual_dir=_MANUAL_DIR.value,
        **more,
    )
    prepared.prepare(builder, overwrite=_OVERWRITE.value)
    print(summary.summarise(_DATASET.value, _DATA_DIR.value))
    print(f"Records: {builder.data_dir}")
    print(f"Rejected photos: {builder.report_path}")
    place = f"--dataset={_DATASET.value} --data_dir={_DATA_DIR.value}"
    if _DATASET.value.startswith("deepfashion/"):
        print(f"Next: python -m jdstyle.pretrain {place}")
    else:
        print(f"Next: python -m jdstyle.train {place} --style=1")


def _require_flags_of(dataset):
    """Refuses flags that say nothing about this data set."""
    of_table = (_TABLE, _IMAGES_DIR, _IMAGE_COLUMN, _STYLES, _ALLOW_ALL_ZERO)
    of_deepfashion = (_NUM_ATTRIBUTES, _CROP_TO_BOX, _CATEGORIES)
    for wanted, holders in [
        ("label_table/", of_table),
        (("jd_fashion", "deepfashion/"), (_MANUAL_DIR,)),
        ("deepfashion/", of_deepfashion),
    ]:
        for holder in holders:
            changed = holder.value != holder.default
            if changed and not dataset.startswith(wanted):
                raise InputError(
                    f"--{holder.name} is not for --dataset={dataset}."
                )


if __name__ == "__main__":
    cli.run(main)
