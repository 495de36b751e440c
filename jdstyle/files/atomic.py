"""Files that get their name when they are whole."""

import contextlib
import os

SUFFIX = ".tmp"  # Of a file that is not whole yet.


@contextlib.contextmanager
def aside(path, mode="w", **options):
    """Opens a file that takes the place of `path` once it is written.

    Where writing fails, an older file stays as it was and nothing is left of
    the new one.

    Args:
        path: of the file.
        mode: "w" for UTF-8 text, or "wb".
        **options: those of `open`.

    Yields:
        The file, to be written.
    """
    unfinished = f"{path}{SUFFIX}"
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
    with renamed(unfinished, path), open(unfinished, mode, **options) as file:
        yield file


@contextlib.contextmanager
def renamed(unfinished, path):
    """Gives a file its name once the body has written it.

    For writers that open it themselves; else as `aside`.

    Args:
        unfinished: path that the body writes to.
        path: its name in the end.
    """
    try:
        yield
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(unfinished)
        raise
