"""What helps whose table of labels cannot be read as it is."""

import csv
import io
import re
import shlex

from jdstyle.datasets import column_roles
from jdstyle.datasets import labels
from jdstyle.datasets import unknown_labels
from jdstyle.errors import InputError
from jdstyle.errors import shown

_EXAMPLE = "image,striped,floral and below it photo.jpg,1,0"
_UNKNOWN = ("", "-1", "-1.0", "nan", "na", "null", "none", "?")
_NUMBER = re.compile(r"[+-]?\d*\.?\d+(e[+-]?\d+)?")


def require_header(header, where):
    """Refuses a first line that names no columns.

    Args:
        header: list of strings, the cells of the first row.
        where: "file:line" of it.

    Raises:
        InputError: if there is none, if it looks like a row, like JSON or as if
            something else than commas stood between the cells, or if two
            columns have the same name.
    """
    if not header:
        raise InputError(f"{where}: empty, expected a header: {_EXAMPLE}.")
    if header[0][:1] in ("{", "["):
        raise InputError(
            f"{where}: JSON, expected a CSV with a column of photos and a "
            f"column of 0s and 1s per style: {_EXAMPLE}. Of JSON lines pass "
            "--format=jsonl, of COCO's annotations --format=coco."
        )
    for mark, name in (("\t", "tabs"), (";", "semicolons"), ("|", "bars")):
        if mark in "".join(header) and (mark == "\t" or len(header) == 1):
            raise InputError(
                f"{where}: {name} between the cells, expected commas: "
                f"{shown(header)}. Save it as a CSV with commas."
            )
    # Nameless ones are allowed until used: pandas writes its index so.
    twice = {name for name in header if name and header.count(name) > 1}
    is_row = any(map(column_roles.PHOTO.search, header)) or any(
        name in labels.BINARY for name in twice
    )
    if is_row or (len(header) > 1 and set(header[1:]) <= {*labels.BINARY}):
        raise InputError(
            f"{where}: expected a header with the styles' names, got what "
            f"looks like a row: {shown(header)}. Put one above it: {_EXAMPLE}."
        )
    for name in header:
        if name in twice:
            raise InputError(
                f"{where}: {header.count(name)} columns have the name "
                f"{shown(name)}."
            )


def for_label(value, column, columns, header, contents):
    """Returns what to do about a cell that is no label.

    Args:
        value: string, the cell.
        column: int, its column.
        columns: `columns.Columns`.
        header: list of strings, the names of the columns.
        contents: list of `column_roles.Content`, of each column.
    """
    usable = [i for i in columns.styles if contents[i].within(labels.LABELS)]
    broken = {*columns.styles} - {*usable}
    text = value.strip().lower()
    if text in _UNKNOWN:
        flag = f"--unknown={text or unknown_labels.EMPTY}"
        hint = f"If the label is not known, pass {flag}, else write 0 or 1"
    elif _NUMBER.fullmatch(text):
        hint = (
            "Decide from which value on it is a 1, or pass --format=class if "
        )
        hint += "each number is a class"
    else:
        hint = (
            "A table has a column of 0s and 1s for each style, named after it: "
            f"{_EXAMPLE}. If {shown(header[column])} names the labels, pass "
            f"{_as_flag('tags', header[column])} and --format=tags or class"
        )
    if usable and broken:
        hint += f", or name the styles: {as_flag(usable, header)}"
    return f"{hint}."


def as_flag(columns, header):
    """Returns --styles for some columns as a shell takes it.

    Args:
        columns: list of ints, rising.
        header: list of strings, the names of the columns.
    """
    names = [header[i] for i in columns]
    if len(names) > 2 and columns[-1] - columns[0] == len(columns) - 1:
        names = [f"{names[0]}:{names[-1]}"]
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow(names)
    return _as_flag("styles", file.getvalue())


def _as_flag(name, value):
    return shlex.quote(f"--{name}={value}")
