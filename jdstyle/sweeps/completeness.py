"""Whether a set of runs is complete: whether all trainings have finished."""

import fnmatch
import os

from jdstyle.errors import InputError
from jdstyle.files import places
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.sweeps import status

_MOST_SHOWN = 10


def find_runs(
    runs_dir,
    fingerprint,
    include=None,
    *,
    allow_missing: bool | None = False,
):
    """Finds the runs to fuse; refuses a set from which some are missing.

    A failed training leaves no results, and a fusion of the others would look
    like a fusion of all.

    Args:
        runs_dir: as in `finished.find_runs`.
        fingerprint: as in `finished.find_runs`.
        include: as in `finished.find_runs`.
        allow_missing: bool, whether to go on with what is there. Where a member
            lacks a fold of a style, that style is left out of that member.
            None: no, and there is no flag that allows it.

    Returns:
        `(runs, missing)`: list of `finished.FinishedRun`, and list of strings
        that say what is missing.

    Raises:
        InputError: as `finished.find_runs`; or if something is missing.
    """
    runs = finished.find_runs(runs_dir, fingerprint, include)
    patterns = include or ["*"]
    rows = status.read(runs_dir)
    missing = [
        *_missing_of_sweep(rows, runs, runs_dir, patterns),
        *_unfinished(rows, runs, runs_dir, patterns),
        *_missing_of_members(finished.members(runs)),
    ]
    if not missing:
        return runs, missing
    shown = "; ".join(missing[:_MOST_SHOWN])
    if len(missing) > _MOST_SHOWN:
        shown += f"; and {len(missing) - _MOST_SHOWN} more"
    if not allow_missing:
        others = "choose runs that match with --runs"
        if allow_missing is not None:
            others += ", or pass --allow_missing to fuse without them"
        raise InputError(
            f"{runs_dir} does not hold all that was to be trained: {shown}. "
            "Train them (the same jdstyle.sweep command tries them again), or "
            f"{others}."
        )
    return _with_all_folds(runs), missing


def _missing_of_sweep(rows, runs, runs_dir, patterns):
    """Lists what the last sweep was to train and did not."""
    there = {os.path.basename(run.directory) for run in runs}
    missing = []
    for row in rows:
        name, state = row["name"], row["state"]
        if (
            name in there
            or not _matches(name, patterns)
            or _is_of_other_data(os.path.join(runs_dir, name), runs)
        ):
            continue
        if state == "done":
            state = "done, but no longer there"
        log = row.get("log")
        missing.append(f"{name} is {state}" + (f", see {log}" if log else ""))
    return missing


def _unfinished(rows, runs, runs_dir, patterns):
    """Lists trainings outside the sweep that began and have no results."""
    of_sweep = {row["name"] for row in rows}
    missing = []
    for name in sorted(os.listdir(runs_dir)):
        folder = os.path.join(runs_dir, name)
        if (
            name not in of_sweep
            and _matches(name, patterns)
            and not places.is_file(os.path.join(folder, directory.RESULTS_FILE))
            and (record := _read_record(folder)) is not None
            and record.get("task", "train") == "train"
            and record.get("fingerprint") == runs[0].fingerprint
        ):
            missing.append(f"{name} has begun but not finished")
    return missing


def _matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _is_of_other_data(folder, runs):
    record = _read_record(folder)
    return (
        record is not None and record.get("fingerprint") != runs[0].fingerprint
    )


def _read_record(folder):
    """Returns a run's record of itself, a dict; None if it is not a run."""
    path = os.path.join(folder, directory.RUN_FILE)
    return directory.read_json(path) if places.is_file(path) else None


def _missing_of_members(grouped):
    """Lists the styles and folds that one member has and another lacks."""
    every = [run for runs in grouped.values() for run in runs]
    style_names = dict.fromkeys(
        name for run in every for name in run.style_names
    )
    folds = sorted({run.fold for run in every} - {None})
    missing = []
    for name, runs in grouped.items():
        for style in style_names:
            there = {run.fold for run in runs if style in run.style_names}
            if not there:
                missing.append(f"{name} has no finished run of style {style!r}")
            elif None not in there:
                missing += [
                    f"{name} has no finished run of style {style!r} and fold "
                    f"{fold} (--fold={fold})"
                    for fold in folds
                    if fold not in there
                ]
    return missing


def _with_all_folds(runs):
    """Leaves out the runs of a member's styles that lack a fold."""
    folds = {run.fold for run in runs}
    whole = [
        run
        for of_member in finished.members(runs).values()
        for run in of_member
        if all(
            {r.fold for r in of_member if style in r.style_names} == folds
            for style in run.style_names
        )
    ]
    if not whole and None not in folds:
        raise InputError(
            "No style has a finished run of each of the folds "
            f"{', '.join(map(str, sorted(folds)))}. Choose runs of fewer folds "
            "with --runs."
        )
    # Runs with and without folds: `out_of_fold.join` refuses the mixture.
    return sorted(whole, key=lambda r: r.directory) if whole else runs
