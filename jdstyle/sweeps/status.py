"""The file that says how each training of a sweep stands."""

import csv
import os

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import places

STATUS_FILE = "sweep.csv"

_COLUMNS = ("name", "state", "tries", "exit code", "seconds", "log")


def write(attempts, runs_dir):
    """Writes the status file, a row per training.

    Args:
        attempts: list of `runner.Attempt`.
        runs_dir: folder of the run directories, which holds the file.
    """
    path = os.path.join(runs_dir, STATUS_FILE)
    with atomic.aside(path, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for attempt in attempts:
            code = "" if attempt.exit_code is None else attempt.exit_code
            row = [attempt.job.name, attempt.state, attempt.tries, code]
            writer.writerow([*row, f"{attempt.seconds:.1f}", attempt.log])


def read(runs_dir):
    """Reads the status file of the last sweep.

    Args:
        runs_dir: folder of the run directories.

    Returns:
        List of dicts from column to text, a dict per training; empty if there
        was no sweep.

    Raises:
        InputError: if it is not a status file.
    """
    path = os.path.join(runs_dir, STATUS_FILE)
    if not places.is_file(path):
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row.get("name") is None or row.get("state") is None:
            raise InputError(
                f"{path} is not what jdstyle.sweep writes: its columns are "
                f"{', '.join(map(str, row))}."
            )
    return rows
