"""What a user sees of a sweep: while it runs, and at its end."""

import datetime
import os
import shutil
import signal
import sys
import time

import pandas as pd

from jdstyle.evaluation import scores
from jdstyle.runs import directory
from jdstyle.sweeps import plan
from jdstyle.sweeps import runner

_REDRAW_SECONDS = 1.0


def progress(runs, num_places, elapsed):
    """Returns a line of counts, the time so far and the time left.

    Time left: the mean duration of what this sweep has done, for each of the
    others, less what the running ones have had, over all places.

    Args:
        runs: list of `Run`.
        num_places: int, trainings at a time.
        elapsed: float, seconds since the sweep began.
    """
    states = [run.state for run in runs]
    counts = [f"{states.count('done')} of {len(runs)} done"]
    for state in ("running", "failed", "blocked", "waiting"):
        if state in states:
            counts.append(f"{states.count(state)} {state}")
    line = f"{', '.join(counts)}; {_duration(elapsed)} so far"
    seconds = [run.seconds for run in runs if run.state == "done" and run.tries]
    others = runner.unfinished(runs)
    if seconds and others:
        mean = sum(seconds) / len(seconds)
        left = sum(max(mean - run.elapsed(), 0.0) for run in others)
        line += f", about {_duration(left / num_places)} left"
    return line


def make_view(num_places):
    """Returns what shows a sweep: a table on a terminal, else lines."""
    return (LiveTable if sys.stdout.isatty() else Lines)(num_places)


class Lines:
    """Prints a line for every change; for `run_jobs`, without a terminal."""

    def __init__(self, num_places):
        self._num_places = num_places
        self._start = time.monotonic()
        self._seen = {}

    def __call__(self, runs):
        for run in runs:
            seen = self._seen.get(run.job.name, ("waiting", 0))
            if seen != (run.state, run.tries):
                self._seen[run.job.name] = (run.state, run.tries)
                elapsed = time.monotonic() - self._start
                counts = progress(runs, self._num_places, elapsed)
                print(
                    f"{run.job.name}: {_describe(run)} ({counts})", flush=True
                )


class LiveTable:
    """Redraws counts, what runs and what failed in place; for `run_jobs`."""

    def __init__(self, num_places):
        self._num_places = num_places
        self._start = self._drawn = time.monotonic()
        self._height = 0
        self._seen = None

    def __call__(self, runs):
        seen = [(run.state, run.tries) for run in runs]
        waited = time.monotonic() - self._drawn
        if seen == self._seen and waited < _REDRAW_SECONDS:
            return
        self._drawn, self._seen = time.monotonic(), seen
        lines = [
            progress(runs, self._num_places, self._drawn - self._start),
            *(
                f"  {run.job.name}: {_describe(run)}, "
                f"{_duration(run.elapsed())}  {_last_line(run)}"
                for run in runs
                if run.state == "running"
            ),
            *(
                f"  {r.job.name}: {_describe(r)}"
                for r in runner.unsuccessful(runs)
            ),
        ]
        room = shutil.get_terminal_size().lines - 2
        if len(lines) > room:
            more = len(lines) - room
            lines[room:] = [f"  and {more} more, see {runner.STATUS_FILE}"]
        up = f"\x1b[{self._height}F" if self._height else ""
        # Long lines are cut off (7l), not wrapped: the height must be right.
        print(f"{up}\x1b[J\x1b[?7l" + "\n".join(lines) + "\x1b[?7h", flush=True)
        self._height = len(lines)


def format_summary(runs):
    """Formats a table of all runs, then the log's end of each that failed."""
    rows = []
    for run in sorted(runs, key=lambda run: run.state != "done"):
        row = {"name": run.job.name, "state": run.state, "tries": run.tries}
        row |= {"minutes": "", "F2": "", "all positive": ""}
        if run.tries:
            row["minutes"] = f"{run.seconds / 60:.1f}"
        if run.state == "done":
            overall = _overall(run.job)
            row["state"] = "done" if run.tries else "done before"
            row["F2"] = f"{overall['f2']:.3f}"
            row["all positive"] = f"{overall['baseline_f2']:.3f}"
        rows.append(row)
    parts = [pd.DataFrame(rows).to_string(index=False)]
    for run in runner.unsuccessful(runs):
        parts.append(f"\n{run.job.name}: {_describe(run)}")
        if run.state == "failed":
            parts += [f"    {line}" for line in _tail(run.log)[-5:]]
    return "\n".join(parts)


def _describe(run):
    """Says what there is to know of a run, in one line."""
    if run.state == "done" and not run.tries:
        return "done before"
    if run.state == "done":
        return f"done in {_duration(run.seconds)}"
    if run.state == "failed":
        return f"failed {run.tries} times, {_ending(run)}, see {run.log}"
    if run.state == "blocked":
        return f"blocked, since it starts from {', '.join(run.job.needs)}"
    if run.state == "running" and run.tries == 1:
        return "running"
    if run.state == "running":
        return f"running, try {run.tries} after {_ending(run)}"
    return f"waiting for another try after {_ending(run)}, see {run.log}"


def _ending(run):
    """Says how its last try ended."""
    if run.exit_code < 0:
        number = -run.exit_code
        return f"ended by signal {number} ({signal.strsignal(number)})"
    if run.exit_code == 0:
        return f"exit code 0 without {directory.RESULTS_FILE}"
    return f"exit code {run.exit_code}"


def _last_line(run):
    """Returns what its process last said, of an epoch if it can."""
    lines = _tail(run.log, first_byte=run.log_start) or [""]
    epochs = [line for line in lines if "Epoch " in line]
    return (epochs or lines)[-1]


def _overall(job):
    """Returns the scores of a finished run: of its style, or the mean."""
    results = directory.read_json(plan.results_path(job))
    return scores.overall(results["validation"])


def _tail(path, *, first_byte=0, num_bytes=4096):
    """Returns the lines at the end of a log that say something."""
    with open(path, "rb") as file:
        file.seek(max(first_byte, os.path.getsize(path) - num_bytes))
        lines = file.read().decode("utf-8", "replace").splitlines()
    lines = ["".join(filter(str.isprintable, line)).strip() for line in lines]
    return [line for line in lines if line]


def _duration(seconds):
    return str(datetime.timedelta(seconds=round(seconds)))
