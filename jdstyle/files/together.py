"""Files and folders of one result, which replace an older result together."""

import contextlib
import json
import os
import shutil

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import swap

# Of the folders beside an older result that hold a new one: while it is
# written, and once it is whole and takes its places.
_NEW = f"{swap.UNFINISHED}new"
_WHOLE = f"{swap.UNFINISHED}whole"
# Says in the latter what the result holds: some of it may be in its place.
_LIST = "names.json"


@contextlib.contextmanager
def replacing(folder, names):
    """Gives a folder to write a result to, which then takes its places.

    Where the body raises or is killed, the older result stays. Where the moves
    are killed, which takes a moment, the next `finish` ends them.

    Args:
        folder: path, held by a lock; made if needed. What it has besides the
            result stays.
        names: of all files and folders that a result may hold; those that the
            new one lacks are removed with the older one.

    Yields:
        Path of an empty folder in it.

    Raises:
        OSError: if a folder stands where a file belongs, or a file where a
            folder does; the older result stays.
    """
    finish(folder, names)
    new = os.path.join(folder, _NEW)
    os.makedirs(folder, exist_ok=True)
    if os.path.isdir(new):
        shutil.rmtree(new)  # Of a process that was killed.
    os.mkdir(new)
    try:
        yield new
        held = sorted(os.listdir(new))
        for name in held:
            _require_same_kind(os.path.join(new, name), folder)
        with atomic.aside(os.path.join(new, _LIST)) as file:
            json.dump(held, file)
        os.rename(new, os.path.join(folder, _WHOLE))
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    finish(folder, names)


def finish(folder, names):
    """Moves a whole result to its places, if a killed process has left one.

    Args:
        folder: as in `replacing`.
        names: as in `replacing`.
    """
    whole = os.path.join(folder, _WHOLE)
    listed = os.path.join(whole, _LIST)
    if os.path.isfile(listed):
        held = _read(listed)
        for name in set(names) - set(held):
            _remove(os.path.join(folder, name))
        for name in held:
            _move(os.path.join(whole, name), os.path.join(folder, name))
    if os.path.isdir(whole):
        shutil.rmtree(whole)  # All of it has moved.


def is_part(name):
    """Whether a name in a folder is that of a result on its way.

    Args:
        name: of a file or folder.
    """
    return name in (_NEW, _WHOLE)


def _read(listed):
    try:
        with open(listed, encoding="utf-8") as file:
            return json.load(file)
    except ValueError as error:
        raise InputError(
            f"{listed} is damaged ({error}). Remove its folder, and write the "
            "result anew."
        ) from error


def _require_same_kind(new, folder):
    there = os.path.join(folder, os.path.basename(new))
    if os.path.isdir(new) and os.path.lexists(there):
        os.listdir(there)
    elif os.path.isdir(there):
        with open(there, "ab"):
            pass


def _move(new, path):
    if os.path.isdir(new):
        with swap.replacing(path):
            os.rename(new, path)
    elif os.path.isfile(new):
        atomic.put(new, path)
    elif os.path.isdir(path):
        swap.recover(path)  # It was moved, and the older one not yet removed.


def _remove(path):
    if os.path.isdir(path):
        swap.remove(path)
    elif os.path.lexists(path):
        os.remove(path)
