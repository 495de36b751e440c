"""Reads, checks and re-encodes the photos of a label file, on all cores."""

import csv
import hashlib
import typing

from jdstyle.datasets import labels
from jdstyle.datasets import photo_paths
from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import cells
from jdstyle.photos import reader


class CheckedPhoto(typing.NamedTuple):
    """A photo that can be used; its JPEG lies in the spool file.

    Attributes:
        row: `labels.Row`.
        offset: int, where its JPEG begins in the spool.
        length: int, bytes of the JPEG.
        sha256: hex digest of the JPEG.
        number: int, which of the spooled looks is its.
    """

    row: labels.Row
    offset: int
    length: int
    sha256: str
    number: int


def check_photos(rows, read, spool, looks, *, short_side, find_box=None):
    """Checks every photo by its content and spools what will be stored.

    Two passes over the photos would decode each of them twice: folds need the
    looks of all before the first can be stored.

    Args:
        rows: list of `labels.Row`.
        read: function of a row that returns the bytes of its photo; raises
            `FileNotFoundError` or `OSError`.
        spool: binary file, open for writing, that takes the JPEGs.
        looks: binary file, open for writing, that takes what they look like:
            in memory, 289,222 photos of DeepFashion would take 1 GB.
        short_side: int, pixels; larger photos are scaled down to it.
        find_box: as in `reader.read_ahead`, of a row.

    Returns:
        `(checked, rejected)`: list of `CheckedPhoto` in the order of `rows`,
        and list of `(row, reason)`.
    """
    checked, rejected = [], []
    progress = reader.Progress("Checked", len(rows))
    for row, photo, reason in reader.read_ahead(
        rows, read, short_side=short_side, find_box=find_box
    ):
        if photo is None:
            rejected.append((row, reason))
        else:
            sha256 = hashlib.sha256(photo.jpeg).hexdigest()
            offset = spool.tell()
            spool.write(photo.jpeg)
            looks.write(photo.look.tobytes())
            checked.append(
                CheckedPhoto(row, offset, len(photo.jpeg), sha256, len(checked))
            )
        progress.show(len(checked) + len(rejected), len(rejected))
    return checked, rejected


def write_report(rejected, path):
    """Writes id, path, where it is named and the reason of each rejection."""
    # A path from the command line may hold bytes that are not UTF-8.
    with atomic.aside(path, newline="", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "path", "named_in", "reason"])
        for row, reason in rejected:
            said = (row.id, row.path, row.where, reason)
            writer.writerow([cells.write(str(text)) for text in said])


def require_enough(rejected, total, report, *, max_bad_fraction, allow_missing):
    """Stops if too many photos are bad, or any is missing.

    Args:
        rejected: list of `(row, reason)`.
        total: number of rows.
        report: path of the written report.
        max_bad_fraction: largest share of unusable photos, in [0, 1]; missing
            ones do not count.
        allow_missing: go on without the missing ones.

    Raises:
        InputError: with the counts, the first names, the report and the flag.
    """
    missing = [row for row, reason in rejected if reason == reader.MISSING]
    if missing and not allow_missing:
        names = ", ".join(
            photo_paths.describe_missing(str(row.path)) for row in missing[:3]
        )
        raise InputError(
            f"{len(missing)} of {total} photos are missing. The first: "
            f"{names}. All are listed in {report}. Add them, or pass "
            "--allow_missing to go on without them."
        )
    bad = [item for item in rejected if item[1] != reader.MISSING]
    if len(bad) > max_bad_fraction * total:
        examples = "; ".join(f"{row.path}: {why}" for row, why in bad[:3])
        raise InputError(
            f"{len(bad)} of {total} photos cannot be used, more than "
            f"--max_bad_fraction={max_bad_fraction} allows. The first: "
            f"{examples}. All are listed in {report}."
        )
    if len(missing) == total - len(bad):
        raise InputError(f"None of {total} photos can be used. See {report}.")
