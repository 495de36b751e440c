"""What a user sees of a sweep: while it runs, and at its end."""

import contextlib
import datetime
import os
import signal
import sys
import time

import pandas as pd
from rich.console import Console
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from jdstyle.evaluation import score_tables
from jdstyle.evaluation import scores
from jdstyle.runs import directory
from jdstyle.sweeps import plan
from jdstyle.sweeps import runner
from jdstyle.sweeps import status

_REDRAW_SECONDS = 1.0


@contextlib.contextmanager
def open_view(num_places):
    """Yields what shows a sweep: a table on a terminal, else lines.

    Args:
        num_places: int, trainings at a time.

    Yields:
        `LiveTable` or `Lines`, the argument `show` of `runner.run_jobs`.
    """
    console = Console()
    if not sys.stdout.isatty() or console.is_dumb_terminal:
        yield Lines(num_places)
        return
    with Live(console=console, auto_refresh=False) as live:
        # `Live` hides the cursor; a killed sweep could not bring it back.
        console.show_cursor(True)
        yield LiveTable(num_places, live)


def progress(attempts, num_places, elapsed):
    """Returns a line of counts, the time so far and the time left.

    Each unfinished training is expected to take the mean duration of those that
    this sweep has done, less what it has had; over all places.

    Args:
        attempts: list of `runner.Attempt`.
        num_places: int, trainings at a time.
        elapsed: float, seconds since the sweep began.
    """
    states = [attempt.state for attempt in attempts]
    counts = [f"{states.count('done')} of {len(attempts)} done"]
    counts += [
        f"{states.count(state)} {state}"
        for state in ("running", "failed", "blocked", "waiting")
        if state in states
    ]
    line = f"{', '.join(counts)}; {_duration(elapsed)} so far"
    seconds = [a.seconds for a in attempts if a.state == "done" and a.tries]
    others = runner.unfinished(attempts)
    if seconds and others:
        mean = sum(seconds) / len(seconds)
        left = sum(max(mean - other.elapsed(), 0.0) for other in others)
        line += f", about {_duration(left / num_places)} left"
    return line


class Lines:
    """Prints a line for every change, where there is no terminal."""

    def __init__(self, num_places):
        self._num_places = num_places
        self._start = time.monotonic()
        self._seen = {}

    def __call__(self, attempts):
        for attempt in attempts:
            name, stage = attempt.job.name, (attempt.state, attempt.tries)
            if self._seen.get(name, ("waiting", 0)) != stage:
                self._seen[name] = stage
                elapsed = time.monotonic() - self._start
                counts = progress(attempts, self._num_places, elapsed)
                print(f"{name}: {_describe(attempt)} ({counts})", flush=True)


class LiveTable:
    """Redraws, in place, the counts, what is running and what failed."""

    def __init__(self, num_places, live):
        self._num_places = num_places
        self._live = live
        self._start = self._drawn = time.monotonic()
        self._seen = None

    def __call__(self, attempts):
        seen = runner.stages(attempts)
        waited = time.monotonic() - self._drawn
        if seen == self._seen and waited < _REDRAW_SECONDS:
            return
        self._drawn, self._seen = time.monotonic(), seen
        counts = progress(attempts, self._num_places, self._drawn - self._start)
        running = [a for a in attempts if a.state == "running"]
        shown = [*running, *runner.unsuccessful(attempts)]
        # Counts above, "and more" below, and the line of the cursor.
        room = max(self._live.console.height - 3, 0)
        parts = [_one_line(counts), _table(shown[:room])]
        if len(shown) > room:
            more = f"and {len(shown) - room} more, see {status.STATUS_FILE}"
            parts.append(_one_line(more))
        self._live.update(Group(*parts), refresh=True)


def _table(attempts):
    """Returns a `rich` table with a line per training."""
    # The last column gets what the others leave it.
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(no_wrap=True, overflow="crop")
    table.add_column(no_wrap=True, overflow="crop", justify="right")
    table.add_column(no_wrap=True, overflow="crop", ratio=1)
    for attempt in attempts:
        seconds, text, style = attempt.seconds, _describe(attempt), "red"
        if attempt.state == "running":
            seconds, style = attempt.elapsed(), ""
            text += f"  {_last_line(attempt)}"
        table.add_row(
            _one_line(attempt.job.name, style),
            _duration(seconds),
            _one_line(text, style),
        )
    return table


