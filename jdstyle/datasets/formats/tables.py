"""The one table that label files of every format become."""

import collections
import collections.abc
import typing

from jdstyle.datasets import column_roles
from jdstyle.errors import InputError
from jdstyle.errors import shown

MOST_STYLES = 3000  # More are captions or names of photos, not styles.


class Table(typing.NamedTuple):
    """A label file as rows of cells.

    Attributes:
        path: of the file or folder, for messages.
        where: "file:line" of the header, for messages.
        header: list of strings, the names of the columns.
        lines: function that yields `(where, cells)` of each row.
        style_places: where the name of each style stands first, a list of
            strings for the first columns, which are the styles; None where
            names and cells have to tell which columns are.
        image: string, the column of the photos if the format says; or None.
        contents: list of `column_roles.Content`, of each column; or None.
        understood: sentences on how the file was read.
    """

    path: str
    where: str
    header: list[str]
    lines: collections.abc.Callable[
        [], collections.abc.Iterator[tuple[str, list[str]]]
    ]
    style_places: list[str] | None = None
    image: str | None = None
    contents: list[column_roles.Content] | None = None
    understood: tuple[str, ...] = ()

    @property
    def is_style(self):
        """Whether each column is a style, None where the format leaves it."""
        if self.style_places is None:
            return None
        first = len(self.style_places)
        return [column < first for column in range(len(self.header))]


def with_tags(table, rows, tags, understood, places=None):
    """Returns a table that has a column of 0s and 1s for each tag in front.

    Args:
        table: `Table` whose path, header and so on hold for the other columns.
        rows: list of `(where, cells)` of the other columns.
        tags: list of a sequence of strings for each row.
        understood: sentences on how the tags were read.
        places: dict from each tag, in their order, to "file:line" of its name;
            by default they are sorted and where they stand first.

    Raises:
        InputError: if there are no tags, or too many to be styles.
    """
    found = {}
    for (where, _), present in zip(rows, tags, strict=True):
        for name in present:
            found.setdefault(name, where)
    # Sorted: whichever row comes first, a style has one place.
    places = places or {name: found[name] for name in sorted(found)}
    places = {name: place for name, place in places.items() if name in found}
    if not places:
        raise InputError(f"{table.where}: no label in {len(rows)} rows.")
    if len(places) > MOST_STYLES:
        raise InputError(
            f"{table.where}: {len(places):,} different labels, the first "
            f"{sample(places)}; at most {MOST_STYLES:,} can be styles. Name "
            "the column of the labels with --tags."
        )
    names = list(places)
    sets = [frozenset(present) for present in tags]

    def lines():
        for (where, cells), present in zip(rows, sets, strict=True):
            yield where, [*("01"[name in present] for name in names), *cells]

    return table._replace(
        header=[*names, *table.header],
        lines=lines,
        style_places=list(places.values()),
        understood=(*table.understood, *understood),
    )


def require_width(values, header, where):
    """Refuses a row that has more or fewer cells than the header."""
    if len(values) != len(header):
        raise InputError(
            f"{where}: expected {len(header)} columns, got {len(values)}: "
            f"{shown(values)}."
        )


def sample(names, most=5):
    """Returns the first of some names for a message."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(shown(name, 30) for name in names[:most]) + more


def count_texts(tags):
    """Returns how many rows have each tag, a `collections.Counter`."""
    return collections.Counter(name for present in tags for name in {*present})
