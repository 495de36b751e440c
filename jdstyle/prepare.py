"""Checks the photos and labels of a data set and writes its records.

    python -m jdstyle.prepare --dataset=demo
    python -m jdstyle.prepare --dataset=jd_fashion --manual_dir=DIR
    python -m jdstyle.prepare --dataset=deepfashion/fine --manual_dir=DIR
    python -m jdstyle.prepare --dataset=label_table/NAME --table=labels.csv \\
        --images_dir=DIR
    python -m jdstyle.prepare --dataset=label_table/NAME --images_dir=DIR \\
        --format=folders
"""

from absl import flags

from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import defaults
from jdstyle import path_flags
from jdstyle.datasets import names
from jdstyle.errors import InputError
from jdstyle.files import places

flags.adopt_module_key_flags(data_flags)

_MANUAL_DIR = path_flags.DEFINE_path(
    "manual_dir",
    None,
    "The folder of the files that you downloaded. jd_fashion: it holds "
    "train.txt, images/ and, optionally, fold.txt, test.txt and result.txt. "
    "deepfashion: it holds Anno_coarse/ (in older copies Anno/) and Eval/, or "
    "Anno_fine/, and the photos in img/ or Img/img/. By default "
    "<data_dir>/downloads/manual.",
)
_NUM_ATTRIBUTES = flags.DEFINE_integer(
    "num_attributes",
    20,
    "deepfashion: how many attributes to keep, the most balanced ones; 0 keeps "
    "them all.",
    lower_bound=0,
)
_CROP_TO_BOX = flags.DEFINE_boolean(
    "crop_to_box",
    False,
    "deepfashion: crop each photo to the box of its garment.",
)
_CATEGORIES = flags.DEFINE_boolean(
    "categories",
    False,
    "deepfashion: add each category as a label beside the attributes.",
)
_TABLE = path_flags.DEFINE_path(
    "table",
    None,
    "label_table: a CSV file with a header, a column of image names and a "
    "column of 0s and 1s per style, or a file of another --format. It may have "
    "the columns split, or is_valid and the like, fold and group. Required for "
    "label_table, but for a folder per class.",
)
_FORMAT = flags.DEFINE_enum(
    "format",
    None,
    ["table", "tags", "class", "folders", "jsonl", "coco"],
    "label_table: how the labels are written. table: a column of 0s and 1s, "
    "true and false or yes and no per style; tags: a column with several "
    "labels in a cell; class: a column with one; folders: a folder per class "
    "in --images_dir; jsonl: JSON lines as Hugging Face's metadata.jsonl; "
    "coco: COCO's annotations, whose boxes have categories. By default what is "
    "certain, with a message; what is not is refused.",
)
_TAGS = flags.DEFINE_string(
    "tags",
    None,
    "label_table: the column, or key of JSON lines, with the labels; with "
    "--format=class it holds one. The first of |, ;, comma and blank that the "
    "column has stands between tags.",
)
_EXTENSION = flags.DEFINE_string(
    "extension",
    None,
    "label_table: what image names lack at their end, as .jpg.",
)
_IMAGES_DIR = path_flags.DEFINE_path(
    "images_dir",
    None,
    "label_table: the folder that the image names are relative to. By default "
    "the folder of the table.",
)
_IMAGE_COLUMN = flags.DEFINE_string(
    "image_column",
    None,
    "label_table: the name of the column of image names. By default the one "
    "that holds names of photos or is called image or the like, else the first "
    "column.",
)
_STYLES = flags.DEFINE_list(
    "styles",
    None,
    "label_table: the columns of the styles, as names or FIRST:LAST for a "
    "range. By default all columns but those of the image, split, fold and "
    "group and one that numbers the rows.",
)
_ALLOW_ALL_ZERO = flags.DEFINE_boolean(
    "allow_all_zero",
    False,
    "label_table: keep photos that are known to have no style.",
)
_UNKNOWN = flags.DEFINE_list(
    "unknown",
    None,
    "label_table: the cells that mean that a label is not known, separated by "
    "commas: empty for an empty cell, or its text, such as -1. Training and "
    "scores leave such labels out. By default every label must be 0 or 1.",
)
_FOLLOW_LINKS = flags.DEFINE_boolean(
    "follow_links",
    False,
    "label_table: take photos that are links to files outside --images_dir, as "
    "in Hugging Face's cache, DVC and git-annex.",
)
_SHORT_SIDE = flags.DEFINE_integer(
    "short_side",
    defaults.SHORT_SIDE,
    "The short side that larger photos are scaled down to, in pixels.",
    lower_bound=16,
)
_MAX_BAD_FRACTION = flags.DEFINE_float(
    "max_bad_fraction",
    0.01,
    "Stop if more than this share of the photos cannot be used.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_ALLOW_MISSING = flags.DEFINE_boolean(
    "allow_missing", False, "Go on without the photos that are missing."
)
_ALLOW_LEAKS = flags.DEFINE_boolean(
    "allow_leaks",
    False,
    "Go on although given splits or folds separate near-duplicate photos; the "
    "results will say so.",
)
_DUPLICATES = flags.DEFINE_enum(
    "duplicates",
    None,
    ["group", "warn", "off"],
    "What to do with near-duplicates, photos that show the same picture. "
    "group: keep them together in one split and fold, however many there are; "
    "given splits that separate them are refused. warn: look for them and tell "
    "of them, but divide photos freely and accept every given split, as "
    "--allow_leaks does; the results will say so. off: do not look for them. "
    "By default group, but stop if more than a fifth of the photos have one. "
    "Groups of the label file are kept together in each case.",
)
_NUM_FOLDS = flags.DEFINE_integer(
    "num_folds",
    5,
    "How many folds to make if the labels have none.",
    lower_bound=2,
)
_TEST_FRACTION = flags.DEFINE_float(
    "test_fraction",
    0.2,
    "The share of the photos to set aside for testing if the labels have "
    "neither splits nor folds.",
    lower_bound=0.0,
    upper_bound=0.9,
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "The seed of the folds and splits.", lower_bound=0
)
_OVERWRITE = flags.DEFINE_boolean(
    "overwrite",
    False,
    "Replace a data set that is already prepared, for instance because photos "
    "have changed.",
)