def _one_line(text, style=""):
    """Returns a text that is cut rather than wrapped.

    A name may hold what `rich` takes for markup, or escape sequences, which
    it would hand on to the terminal. No ellipsis: a terminal whose encoding
    lacks the character would end the sweep.
    """
    return Text(_printable(text), style, no_wrap=True, overflow="crop")


def _printable(text):
    return "".join(filter(str.isprintable, text))


def format_summary(attempts):
    """Formats a table of all trainings, then the end of each failed one's log.

    Args:
        attempts: list of `runner.Attempt`.
    """
    rows = []
    for attempt in sorted(
        attempts, key=lambda attempt: attempt.state != "done"
    ):
        row = {"name": attempt.job.name, "state": attempt.state}
        row |= {"tries": attempt.tries, "minutes": ""}
        row |= {"F2": "", "all positive": ""}
        if attempt.tries:
            row["minutes"] = f"{attempt.seconds / 60:.1f}"
        if attempt.state == "done":
            score = _score(attempt.job)
            row["state"] = "done" if attempt.tries else "done before"
            row["F2"] = score_tables.decimals(score["f2"])
            row["all positive"] = score_tables.decimals(score["baseline_f2"])
        rows.append(row)
    parts = [pd.DataFrame(rows).to_string(index=False)]
    for attempt in runner.unsuccessful(attempts):
        parts.append(f"\n{attempt.job.name}: {_describe(attempt)}")
        if attempt.state == "failed":
            parts += [f"    {line}" for line in _tail(attempt.log)[-5:]]
    return "\n".join(parts)


def _describe(attempt):
    """Says what there is to know of an attempt, in one line."""
    if attempt.state == "done" and not attempt.tries:
        return "done before"
    if attempt.state == "done":
        return f"done in {_duration(attempt.seconds)}"
    if attempt.state == "failed":
        times = "once" if attempt.tries == 1 else f"{attempt.tries} times"
        return f"failed {times}, {_ending(attempt)}, see {attempt.log}"
    if attempt.state == "blocked":
        needs = ", ".join(attempt.job.needs)
        return f"blocked, since it starts from {needs}"
    if attempt.state == "running" and attempt.tries == 1:
        return "running"
    if attempt.state == "running":
        return f"running, try {attempt.tries} after {_ending(attempt)}"
    return (
        f"waiting for another try after {_ending(attempt)}, see {attempt.log}"
    )


def _ending(attempt):
    """Says how the last try ended."""
    if attempt.exit_code < 0:
        number = -attempt.exit_code
        return f"signal {number} ({signal.strsignal(number)})"
    if attempt.exit_code == 0:
        return f"exit code 0 without {directory.RESULTS_FILE}"
    if attempt.exit_code == runner.BAD_INPUT:
        return "exit code 2 (what was asked for cannot be done)"
    if attempt.exit_code == runner.DISK_FULL:
        return "exit code 4 (no space left on the disk)"
    return f"exit code {attempt.exit_code}"


def _last_line(attempt):
    """Returns the last line of the log, of an epoch if there is one."""
    lines = _tail(attempt.log, first_byte=attempt.log_start) or [""]
    epochs = [line for line in lines if "Epoch " in line]
    return (epochs or lines)[-1]


def _score(job):
    """Returns the scores of a finished run: of its style, or the mean."""
    results = directory.read_json(plan.results_path(job))
    return scores.overall(results["validation"])


def _tail(path, *, first_byte=0, num_bytes=4096):
    """Returns the lines at the end of a log that say something."""
    with open(path, "rb") as file:
        file.seek(max(first_byte, os.path.getsize(path) - num_bytes))
        lines = file.read().decode("utf-8", "replace").splitlines()
    lines = [_printable(line).strip() for line in lines]
    return [line for line in lines if line]


def _duration(seconds):
    return str(datetime.timedelta(seconds=round(seconds)))
