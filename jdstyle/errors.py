"""The errors that users meet; `cli.run` gives each its exit code."""

import errno
import os


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
