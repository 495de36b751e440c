"""Writing a data set so that nothing half written looks prepared."""

import contextlib
import fcntl
import os
import pathlib
import shutil

from absl import logging

from jdstyle.errors import InputError
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


@contextlib.contextmanager
def kept_from_readers(folder):
    """Keeps processes from reading records that others are to replace.

    Args:
        folder: path of the records, which need not be there.

    Raises:
        InputError: if a process reads them: it would go on with others.
    """
    if not os.path.isdir(folder):
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(handle, fcntl.LOCK_EX):
            raise InputError(
                f"{folder} is being read: by a training with --cache=stream, "
                "an evaluation or the like, which would go on with other "
                "records. Wait until it has finished, or name another "
                "--data_dir."
            )
        yield
    finally:
        os.close(handle)


def hold(folder):
    """Keeps records from being replaced while they are read.

    Args:
        folder: path of the records.

    Returns:
        A descriptor, to be closed when nothing reads them any more.

    Raises:
        InputError: if they are being replaced.
    """
    handle = os.open(folder, os.O_RDONLY)
    if _lock(handle, fcntl.LOCK_SH):
        return handle
    os.close(handle)
    raise InputError(
        f"{folder} is being prepared anew. Wait until that has finished."
    )


def _lock(handle, kind):
    """Whether no other process is in the way; without locks none is."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # Some network file systems have no locks.
        logging.info("Records cannot be locked: %s", error.strerror)
    return True


def remove_unfinished(folder):
    """Removes what a killed run left in the folder of a data set.

    Records that it was to replace are there again.
    """
    for path in swap.set_aside(folder):
        swap.recover(path)
    for path in pathlib.Path(folder).glob(f"{swap.UNFINISHED}*"):
        logging.info("Removing %s of a run that did not finish", path)
        shutil.rmtree(path)
