"""Processes that do not outlive the one that starts them."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from jdstyle.files import terminal

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 10.0  # Between SIGTERM and SIGKILL.

# Run before the training in its own process: Linux kills it (1 is
# PR_SET_PDEATHSIG) when the sweep dies, however that happens.
_LEASH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def leashed(command):
    """Returns a command, a list, whose process does not outlive this one."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-IS", "-c", _LEASH, str(os.getpid()), *command]


def run_command(command, environment):
    """Runs one process that writes to our terminal; ends as a sweep does.

    Args:
        command: list of strings.
        environment: dict, its environment variables beside ours.

    Returns:
        int: its exit code, -n for signal n.

    Raises:
        KeyboardInterrupt: after a signal; the process has ended by then.
    """
    with catch_signals() as caught:
        # In a session of its own Ctrl-C does not reach it: a second signal,
        # which `end` sends, would end it before it has saved.
        process = subprocess.Popen(
            leashed(command),
            env=os.environ | environment,
            start_new_session=True,
        )
        try:
            while not caught and process.poll() is None:
                time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                end([process])
    if caught:
        raise KeyboardInterrupt
    return process.returncode


@contextlib.contextmanager
def catch_signals():
    """Yields a list of the signals that came; meanwhile they raise nothing.

    An exception between a process's start and our note of it would leave it
    running.
    """
    caught, before = [], {}

    def note(number, frame):
        if number == signal.SIGHUP:
            terminal.let_go()
        caught.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What nohup or a background shell ignores stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, note)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end(processes):
    """Ends processes and what they have started; first they may save."""
    for process in processes:
        _kill(process, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(deadline - time.monotonic(), 0.0))
    for process in processes:
        _kill(process, signal.SIGKILL)
        process.wait()


def _kill(process, number):
    """Sends a signal to a process and to those that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
