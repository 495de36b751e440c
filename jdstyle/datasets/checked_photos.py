"""Reads, checks and re-encodes the photos of a label file, on all cores."""

import collections
import concurrent.futures
import csv
import hashlib
import itertools
import os
import time
import typing

from absl import logging

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.photos import normalise

# Photos in flight: enough for every core, few enough to keep memory flat.
_WINDOW = 256

MISSING = "no such file"


class CheckedPhoto(typing.NamedTuple):
    """A photo that can be used; its JPEG lies in the spool file.

    Attributes:
        row: `labels.Row`.
        offset: int, where its JPEG begins in the spool.
        length: int, bytes of the JPEG.
        sha256: hex digest of the JPEG.
        bits: perceptual hash (`photos.Photo.bits`).
    """

    row: typing.Any
    offset: int
    length: int
    sha256: str
    bits: typing.Any


def check_photos(rows, read, spool, *, short_side, find_box=None):
    """Checks every photo by its content and spools what will be stored.

    Two passes over the photos would decode each of them twice: folds need the
    hashes of all before the first can be stored.

    Args:
        rows: list of `labels.Row`.
        read: function of a row that returns the bytes of its photo; raises
            `FileNotFoundError` or `OSError`.
        spool: binary file, open for writing, that takes the JPEGs.
        short_side: int, pixels; larger photos are scaled down to it.
        find_box: function of a row that returns the box to cut its photo to or
            None, as in `normalise.normalise`; None to cut none.

    Returns:
        `(checked, rejected)`: list of `CheckedPhoto` in the order of `rows`,
        and list of `(row, reason)`.
    """
    checked, rejected = [], []
    progress = Progress("Checked", len(rows))
    for row, photo, reason in check_ahead(
        rows, read, short_side=short_side, find_box=find_box
    ):
        if photo is None:
            rejected.append((row, reason))
        else:
            sha256 = hashlib.sha256(photo.jpeg).hexdigest()
            offset = spool.tell()
            spool.write(photo.jpeg)
            checked.append(
                CheckedPhoto(row, offset, len(photo.jpeg), sha256, photo.bits)
            )
        progress.show(len(checked) + len(rejected), len(rejected))
    return checked, rejected


def check_ahead(items, read, *, short_side, find_box=None, window=_WINDOW):
    """Reads and checks photos on all cores, ahead of who takes them.

    Args:
        items: list.
        read: function of an item that returns the bytes of its photo; raises
            `OSError` where it cannot.
        short_side: int, pixels, as in `normalise.normalise`.
        find_box: as in `check_photos`, of an item.
        window: int, how many photos may be in flight.

    Yields:
        `(item, photo, reason)` in the order of `items`: a `photos.Photo` and
        None, or None and why it cannot be used.
    """
    ahead = collections.deque()
    remaining = iter(items)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in range(len(items)):
            for item in itertools.islice(remaining, window - len(ahead)):
                ahead.append(
                    (
                        item,
                        pool.submit(_check, item, read, short_side, find_box),
                    )
                )
            item, future = ahead.popleft()
            yield (item, *future.result())


def _check(item, read, short_side, find_box):
    box = find_box(item) if find_box else None
    try:
        return normalise.normalise(read(item), short_side, box), None
    except FileNotFoundError:
        return None, MISSING
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"
    except normalise.PhotoError as error:
        return None, str(error)


def write_report(rejected, path):
    """Writes id, path, where it is named and the reason of each rejection."""
    # A path from the command line may hold bytes that are no UTF-8.
    with atomic.aside(path, newline="", errors="surrogateescape") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "path", "named_in", "reason"])
        for row, reason in rejected:
            writer.writerow([row.id, row.path, row.where, reason])


def require_enough(rejected, total, report, *, max_bad_fraction, allow_missing):
    """Stops where too many photos are bad, or any is missing.

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
    missing = [row for row, reason in rejected if reason == MISSING]
    if missing and not allow_missing:
        names = ", ".join(str(row.path) for row in missing[:3])
        raise InputError(
            f"{len(missing)} of {total} photos are missing, the first: "
            f"{names}. All are listed in {report}. Add them, or pass "
            "--allow_missing to go on without them."
        )
    bad = [item for item in rejected if item[1] != MISSING]
    if len(bad) > max_bad_fraction * total:
        examples = "; ".join(f"{row.path}: {why}" for row, why in bad[:3])
        raise InputError(
            f"{len(bad)} of {total} photos cannot be used, more than "
            f"--max_bad_fraction={max_bad_fraction} allows. The first: "
            f"{examples}. All are listed in {report}."
        )
    if len(missing) == total - len(bad):
        raise InputError(f"No photo is left of {total}. See {report}.")


class Progress:
    """Logs photos done, rate and time left every few seconds, and at the end.

    Args:
        done: string, what is done to a photo: "Checked".
        total: int, number of photos.
    """

    INTERVAL = 5.0  # Seconds.

    def __init__(self, done, total):
        self._done = done
        self._total = total
        self._start = self._last = time.monotonic()

    def show(self, count, num_rejected):
        """Tells how many photos are through, and how many of them were bad."""
        now = time.monotonic()
        if now - self._last < self.INTERVAL and count < self._total:
            return
        self._last = now
        rate = count / max(now - self._start, 1e-9)
        logging.info(
            "%s %d of %d photos, %d rejected, %.0f photos/s, %.0f s left",
            self._done,
            count,
            self._total,
            num_rejected,
            rate,
            (self._total - count) / rate,
        )
