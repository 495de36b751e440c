"""Label files to rows: every fault ends with its file and line."""

import csv
import os
import pathlib
import typing

from jdstyle.errors import InputError

NUM_JD_STYLES = 13
_SPLITS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}
_BINARY = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


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

    Optional columns are `split` (train, validation or val, test), `fold` (int
    >= 0) and `group`. Rows that say the same of one image count once.

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
    header_where, header = next(lines, (f"{table}:1", []))
    header = [name.strip() for name in header]
    if len(set(header)) < len(header) or not all(header):
        raise InputError(
            f"{header_where}: column names must be there and differ. Received: "
            f"{header}."
        )
    column = {name: i for i, name in enumerate(header)}
    image_column = image_column or header[0]
    if image_column not in column:
        raise InputError(
            f"{header_where}: no column {image_column!r} (--image_column). "
            f"There are: {', '.join(header)}."
        )
    names = _style_columns(header, header_where, image_column, style_columns)
    folder = images_dir or os.path.dirname(os.path.abspath(table))

    rows = {}
    for where, values in lines:
        if len(values) != len(header):
            raise InputError(
                f"{where}: expected {len(header)} columns, got {len(values)}: "
                f"{values}."
            )
        values = [value.strip() for value in values]
        image = values[column[image_column]]
        labels = _parse_labels(
            [values[column[name]] for name in names], names, where
        )
        if not any(labels) and not allow_all_zero:
            raise InputError(
                f"{where}: no style is 1. Pass --allow_all_zero to take photos "
                "without a style."
            )
        optional = {
            name: values[column[name]] if name in column else ""
            for name in ("split", "fold", "group")
        }
        row = Row(
            id=image,
            path=_inside(folder, image, where),
            labels=labels,
            split=_parse_split(optional["split"], where),
            fold=_parse_fold(optional["fold"], where, least=0),
            group=optional["group"] or None,
            where=where,
        )
        _add(rows, row)
    if not rows:
        raise InputError(f"{table}: no row below the header.")
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
        List of `Row`; test rows have split "test", others a fold or None.

    Raises:
        InputError: for any fault, with file and line.
    """
    folder = pathlib.Path(manual_dir)
    train_file = folder / "train.txt"
    if not train_file.is_file():
        raise InputError(
            f"{train_file} is missing. --manual_dir must hold train.txt and "
            "images/, and may hold fold.txt, test.txt and result.txt."
        )
    train = _read_flags(train_file, folder, has_url=True, split=None)
    if (folder / "fold.txt").is_file():
        train = _with_folds(train, folder / "fold.txt")
    test = {}
    if (folder / "test.txt").is_file() and (folder / "result.txt").is_file():
        test = _read_flags(
            folder / "result.txt", folder, has_url=False, split="test"
        )
        _require_same_ids(folder / "test.txt", test)
    for photo_id in train.keys() & test.keys():
        raise InputError(
            f"{test[photo_id].where}: {photo_id} is a training photo too "
            f"({train[photo_id].where})."
        )
    return [*train.values(), *test.values()]


def parse_fold_line(values, where):
    """Parses `fold,ID_0_1_..._0.jpg`.

    Args:
        values: list of the line's columns.
        where: "file:line".

    Returns:
        `(id, fold, labels)`.
    """
    if len(values) != 2:
        raise InputError(f"{where}: expected fold,name, got {values}.")
    photo_id, *flags = values[1].removesuffix(".jpg").rsplit("_", NUM_JD_STYLES)
    if len(flags) != NUM_JD_STYLES:
        raise InputError(
            f"{where}: expected ID and {NUM_JD_STYLES} flags joined by _, got "
            f"{values[1]!r}."
        )
    labels = _parse_labels(flags, range(1, NUM_JD_STYLES + 1), where)
    return photo_id, _parse_fold(values[0], where, least=1), labels


def _read_flags(path, folder, *, has_url, split):
    """Reads `id,[url,]` and 13 flags to a dict from id to `Row`."""
    first = 2 if has_url else 1
    rows = {}
    for where, values in _read_csv(path, "--manual_dir"):
        if len(values) != first + NUM_JD_STYLES:
            raise InputError(
                f"{where}: expected {'an id, a url' if has_url else 'an id'} "
                f"and {NUM_JD_STYLES} labels, got {len(values)} columns: "
                f"{values}."
            )
        photo_id = values[0].strip()
        labels = _parse_labels(
            values[first:], range(1, NUM_JD_STYLES + 1), where
        )
        if not any(labels):
            raise InputError(f"{where}: no style is 1.")
        photo_path = _inside(folder / "images", f"{photo_id}.jpg", where)
        if "/" in photo_id or not photo_id:
            raise InputError(f"{where}: not a photo's id: {photo_id!r}.")
        _add(rows, Row(photo_id, photo_path, labels, split, None, None, where))
    if not rows:
        raise InputError(f"{path}: no rows.")
    return rows


def _with_folds(rows, path):
    folds = {}
    for where, values in _read_csv(path, "--manual_dir"):
        photo_id, fold, labels = parse_fold_line(values, where)
        row = rows.get(photo_id)
        if row is None:
            raise InputError(f"{where}: {photo_id} is not in train.txt.")
        if row.labels != labels:
            raise InputError(
                f"{where}: labels {labels} of {photo_id} differ from "
                f"{row.labels} in {row.where}."
            )
        if folds.setdefault(photo_id, fold) != fold:
            raise InputError(
                f"{where}: {photo_id} has fold {fold} and {folds[photo_id]}."
            )
    rest = max(folds.values(), default=0) + 1
    return {
        photo_id: row._replace(fold=folds.get(photo_id, rest))
        for photo_id, row in rows.items()
    }


def _require_same_ids(path, rows):
    ids = {}
    for where, values in _read_csv(path, "--manual_dir"):
        if values[0] not in rows:
            raise InputError(f"{where}: {values[0]} is not in result.txt.")
        ids[values[0]] = where
    for photo_id in rows.keys() - ids.keys():
        raise InputError(
            f"{rows[photo_id].where}: {photo_id} is not in {path}."
        )


def _read_csv(path, flag):
    """Yields `("file:line", values)` of each line that is not blank."""
    try:
        # utf-8-sig: spreadsheets put a byte order mark in front.
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            for values in reader:
                if any(value.strip() for value in values):
                    yield f"{path}:{reader.line_num}", values
    except FileNotFoundError:
        raise InputError(f"No such file: {path} ({flag}).") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 at byte {error.start}. Save it as UTF-8."
        ) from None
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: {error}.") from None


def _style_columns(header, where, image_column, chosen):
    others = {image_column, "split", "fold", "group"}
    if chosen is None:
        names = [name for name in header if name not in others]
    else:
        names = []
        for item in chosen:
            first, _, last = item.partition(":")
            for name in {first, last or first}:
                if name not in header:
                    raise InputError(
                        f"{where}: no column {name!r} (--styles). There are: "
                        f"{', '.join(header)}."
                    )
            begin = header.index(first)
            names += header[begin : header.index(last or first) + 1]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"{where}: --styles must name at least one column, and none twice. "
            f"Received: {names}."
        )
    return names


def _parse_labels(values, names, where):
    labels = []
    for name, value in zip(names, values, strict=True):
        label = _BINARY.get(value.strip())
        if label is None:
            raise InputError(
                f"{where}: label {name} must be 0 or 1, got {value!r}."
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


def _parse_fold(text, where, *, least):
    if not text:
        return None
    if not text.isdecimal() or int(text) < least:
        raise InputError(
            f"{where}: fold must be an int >= {least}, got {text!r}."
        )
    return int(text)


def _inside(folder, name, where):
    """Returns the path of a photo; it must not leave the folder."""
    parts = pathlib.PurePath(name).parts
    if not parts or pathlib.PurePath(name).is_absolute() or ".." in parts:
        raise InputError(
            f"{where}: the image must lie in {folder}, got {name!r}."
        )
    path = os.path.join(folder, name)
    # Also through a link.
    root = os.path.realpath(folder)
    if os.path.commonpath([root, os.path.realpath(path)]) != root:
        raise InputError(f"{where}: {name!r} leads out of {folder}.")
    return path


def _add(rows, row):
    there = rows.setdefault(row.id, row)
    if there._replace(where=row.where) != row:
        raise InputError(
            f"{row.where}: {row.id} stands at {there.where} too, with other "
            f"labels, split, fold or group."
        )
