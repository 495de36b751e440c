"""What `prepare` says of a label file before it reads a photo."""

import collections

import numpy as np
from absl import logging

from jdstyle.datasets import labels
from jdstyle.errors import shown

_SHOWN = 5  # Names or counts in a line.
_MOST_STYLES = 200  # With their counts.
_ROWS = 10


def log(table, contents, chosen, rows, more=()):
    """Logs how a label file was read, its columns, styles and some rows.

    Args:
        table: `formats.tables.Table`.
        contents: list of `column_roles.Content`, of each column.
        chosen: `columns.Columns` of it.
        rows: list of `labels.Row`, all of the table.
        more: sentences on how it was read.
    """
    worded = [
        column
        for column in chosen.styles
        if any(text.lower() in labels.WORDS for text in contents[column].values)
    ]
    if worded:
        more = (
            "True and yes are read as 1, false and no as 0, in "
            f"{_some(worded, table.header)}.",
            *more,
        )
    for sentence in (*table.understood, *more):
        logging.info("%s: %s", table.path, sentence)
    logging.info("The columns of %s:", table.path)
    for what, named, held in _columns(table.header, chosen, rows):
        logging.info("  %-8s%s%s", what, named, f" ({held})" if held else "")
    names = [table.header[column] for column in chosen.styles]
    logging.info("Photos of each style, of %d:", len(rows))
    for line in _counts(names, rows):
        logging.info("  %s", line)
    # From all over the file, which may be sorted by style.
    shown_rows = np.linspace(0, len(rows) - 1, min(_ROWS, len(rows)), dtype=int)
    logging.info("%d of the rows:", len(shown_rows))
    for i in shown_rows:
        logging.info("  %s", _describe(rows[i], names))


def _columns(header, chosen, rows):
    """Yields `(what, names, what they hold)` of the columns."""
    splits = collections.Counter(row.split or "not said" for row in rows)
    folds = {row.fold for row in rows} - {None}
    groups = {row.group for row in rows} - {None}
    yield "photos", _listed([chosen.image], header), f"{len(rows)}"
    for what, found, held in (
        (
            "split",
            [*chosen.flags.values(), chosen.split],
            ", ".join(f"{n} {split}" for split, n in splits.items()),
        ),
        ("fold", [chosen.fold], f"{len(folds)} different"),
        ("group", [chosen.group], f"{len(groups)} different"),
    ):
        named = [column for column in found if column is not None]
        listed = _listed(named, header, " and ")
        yield what, listed or "no column", held if named else ""
    yield "styles", _some(chosen.styles, header), f"{len(chosen.styles)}"
    reasons = {}
    for column, why in chosen.ignored.items():
        reasons.setdefault(why, []).append(column)
    for why, columns in reasons.items():
        yield "ignored", _some(columns, header), why


def _counts(names, rows):
    """Yields lines of styles, each with how many photos have it."""
    labels_of_all = np.array([row.labels for row in rows], np.int8)
    found = (labels_of_all == 1).sum(axis=0)
    unknown = (labels_of_all == -1).sum(axis=0)
    said = [
        f"{shown(name)} {n}" + (f" ({gaps} unknown)" if gaps else "")
        for name, n, gaps in zip(names, found, unknown, strict=True)
    ]
    for start in range(0, min(len(said), _MOST_STYLES), _SHOWN):
        yield ", ".join(said[start : start + _SHOWN])
    if len(said) > _MOST_STYLES:
        yield f"and {len(said) - _MOST_STYLES} more styles"


def _describe(row, names):
    """Returns what a row says of its photo."""
    there = [
        n for n, label in zip(names, row.labels, strict=True) if label == 1
    ]
    parts = [", ".join(map(shown, there[:_SHOWN])) or "no style"]
    if len(there) > _SHOWN:
        parts[0] += f" and {len(there) - _SHOWN} more"
    if unknown := row.labels.count(-1):
        parts.append(f"{unknown} unknown")
    parts += [
        f"{what} {value}"
        for what, value in (("split", row.split), ("fold", row.fold))
        if value is not None
    ]
    if row.group is not None:
        parts.append(f"group {shown(row.group)}")
    return f"{shown(row.id)}: {'; '.join(parts)}"


def _some(columns, header):
    more = len(columns) - _SHOWN
    first = _listed(columns[:_SHOWN], header)
    return f"{first} and {more} more" if more > 0 else first


def _listed(columns, header, joint=", "):
    return joint.join(shown(header[column]) for column in columns)
