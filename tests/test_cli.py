import signal
import subprocess
import sys
import textwrap

import binaries
import pytest

pytestmark = pytest.mark.long

PROGRAM = """
    from jdstyle import cli, errors
    def main(argv):
        {body}
    cli.run(main)
"""


def run(body):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM).format(body=body)],
        env=binaries.environment(),
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("pass", 0, ""),
        ("raise errors.InputError('--x is odd.')", 2, "Error: --x is odd.\n"),
        ("raise errors.Failure('It broke.')", 1, "Error: It broke.\n"),
        ("raise errors.Stopped('Stopped in step 3.')", 3, "Stopped in step 3."),
        ("raise KeyboardInterrupt", 3, "Stopped. The same command goes on"),
        ("raise OSError(28, 'No space left on device', 'a')", 4, "no space"),
        ("raise OSError(122, 'Quota exceeded', 'a')", 4, "no space"),
        # As h5py says it, and as TensorFlow does in the midst of a traceback.
        ("raise RuntimeError('x: No space left on device; y')", 4, "no space"),
        (
            "raise ValueError('z') from OSError(28, 'No space left on device')",
            4,
            "no space",
        ),
    ],
)
def test_exit_codes(body, code, said):
    returncode, err = run(body)
    assert returncode == code, err
    assert said in err
    assert "Traceback" not in err


def test_what_nobody_expected_shows_its_traceback():
    returncode, err = run("return {}['a']")
    assert returncode == 1
    assert "Traceback" in err and "KeyError: 'a'" in err


@pytest.mark.parametrize("before", ["", "with signals.Signals(): pass"])
def test_sigterm_cleans_up_and_ends_as_ctrl_c_does(before):
    program = f"""
        import signal
        from jdstyle import cli
        from jdstyle.training import signals
        def main(argv):
            {before}
            try:
                print("ready", flush=True)
                signal.pause()
            finally:
                print("cleaned")
        cli.run(main)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=binaries.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert (process.returncode, out) == (3, "cleaned\n"), err
    assert err == "\nStopped. The same command goes on from here.\n"
