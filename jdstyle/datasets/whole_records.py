"""Writing a data set so that nothing half written looks prepared."""

import contextlib
import fcntl
import os
import pathlib
import shutil

from absl import logging

# TFDS writes to a folder of this beginning and renames it.
_UNFINISHED = "incomplete."
# Old records, whole, while new ones are written.
_REPLACED = "incomplete.replaced_"


@contextlib.contextmanager
def alone(folder):
    """Holds a folder so that one process at a time prepares in it.

    The lock goes with the process, however it ends.

    Args:
        folder: path; made if needed.
    """
    os.makedirs(folder, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.info("Another process prepares in %s: waiting", folder)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:  # Some network file systems have no locks.
            logging.warning("%s cannot be locked: %s", folder, error.strerror)
        yield
    finally:
        os.close(handle)


def remove_unfinished(folder):
    """Removes what a killed run left in the folder of a data set.

    Records that it was to replace are there again.
    """
    for path in pathlib.Path(folder).glob(f"{_REPLACED}*"):
        _put_back(path, path.with_name(path.name.removeprefix(_REPLACED)))
    for path in pathlib.Path(folder).glob(f"{_UNFINISHED}*"):
        logging.info("Removing %s of a run that did not finish", path)
        shutil.rmtree(path)


@contextlib.contextmanager
def replacing(data_dir):
    """Sets aside a data set while another is written in its place.

    TFDS would delete it file by file: killed, half of it would look whole.

    Args:
        data_dir: folder of the prepared data set, which need not exist. Where
            the body raises, it is there again; where it is killed, after
            `remove_unfinished`.
    """
    folder, name = os.path.split(data_dir)
    aside = os.path.join(folder, f"{_REPLACED}{name}")
    if not os.path.isdir(data_dir):
        yield
        return
    os.rename(data_dir, aside)
    try:
        yield
    finally:
        _put_back(aside, data_dir)


def _put_back(aside, data_dir):
    """Gives old records their place again, or removes them if it is taken."""
    if not os.path.isdir(data_dir):
        logging.info("The old records stay in %s", data_dir)
        os.rename(aside, data_dir)
        return
    # Half removed they must not be put back.
    folder, name = os.path.split(data_dir)
    old = os.path.join(folder, f"{_UNFINISHED}old_{name}")
    os.rename(aside, old)
    shutil.rmtree(old)
