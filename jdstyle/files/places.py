"""Whether a path can take what is to be written, asked before any work."""

import os
import stat

from jdstyle.errors import InputError
from jdstyle.files import atomic

# What is in every SavedModel.
GRAPH_FILE = "saved_model.pb"

_NO_RIGHT = (
    "{} cannot be read: permission denied. Give yourself the right to read {}, "
    "or name another."
)


def require_file(path, flag, *, stream=True):
    """Checks that a file can be written, be it there or not.

    Args:
        path: path; its folder need not exist.
        flag: name of the flag that gives it, for messages.
        stream: whether it may be a pipe or a device, which cannot be read
            again.

    Raises:
        InputError: if it is a folder, lies below a file, has too long a name,
            may not be written, or lies in a SavedModel.
    """
    place = f"--{flag}={path}"
    found = _look(path, place)
    is_ours = atomic.own_descriptor(path) is not None
    if is_ours and found is None:
        raise InputError(f"{place} is not open.")
    kind = stat.S_IFREG if found is None else stat.S_IFMT(found.st_mode)
    if kind == stat.S_IFDIR or path.endswith(os.sep):
        raise InputError(f"{place} must be a file, not a folder.")
    if kind in (stat.S_IFBLK, stat.S_IFSOCK) and not is_ours:
        raise InputError(f"{place} must be a file, not a disk or a socket.")
    if atomic.is_stream(path):
        if not stream:
            raise InputError(
                f"{place} must be a file that can be read again, not a pipe "
                "or a device."
            )
        return
    target = atomic.resolve(path)
    _require_outside_of_products(target, place)
    if found is None:
        _require_writable(_lowest(target), place)
    elif not os.access(os.path.dirname(target), os.W_OK):
        _require_writable(target, place)


def require_folder(path, flag, *, write=True):
    """Checks that a folder can be written to, be it there or not.

    Args:
        path: path.
        flag: name of the flag that gives it, for messages.
        write: whether it is certain that something will be written.

    Raises:
        InputError: if it is a file or lies below one, has too long a name, may
            not be written, or lies in a SavedModel.
    """
    place = f"--{flag}={path}"
    found = _look(path, place)
    if found is not None and not stat.S_ISDIR(found.st_mode):
        raise InputError(f"{place} must be a folder, not a file.")
    if found is None and os.path.islink(path):
        raise InputError(
            f"{place} is a link to {os.readlink(path)}, which is not there. "
            "Make that folder, or name another."
        )
    target = os.path.realpath(path)
    _require_outside_of_products(target, place)
    if found is not None:
        _require_right(path, found, place)
    if write:
        _require_writable(_lowest(target), place)


def require_readable(path, flag):
    """Checks that nothing forbids to read what is there, if something is.

    Args:
        path: path of a file or folder, or what else a flag takes.
        flag: name of the flag that gives it, for messages.

    Raises:
        InputError: if its folder cannot be looked into, or if it cannot.
    """
    place = f"--{flag}={path}"
    try:
        found = os.stat(path)
    except PermissionError as error:
        raise InputError(_NO_RIGHT.format(place, path)) from error
    except OSError:
        return  # Not there, or no path: who reads it says what it should be.
    _require_right(path, found, place)


def is_file(path):
    """Whether a path is a regular file.

    `os.path.isfile` says of a folder without permission that nothing is in it,
    and a run there would be passed over.

    Args:
        path: path.

    Raises:
        OSError: if the folder cannot be looked into.
    """
    return _is(stat.S_ISREG, path)


def is_folder(path):
    """Whether a path is a folder; as `is_file`.

    Args:
        path: path.

    Raises:
        OSError: if the folder that it is in cannot be looked into.
    """
    return _is(stat.S_ISDIR, path)


def _is(kind, path):
    try:
        return kind(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def beside(path):
    """Returns a path to which an ending can be added, for a place beside it.

    Args:
        path: of a folder, such as "." or "runs/mine/saved_model/".
    """
    path = path.rstrip("/") or "/"
    has_no_name = os.path.basename(path) in ("", ".", "..")
    return os.path.realpath(path) if has_no_name else path


def _look(path, place):
    """Returns the `os.stat_result` of what is there, or None."""
    lowest = _lowest(path)
    if not os.path.isdir(lowest) and lowest != os.path.abspath(path):
        raise InputError(f"{place} lies below {lowest}, which is no folder.")
    _require_short(path, lowest, place)
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(
            f"{place} cannot be used: {error.strerror}."
        ) from error


def _lowest(path):
    """Returns of a path the part that is there."""
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _require_short(path, lowest, place):
    """Refuses names, and a path, of which a file system has too few bytes."""
    folder = lowest if os.path.isdir(lowest) else os.path.dirname(lowest)
    most = os.pathconf(folder, "PC_NAME_MAX")
    for name in os.path.relpath(os.path.abspath(path), lowest).split(os.sep):
        length = len(os.fsencode(name))
        if length > most:
            raise InputError(
                f"{place}: a name may have {most} bytes there, and "
                f"{name[:20]}... has {length}. Choose a shorter one."
            )
    length = len(os.fsencode(os.path.abspath(path)))
    most = os.pathconf(folder, "PC_PATH_MAX")
    if length >= most:
        raise InputError(
            f"{place}: a path must have less than {most} bytes. It has "
            f"{length}."
        )


def _require_outside_of_products(target, place):
    """Refuses to write into a SavedModel, which is then no longer whole."""
    folder = target
    while folder != os.path.dirname(folder):
        if os.path.isfile(os.path.join(folder, GRAPH_FILE)):
            raise InputError(
                f"{place} lies in the SavedModel {folder}, which must stay as "
                "it was written. Name a place outside of it."
            )
        folder = os.path.dirname(folder)


def _require_right(path, found, place):
    """Refuses a folder that cannot be looked into, a file that is not read."""
    # What may not be listed may still hold what is named.
    right = os.X_OK if stat.S_ISDIR(found.st_mode) else os.R_OK
    if not os.access(path, right):
        raise InputError(_NO_RIGHT.format(place, path))


def _require_writable(path, place):
    if not os.access(path, os.W_OK):
        raise InputError(
            f"{place} cannot be written: {path} is read-only for you. Name "
            "another place."
        )
