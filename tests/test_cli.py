import json
import os
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
    cli.run(main, {stopped})
"""


def run(body, stopped=""):
    program = textwrap.dedent(PROGRAM).format(body=body, stopped=stopped)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=binaries.environment(),
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("pass", 0, ""),
        ("raise errors.InputError('--x is odd.')", 2, "Error: --x is odd.\n"),
        ("raise errors.Failure('It broke.')", 1, "Error: It broke.\n"),
        ("raise errors.Stopped('Stopped in step 3.')", 3, "Stopped in step 3."),
        ("raise KeyboardInterrupt", 3, "Stopped. The same command begins"),
        ("raise BrokenPipeError", 3, "Stopped: nobody reads the output"),
        ("open('/dev/null/a')", 2, "Error: /dev/null/a: Not a directory."),
        ("open('a' * 256)", 2, "File name too long."),
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


def test_a_path_that_is_no_utf_8_is_printed_as_it_is():
    returncode, err = run(
        "import os; print(os.fsdecode(os.fsencode('a') + bytes([233])))"
    )
    assert returncode == 0, err


def test_binary_says_whether_it_goes_on():
    body = "raise KeyboardInterrupt"
    code, err = run(body, stopped="stopped=cli.GOES_ON")
    assert (code, err) == (
        3,
        "\nStopped. The same command goes on from here.\n",
    )


def test_what_nobody_expected_shows_its_traceback():
    returncode, err = run("return {}['a']")
    assert returncode == 1
    assert "Traceback" in err and "KeyError: 'a'" in err


# What LC_ALL=C or an old terminal makes of the standard streams.
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gb18030"])
def test_a_terminal_of_few_letters_does_not_end_the_work(encoding):
    text = "\u7167 \xe9 \udcff"
    program = f"""
        import sys
        from jdstyle import cli
        def main(argv):
            print({text!r})
            print({text!r}, file=sys.stderr)
        cli.run(main)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=binaries.environment() | {"PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    expected = {
        "ascii": b"\\u7167 \\xe9 \xff\n",
        "latin-1": b"\\u7167 \xe9 \xff\n",
        "gb18030": "\u7167 \xe9 ".encode("gb18030") + b"\xff\n",
    }[encoding]
    assert (done.stdout, done.stderr) == (expected, expected)


@pytest.mark.parametrize(
    ("body", "streams", "code"),
    [
        ("[print(i, flush=True) for i in range(9)]", ("stdout",), 3),
        ("print(1)", ("stdout",), 3),  # Not written before the end.
        ("print(1)", ("stdout", "stderr"), 3),
        ("raise errors.InputError('x')", ("stdout", "stderr"), 2),
        ("import logging; logging.error('x')", ("stderr",), 0),
    ],
)
def test_whoever_stops_to_read_hears_no_traceback(body, streams, code):
    reading, writing = os.pipe()
    os.close(reading)
    program = textwrap.dedent(PROGRAM).format(body=body, stopped="")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=binaries.environment(),
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        | dict.fromkeys(streams, writing),
    )
    os.close(writing)
    assert done.returncode == code
    if code == 3 and "stderr" not in streams:
        assert done.stderr == b"Stopped: nobody reads the output any more.\n"


def test_a_help_that_is_read_in_part_ends_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "jdstyle.train", "--help"],
        env=binaries.environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def stop(program, number=signal.SIGTERM):
    """Starts a program, and stops it once it is ready.

    Returns:
        `(returncode, out, err)`; what was printed after "ready".
    """
    process = subprocess.Popen(
        binaries.interruptible(sys.executable, "-c", textwrap.dedent(program)),
        env=binaries.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("before", ["", "with signals.Signals(): pass"])
def test_signals_clean_up_and_end_as_ctrl_c_does(number, before):
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
    returncode, out, err = stop(program, number)
    assert (returncode, out) == (3, "cleaned\n"), err
    assert err == "\nStopped. The same command begins again.\n"


def test_a_signal_does_not_wait_for_a_photo_that_takes_long():
    program = """
        import time
        from jdstyle import cli
        from jdstyle.photos import reader
        def read(item):
            print("ready", flush=True)
            time.sleep(100)
        def main(argv):
            list(reader.read_ahead([1], read, short_side=32))
        cli.run(main)
    """
    returncode, _, err = stop(program)
    assert returncode == 3
    assert err == "\nStopped. The same command begins again.\n"


def test_a_users_configuration_of_keras_changes_nothing(tmp_path):
    folder = tmp_path / ".keras"
    folder.mkdir()
    theirs = {
        "floatx": "float16",
        "epsilon": 1e-3,
        "backend": "jax",
        "image_data_format": "channels_first",
    }
    (folder / "keras.json").write_text(json.dumps(theirs))
    program = """
        from jdstyle import cli
        cli.start_tensorflow()
        import keras
        from keras import config
        print(config.backend(), config.floatx(), config.image_data_format())
        print(config.epsilon(), config.max_epochs(), keras.Input((1,)).dtype)
    """
    more = {
        "HOME": str(tmp_path),
        "KERAS_BACKEND": "torch",
        "KERAS_MAX_EPOCHS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=binaries.environment() | more,
        capture_output=True,
        text=True,
    )
    assert (
        done.stdout == "tensorflow float32 channels_last\n1e-07 None float32\n"
    )


# Stands for TensorFlow's native code, which writes to descriptor 2 itself.
_NATIVE = """
    import os
    import sys
    from jdstyle import cli

    class Finder:
        def find_spec(self, name, path, target=None):
            if name == "tensorflow":
                os.write(2, b"WARNING: All log messages before absl::Initial"
                    b"izeLog() is called are written to STDERR\\n")
                os.write(2, b"I0000 Could not find cuda drivers on\\n")
                os.write(2, b"E0000 failed call to cuInit: INTERNAL\\n")
                os.write(2, b"E0000 the driver is broken\\n")
                {end}

    sys.meta_path.insert(0, Finder())
    cli.run(lambda argv: cli.start_tensorflow())
"""


def start(end):
    program = textwrap.dedent(_NATIVE.replace("{end}", end))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=binaries.environment(),
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


@pytest.mark.long
def test_noise_of_tensorflow_is_not_shown_and_errors_are():
    code, said = start("pass")
    assert (code, said) == (0, "E0000 the driver is broken\n")


def test_all_is_shown_where_tensorflow_cannot_be_imported():
    code, said = start("raise ImportError('libcudart.so.12')")
    assert code == 1
    assert said.startswith("WARNING: All log messages")
    assert "the driver is broken" in said
    assert "ImportError: libcudart.so.12" in said


def test_takes_its_share_of_a_gpu(monkeypatch):
    import tensorflow as tf

    from jdstyle import cli

    taken = []
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind=None: ["a GPU"]
    )
    monkeypatch.setattr(
        tf.config,
        "set_logical_device_configuration",
        lambda gpu, parts: taken.append((gpu, parts[0].memory_limit)),
    )
    cli.start_tensorflow()
    assert taken == []
    monkeypatch.setenv("JDSTYLE_GPU_MEMORY_MB", "39755")
    cli.start_tensorflow()
    assert taken == [("a GPU", 39755)]
