"""Reproductions that are stopped while they pretrain."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import binaries
import pytest

pytestmark = pytest.mark.long

# Says so when it may be stopped, and saves when it is.
CHILD = """
    import signal, sys, time
    def save(number, frame):
        time.sleep(1)
        print("saved", flush=True)
        sys.exit(3)
    signal.signal(signal.SIGTERM, save)
    print("training", flush=True)
    time.sleep(60)
"""
PROGRAM = """
    import sys
    from jdstyle import cli
    from jdstyle.sweeps import processes
    def main(argv):
        processes.run_command([sys.executable, "-c", {child!r}], {{}})
    cli.run(main)
"""


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGTERM, 3, "saved\n"),
        (signal.SIGINT, 3, "saved\n"),
        (signal.SIGHUP, 3, "saved\n"),
        (signal.SIGKILL, -9, ""),
    ],
)
def test_pretraining_saves_and_does_not_outlive_the_reproduction(
    number, code, said
):
    program = textwrap.dedent(PROGRAM).format(child=textwrap.dedent(CHILD))
    process = subprocess.Popen(
        binaries.interruptible(sys.executable, "-c", program),
        env=binaries.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "training\n"
    os.killpg(process.pid, number)  # As a terminal does it.
    if said:  # The impatient do it twice, while the child is saving.
        time.sleep(0.4)
        os.killpg(process.pid, number)
    # To the end of what both write: the child has ended as well.
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, said), err
