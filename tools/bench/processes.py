"""Runs Python in a process of its own, and says what it took."""

import os
import subprocess
import sys
import time
import typing

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


class Cost(typing.NamedTuple):
    """What a process took, whole: starting it counts.

    Attributes:
        cpu: CPU-seconds of all threads.
        wall: seconds.
        peak: megabytes of memory, at most.
        said: what it printed.
    """

    cpu: float
    wall: float
    peak: float
    said: str


def run(*arguments):
    """Runs Python with arguments, `"-m", "jdstyle.prepare", ...`, to its end.

    Returns:
        `Cost`.

    Raises:
        RuntimeError: with the end of what it printed, if it fails.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": _ROOT, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise RuntimeError(f"{arguments}: {said[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(cpu, time.monotonic() - start, usage.ru_maxrss / 1e3, said)
