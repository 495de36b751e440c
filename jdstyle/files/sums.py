"""SHA-256 sums beside the files they are of, as `sha256sum` writes them.

`cd DIRECTORY && sha256sum --check SHA256SUMS` checks them, too.
"""

import contextlib
import fcntl
import hashlib
import os
import re

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import litter

FILE = "SHA256SUMS"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_AGAIN = "Copy it again from where it was written, or write it anew."


def write(directory, names=None):
    """Writes the sums of files; those of other files in the list stay.

    Args:
        directory: path; its `SHA256SUMS` is written, aside first.
        names: list of paths below it, or None for all files there, of which
            alone the list then tells. Litter is left out.
    """
    path = os.path.join(directory, FILE)
    found = _files(directory) if names is None else names
    of_found = {name: _sum(os.path.join(directory, name)) for name in found}
    with _alone(path):
        lines = {} if names is None else read(directory)
        lines |= of_found
        with atomic.aside(path) as file:
            file.writelines(
                f"{lines[name]}  {name}\n" for name in sorted(lines)
            )


@contextlib.contextmanager
def _alone(path):
    """Waits until no other process changes the list, which may not be there."""
    with contextlib.ExitStack() as stack:
        while True:
            file = stack.enter_context(open(path, "ab"))
            # Some network file systems have no locks.
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            # The process that had it has put a new list in its place.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.stat(path), os.fstat(file.fileno())):
                    break
        try:
            yield
        except BaseException:
            if not os.path.getsize(path):
                os.remove(path)  # There was none before.
            raise


def read(directory):
    """Returns a dict from file names to sums; empty if there is no list.

    Raises:
        InputError: for a line that `sha256sum` would not write, with its file
            and number.
    """
    path = os.path.join(directory, FILE)
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    found = {}
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise InputError(
                f"{path}:{number}: expected 64 hex digits, two spaces and a "
                f"file name, got {line[:80]!r}. {_AGAIN}"
            )
        found[match[2]] = match[1]
    return found


def check(directory, names):
    """Compares files with their sums.

    Args:
        directory: path.
        names: list of paths below it.

    Raises:
        InputError: if there is no list, if a file is missing or not in the
            list, or if its content is not what was written.
    """
    lines = read(directory)
    for name in names:
        path = os.path.join(directory, name)
        if not os.path.isfile(path):
            raise InputError(f"{path} is missing. {_AGAIN}")
        if name not in lines:
            raise InputError(
                f"{path} has no SHA-256 sum in "
                f"{os.path.join(directory, FILE)}: it was not written to the "
                f"end, or not by jdstyle. {_AGAIN}"
            )
        if _sum(path) != lines[name]:
            raise InputError(
                f"{path} is not what was written: its SHA-256 sum is not that "
                f"in {os.path.join(directory, FILE)}. {_AGAIN}"
            )


def check_all(directory):
    """Checks all files below a directory, and that none came or went.

    Litter does not count.

    Raises:
        InputError: as `check`.
    """
    check(directory, sorted(read(directory).keys() | set(_files(directory))))


def _files(directory):
    return [name for name in litter.files_below(directory) if name != FILE]


def _sum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
