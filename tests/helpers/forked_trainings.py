"""The trainings of a sweep as forks of a process that has TensorFlow.

A walk through ten trainings would else import TensorFlow ten times, eight
seconds of a CPU each. `tests/sweeps/test_runner.py` tests true processes.
"""

import multiprocessing
import os
import subprocess
import sys
import types
from multiprocessing import forkserver
from unittest import mock


def address():
    """Returns where the server of forks listens, for `install` in a fork."""
    forkserver.ensure_running()
    return forkserver._forkserver._forkserver_address


def install(address, output, become):
    """Lets `jdstyle.sweeps` fork what it would start, in this process.

    Args:
        address: of the server.
        output: path of the file that this process writes to.
        become: function of a file, folder, variables, module and arguments
            that runs a binary.
    """
    from jdstyle.sweeps import processes
    from jdstyle.sweeps import runner

    server = forkserver._forkserver
    server._forkserver_address = address
    # Python 3.11 would start a second server in a fork of the first.
    server.ensure_running = lambda: None

    class Popen:
        """What both use of `subprocess.Popen`."""

        def __init__(self, command, env, stdout=None, **_):
            module = command[2].removeprefix("jdstyle.")
            file = stdout.name if stdout else output
            context = multiprocessing.get_context("forkserver")
            self._process = context.Process(
                target=become,
                args=(file, os.getcwd(), env, module, command[3:]),
            )
            # Else the fork would run this process's binary first.
            no_main = types.ModuleType("__main__")
            with mock.patch.dict(sys.modules, {"__main__": no_main}):
                self._process.start()
            self.pid = self._process.pid

        @property
        def returncode(self):
            return self._process.exitcode

        poll = returncode.fget

        def wait(self, timeout=None):
            self._process.join(timeout)
            if self.returncode is None:
                raise subprocess.TimeoutExpired("", timeout)

    processes.leashed = lambda command: command
    processes.subprocess = runner.subprocess = types.SimpleNamespace(
        Popen=Popen,
        DEVNULL=subprocess.DEVNULL,
        STDOUT=subprocess.STDOUT,
        TimeoutExpired=subprocess.TimeoutExpired,
    )
