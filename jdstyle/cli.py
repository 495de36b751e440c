"""How every binary starts and ends: flag errors, exit codes, quiet imports.

Exit codes: 0 done, 1 a failure, 2 usage or bad input, 3 stopped by a signal or
by who read the output, 4 no space left on the disk.
"""

import contextlib
import copy
import logging as standard_logging
import os
import re
import signal
import sys
import typing

from absl import app
from absl import flags
from absl import logging

from jdstyle import commands
from jdstyle import errors
from jdstyle import path_flags
from jdstyle.errors import Failure
from jdstyle.errors import InputError
from jdstyle.errors import Stopped
from jdstyle.files import atomic
from jdstyle.files import cells
from jdstyle.files import terminal
from jdstyle.files import threads
from jdstyle.sweeps import gpus

# What TensorFlow says of every machine without a GPU, before its log is set up
# and in spite of TF_CPP_MIN_LOG_LEVEL.
_NOISE = re.compile(
    rb"All log messages before absl::InitializeLog"
    rb"|Could not find cuda drivers"
    rb"|failed call to cuInit"
    rb"|oneDNN custom operations are on"
    rb"|This TensorFlow binary is optimized to use available CPU"
    rb"|To enable the following instructions"
)

BEGINS_AGAIN = "Stopped. The same command begins again."
GOES_ON = "Stopped. The same command goes on from here."


def run(main, *, arguments=False, stopped=BEGINS_AGAIN):
    """Parses the flags, runs `main(argv)` and exits with our exit codes.

    absl by itself ends `--help` and every usage error with 1, as a crash would.

    Args:
        main: function of the program's name and the arguments that are not
            flags; its return value is ignored. What `errors` defines, a full
            disk, Ctrl-C, SIGTERM and SIGHUP are told without a traceback; the
            last three raise KeyboardInterrupt in it. What its path flags name
            is checked first.
        arguments: whether the binary takes arguments that are not flags.
        stopped: string, what such a signal prints: whether the same command
            goes on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    terminal.take_any_text()

    def guarded_main(argv):
        if len(argv) > 1 and not arguments:
            _exit_with_usage(f"Unexpected arguments: {' '.join(argv[1:])}")
        _show_own_log()
        try:
            for number in (signal.SIGTERM, signal.SIGHUP):
                # What is ignored stays ignored.
                if signal.getsignal(number) != signal.SIG_IGN:
                    signal.signal(number, _interrupt)
            path_flags.check("__main__")
            main(argv)
            sys.stdout.flush()
        except InputError as error:
            _exit(f"Error: {error}", 2)
        except Failure as error:
            _exit(f"Error: {error}", 1)
        except Stopped as stop:
            _exit(str(stop), 3)
        except KeyboardInterrupt:
            _exit(f"\n{stopped}", 3)
        except BrokenPipeError:
            _exit("Stopped: nobody reads the output any more.", 3)
        except Exception as error:
            if errors.is_disk_full(error):
                _exit(
                    f"Error: no space left on the disk: {error}. What was "
                    "complete is still usable; make room and run the same "
                    "command again.",
                    4,
                )
            said = errors.bad_place(error)
            if said is None:
                raise
            _exit(f"Error: {said}", 2)

    app.run(guarded_main, flags_parser=_parse_flags)


def start_tensorflow():
    """Imports TensorFlow and Keras and finds devices, without start-up noise.

    Called by a binary once its flags are known to be usable: it takes seconds.
    Native code writes to descriptor 2 itself, which therefore goes to memory
    meanwhile; what is not known to be noise is shown afterwards, and all of it
    where the import fails.
    """
    aside, stderr = os.memfd_create("stderr"), os.dup(2)
    os.dup2(aside, 2)
    noise = None
    try:
        # What this user's other programs want of Keras is not ours.
        os.environ["KERAS_BACKEND"] = "tensorflow"
        try:
            import tensorflow as tf

            _configure_keras()
        except (AssertionError, ValueError) as error:
            raise InputError(
                "TensorFlow cannot be imported; Keras may refuse what stands "
                f"in keras.json or in a variable KERAS_...: {error}"
            ) from error
        tf.config.list_physical_devices()
        _take_share(tf)
        noise = _NOISE
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        with open(aside, "rb") as said:
            said.seek(0)
            for line in said:
                if noise is None or not noise.search(line):
                    os.write(2, line)


def _configure_keras():
    """Takes Keras's own defaults, whatever ~/.keras/keras.json says.

    TensorFlow has imported it already.
    """
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    # "Purely for debugging": they end a training early and say nothing.
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def _take_share(tf):
    """Takes no more of a GPU's memory than a sweep has said."""
    megabytes = int(os.environ.get(gpus.MEMORY, 0))
    for gpu in tf.config.list_physical_devices("GPU") if megabytes else ():
        tf.config.set_logical_device_configuration(
            gpu,
            [tf.config.LogicalDeviceConfiguration(memory_limit=megabytes)],
        )