def main(argv):
    del argv
    places.require_folder(data_flags.DATA_DIR.value, "data_dir")
    more = {}
    names.require(data_flags.DATASET.value)
    _require_flags_of(data_flags.DATASET.value)
    if data_flags.DATASET.value.startswith("label_table/"):
        more = {
            "table": _TABLE.value,
            "format": _FORMAT.value,
            "tags": _TAGS.value,
            "extension": _EXTENSION.value,
            "images_dir": _IMAGES_DIR.value,
            "image_column": _IMAGE_COLUMN.value,
            "style_columns": _STYLES.value,
            "allow_all_zero": _ALLOW_ALL_ZERO.value,
            "follow_links": _FOLLOW_LINKS.value,
            "unknown": _UNKNOWN.value,
        }
    elif data_flags.DATASET.value.startswith("deepfashion/"):
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
        duplicates=_DUPLICATES.value,
    )
    builder = prepared.make_builder(
        data_flags.DATASET.value,
        data_flags.DATA_DIR.value,
        options,
        manual_dir=_MANUAL_DIR.value,
        **more,
    )
    prepared.prepare(builder, overwrite=_OVERWRITE.value)
    place = {
        "dataset": data_flags.DATASET.value,
        "data_dir": data_flags.DATA_DIR.value,
    }
    print(summary.summarise(**place))
    print(f"Records: {builder.data_dir}")
    print(f"Rejected photos: {builder.report_path}")
    metadata = builder.info.metadata or {}
    trainable = metadata.get("trainable", [1])
    following = None
    if data_flags.DATASET.value.startswith("deepfashion/"):
        following = commands.line("pretrain", **place)
    elif set(builder.info.splits) == {"test"}:
        following = commands.line("evaluate", **place, saved_model="DIR")
    elif trainable:
        following = commands.line("train", **place, style=trainable[0])
    if following:
        print(f"Next: {following}")


def _require_flags_of(dataset):
    """Refuses flags that do not apply to this data set."""
    of_table = (_TABLE, _IMAGES_DIR, _IMAGE_COLUMN, _STYLES)
    of_table += (_ALLOW_ALL_ZERO, _FOLLOW_LINKS, _FORMAT, _TAGS, _EXTENSION)
    of_table += (_UNKNOWN,)
    of_deepfashion = (_NUM_ATTRIBUTES, _CROP_TO_BOX, _CATEGORIES)
    for wanted, holders in [
        ("label_table/", of_table),
        (("jd_fashion", "deepfashion/"), (_MANUAL_DIR,)),
        ("deepfashion/", of_deepfashion),
        (("jd_fashion", "deepfashion/", "label_table/"), (_DUPLICATES,)),
    ]:
        for holder in holders:
            changed = holder.value != holder.default
            if changed and not dataset.startswith(wanted):
                raise InputError(
                    f"--{holder.name} does not apply to --dataset={dataset}."
                )


if __name__ == "__main__":
    cli.run(main)
