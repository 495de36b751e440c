"""Runs many trainings as subprocesses; notes what became of each."""

import contextlib
import csv
import datetime
import os
import shlex
import signal
import subprocess
import sys
import time

from jdstyle.files import atomic
from jdstyle.files import lock
from jdstyle.sweeps import plan

STATUS_FILE = "sweep.csv"
LOG_DIR = "logs"
MAX_TRIES = 2
TRAIN = (sys.executable, "-m", "jdstyle.train")

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 10.0  # Between SIGTERM and SIGKILL.

# Run before the training in its own process: Linux kills it (1 is
# PR_SET_PDEATHSIG) when the sweep dies, however that happens.
_LEASH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class Run:
    """What has become of a job.

    Attributes:
        job: `Job`.
        log: path of its log file, all tries one after the other.
        log_start: int, the byte at which its last try begins there.
        state: "waiting", "running", "done", "failed" or "blocked".
        tries: int, processes started; 0 if an earlier sweep has done it.
        exit_code: int of the last try that ended, -n for signal n, or None.
        seconds: float, of the last try that ended.
        slot: int, the place that it takes while it runs.
    """

    def __init__(self, job, log):
        self.job = job
        self.log = log
        self.log_start = 0
        self.state = "waiting"
        self.tries = 0
        self.exit_code = None
        self.seconds = 0.0
        self.slot = None

    def elapsed(self):
        """Returns the seconds since its start, 0 if it does not run."""
        running = self.state == "running"
        return time.monotonic() - self._start if running else 0.0

    def start(self, slot, environment):
        """Starts its process, in a group of its own."""
        command = [*TRAIN, *self.job.flags]
        with open(self.log, "a", encoding="utf-8") as log:
            now = datetime.datetime.now().isoformat(" ", "seconds")
            log.write(f"=== {now} {shlex.join(command)}\n")
            log.flush()
            self.log_start = log.tell()
            self._process = subprocess.Popen(
                leashed(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
                start_new_session=True,
            )
        self._start = time.monotonic()
        self.state, self.slot = "running", slot
        self.tries += 1

    def poll(self):
        """Takes note if its process has ended."""
        code = self._process.poll()
        if code is None:
            return
        self.seconds = self.elapsed()
        self.exit_code = code
        if code == 0 and os.path.exists(plan.results_path(self.job)):
            self.state = "done"
        else:
            self.state = "waiting" if self.tries < MAX_TRIES else "failed"

    def kill(self, number):
        """Sends a signal to its process and to those which that started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def wait(self, seconds=None):
        """Waits for the end of its process, not longer than that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)


def leashed(command):
    """Returns a command, a list, whose process does not outlive this one."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-IS", "-c", _LEASH, str(os.getpid()), *command]


def run_jobs(jobs, places, runs_dir, show, *, fingerprint=None):
    """Runs the trainings, as many at a time as there are places.

    A failed one is tried a second time. One that starts from a failed one is
    blocked. `<runs_dir>/sweep.csv` always says the state of each. Call it from
    the main thread: it catches SIGINT, SIGTERM and SIGHUP, and no training
    outlives it.

    Args:
        jobs: list of `Job`; a job comes after those that it needs.
        places: list of dicts: the environment variables of each place.
        runs_dir: folder of status file and logs.
        show: function that is called with the list of `Run` again and again.
        fingerprint: of the data set; results on other data do not count as
            done before. None: not compared.

    Returns:
        List of `Run`, each of them done, failed or blocked.

    Raises:
        InputError: if another process is at work in `runs_dir`.
        KeyboardInterrupt: after a signal; the trainings have ended by then.
    """
    os.makedirs(os.path.join(runs_dir, LOG_DIR), exist_ok=True)
    with lock.alone(runs_dir, "runs_dir"), _catch_signals() as caught:
        runs = []
        for job in jobs:
            log = os.path.join(runs_dir, LOG_DIR, f"{job.name}.log")
            runs.append(Run(job, log))
            if plan.done_before(job, fingerprint):
                runs[-1].state = "done"
        try:
            _write_status(runs, runs_dir)
            while not caught and unfinished(runs):
                before = [(run.state, run.tries) for run in runs]
                _advance(runs, places)
                if before != [(run.state, run.tries) for run in runs]:
                    _write_status(runs, runs_dir)
                show(runs)
                time.sleep(_POLL_SECONDS)
        finally:
            _stop(runs)
            _write_status(runs, runs_dir)
    if caught:
        raise KeyboardInterrupt
    return runs


def unfinished(runs):
    """Returns those that wait or run."""
    return [run for run in runs if run.state in ("waiting", "running")]


def unsuccessful(runs):
    """Returns those that failed or are blocked."""
    return [run for run in runs if run.state in ("failed", "blocked")]


@contextlib.contextmanager
def _catch_signals():
    """Yields a list of the signals that came, which raise nothing meanwhile.

    An exception between a process's start and our note of it would leave it
    running.
    """
    caught = []
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What nohup or a background shell ignores stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(
                number, lambda number, frame: caught.append(number)
            )
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _advance(runs, places):
    """Takes note of what has ended and starts what may start."""
    for run in runs:
        if run.state == "running":
            run.poll()
    taken = {run.slot for run in runs if run.state == "running"}
    free = [slot for slot in range(len(places)) if slot not in taken]
    states = {}
    for run in runs:
        if run.state == "waiting":
            needed = {states[name] for name in run.job.needs}
            if needed & {"failed", "blocked"}:
                run.state = "blocked"
            elif free and needed <= {"done"}:
                slot = free.pop(0)
                run.start(slot, places[slot])
        states[run.job.name] = run.state


def _stop(runs):
    """Ends what still runs, with what that has started itself."""
    running = [run for run in runs if run.state == "running"]
    for run in running:
        run.kill(signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for run in running:
        run.wait(max(deadline - time.monotonic(), 0.0))
    for run in running:
        run.kill(signal.SIGKILL)
        run.wait()
        run.state = "waiting"


def _write_status(runs, runs_dir):
    path = os.path.join(runs_dir, STATUS_FILE)
    with atomic.aside(path, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ["name", "state", "tries", "exit code", "seconds", "log"]
        writer.writerow(columns)
        for run in runs:
            code = "" if run.exit_code is None else run.exit_code
            row = [run.job.name, run.state, run.tries, code]
            writer.writerow([*row, f"{run.seconds:.1f}", run.log])
