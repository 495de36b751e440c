"""The binaries, and how tests run them as their users do.

Three ways, from the cheapest: `call` runs one in this process, for what ends
before anything is computed; `run_forked` in a fork of a process that has
imported TensorFlow; `run` in a process that begins as a user's does.
"""

import contextlib
import io
import logging as standard_logging
import multiprocessing
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile
from unittest import mock

import coverage
import forked_trainings
from absl import app
from absl import flags
from absl import logging
from absl.testing import flagsaver

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
    "distill",
    "decide",
    "evaluate",
    "predict",
    "reproduce",
    "export",
)
# What the binaries import of others' modules; none of it computes at import.
_PRELOADED = ["keras", "tensorflow_datasets", "sklearn.metrics", "matplotlib"]


def interruptible(*command):
    """Returns a command that does not ignore Ctrl-C or SIGHUP.

    What a shell starts aside ignores them. Not by `preexec_fn`: all that forks
    have to do then runs in a copy of this process, 12 seconds after a thousand
    tests.

    Args:
        *command: a program and its arguments.
    """
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-ISc", program, *map(str, command)]


def environment(small=False):
    """Returns the variables of a process that imports this jdstyle.

    Its lines are not counted by `pytest --cov`, which takes half as long again:
    forks run the same.

    Args:
        small: whether MobileNet shall be a network that compiles quickly.
    """
    path = f"{SMALL}{os.pathsep}{ROOT}" if small else str(ROOT)
    variables = os.environ | {"PYTHONPATH": path}
    variables.pop("COVERAGE_PROCESS_CONFIG", None)
    return variables


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
    said = done.stdout + done.stderr
    _check(done.returncode, code, said)
    return said


def call(folder, module, *arguments, code=0):
    """Runs a binary in a folder, in this process; returns what it printed.

    Args:
        folder: the working directory.
        module: the binary's name, or a tool's path: `tools/NAME.py`.
        *arguments: its command line.
        code: the exit code that it must have.

    Its flags are gone afterwards: the next binary may define them as well.
    """
    said = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        own_flags(),
        _own_log(said),
        _own_signals(),
        # It would end this process where an earlier test left a thread.
        mock.patch("jdstyle.files.threads.end_process", sys.exit),
    ):
        returned = _run_as_main(module, arguments)
    _check(returned, code, said.getvalue())
    return said.getvalue()


def run_forked(folder, module, *arguments, code=0, small=False):
    """Runs a binary in a folder; returns what it printed.

    In a fork of a process that has imported TensorFlow, which takes some eight
    seconds of a CPU, and has computed nothing: threads do not survive a fork.
    So do the trainings that it starts.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    server = forked_trainings.address()
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as output:
        # A file, as a pipe would fill up while nobody reads it.
        process = context.Process(
            target=_run_in_fork,
            args=(output.name, folder, environment(small), module, arguments),
            kwargs={"server": server},
        )
        process.start()
        process.join()
        said = output.read()
    _check(process.exitcode, code, said)
    return said


def make_run(folder, data_dir):
    """Returns `run_forked` for a folder that has the data, MobileNet small.

    Its attribute `folder` is the folder.
    """
    (folder / "data").symlink_to(data_dir)

    def run_there(module, *arguments, code=0):
        return run_forked(folder, module, *arguments, code=code, small=True)

    run_there.folder = folder
    return run_there


def _check(returned, code, said):
    assert returned == code, said
    assert "Traceback" not in said


def _run_as_main(module, arguments):
    """Runs a binary or a tool as Python itself does; returns its exit code."""
    argv, sys.argv = sys.argv, [module, *map(str, arguments)]
    path, sys.path = sys.path, sys.path[:]
    options = {"run_name": "__main__"}
    try:
        if module.endswith(".py"):
            sys.path.insert(0, str((ROOT / module).parent))
            runpy.run_path(str(ROOT / module), **options)
        else:
            runpy.run_module(f"jdstyle.{module}", alter_sys=True, **options)
    except SystemExit as end:
        return end.code or 0
    finally:
        sys.argv, sys.path = argv, path
    return 0


@contextlib.contextmanager
def own_flags():
    """Forgets which flags a binary defined, and the modules that did so."""
    app.define_help_flags()  # Once a process; they stay.
    with flagsaver.flagsaver():
        try:
            yield
        finally:
            # Those of earlier binaries as well, which may be forgotten already.
            for name in {
                *flags.FLAGS.flags_by_module_dict(),
                *flags.FLAGS.key_flags_by_module_dict(),
            }:
                if name.startswith("jdstyle.") and name in sys.modules:
                    del sys.modules[name]
                    delattr(sys.modules["jdstyle"], name.partition(".")[2])


@contextlib.contextmanager
def _own_log(stream):
    """Takes back what `cli` does with the log; sends it to a stream."""
    root = standard_logging.getLogger()
    logging.use_absl_handler()
    handler = logging.get_absl_handler()
    kept = handler.filters[:], handler.formatter, logging.get_verbosity()
    stderr = handler.python_handler.setStream(stream)
    try:
        yield
    finally:
        handler.python_handler.setStream(stderr)
        handler.filters[:], formatter, verbosity = kept
        handler.setFormatter(formatter)
        logging.set_verbosity(verbosity)
        root.removeHandler(handler)


@contextlib.contextmanager
def _own_signals():
    kept = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _run_in_fork(output, folder, variables, module, arguments, server=None):
    """What a fork does: it becomes the process that `run` would start.

    Without a `server` it is a training that a sweep started, of which a walk
    has many: its lines are not counted.
    """
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(variables)
    sys.path[:0] = path = variables["PYTHONPATH"].split(os.pathsep)
    if SMALL in path:  # Too late for Python to import it by itself.
        runpy.run_path(os.path.join(SMALL, "sitecustomize.py"))
    os.chdir(folder)
    if server:
        forked_trainings.install(server, output, _run_in_fork)
    else:
        os.setsid()
        if counting := coverage.Coverage.current():
            counting.stop()
    sys.exit(_run_as_main(module, arguments))
