"""The binaries, and how tests run them as their users do."""

import os
import pathlib
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
# Of a process that imports this jdstyle and the helpers.
HELPERS_PATH = f"{ROOT / 'tests' / 'helpers'}{os.pathsep}{ROOT}"
# Holds a `sitecustomize` that Python imports when it starts.
HELPERS = ROOT / "tests" / "helpers"
SMALL = str(HELPERS / "small")
# What every run of a walk trains on and with: a second or two of steps.
DATASET = "--dataset=label_table/tiny"
QUICK = (
    "--image_size=32",
    "--epochs=1",
    "--steps_per_epoch=2",
    "--batch_size=8",
    "--frozen_epochs=0",
)
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


def make_run(folder, data_dir):
    """Returns `run` for a folder that has the data, with a small MobileNet.

    Its attribute `folder` is the folder.
    """
    (folder / "data").symlink_to(data_dir)

    def run_there(module, *arguments, code=0):
        return run(folder, module, *arguments, code=code, small=True)

    run_there.folder = folder
    return run_there
