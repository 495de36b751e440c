"""The photo files of a data set as they were when it was prepared."""

import csv
import hashlib
import os
import typing

from jdstyle.photos import files

FILE = "sources.csv"  # Beside the records.


class Source(typing.NamedTuple):
    """A file as it was read; of one that is missing all is empty.

    Attributes:
        size: string, bytes.
        mtime_ns: string, when it was last changed, in nanoseconds.
        digest: string, SHA-256 of its content; empty if it was not read.
    """

    size: str = ""
    mtime_ns: str = ""
    digest: str = ""


def read(path):
    """Returns `(data, Source)` of a photo file; raises as `read_file`."""
    data, status = files.read_file(path)
    return data, _source(status, data)


def write(path, rows, read_before):
    """Writes what is known of each row's file.

    Args:
        path: of the CSV to write.
        rows: list of `labels.Row`.
        read_before: dict from a row's id to the `Source` of a file that could
            be read; of the others only size and time are recorded.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *Source._fields])
        for row in rows:
            if row.path is not None:
                source = read_before.get(row.id) or _look(row.path)
                writer.writerow([row.id, *source])


def find_changed(path, rows):
    """Finds files that are no longer what they were.

    A file of the same size and time counts as unchanged; else its content
    decides, so that a copied folder is no change.

    Args:
        path: of the CSV that `write` wrote.
        rows: list of `labels.Row`.

    Returns:
        List of strings, `"PATH is gone"`, `"is new"` or `"has changed"`.
    """
    there = _read(path)
    changed = []
    for row in rows:
        if row.path is None:
            continue
        before, now = there.get(row.id, Source()), _look(row.path)
        if before[:2] == now[:2]:
            continue
        if not now.size or not before.size:
            what = "is new" if now.size else "is gone"
        elif before.digest and _digest(row.path) == before.digest:
            continue
        else:
            what = "has changed"
        changed.append(f"{row.path} {what}")
    return changed


def photo_digests(builder, ids):
    """Returns what tells photos apart, whatever their data set is called.

    Args:
        builder: a prepared TFDS builder.
        ids: sequence of strings, of its photos.

    Returns:
        List of strings of 16 hexadecimal digits: the first ones of the SHA-256
        of a photo's file, as it was before `prepare`; of one that was drawn, of
        the data set's name and the id.
    """
    path = os.path.join(builder.data_dir, FILE)
    known = _digests(path) if os.path.exists(path) else {}
    return [
        (known.get(photo) or _of_text(f"{builder.name}/{photo}"))[:16]
        for photo in ids
    ]


def _digests(path):
    return {
        photo: source.digest
        for photo, source in _read(path).items()
        if source.digest
    }


def _of_text(text):
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _read(path):
    with open(path, newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        next(lines)
        return {line[0]: Source(*line[1:]) for line in lines}


def _look(path):
    try:
        return _source(os.stat(path))
    except OSError:
        return Source()


def _source(status, data=None):
    digest = "" if data is None else hashlib.sha256(data).hexdigest()
    return Source(str(status.st_size), str(status.st_mtime_ns), digest)


def _digest(path):
    try:
        return read(path)[1].digest
    except (OSError, files.PhotoError):
        return None
