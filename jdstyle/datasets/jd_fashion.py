"""JD AI Fashion Challenge 2018: the official files and a folder of photos."""

import pathlib

import tensorflow_datasets as tfds

from jdstyle import styles
from jdstyle.datasets import builder
from jdstyle.datasets import csv_files
from jdstyle.datasets import labels
from jdstyle.errors import InputError

_MANUAL_DIR = (
    "--manual_dir must hold train.txt and images/<id>.jpg, and may hold "
    "fold.txt, test.txt and result.txt"
)


class JdFashion(builder.PhotoBuilder):
    """54,908 training and 10,000 test photos, 13 styles, five folds.

    Folds 1 to 4 of the official fold file train (43,926 photos), the rest
    validates as fold 5. Test photos are added where their result file is there.

    Args:
        manual_dir: folder of the files, see `MANUAL_DOWNLOAD_INSTRUCTIONS`.
        **kwargs: `options` and those of `tfds.core.GeneratorBasedBuilder`.

    Raises:
        InputError: for a fault in the label files, with file and line.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    --manual_dir (default: <data_dir>/downloads/manual) must hold
      train.txt   id,url and 13 flags per line
      fold.txt    fold,ID_0_1_..._0.jpg (optional: else five stratified folds)
      test.txt    id,url                (optional)
      result.txt  id and 13 flags       (optional: the truth of test.txt)
      images/     <id>.jpg
    """

    def __init__(self, *, manual_dir, **kwargs):
        super().__init__(
            style_names=styles.NAMES,
            rows=read_jd_fashion(manual_dir),
            **kwargs,
        )


def read_jd_fashion(manual_dir):
    """Reads the official files of the JD AI Fashion Challenge 2018.

    `train.txt` (`id,url,` and 13 flags) is required. `fold.txt`
    (`fold,ID_0_1_..._0.jpg`) gives the folds; ids that it does not name get the
    fold after its last. `test.txt` (`id,url`) counts where `result.txt` (`id,`
    and 13 flags) has its truth.

    Args:
        manual_dir: folder that holds them, and `images/<id>.jpg`.

    Returns:
        List of `labels.Row` with split "train" or "test"; the fold is None for
        test rows, and for all where there is no `fold.txt`.

    Raises:
        InputError: for any fault, with file and line.
    """
    folder = pathlib.Path(manual_dir)
    train = _read_flags(folder / "train.txt", has_url=True, split="train")
    if (folder / "fold.txt").is_file():
        train = _with_folds(train, folder / "fold.txt")
    if not all((folder / f).is_file() for f in ("test.txt", "result.txt")):
        return list(train.values())
    test = _read_flags(folder / "result.txt", has_url=False, split="test")
    _require_same_ids(folder / "test.txt", test)
    for row in test.values():
        if row.id in train:
            raise InputError(
                f"{row.where}: {row.id} is also a training photo "
                f"({train[row.id].where})."
            )
    return [*train.values(), *test.values()]


def parse_fold_line(values, where):
    """Parses `fold,ID_0_1_..._0.jpg`.

    Args:
        values: list of the line's columns.
        where: "file:line".

    Returns:
        `(id, fold, labels)`: string, int >= 1, tuple of 13 0s and 1s.

    Raises:
        InputError: if the line is something else.
    """
    name = values[-1].strip()
    parts = name.removesuffix(".jpg").rsplit("_", len(styles.NAMES))
    if (
        len(values) != 2
        or not values[0].strip()
        or len(parts) != 1 + len(styles.NAMES)
        or not name.endswith(".jpg")
    ):
        raise InputError(
            f"{where}: expected fold,ID_0_1_..._0.jpg with {len(styles.NAMES)} "
            f"flags, got {','.join(values)!r}."
        )
    fold = labels.parse_fold(values[0].strip(), where, least=1)
    return parts[0], fold, labels.parse_labels(parts[1:], styles.NAMES, where)


def _read_flags(path, *, has_url, split):
    """Reads `id,[url,]` and 13 flags to a dict from id to `labels.Row`."""
    images = path.parent / "images"
    num_columns = 1 + has_url + len(styles.NAMES)
    rows = {}
    for where, values in csv_files.read(path, _MANUAL_DIR):
        if len(values) != num_columns:
            raise InputError(
                f"{where}: expected {num_columns} columns, "
                f"{'id, url' if has_url else 'id'} and {len(styles.NAMES)} "
                f"flags, got {len(values)}: {values}."
            )
        photo_id = values[0].strip()
        if photo_id in ("", ".", "..") or set(photo_id) & set("/\\\0"):
            raise InputError(f"{where}: not a photo's id: {photo_id!r}.")
        flags = labels.parse_labels(values[1 + has_url :], styles.NAMES, where)
        if not any(flags):
            raise InputError(f"{where}: no style is 1.")
        photo = str(images / f"{photo_id}.jpg")
        row = labels.Row(photo_id, photo, flags, split, None, None, where)
        labels.add_row(rows, row)
    if not rows:
        raise InputError(f"{path}:1: no rows.")
    return rows


def _with_folds(rows, path):
    folds = {}
    for where, values in csv_files.read(path, _MANUAL_DIR):
        photo_id, fold, flags = parse_fold_line(values, where)
        row = rows.get(photo_id)
        if row is None:
            raise InputError(f"{where}: {photo_id} is not in train.txt.")
        if row.labels != flags:
            raise InputError(
                f"{where}: labels {flags} of {photo_id} differ from "
                f"{row.labels} at {row.where}."
            )
        there, at = folds.setdefault(photo_id, (fold, where))
        if there != fold:
            raise InputError(
                f"{where}: {photo_id} has fold {fold}, but {there} at {at}."
            )
    # The real file names folds 1 to 4 alone.
    rest = 1 + max((fold for fold, _ in folds.values()), default=0)
    return {
        photo_id: row._replace(fold=folds.get(photo_id, (rest,))[0])
        for photo_id, row in rows.items()
    }


def _require_same_ids(path, rows):
    ids = set()
    for where, values in csv_files.read(path, _MANUAL_DIR):
        if len(values) != 2:
            raise InputError(f"{where}: expected id,url, got {values}.")
        photo_id = values[0].strip()
        if photo_id not in rows:
            raise InputError(f"{where}: {photo_id} is not in result.txt.")
        ids.add(photo_id)
    for row in rows.values():
        if row.id not in ids:
            raise InputError(f"{row.where}: {row.id} is not in {path}.")
