"""The list of photos that could not be predicted."""

import csv
import os

from absl import logging

from jdstyle.files import atomic
from jdstyle.files import cells
from jdstyle.serving import kept_lines

_COLUMNS = ["id", "path", "reason"]


def write(path, failures):
    """Writes the photos that cannot be read.

    Without such photos a list of an earlier run is emptied, and nothing else
    is touched.

    Args:
        path: of the CSV, or None for the log.
        failures: list of `(id, path, reason)`.
    """
    if path is None:
        for _, photo, reason in failures:
            logging.warning("%s: %s", photo, reason)
        return
    if not failures and not _is_list(path):
        return
    os.makedirs(os.path.dirname(atomic.resolve(path)), exist_ok=True)
    with atomic.aside(path, **kept_lines.TEXT) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(map(cells.write, failure) for failure in failures)


def _is_list(path):
    """Whether a file is there that `write` wrote."""
    if atomic.is_stream(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.readline(100) == f"{','.join(_COLUMNS)}\n".encode()
