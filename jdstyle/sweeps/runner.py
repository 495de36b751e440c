"""Runs many trainings as processes and notes what became of each."""

import datetime
import os
import shlex
import subprocess
import sys
import time

from jdstyle.files import lock
from jdstyle.sweeps import plan
from jdstyle.sweeps import processes
from jdstyle.sweeps import status

LOG_DIR = "logs"
MAX_TRIES = 2
# Exit codes of `cli` that another try could not change: what was asked for
# cannot be done, and the disk is full.
BAD_INPUT, DISK_FULL = 2, 4
TRAIN = (sys.executable, "-m", "jdstyle.train")

_POLL_SECONDS = 0.1


class Attempt:
    """The attempt to train what a job says, in up to `MAX_TRIES` tries.

    A try that ended with `BAD_INPUT` or `DISK_FULL` is the last one. One that
    was stopped (3), killed or failed otherwise (1) has another: the training
    goes on from its last saved state.

    Attributes:
        job: `plan.Job`.
        log: path of the log file, all tries one after the other.
        log_start: int, the byte at which the last try begins there.
        state: "waiting", "running", "done", "failed" or "blocked".
        tries: int, processes started; 0 if an earlier sweep has done the job.
        exit_code: int of the last try that ended, -n for signal n, or None.
        seconds: float, duration of the last try that ended.
        slot: int, the place that it takes while it is running, or None.
        process: `subprocess.Popen` of the last try, or None.
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
        self.process = None

    def elapsed(self):
        """Returns the seconds since its start, 0 if it is not running."""
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
            self.process = subprocess.Popen(
                processes.leashed(command),
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
        """Takes note if its process, which runs, has ended."""
        code = self.process.poll() if self.process else None
        if code is None:
            return
        self.seconds = self.elapsed()
        self.exit_code = code
        if code == 0 and os.path.exists(plan.results_path(self.job)):
            self.state = "done"
        elif code in (BAD_INPUT, DISK_FULL) or self.tries >= MAX_TRIES:
            self.state = "failed"
        else:
            self.state = "waiting"


def run_jobs(jobs, places, runs_dir, show, *, fingerprint=None):
    """Runs the trainings, as many at a time as there are places.

    A failed training is tried a second time, unless that cannot help. One that
    starts from a failed one is blocked, and when the disk is full no other is
    started. `<runs_dir>/sweep.csv` always tells the state of each. Call this
    from the main thread: it catches SIGINT, SIGTERM and SIGHUP. No training
    outlives it.

    Args:
        jobs: list of `plan.Job`; a job comes after those that it needs.
        places: list of dicts: the environment variables of each place.
        runs_dir: folder of the status file and the logs.
        show: function that is called with the list of `Attempt` again and
            again.
        fingerprint: hex digest of the data set; results on other data do not
            count as done before. None: not compared.

    Returns:
        List of `Attempt`, each of them done, failed or blocked; those that a
        full disk kept from starting are waiting.

    Raises:
        InputError: if another process is at work in `runs_dir`.
        KeyboardInterrupt: after a signal; the trainings have ended by then.
    """
    os.makedirs(os.path.join(runs_dir, LOG_DIR), exist_ok=True)
    with lock.hold(runs_dir, "runs_dir"), processes.catch_signals() as caught:
        attempts = []
        for job in jobs:
            log = os.path.join(runs_dir, LOG_DIR, f"{job.name}.log")
            attempts.append(Attempt(job, log))
            if plan.done_before(job, fingerprint):
                attempts[-1].state = "done"
        try:
            status.write(attempts, runs_dir)
            while not caught and _may_go_on(attempts):
                before = stages(attempts)
                _advance(attempts, places)
                if stages(attempts) != before:
                    status.write(attempts, runs_dir)
                show(attempts)
                time.sleep(_POLL_SECONDS)
        finally:
            _stop(attempts)
            status.write(attempts, runs_dir)
    if caught:
        raise KeyboardInterrupt
    return attempts


def met_full_disk(attempts):
    """Returns whether a training ended because the disk is full."""
    return any(
        a.state == "failed" and a.exit_code == DISK_FULL for a in attempts
    )


def _may_go_on(attempts):
    """Returns whether some are running or may start."""
    if met_full_disk(attempts):
        return any(a.state == "running" for a in attempts)
    return bool(unfinished(attempts))


def unfinished(attempts):
    """Returns those that are waiting or running."""
    return [a for a in attempts if a.state in ("waiting", "running")]


def unsuccessful(attempts):
    """Returns those that failed or are blocked."""
    return [a for a in attempts if a.state in ("failed", "blocked")]


def stages(attempts):
    """Returns a list of `(state, tries)`, which shows what has changed."""
    return [(attempt.state, attempt.tries) for attempt in attempts]


def _advance(attempts, places):
    """Takes note of what has ended and starts what may start."""
    for attempt in attempts:
        if attempt.state == "running":
            attempt.poll()
    taken = {a.slot for a in attempts if a.state == "running"}
    free = [slot for slot in range(len(places)) if slot not in taken]
    if met_full_disk(attempts):
        free = []
    states = {}
    for attempt in attempts:
        if attempt.state == "waiting":
            needed = {states[name] for name in attempt.job.needs}
            if needed & {"failed", "blocked"}:
                attempt.state = "blocked"
            elif free and needed <= {"done"}:
                slot = free.pop(0)
                attempt.start(slot, places[slot])
        states[attempt.job.name] = attempt.state


def _stop(attempts):
    """Ends the trainings that are still running."""
    running = [attempt for attempt in attempts if attempt.state == "running"]
    processes.end([attempt.process for attempt in running])
    for attempt in running:
        attempt.state = "waiting"
