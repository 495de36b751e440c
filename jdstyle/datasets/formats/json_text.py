"""JSON that a user wrote: what is not JSON is refused with its line."""

import json
import re

from jdstyle.errors import InputError
from jdstyle.errors import shown

_UNWRITABLE = re.compile("[\0\ufeff\ud800-\udfff]")


def parse(text, path, line=1):
    """Returns what a JSON text says.

    Args:
        text: string.
        path: of its file, for messages.
        line: int, where the text begins in the file.

    Raises:
        InputError: for a fault, a name that an object has twice, NaN, infinite
            or huge numbers, and halves of a character.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{line + error.lineno - 1}: no JSON: {error.msg} at column "
            f"{error.colno}."
        ) from error
    except (ValueError, RecursionError) as error:
        why = "nested too deeply"
        if isinstance(error, ValueError):
            why = str(error).partition(";")[0]
        raise InputError(f"{path}:{line}: JSON that is not read: {why}.") from (
            error
        )
    return value


def is_text(value):
    """Whether a value is a string that says something and can be written.

    Halves of characters, NUL and byte order marks cannot be read back.
    """
    if not isinstance(value, str) or not value.strip():
        return False
    return not _UNWRITABLE.search(value)


def is_int(value):
    """Whether a value is a whole number that fits int64, and no true/false."""
    return type(value) is int and abs(value) < 1 << 63


def _unique(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has {shown(twice)} twice")
    return found


def _refuse_constant(name):
    raise ValueError(f"{name} is no number of JSON")
