import signal
import subprocess
import sys
import textwrap

import binaries
import pytest

pytestmark = pytest.mark.long

# A line that it reads is a step: a signal sent before has come by then.
PROGRAM = """
    import signal, sys
    from jdstyle.training import signals
    signals._PATIENCE_SECONDS = {patience}
    {before}
    signal.alarm(60)  # Ends what hangs.
    with signals.Signals() as caught_signals:
        caught_signals.patient = {patient}
        print("ready", flush=True)
        for step in sys.stdin:
            if caught_signals.caught:
                print("saved after", caught_signals.caught, flush=True)
                {then}
"""


def start(*, patient, then="sys.exit(5)", before="", patience=3600):
    program = textwrap.dedent(PROGRAM).format(
        patient=patient, then=then, before=before, patience=patience
    )
    process = subprocess.Popen(
        binaries.interruptible(sys.executable, "-c", program),
        env=binaries.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
)
def test_ends_at_once_where_nothing_is_to_be_saved(number):
    process = start(patient=False)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 3
    name = signal.Signals(number).name
    assert err == f"{name}: stopped. Run the same command again to go on.\n"


def test_waits_for_the_state_to_be_saved():
    process = start(patient=True)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate("step\n")
    assert out == "saved after SIGTERM\n"
    assert process.returncode == 5


def test_second_signal_ends_at_once():
    process = start(patient=True, then="signal.pause()")
    process.send_signal(signal.SIGTERM)
    print("step", file=process.stdin, flush=True)
    assert process.stdout.readline() == "saved after SIGTERM\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 3
    assert err.startswith("SIGINT: stopped.")


def test_does_not_wait_for_ever():
    process = start(patient=True, then="signal.pause()", patience=0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate("step\n")
    assert process.returncode == 3
    assert "goes on from the last saved state" in err


def test_what_is_ignored_stays_ignored():
    process = start(
        patient=False,
        before="signal.signal(signal.SIGINT, signal.SIG_IGN)",
    )
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert err.startswith("SIGTERM")
