"""What a label file said when its data set was prepared, and says now."""

import csv
import hashlib

from jdstyle.datasets import csv_files
from jdstyle.errors import shown

FILE = "labels.csv"  # Beside the records.
_SHOWN = 3  # Rows in a message.
_GIVEN = ("split", "fold", "group")
_LETTERS = {1: "1", 0: "0", -1: "?"}


def digest(rows):
    """Returns the SHA-256 of all that rows say of their photos, in any order.

    Of ids, labels, splits, folds and groups: neither of where the photos lie,
    nor of how the label file is written.

    Args:
        rows: list of `labels.Row`.
    """
    said = sorted(
        hashlib.sha256(repr(_cells(row)).encode()).digest() for row in rows
    )
    return hashlib.sha256(b"".join(said)).hexdigest()


def digest_with_paths(rows):
    """Returns the digest that versions before `FILE` recorded."""
    rows = "\n".join(str(row._replace(where=None)) for row in rows)
    return hashlib.sha256(rows.encode()).hexdigest()


def write(path, rows):
    """Writes what rows say to a CSV, for `describe_changes`.

    Args:
        path: of the CSV to write.
        rows: list of `labels.Row`.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *_GIVEN, "labels"])
        writer.writerows(map(_cells, rows))


def describe_changes(path, rows, style_names):
    """Says which rows are no longer what they were.

    Args:
        path: of the CSV that `write` wrote.
        rows: list of `labels.Row`.
        style_names: list of strings, the same as then.

    Returns:
        A sentence: how many rows differ, and how the first do.
    """
    lines = csv_files.read(path, "--data_dir")
    next(lines)  # The header.
    before = {values[0]: values for _, values in lines}
    changes = []
    for row in rows:
        now, was = _cells(row), before.pop(row.id, None)
        if was is None:
            changes.append(f"{row.where}: {shown(row.id)} is new")
        elif now != was:
            said = _describe_change(now, was, style_names)
            changes.append(f"{row.where}: {shown(row.id)}: {said}")
    changes += [f"{shown(photo_id)} is gone" for photo_id in before]
    verb = "row differs" if len(changes) == 1 else "rows differ"
    return f"{len(changes)} {verb}. The first: {'; '.join(changes[:_SHOWN])}"


def _describe_change(now, was, style_names):
    names = ["id", *_GIVEN, *style_names]
    parts = [
        f"{name} {new or 'empty'}, was {old or 'empty'}"
        # The labels are a letter each.
        for name, new, old in zip(
            names, [*now[:-1], *now[-1]], [*was[:-1], *was[-1]], strict=True
        )
        if new != old
    ]
    more = [] if len(parts) <= _SHOWN else [f"and {len(parts) - _SHOWN} more"]
    return ", ".join(parts[:_SHOWN] + more)


def _cells(row):
    """Returns a row as strings: id, split, fold, group and all its labels."""
    given = (row.id, row.split, row.fold, row.group)
    return ["" if x is None else str(x) for x in given] + [
        "".join(_LETTERS[label] for label in row.labels)
    ]
