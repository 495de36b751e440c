"""Files that get their name when they are whole.

A name may stand for something else than a regular file: a device node, a pipe
or a descriptor such as `/dev/stdout`. Those are written into, never replaced.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile

# Of a file that is not whole yet: a name that nobody else has, neither another
# process nor a user.
_UNFINISHED = re.compile(r".*\.[0-9a-f]{8}\.tmp(\..*)?", re.DOTALL)
_DESCRIPTOR = re.compile(r"/proc/(\d+)(?:/task/\d+)?/fd/(\d+)")
# What a file says that cannot be renamed over but may be written into: one
# that is mounted by itself, as Docker does, or another user's in /tmp.
_NOT_RENAMED = (errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES)
_MOST_LINKS = 40  # As Linux.


@contextlib.contextmanager
def aside(path, mode="w", **options):
    """Opens a file that takes the place of `path` once it is written.

    Where writing fails, an older file stays as it was and nothing is left of
    the new one. What is no regular file is written into, line by line.

    Args:
        path: of the file; a link's target is written, the link stays.
        mode: "w" for UTF-8 text, or "wb".
        **options: those of `open`.

    Yields:
        The file, to be written.
    """
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
    if is_stream(path):
        with open_stream(path, mode, **options) as file:
            yield file
        return
    new = beside(path)
    with renamed(new, path), open(new, mode, **options) as file:
        yield file


@contextlib.contextmanager
def renamed(new, path):
    """Gives a file its name once the body has written it.

    For writers that open it themselves; else as `aside`.

    Args:
        new: path that the body writes to, see `beside`.
        path: its name in the end; no stream.
    """
    try:
        yield
        put(new, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(new)
        raise


def put(new, path):
    """Puts a whole file in the place of another, whose mode and owner it gets.

    Args:
        new: path of the file.
        path: its name in the end; a link's target is replaced, the link stays.
    """
    path = resolve(path)
    # Before the name: a crash of the machine would leave one without content.
    with open(new, "rb") as file:
        os.fsync(file.fileno())
    with contextlib.suppress(OSError):  # None there, or another user's.
        before = os.stat(path)
        os.chmod(new, stat.S_IMODE(before.st_mode))
        os.chown(new, before.st_uid, before.st_gid)
    try:
        os.replace(new, path)
    except OSError as error:
        if error.errno not in _NOT_RENAMED or not os.path.isfile(path):
            raise
        shutil.copyfile(new, path)
        os.remove(new)


def beside(path, ending=""):
    """Returns the path of a file that is to become `path`.

    Args:
        path: its name in the end.
        ending: how the path must end, where a writer insists on it.

    Returns:
        A name that is not taken, in the folder of the file. Where that folder
        cannot be written and the file can, in the system's temporary folder.
    """
    folder, name = os.path.split(resolve(path))
    if os.path.isfile(path) and not os.access(folder, os.W_OK):
        folder = tempfile.gettempdir()
    return unfinished(os.path.join(folder, name), ending)


def unfinished(path, ending=""):
    """Returns a path of that name with what nobody else has behind it.

    Args:
        path: path.
        ending: as in `beside`.
    """
    folder, name = os.path.split(path)
    more = f".{secrets.token_hex(4)}.tmp{ending}"
    return os.path.join(folder, shortened(name, more))


def shortened(name, more):
    """Returns a file's name with more behind it, no longer than allowed.

    Args:
        name: of a file.
        more: string, ASCII.
    """
    kept = os.fsencode(name)[: 255 - len(more)]
    return kept.decode("utf-8", "ignore") + more


def is_unfinished(name):
    """Whether a name is of `unfinished`, left by a process that was killed.

    Args:
        name: of a file or folder.
    """
    return _UNFINISHED.fullmatch(name) is not None


def resolve(path):
    """Returns where a path leads: of a link its target, there or not.

    A descriptor of this process is `/proc/PROCESS/fd/NUMBER`, though that is a
    link as well: a shell that redirects to a file still writes there.

    Args:
        path: path.

    Raises:
        OSError: for a ring of links.
    """
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(os.path.abspath(path))
        path = os.path.join(os.path.realpath(folder), name)
        if _DESCRIPTOR.fullmatch(path) or not os.path.islink(path):
            return path
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def is_stream(path):
    """Whether a path is there and no regular file: a device, a pipe.

    Args:
        path: path.
    """
    place = resolve(path)
    if _DESCRIPTOR.fullmatch(place):
        return True
    try:
        return not stat.S_ISREG(os.stat(place).st_mode)
    except OSError:
        return False


def is_stdout(path):
    """Whether a path is what this process prints to.

    Args:
        path: path.
    """
    return own_descriptor(path) == 1


def open_stream(path, mode, **options):
    """Opens what is no regular file, to be written into.

    Args:
        path: path.
        mode: as of `open`.
        **options: those of `open`.
    """
    number = own_descriptor(path)
    if number is None:
        return open(path, mode, **options)
    # Opened by its path it would begin at its first byte again. What was
    # printed comes first.
    sys.stdout.flush()
    return open(os.dup(number), mode, **options)


def own_descriptor(path):
    """Returns the number of the open file of this process that a path is.

    Args:
        path: path, such as /dev/stdout or /proc/self/fd/3; None for others.
    """
    match = _DESCRIPTOR.fullmatch(resolve(path))
    if match is None or int(match[1]) != os.getpid():
        return None
    return int(match[2])
