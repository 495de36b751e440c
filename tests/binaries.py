"""The binaries, and how tests run them as their users do."""

import os
import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
# Holds a `sitecustomize` that Python imports when it starts.
SMALL = str(ROOT / "tests" / "small")
NAMES = (
    "prepare",
    "pretrain",
    "train",
    "sweep",
    "fuse",
    "evaluate",
    "predict",
    "reproduce",
    "export",
)


def allow_interrupts():
    """For `preexec_fn`: what a background shell starts ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment(small=False):
    """Returns the variables of a process that imports this jdstyle.

    Args:
        small: whether MobileNet shall be a network that compiles quickly.
    """
    path = f"{SMALL}{os.pathsep}{ROOT}" if small else str(ROOT)
    return os.environ | {"PYTHONPATH": path}


def run(folder, module, *arguments, code=0, small=False):
    """Runs a binary in a folder; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", f"jdstyle.{module}", *map(str, arguments)],
        cwd=folder,
        env=environment(small),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr
