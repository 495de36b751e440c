"""Tags in one cell, and the question whether a cell is a class instead."""

import ast
import json
import re
import typing

from jdstyle.datasets.formats import tables
from jdstyle.errors import InputError
from jdstyle.errors import shown

# The first of these that a column has anywhere stands between its tags, so
# that "light blue, floral" is two.
SEPARATORS = {"|": "bars", ";": "semicolons", ",": "commas", " ": "blanks"}
_NO_COMMA = re.compile(r"""(['"])\s+['"]""")


class Reading(typing.NamedTuple):
    """A column of texts as tags.

    Attributes:
        separator: one of `SEPARATORS`, "list", or None where no cell has one.
        tags: list of tuples of strings, of each cell.
        place: int, the first cell that has the separator.
    """

    separator: str | None
    tags: list[tuple[str, ...]]
    place: int

    def describe(self):
        """Says what stands between the tags."""
        if self.separator is None:
            return "tags, one in each cell"
        if self.separator == "list":
            return "lists of tags"
        return f"tags with {SEPARATORS[self.separator]} between them"


def split(texts, places, column):
    """Splits cells into tags.

    Args:
        texts: list of strings without blanks at their ends.
        places: list of "file:line", of each cell.
        column: string, the name of the column, quoted.

    Returns:
        `Reading`.

    Raises:
        InputError: if all cells have brackets around them and one is no list.
    """
    filled = [text for text in texts if text]
    if filled and all(text[0] + text[-1] == "[]" for text in filled):
        lists = [
            _parse_list(text, where, column)
            for text, where in zip(texts, places, strict=True)
        ]
        return Reading("list", lists, 0)
    for mark in SEPARATORS:
        found = [i for i, text in enumerate(texts) if mark in text]
        if found:
            tags = [_parts(text, mark) for text in texts]
            return Reading(mark, tags, found[0])
    return Reading(None, [_parts(text, None) for text in texts], 0)


def require_one_separator(reading, texts, places, column):
    """Refuses a column in which other marks may stand between tags too.

    A cell without the column's separator that has a weaker one is several tags,
    or one that is called so.

    Args:
        reading: `Reading` of the texts.
        texts: list of strings.
        places: list of "file:line", of each text.
        column: string, the name of the column, quoted.
    """
    if reading.separator in (None, "list", " "):
        return
    weaker = [*SEPARATORS][[*SEPARATORS].index(reading.separator) + 1 : -1]
    for text, where in zip(texts, places, strict=True):
        if reading.separator in text:
            continue
        for mark in weaker:
            if mark in text:
                raise InputError(
                    f"{where}: {column} has {SEPARATORS[mark]} in "
                    f"{shown(text)}, but {SEPARATORS[reading.separator]} at "
                    f"{places[reading.place]}. It would be read as the one tag "
                    f"{shown(text)}: put {reading.separator!r} at its end if "
                    "it is one, and between the tags if it is several."
                )


def choose(texts, places, column):
    """Decides whether cells are tags or a class.

    Tags are certain where bars, semicolons or commas part texts of which some
    come back beside others, and a class is where nothing comes back that way;
    both only where labels come back in other rows at all.

    Args:
        texts: list of strings, the cells.
        places: list of "file:line", of each cell.
        column: string, the name of the column, quoted.

    Returns:
        "tags" or "class".

    Raises:
        InputError: if it may be both; says what each would read.
    """
    reading = split(texts, places, column)
    whole = tables.count_texts((text,) for text in texts if text)
    parts = tables.count_texts(reading.tags)
    if reading.separator == "list":
        return "tags"
    cells = {tuple(sorted({*tags})) for tags in reading.tags}
    is_shared = any(n > 1 for n in tables.count_texts(cells).values())
    has_mark = reading.separator not in (None, " ")
    if has_mark and is_shared and _come_back(parts):
        return "tags"
    if not has_mark and not is_shared and _come_back(whole):
        return "class"
    raise InputError(
        f"{places[reading.place]}: {column} holds {shown(texts[reading.place])}"
        ", which may be tags or a class. Pass --format=tags to read "
        f"{reading.describe()}, {len(parts):,} styles: "
        f"{tables.sample(sorted(parts))}; or --format=class to read "
        f"{len(whole):,}: {tables.sample(sorted(whole))}."
    )


def _come_back(counts):
    return 2 * len(counts) <= sum(counts.values())


def _parts(text, mark):
    parts = text.split(mark) if mark else [text]
    return tuple(part.strip() for part in parts if part.strip())


def _parse_list(text, where, column):
    """Returns the tags of a list as JSON or Python write it."""
    # NumPy leaves out the commas; Python then takes several texts for one.
    for parse in json.loads, ast.literal_eval:
        try:
            found = parse(text or "[]")
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        is_list = isinstance(found, list) and not _NO_COMMA.search(text)
        if is_list and all(isinstance(tag, str) for tag in found):
            return tuple(tag.strip() for tag in found if tag.strip())
    raise InputError(
        f"{where}: {column} has brackets around each cell, but {shown(text)} "
        'is no list as JSON or Python write it: ["striped", "floral"]. If they '
        "belong to the name of a class, pass --format=class."
    )
