"""Label files to rows: every fault ends with its file and line."""

import csv
import io
import os
import pathlib
import typing

from jdstyle import styles
from jdstyle.errors import InputError

_SPLITS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}
_OPTIONAL = ("split", "fold", "group")
_BINARY = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
_MANUAL_DIR = (
    "--manual_dir must hold train.txt and images/<id>.jpg, and may hold "
    "fold.txt, test.txt and result.txt"
)


class Row(typing.NamedTuple):
    """One photo as a label file names it.

    Attributes:
        id: string, unique.
        path: path of the photo; None if the program draws it.
        labels: tuple of 0s and 1s, one per style.
        split: "train", "validation", "test" or None.
        fold: int or None.
        group: string or None; photos of one group stay together.
        where: "file:line", for messages.
    """

    id: str
    path: str | None
    labels: tuple
    split: str | None
    fold: int | None
    group: str | None
    where: str


def read_label_table(
    table,
    images_dir=None,
    *,
    image_column=None,
    style_columns=None,
    allow_all_zero=False,
):
    """Reads a CSV with a header: an image column and a 0/1 column per style.

    Optional columns, whose cells may be empty: `split` (train; validation, val,
    valid or dev; test), `fold` (int >= 0) and `group`. Rows that say the same
    of one image count once.

    Args:
        table: path of the CSV, UTF-8.
        images_dir: folder that the images are relative to; None for the
            table's.
        image_column: its name; None for the first column.
        style_columns: list of names or "first:last" runs; None for all columns
            but those above.
        allow_all_zero: take rows without any style.

    Returns:
        `(style_names, rows)`: list of strings, list of `Row` with the image as
        id.

    Raises:
        InputError: for any fault, with file and line.
    """
    lines = _read_csv(table, "--table")
    where, header = next(lines, (f"{table}:1", []))
    header = [name.strip() for name in header]
    _require_distinct(header, where)
    image_column = image_column or header[0]
    _require_column(image_column, header, "--image_column", where)
    names = _choose_styles(header, image_column, style_columns, where)
    folder = images_dir or os.path.dirname(os.path.abspath(table))
    if not os.path.isdir(folder):
        raise InputError(f"No such folder: {folder} (--images_dir).")
    root = os.path.realpath(folder)

    rows = {}
    for where, values in lines:
        if len(values) != len(header):
            raise InputError(
                f"{where}: expected {len(header)} columns, got {len(values)}: "
                f"{values}."
            )
        cells = dict(zip(header, map(str.strip, values), strict=True))
        labels = _parse_labels(
            [cells[name] for name in names],
            names,
            where,
            hint="" if style_columns else " Name the styles with --styles.",
        )
        if not any(labels) and not allow_all_zero:
            raise InputError(
                f"{where}: no style is 1. Pass --allow_all_zero to take photos "
                "without a style."
            )
        image = cells[image_column]
        row = Row(
            id=image,
            path=_inside(folder, root, image, where),
            labels=labels,
            split=_parse_split(cells.get("split"), where),
            fold=_parse_fold(cells.get("fold"), where),
            group=cells.get("group") or None,
            where=where,
        )
        _add(rows, row)
    if not rows:
        raise InputError(f"{where}: no row below the header.")
    return names, list(rows.values())


