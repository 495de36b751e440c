"""Writing a data set so that nothing half written looks prepared."""

import contextlib
import fcntl
import os
import pathlib
import shutil

from absl import logging

from jdstyle.files import swap


@contextlib.contextmanager
def wait_for_turn(folder):
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
    for path in swap.set_aside(folder):
        swap.recover(path)
    for path in pathlib.Path(folder).glob(f"{swap.UNFINISHED}*"):
        logging.info("Removing %s of a run that did not finish", path)
        shutil.rmtree(path)
