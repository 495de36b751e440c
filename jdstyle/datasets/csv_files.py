"""The rows of a CSV that a user wrote, with the line of each."""

import csv
import io
import pathlib
import re

from jdstyle.errors import InputError

# What files begin with that are no text.
_OTHERS = {
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"PK\x03\x04": "an Excel file or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "an SQLite database",
}


def read(path, flag):
    """Reads a CSV; see `read_text` and `parse`."""
    return parse(read_text(path, flag), path)


def read_text(path, flag):
    """Returns the text of a file without a byte order mark.

    Raises:
        InputError: for any fault; names `flag` where the file cannot be read.
    """
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror} ({flag}).") from error
    for start, what in _OTHERS.items():
        if data.startswith(start):
            raise InputError(
                f"{path}:1: {what}, expected a CSV, or JSON of a known format. "
                "Save it as CSV, UTF-8."
            )
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
    return text


def parse(text, path):
    """Yields `("file:line", values)` of each row that is not blank.

    Raises:
        InputError: for a fault in the quotes.
    """
    # A description or a picture in a column that nobody reads may be long.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
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
