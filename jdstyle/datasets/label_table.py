"""Any photos with a CSV of 0/1 columns: the user's own data."""

import os
import pathlib

import tensorflow_datasets as tfds

from jdstyle.datasets import builder
from jdstyle.datasets import csv_files
from jdstyle.datasets import labels
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


class LabelTable(builder.PhotoBuilder):
    """A CSV with a header: an image column and a 0/1 column per style.

    Optional columns: `split`, `fold`, `group`. The configuration's name tells
    one table from another: `label_table/NAME`.

    Args:
        name: string, the configuration's name.
        table: path of the CSV.
        images_dir: folder that the image column is relative to.
        image_column, style_columns, allow_all_zero: as in
            `read_label_table`.
        **kwargs: `options` and those of `tfds.core.GeneratorBasedBuilder`.

    Raises:
        InputError: for a fault in the table, with file and line.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(
        self,
        *,
        name,
        table,
        images_dir,
        image_column=None,
        style_columns=None,
        allow_all_zero=False,
        **kwargs,
    ):
        style_names, rows = read_label_table(
            table,
            images_dir,
            image_column=image_column,
            style_columns=style_columns,
            allow_all_zero=allow_all_zero,
        )
        config = tfds.core.BuilderConfig(
            name=name, version=self.VERSION, description=f"From {table}."
        )
        super().__init__(
            style_names=style_names, rows=rows, config=config, **kwargs
        )


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
        `(style_names, rows)`: list of strings, list of `labels.Row` with the
        image's path in `images_dir` as id.

    Raises:
        InputError: for any fault, with file and line.
    """
    lines = csv_files.read(table, "--table")
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
        flags = labels.parse_labels(
            [cells[name] for name in names],
            names,
            where,
            hint="" if style_columns else " Name the styles with --styles.",
        )
        if not any(flags) and not allow_all_zero:
            raise InputError(
                f"{where}: no style is 1. Pass --allow_all_zero to keep photos "
                "without a style."
            )
        image = cells[image_column]
        row = labels.Row(
            id=os.path.normpath(image),  # As `predict` names a photo.
            path=_inside(folder, root, image, where),
            labels=flags,
            split=_parse_split(cells.get("split"), where),
            fold=labels.parse_fold(cells.get("fold"), where),
            group=cells.get("group") or None,
            where=where,
        )
        labels.add_row(rows, row)
    if not rows:
        raise InputError(f"{where}: no row below the header.")
    return names, list(rows.values())


def _require_distinct(header, where):
    if not header:
        raise InputError(f"{where}: empty, expected a header.")
    for name in header:
        # Nameless ones are allowed until used: pandas writes its index so.
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
    if set(names) <= set(labels.BINARY):
        raise InputError(
            f"{where}: expected a header with the styles' names, got what "
            f"looks like a row: {header}."
        )
    return names


def _parse_split(text, where):
    if not text:
        return None
    if text.lower() not in _SPLITS:
        raise InputError(
            f"{where}: split must be one of {', '.join(_SPLITS)}, got {text!r}."
        )
    return _SPLITS[text.lower()]


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
