"""The rows of a CSV that a user wrote, with the line of each."""

import csv
import io
import pathlib
import re

from jdstyle.errors import InputError


def read(path, flag):
    """Yields `("file:line", values)` of each row that is not blank.

    Raises:
        InputError: for any fault; names `flag` where the file cannot be read.
    """
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror} ({flag}).") from error
    try:
        # utf-8-sig: spreadsheets put a byte order mark in front.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # What stands before it is UTF-8.
        line = _line_at(error.object[: error.start].decode("utf-8-sig"))
        raise InputError(
            f"{path}:{line}: not UTF-8. Save it as UTF-8."
        ) from error
    # Of UTF-16 without a mark, and where files were put together.
    odd = re.search("[\0\ufeff]", text)
    if odd:
        raise InputError(
            f"{path}:{_line_at(text[: odd.start()])}: a NUL or a byte order "
            "mark among the text. Save it as UTF-8."
        )
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1  # Where a row begins; quoted cells may run over several lines.
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield f"{path}:{line}", values
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{line}: {error}.") from error


def _line_at(text):
    """Returns the number of the line that a text ends in."""
    return 1 + len(re.findall("\r\n?|\n", text))
