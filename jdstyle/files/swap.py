"""A folder that takes the place of an older one, which stays until then."""

import contextlib
import os
import shutil

from absl import logging

from jdstyle.files import atomic

# Of folders that are not whole; TFDS writes to one of this beginning, too.
UNFINISHED = "incomplete."
# An old folder, whole, while another takes its place.
_ASIDE = f"{UNFINISHED}replaced_"
# An old folder while it is removed: half of it must not be put back.
_REMOVED = f"{UNFINISHED}old_"


@contextlib.contextmanager
def written(path):
    """Puts a folder in its place once the body has written it, aside.

    Where the body raises, an older one stays and nothing is left of the new
    one. Where it is killed between two renames, the older one is back at the
    next writing.

    Args:
        path: of the folder; an older one is replaced.

    Yields:
        The path that the body makes and writes to.
    """
    folder, name = os.path.split(os.path.abspath(path))
    for other in os.listdir(folder) if os.path.isdir(folder) else ():
        if other.startswith(f"{name}.") and atomic.is_unfinished(other):
            shutil.rmtree(os.path.join(folder, other))  # Of a killed writing.
    unfinished = atomic.unfinished(path)
    try:
        yield unfinished
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    with replacing(path):
        os.rename(unfinished, path)


@contextlib.contextmanager
def replacing(path):
    """Sets a folder aside while another takes its place.

    Removed file by file, half of it would look whole to whoever comes after a
    kill.

    Args:
        path: of the folder, which need not exist. Where the body raises, it is
            there again; where it is killed, after `recover`.
    """
    recover(path)
    if not os.path.isdir(path):
        yield
        return
    os.rename(path, _beside(path, _ASIDE))
    try:
        yield
    finally:
        recover(path)


def recover(path):
    """Ends what a killed `replacing` of a folder began.

    The old folder gets its place again where nothing has taken it, and is
    removed where something has.

    Args:
        path: of the folder.
    """
    aside, removed = _beside(path, _ASIDE), _beside(path, _REMOVED)
    if os.path.isdir(removed):
        remove(removed)
    if not os.path.isdir(aside):
        return
    if os.path.isdir(path):
        os.rename(aside, removed)
        remove(removed)
    else:
        os.rename(aside, path)
        logging.info("The old %s stays in its place", path)


def remove(folder):
    """Removes a folder; of a link to one, the link alone.

    Args:
        folder: path.
    """
    if os.path.islink(folder):
        os.remove(folder)
    else:
        shutil.rmtree(folder)


def set_aside(folder):
    """Lists the folders in `folder` that a killed `replacing` set aside."""
    return [
        os.path.join(folder, name.removeprefix(_ASIDE))
        for name in sorted(os.listdir(folder))
        if name.startswith(_ASIDE)
    ]


def _beside(path, prefix):
    folder, name = os.path.split(path)
    return os.path.join(folder, prefix + name)
