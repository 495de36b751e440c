"""Label files to rows: every fault ends with its file and line."""

import typing

from jdstyle.errors import InputError
from jdstyle.errors import shown

SPLITS = ("train", "validation", "test")
BINARY = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
# In lower case, as spreadsheets, pandas and people write them.
WORDS = {
    **dict.fromkeys(("true", "t", "yes", "y"), 1),
    **dict.fromkeys(("false", "f", "no", "n"), 0),
}
LABELS = BINARY | WORDS


class Row(typing.NamedTuple):
    """One photo as a label file names it.

    Attributes:
        id: string, unique.
        path: path of the photo; None if the program draws it.
        labels: tuple of ints, one per style: 1, 0 or unknown, -1.
        split: one of `SPLITS`, or None.
        fold: int or None.
        group: string or None; photos of one group stay together.
        where: "file:line", for messages.
    """

    id: str
    path: str | None
    labels: tuple[int, ...]
    split: str | None
    fold: int | None
    group: str | None
    where: str


def parse_labels(values, names, where, hint=None, is_unknown=None):
    """Returns strings as a tuple of 0s and 1s, and -1 where unknown.

    A string may also say true or yes, false or no.

    Args:
        values: list of strings.
        names: list of strings, the label of each.
        where: "file:line".
        hint: function of the place and the text of a value that is neither,
            which returns what to do about it; or None.
        is_unknown: function of a value that says whether it means that the
            label is not known; None: none does.

    Raises:
        InputError: if a value is neither 0 nor 1.
    """
    labels = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        label = LABELS.get(value.strip().lower())
        # No unknown cell says 0 or 1: only what does not is asked about.
        if label is None and is_unknown and is_unknown(value):
            label = -1
        if label is None:
            todo = f" {hint(i, value)}" if hint else ""
            raise InputError(
                f"{where}: label {name} must be 0 or 1, got "
                f"{shown(value)}.{todo}"
            )
        labels.append(label)
    return tuple(labels)


def parse_fold(text, where, least=0):
    """Returns an int >= `least`, None if empty; else raises InputError."""
    if not text:
        return None
    # pandas writes the ints of a column with gaps as 1.0.
    number = text.removesuffix(".0")
    digits = number.isascii() and number.isdecimal()
    if not digits or len(number) > 9 or int(number) < least:  # Fits int64.
        raise InputError(
            f"{where}: fold must be an int >= {least}, got {text!r} "
            "(at most 9 digits)."
        )
    return int(number)


def add_row(rows, row):
    """Adds to a dict of rows by id; one that differs raises InputError.

    Of an unknown label counts what another row of the photo knows.
    """
    there = rows.setdefault(row.id, row)
    # Unknown, -1, is less than either label.
    known = tuple(map(max, there.labels, row.labels))
    rows[row.id] = there._replace(labels=known)
    contradict = any(
        {*pair} == {0, 1} for pair in zip(there.labels, row.labels, strict=True)
    )
    if contradict or there._replace(where=row.where, labels=row.labels) != row:
        raise InputError(
            f"{row.where}: {row.id} is also at {there.where}, with other "
            "labels, split, fold or group."
        )
