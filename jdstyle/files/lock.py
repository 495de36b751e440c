"""One process at a time in a directory."""

import contextlib
import fcntl
import os
import socket

from jdstyle.errors import InputError
from jdstyle.files import places

LOCK_FILE = "in_use.lock"


@contextlib.contextmanager
def hold(directory, flag):
    """Holds a directory; a second process that wants it is refused.

    The operating system lets go of it when its holder dies, however that
    happens: the file that it leaves behind is not in the way.

    Args:
        directory: path; made if needed.
        flag: name of the flag that gives the directory, for the message.

    Raises:
        InputError: if another process holds it, with its host and number; or
            as `places.require_folder`.
    """
    places.require_folder(directory, flag)
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, LOCK_FILE)
    lock = _acquire(path, f"--{flag}={directory}")
    try:
        os.truncate(lock, 0)
        holder = f"host {socket.gethostname()}, process {os.getpid()}"
        os.pwrite(lock, holder.encode(), 0)
        yield
    finally:
        os.remove(path)
        os.close(lock)


def _acquire(path, place):
    """Returns the locked file's descriptor."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have removed it while this one opened it.
            if os.path.samestat(os.stat(path), os.fstat(lock)):
                return lock
        except FileNotFoundError:
            pass
        except BlockingIOError:
            holder = os.pread(lock, 1000, 0).decode()
            os.close(lock)
            raise InputError(
                f"{place} is in use: "
                f"{holder or 'by a process that is starting'}. "
                "Wait until it has finished, or name another directory."
            ) from None
        os.close(lock)