def read_jd_fashion(manual_dir):
    """Reads the official files of the JD AI Fashion Challenge 2018.

    `train.txt` (`id,url,` and 13 flags) is required. `fold.txt`
    (`fold,ID_0_1_..._0.jpg`) gives the folds; ids that it does not name get the
    fold after its last. `test.txt` (`id,url`) counts where `result.txt` (`id,`
    and 13 flags) has its truth.

    Args:
        manual_dir: folder that holds them, and `images/<id>.jpg`.

    Returns:
        List of `Row` with split "train" or "test"; the fold is None for test
        rows, and for all where there is no `fold.txt`.

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
                f"{row.where}: {row.id} is a training photo too "
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
    fold = _parse_fold(values[0].strip(), where, least=1)
    return parts[0], fold, _parse_labels(parts[1:], styles.NAMES, where)


def _read_flags(path, *, has_url, split):
    """Reads `id,[url,]` and 13 flags to a dict from id to `Row`."""
    images = path.parent / "images"
    num_columns = 1 + has_url + len(styles.NAMES)
    rows = {}
    for where, values in _read_csv(path, _MANUAL_DIR):
        if len(values) != num_columns:
            raise InputError(
                f"{where}: expected {num_columns} columns, "
                f"{'id, url' if has_url else 'id'} and {len(styles.NAMES)} "
                f"flags, got {len(values)}: {values}."
            )
        photo_id = values[0].strip()
        if photo_id in ("", ".", "..") or set(photo_id) & set("/\\\0"):
            raise InputError(f"{where}: not a photo's id: {photo_id!r}.")
        labels = _parse_labels(values[1 + has_url :], styles.NAMES, where)
        if not any(labels):
            raise InputError(f"{where}: no style is 1.")
        photo = str(images / f"{photo_id}.jpg")
        _add(rows, Row(photo_id, photo, labels, split, None, None, where))
    if not rows:
        raise InputError(f"{path}:1: no rows.")
    return rows


def _with_folds(rows, path):
    folds = {}
    for where, values in _read_csv(path, _MANUAL_DIR):
        photo_id, fold, labels = parse_fold_line(values, where)
        row = rows.get(photo_id)
        if row is None:
            raise InputError(f"{where}: {photo_id} is not in train.txt.")
        if row.labels != labels:
            raise InputError(
                f"{where}: labels {labels} of {photo_id} differ from "
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
    for where, values in _read_csv(path, _MANUAL_DIR):
        if len(values) != 2:
            raise InputError(f"{where}: expected id,url, got {values}.")
        photo_id = values[0].strip()
        if photo_id not in rows:
            raise InputError(f"{where}: {photo_id} is not in result.txt.")
        ids.add(photo_id)
    for row in rows.values():
        if row.id not in ids:
            raise InputError(f"{row.where}: {row.id} is not in {path}.")


def _read_csv(path, flag):
    """Yields `("file:line", values)` of each row that is not blank."""
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror} ({flag}).") from error
    try:
        # utf-8-sig: spreadsheets put a byte order mark in front.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        raise InputError(f"{path}:{line}: not UTF-8. Save it so.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1  # Where a row begins; quoted cells may run over several lines.
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield f"{path}:{line}", values
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{line}: {error}.") from error


def _require_distinct(header, where):
    if not header:
        raise InputError(f"{where}: empty, expected a header.")
    for name in header:
        # Nameless ones are no fault until used: pandas writes its index so.
        if name and header.count(name) > 1:
            raise InputError(
                f"{where}: {header.count(name)} columns have the name {name!r}."
            )


def _require_column(name, header, flag, where):
    if not name or name not in header:
        raise InputError(
            f"{where}: no column {name!r} ({flag}). There are: "
            f"{', '.join(header)}."
        )


def _choose_styles(header, image_column, chosen, where):
    others = (image_column, *_OPTIONAL)
    if chosen is None:
        chosen = [name for name in header if name not in others]
    names = []
    for item in chosen:
        # A name may hold a colon itself.
        first, _, last = (
            (item, "", "") if item in header else item.partition(":")
        )
        last = last or first
        _require_column(first, header, "--styles", where)
        _require_column(last, header, "--styles", where)
        names += header[header.index(first) : header.index(last) + 1]
    if not names or len(set(names)) < len(names) or set(names) & set(others):
        raise InputError(
            f"{where}: --styles must name at least one column, none twice, and "
            f"none of {', '.join(others)}. Received: {names}."
        )
    return names


def _parse_labels(values, names, where, hint=""):
    labels = []
    for name, value in zip(names, values, strict=True):
        label = _BINARY.get(value.strip())
        if label is None:
            raise InputError(
                f"{where}: label {name} must be 0 or 1, got {value!r}.{hint}"
            )
        labels.append(label)
    return tuple(labels)


def _parse_split(text, where):
    if not text:
        return None
    if text.lower() not in _SPLITS:
        raise InputError(
            f"{where}: split must be one of {', '.join(_SPLITS)}, got {text!r}."
        )
    return _SPLITS[text.lower()]


def _parse_fold(text, where, least=0):
    if not text:
        return None
    # pandas writes the ints of a column with gaps as 1.0.
    number = text.removesuffix(".0")
    if not (number.isascii() and number.isdecimal()) or int(number) < least:
        raise InputError(
            f"{where}: fold must be an int >= {least}, got {text!r}."
        )
    return int(number)


def _inside(folder, root, name, where):
    """Returns the path of a photo; it must not leave the folder."""
    path = pathlib.PurePath(name)
    if not name or "\0" in name or path.is_absolute() or ".." in path.parts:
        raise InputError(
            f"{where}: expected an image's path inside {folder}, got {name!r}."
        )
    # Nor through a link.
    if not os.path.realpath(os.path.join(root, name)).startswith(
        os.path.join(root, "")
    ):
        raise InputError(f"{where}: {name!r} leads out of {folder}.")
    return os.path.join(folder, name)


def _add(rows, row):
    there = rows.setdefault(row.id, row)
    if there._replace(where=row.where) != row:
        raise InputError(
            f"{row.where}: {row.id} stands at {there.where} too, with other "
            "labels, split, fold or group."
        )