def stream_beside(output):
    """Returns where a binary prints to: not among what it writes.

    Args:
        output: path of a file that it writes.
    """
    return sys.stderr if atomic.is_stdout(output) else sys.stdout


def flag_texts(resolved=None):
    """Returns a dict from the name of each of the binary's flags to its text.

    Without absl's own flags; each text loads again from a flagfile.

    Args:
        resolved: dict from the name of each flag to the value to write, where
            some have got one that was not given; None for the flags as given.
    """
    if resolved is None:
        return {
            flag.name: flag.serialize()
            for flag in flags.FLAGS.get_key_flags_for_module("__main__")
        }
    texts = {}
    for name, value in resolved.items():
        # A copy: what was given stays in absl's registry.
        flag = copy.deepcopy(flags.FLAGS[name])
        flag.value = value
        texts[name] = flag.serialize()
    return texts


def _interrupt(number, frame):
    """Ends as Ctrl-C does."""
    if number == signal.SIGHUP:
        terminal.let_go()
    signal.default_int_handler(number, frame)


def _exit(message, code) -> None:
    terminal.let_go()
    print(cells.visible(message), file=sys.stderr)
    threads.end_process(code)


class _Formatter(standard_logging.Formatter):
    """Names of files in the log do not steer the terminal."""

    def format(self, record):
        return cells.visible(super().format(record))


def _show_own_log():
    """Shows what jdstyle logs, and of other libraries only errors."""
    logging.set_verbosity(logging.INFO)
    handler = logging.get_absl_handler()
    handler.setFormatter(_Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    package = os.path.dirname(os.path.abspath(__file__)) + os.sep
    handler.addFilter(
        lambda record: (
            os.path.abspath(record.pathname).startswith(package)
            or record.levelno >= standard_logging.ERROR
        )
    )


def _parse_flags(argv):
    try:
        return flags.FLAGS(argv)
    except flags.IllegalFlagValueError as error:
        # absl's own sentence on a required flag does not say what it is.
        missing = re.search(r"Flag --(\w+) must have a value", str(error))
        if missing is None:
            _exit_with_usage(str(error))
        name = missing[1]
        meaning = flags.FLAGS[name].help.removesuffix(" Required.")
        _exit_with_usage(f"--{name} is required: {meaning}")
    except flags.Error as error:
        _exit_with_usage(str(error))
    except UnicodeDecodeError as error:
        _exit_with_usage(f"--flagfile is not UTF-8: {error}")
    # Only --help and its kin leave the parser so, or nobody reads them on.
    except (SystemExit, BrokenPipeError):
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        terminal.let_go()
        sys.exit(0)


def _exit_with_usage(message) -> typing.NoReturn:
    program = sys.argv[0]
    folder, name = os.path.split(os.path.abspath(program))
    if folder == os.path.dirname(os.path.abspath(__file__)):
        program = name.removesuffix(".py")
    print(f"Error: {message}", file=sys.stderr)
    print(f"See: {commands.line(program, help=True)}", file=sys.stderr)
    sys.exit(2)
