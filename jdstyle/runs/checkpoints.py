"""Files with the whole state of a training, of which the last two are kept."""

import json
import os
import re
import zipfile

import numpy as np
from absl import logging

from jdstyle.files import atomic
from jdstyle.files import places

DIRECTORY = "checkpoints"

_KEPT = 2
_RECORD = "record"

# What NumPy says of a file that was cut or changed, or holds a pickle.
_BROKEN = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)


def save(folder, step, arrays, record):
    """Writes a state aside, renames it and removes the oldest ones.

    A process that dies in between leaves the older states as they were.

    Args:
        folder: of the states; made if needed.
        step: int, steps done; names the file.
        arrays: list of NumPy arrays.
        record: dict of JSON values.

    Returns:
        Path of the file.
    """
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"step-{step:09d}.npz")
    with atomic.aside(path, "wb") as file:
        text = np.frombuffer(json.dumps(record).encode(), "uint8")
        numbered = {str(i): array for i, array in enumerate(arrays)}
        np.savez(file, **{_RECORD: text}, **numbered)
        file.flush()
        os.fsync(file.fileno())  # Before the name: a crash keeps the order.
    for old in find(folder)[:-_KEPT]:
        os.remove(old)
    return path


def find(folder):
    """Returns the paths of the states, the oldest first."""
    if not places.is_folder(folder):
        return []
    return [
        os.path.join(folder, name)
        for name in sorted(os.listdir(folder))
        if re.fullmatch(r"step-\d{9}\.npz", name)
    ]


def advise(folder):
    """Says what is left and what to try once numbers are no longer finite."""
    kept = find(folder)
    return (
        f"Last good state: {kept[-1] if kept else 'none yet'}. Try a lower "
        "--learning_rate or --precision=float32, with another --workdir."
    )


def load_last(folder):
    """Reads the last state that is whole and removes what killed saves left.

    A newer state that cannot be read is removed as well: it would count as one
    of the last two. Where none can be read, all stay.

    Args:
        folder: of the states; need not exist.

    Returns:
        `(arrays, record)` as given to `save`, or None.
    """
    broken = []
    for name in os.listdir(folder) if places.is_folder(folder) else []:
        if atomic.is_unfinished(name):
            os.remove(os.path.join(folder, name))
    for path in reversed(find(folder)):
        try:
            # Never a pickle, which could run code; zip has a sum per array.
            with np.load(path, allow_pickle=False) as file:
                record = json.loads(file[_RECORD].tobytes())
                arrays = [file[str(i)] for i in range(len(file) - 1)]
        except _BROKEN as error:
            logging.warning("%s cannot be read (%s): passed over", path, error)
            broken.append(path)
            continue
        for other in broken:
            os.remove(other)
        return arrays, record
    return None
