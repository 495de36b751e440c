"""The binaries, and how tests run them as their users do."""

import os
import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
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


def run(folder, module, *arguments, code=0):
    """Runs a binary in a folder; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", f"jdstyle.{module}", *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr
