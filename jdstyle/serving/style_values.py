"""A number for each of some styles: in a CSV, or in flags."""

import typing

from jdstyle.datasets import csv_files
from jdstyle.errors import InputError
from jdstyle.errors import shown


class Kind(typing.NamedTuple):
    """Which numbers are accepted.

    Attributes:
        accepted: string, what to say of them.
        accepts: function of a float, NaN and infinity too, that says whether.
        num_parts: int; 2 of two numbers with a colon between them.
    """

    accepted: str
    accepts: typing.Callable
    num_parts: int = 1

    def parse(self, text):
        """Returns a float, or a tuple of two; None for anything else."""
        try:
            values = tuple(map(float, text.split(":")))
        except ValueError:
            return None
        if len(values) != self.num_parts or not all(map(self.accepts, values)):
            return None
        return values if self.num_parts > 1 else values[0]


def read(path, flag, column, style_names, kind):
    """Reads a CSV of `style` and a number.

    Args:
        path: of the CSV.
        flag: string, such as "--prevalence".
        column: header of the numbers.
        style_names: list of strings, the styles of the product.
        kind: `Kind` of the numbers.

    Returns:
        dict from style to number, not empty.

    Raises:
        InputError: for any fault, with file and line.
    """
    rows = csv_files.read(path, flag)
    where, header = next(rows, (f"{path}:1", []))
    wanted = ["style", column]
    if [cell.strip() for cell in header] != wanted:
        raise InputError(
            f"{where}: the header must be {','.join(wanted)}, got "
            f"{shown(','.join(header))} ({flag})."
        )
    given = {}
    for where, row in rows:
        if len(row) != len(wanted):
            raise InputError(
                f"{where}: a line must hold a style and its {column}, got "
                f"{len(row)} cells."
            )
        name, text = (cell.strip() for cell in row)
        _require_style(name, style_names, where)
        if name in given:
            raise InputError(f"{where}: {shown(name)} has a {column} already.")
        given[name] = _parse(kind, text, f"{where}: a {column}")
    if not given:
        raise InputError(f"{path}: no style has a {column} ({flag}).")
    return given


def of_flag(texts, flag, style_names, kind):
    """Reads the values of a flag that may be for one style each.

    `VALUE` is for all styles, `STYLE:VALUE` for one. What stands behind the
    last colons is the value, so that a style's name may hold some.

    Args:
        texts: list of strings.
        flag: as in `read`.
        style_names: as in `read`.
        kind: as in `read`.

    Returns:
        `(values, named)`: a dict from style to value, of all styles or of
        some, and the set of those that were named.

    Raises:
        InputError: for any fault.
    """
    for_all, given = {}, {}
    for text in texts:
        name, *parts = text.rsplit(":", kind.num_parts)
        if len(parts) < kind.num_parts:
            value = _parse(kind, text, f"{flag}: a value")
            if for_all:
                raise InputError(
                    f"{flag} has a value for all styles twice: {shown(text)}."
                )
            for_all = dict.fromkeys(style_names, value)
            continue
        _require_style(name, style_names, f"{flag}={text}")
        if name in given:
            raise InputError(f"{flag}: {shown(name)} has a value already.")
        given[name] = _parse(kind, ":".join(parts), f"{flag}: a value")
    return for_all | given, given.keys()


def _require_style(name, style_names, where):
    if name not in style_names:
        raise InputError(
            f"{where}: the model has no style {shown(name)}; it has "
            f"{', '.join(style_names)}."
        )


def _parse(kind, text, what):
    value = kind.parse(text)
    if value is None:
        raise InputError(f"{what} must be {kind.accepted}, got {shown(text)}.")
    return value
