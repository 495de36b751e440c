"""Output that ends no work: a terminal of few letters, or one that has gone."""

import codecs
import io
import os
import select
import sys

_ERRORS = "jdstyle.terminal"


def take_any_text():
    """Lets whatever is printed be printed, in whichever encoding.

    What it has no letters for becomes `\\uXXXX`; names of files that are not
    UTF-8 are printed as they are.
    """
    codecs.register_error(_ERRORS, _encode)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def let_go():
    """Sends what is still printed nowhere, where nobody is left to read it.

    It would else raise, and once more when Python flushes at its end.
    """
    for number in (1, 2):
        poll = select.poll()
        poll.register(number, select.POLLOUT)
        if any(
            said & (select.POLLERR | select.POLLHUP) for _, said in poll.poll(0)
        ):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


def _encode(error):
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return b"".join(map(_encode_one, text)), error.end


def _encode_one(letter):
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:  # Stands for a byte of a file's name.
        return bytes([number - 0xDC00])
    return letter.encode("ascii", "backslashreplace")
