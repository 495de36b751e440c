"""The errors that users meet; `cli.run` gives each its exit code."""

import errno
import os
import re

# What a file system says of a place that a user chose, and no fault of ours,
# with what to do.
_RIGHTS = "Give yourself the right to it, or name another place."
_BAD_PLACES = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "Name a place that can be written.",
    errno.EEXIST: "Move what stands there, or name another place.",
    errno.ENOTEMPTY: "Move what stands there, or name another place.",
    errno.ENOTDIR: "A file stands where a folder belongs.",
    errno.EISDIR: "A folder stands where a file belongs.",
    errno.ENOENT: "It was never there, has gone, or is a link to nowhere.",
    errno.ENAMETOOLONG: "Name a shorter one.",
    errno.ELOOP: "Links in it lead to one another.",
    errno.ENXIO: "Name a file or folder.",
    errno.ENODEV: "Name a file or folder.",
}
# h5py names a file in its text alone.
_OF_HDF5 = re.compile(r"name = '(.*?)', ")
# TensorFlow ends a sentence on a file so; in front may stand which of its
# functions it was.
_OF_TENSORFLOW = re.compile(
    r"(?:\{\{.*?\}\} )?([^\n]+); ("
    + "|".join(os.strerror(number) for number in _BAD_PLACES)
    + ")"
)


class InputError(ValueError):
    """Bad input: a flag's value, a label line, a missing file.

    Its text alone tells the user what to change: what was received, what is
    accepted, and for data the file and line. Binaries print it without a
    traceback and end with exit code 2 (`cli.run`).
    """


class Failure(RuntimeError):
    """Something went wrong that a traceback would not explain; exit code 1.

    A loss that is no longer finite, say. Its text says where, what is left and
    what to try.
    """


class Stopped(RuntimeError):
    """A signal ended the work and all is saved; exit code 3.

    The same command goes on.
    """


def is_disk_full(error):
    """Whether an error, or what caused it, is a full disk.

    h5py and TensorFlow only say so in their text; TensorFlow gives it the type
    of exceeded device memory, `tf.errors.ResourceExhaustedError`.
    """
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        if os.strerror(errno.ENOSPC) in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def bad_place(error):
    """Says which place cannot be used, and what to do.

    Args:
        error: exception; what it was raised from counts as well.

    Returns:
        One line, or None where no place that a user chose is at fault.
    """
    while error is not None:
        if isinstance(error, OSError):
            place = error.filename2 or error.filename
            number = error.errno
            if place is None and (found := _OF_HDF5.search(str(error))):
                place = found[1]
            elif place is None and error.strerror == os.strerror(errno.ENOENT):
                place = "The working directory"
        else:
            place, number = _in_text_of_tensorflow(error)
        if place is not None and number in _BAD_PLACES:
            place = os.fsdecode(place) if isinstance(place, bytes) else place
            return f"{place}: {os.strerror(number)}. {_BAD_PLACES[number]}"
        error = error.__cause__
    return None


def _in_text_of_tensorflow(error):
    """Returns a path and an `errno`, or twice None."""
    found = _OF_TENSORFLOW.search(str(error))
    if found is None or not type(error).__module__.startswith("tensorflow."):
        return None, None
    numbers = {os.strerror(number): number for number in _BAD_PLACES}
    return found[1], numbers[found[2]]


def shown(value, most=80):
    """Returns a value for a message: quoted, escaped, and cut where it is long.

    Args:
        value: anything that a user wrote.
        most: int, characters to show.
    """
    text = repr(value)
    if len(text) <= most + 2:
        return text
    return f"{text[:most]}... ({len(text)} characters)"
