"""Lines of predictions that outlive a stop: the same command goes on from them.

They lie beside the output until it is whole, in a file that is named after what
they are of: `predictions.csv.1a2b3c4d.part`.
"""

import contextlib
import csv
import fcntl
import hashlib
import json
import os
import typing

from absl import logging

from jdstyle.errors import InputError
from jdstyle.errors import Stopped
from jdstyle.files import atomic
from jdstyle.files import cells
from jdstyle.files import sums

# A file's name may hold bytes that are not UTF-8: they are written as they are.
TEXT: dict[str, typing.Any] = {
    "encoding": "utf-8",
    "errors": "surrogateescape",
    "newline": "",
}


class Lines:
    """The lines of a CSV, one per photo, that are on the disk once written.

    Args:
        file: text file, open for writing.

    Attributes:
        ids: set of the ids of the photos that have a line.
    """

    def __init__(self, file):
        self.ids = set()
        self._file = file
        self._writer = csv.writer(file, lineterminator="\n")

    def write_header(self, header):
        """Writes the first line, where there is to be one."""
        if header is not None:
            self._writer.writerow(header)

    def write(self, rows):
        """Writes rows, lists whose first entry is the id."""
        rows = list(rows)
        self._writer.writerows(
            [cells.write(photo_id), *others] for photo_id, *others in rows
        )
        self._file.flush()
        self.ids.update(row[0] for row in rows)

    def recover(self, header, num_columns):
        """Takes over the lines of a stopped run, cutting off half of one."""
        end = kept = 0
        whole = True

        def count():
            nonlocal end, whole
            for line in self._file:
                end += len(line.encode("utf-8", TEXT["errors"]))
                whole = line.endswith("\n")
                yield line

        self._file.seek(0)
        is_first = header is not None
        with contextlib.suppress(csv.Error):
            for row in csv.reader(count()):
                if not whole or len(row) != num_columns:
                    break
                kept = end
                if not is_first:
                    self.ids.add(cells.read(row[0]))
                is_first = False
        self._file.seek(0, os.SEEK_END)
        self._file.truncate(kept)
        if not kept:
            self.write_header(header)


@contextlib.contextmanager
def open_lines(
    output, header, key, *, num_columns, num_photos, finish=atomic.put
):
    """Opens the output of a prediction, with the lines of a stopped run.

    Whatever ends the body early, the lines are kept; `output` is written, and
    an older one replaced, when it is whole. What is no regular file gets each
    line at once, and from the first photo.

    Args:
        output: path of the CSV.
        header: list of strings, or None.
        key: string of `digest`.
        num_columns: int, entries of a line.
        num_photos: int, lines of a whole output, for the message.
        finish: function of the file with all lines and of `output` that makes
            the latter of the former, which is gone afterwards.

    Yields:
        `Lines`.

    Raises:
        InputError: if another process is writing the same.
        Stopped: for a KeyboardInterrupt in the body.
    """
    if atomic.is_stream(output):
        with atomic.open_stream(output, "w", **TEXT) as file:
            lines = Lines(file)
            lines.write_header(header)
            try:
                yield lines
            except KeyboardInterrupt:
                raise Stopped(
                    f"\nStopped after {len(lines.ids)} of {num_photos} photos, "
                    "whose lines are written. The same command begins again."
                ) from None
        return
    part = _part(output, key)
    os.makedirs(os.path.dirname(part), exist_ok=True)
    with _open_alone(part) as file:
        lines = Lines(file)
        lines.recover(header, num_columns)
        if lines.ids:
            logging.info("Going on after %d photos: %s", len(lines.ids), part)
        try:
            yield lines
        except BaseException as error:
            if not lines.ids:
                os.remove(part)
            if isinstance(error, KeyboardInterrupt):
                raise Stopped(_describe(lines, num_photos, part)) from None
            raise
        file.flush()
        finish(part, output)


def digest(saved_model, settings, found):
    """Returns a key of what lines are of, 8 letters: it differs where they do.

    Args:
        saved_model: directory of the SavedModel.
        settings: list of JSON values that the lines depend on.
        found: list of `(id, path)`, the photos.
    """
    photos = [(photo_id, path, *_status(path)) for photo_id, path in found]
    parts = [sums.read(saved_model), settings, photos]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def _status(path):
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns


def _part(output, key):
    """Returns the path of the file that keeps the lines meanwhile."""
    folder = os.path.dirname(atomic.beside(output))
    name = os.path.basename(atomic.resolve(output))
    return os.path.join(folder, atomic.shortened(name, f".{key}.part"))


def _describe(lines, num_photos, part):
    if not lines.ids:
        return "\nStopped before the first line. The same command begins again."
    return (
        f"\nStopped after {len(lines.ids)} of {num_photos} photos; their lines "
        f"are in {part}. The same command goes on from there, unless photos or "
        "SavedModel change."
    )


@contextlib.contextmanager
def _open_alone(part):
    """Opens a file to read and to append; another process is refused."""
    while True:
        with open(part, "a+", **TEXT) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"Another process is writing {part}. Wait until it has "
                    "finished, or name another --output."
                ) from None
            except OSError as error:  # Some network file systems have no locks.
                logging.warning("%s cannot be locked: %s", part, error.strerror)
            # The other process may have given it its name in between.
            if os.path.exists(part) and os.path.samestat(
                os.stat(part), os.fstat(file.fileno())
            ):
                yield file
                return
