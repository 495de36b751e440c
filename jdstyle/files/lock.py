"""One process at a time in a directory."""

import contextlib
import errno
import fcntl
import os
import socket

from absl import logging

from jdstyle.errors import InputError
from jdstyle.files import places

# Says who holds the directory; the lock is on the directory itself, so that
# nothing depends on this file.
LOCK_FILE = "in_use.lock"


@contextlib.contextmanager
def hold(directory, flag):
    """Holds a directory; a second process that wants it is refused.

    The operating system lets go of it when its holder dies, however that
    happens: the file that it leaves behind is not in the way. Where the file
    system has no locks, the log warns and nobody is refused.

    Args:
        directory: path; made if needed.
        flag: name of the flag that gives the directory, for the message.

    Raises:
        InputError: if another process holds it, with its host and number; if
            its lock file is a link; or as `places.require_folder`.
    """
    places.require_folder(directory, flag)
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, LOCK_FILE)
    lock, holder, stays = _acquire(directory, path, f"--{flag}={directory}")
    try:
        os.truncate(holder, 0)
        name = f"host {socket.gethostname()}, process {os.getpid()}"
        os.pwrite(holder, name.encode(), 0)
        yield
    finally:
        if not stays:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
        os.close(holder)
        os.close(lock)


def _acquire(directory, path, place):
    """Returns descriptors of the directory and of the lock file.

    And whether the file must stay: where it is locked itself, since NFS locks
    no directory, one process could lock it while the last holder removes it.
    """
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        locked = _lock(lock)
        holder = _open(path)
        stays = locked is None
        locked = _lock(holder) if stays else locked
    except BaseException:
        os.close(lock)
        raise
    if locked:
        return lock, holder, stays
    if locked is None:
        logging.warning(
            "%s cannot be locked on this file system: make sure that no other "
            "process uses it.",
            place,
        )
        return lock, holder, stays
    named = os.pread(holder, 1000, 0).decode(errors="replace")
    os.close(holder)
    os.close(lock)
    raise InputError(
        f"{place} is in use: {named or 'by a process that is starting'}. "
        "Wait until it has finished, or name another directory."
    )


def _lock(descriptor):
    """Returns True, False where another process has it, None without locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _open(path):
    """Opens the lock file; a link could lead to somebody's file."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise InputError(
            f"{path} is a link, which would be written to. Remove it."
        ) from error
