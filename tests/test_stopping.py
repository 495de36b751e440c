import os
import signal
import subprocess
import sys
import textwrap

import binaries
import pytest

PROGRAM = """
    import signal, sys, time
    from jdstyle import stopping
    {before}
    with stopping.Signals() as signals:
        signals.patient = {patient}
        print("ready", flush=True)
        for _ in range(6000):
            if signals.caught:
                print("saved after", signals.caught, flush=True)
                {then}
            time.sleep(0.01)
"""


def start(*, patient, then="sys.exit(5)", before=""):
    program = textwrap.dedent(PROGRAM).format(
        patient=patient, then=then, before=before
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(binaries.ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=binaries.allow_interrupts,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_at_once_where_nothing_is_to_be_saved(number):
    process = start(patient=False)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 3
    name = signal.Signals(number).name
    assert err == f"{name}: stopped. Run the same command again to go on.\n"


def test_waits_for_the_state_to_be_saved():
    process = start(patient=True)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert out == "saved after SIGTERM\n"
    assert process.returncode == 5


def test_second_signal_ends_at_once():
    process = start(patient=True, then="time.sleep(60)")
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "saved after SIGTERM\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 3


def test_does_not_wait_for_ever():
    process = start(
        patient=True,
        then="time.sleep(60)",
        before="stopping._PATIENCE_SECONDS = 0.1",
    )
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "the last checkpoint stays" in err


def test_what_is_ignored_stays_ignored():
    process = start(
        patient=False,
        before="signal.signal(signal.SIGINT, signal.SIG_IGN)",
    )
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert err.startswith("SIGTERM")
