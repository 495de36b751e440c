"""What finished runs said about photos they had not seen, joined by photo."""

import os
import typing

import numpy as np
import pandas as pd

from jdstyle.errors import InputError
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.runs import probability_tables


class OutOfFold(typing.NamedTuple):
    """The members' probabilities, photo by photo.

    Attributes:
        ids: array of n different strings, sorted.
        folds: int `(n,)`; 0 where the runs have no folds.
        labels: int32 `(n, num_styles)`: 1, 0, or -1 where unknown.
        probabilities: float32 `(n, members, num_styles)` in [0, 1]; NaN where a
            member does not have the style.
        members: list of names, as `finished.members` gives them.
        style_names: list of strings.
    """

    ids: np.ndarray
    folds: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    members: list[str]
    style_names: list[str]


def join(runs, style_names):
    """Joins the runs' validation probabilities by photo.

    Args:
        runs: list of `finished.FinishedRun`, of `finished.find_runs`.
        style_names: list of the data set's style names, in its order.

    Returns:
        `OutOfFold`; its styles are those that some member has, in that order.

    Raises:
        InputError: if a fold's run or a photo is missing somewhere, if a photo
            occurs twice, if two files contradict each other in a label or a
            fold, if only some runs have folds, if a run has a style that
            `style_names` lacks, or if a table is broken; with file and line.
    """
    known = {name for run in runs for name in run.style_names}
    if not known <= set(style_names):
        raise InputError(
            f"{runs[0].dataset} has no style "
            f"{', '.join(sorted(known - set(style_names)))}."
        )
    style_names = [name for name in style_names if name in known]
    grouped = finished.members(runs)
    _require_same_folds(grouped)

    first = pd.DataFrame()
    labels, columns = {}, {}
    for member, member_runs in grouped.items():
        tables = [_read_table(run) for run in member_runs]
        for style in style_names:
            column = _column(tables, style)
            if column is None:
                continue
            first = column.sort_index() if first.empty else first
            column = _align(column, first)
            _require_equal("label", labels.setdefault(style, column), column)
            _require_equal("fold", first, column)
            columns[member, style] = column["probability"].to_numpy(np.float32)
    missing = np.full(len(first), np.nan, np.float32)
    stacked = [
        [columns.get((member, style), missing) for style in style_names]
        for member in grouped
    ]
    return OutOfFold(
        ids=first.index.to_numpy(str),
        folds=first["fold"].to_numpy(int),
        labels=np.stack(
            [labels[name]["label"].to_numpy(np.int32) for name in style_names],
            axis=1,
        ),
        probabilities=np.moveaxis(np.array(stacked), 2, 0),
        members=list(grouped),
        style_names=style_names,
    )


def _require_same_folds(grouped):
    """Raises `InputError` unless each style and member has each fold's run."""
    of_fold = {run.fold: run for runs in grouped.values() for run in runs}
    if None in of_fold and len(of_fold) > 1:
        whole = of_fold.pop(None)
        raise InputError(
            f"{next(iter(of_fold.values())).directory} validates on a fold, "
            f"{whole.directory} on the data set's own validation photos. Name "
            "runs of one kind with --runs."
        )
    for name, runs in grouped.items():
        for style in dict.fromkeys(s for run in runs for s in run.style_names):
            there = {run.fold for run in runs if style in run.style_names}
            for fold in sorted(of_fold.keys() - there):
                raise InputError(
                    f"{name} has no finished run of style {style!r} and fold "
                    f"{fold}; {of_fold[fold].directory} is a run of that fold. "
                    f"Train it (--fold={fold}), or name runs that match with "
                    "--runs."
                )


def _read_table(run):
    """Reads a run's table, indexed by id, with where each row stands."""
    path = os.path.join(run.directory, directory.VALIDATION_FILE)
    table = probability_tables.read(path, run.style_names)
    return table.assign(path=path, fold=0 if run.fold is None else run.fold)


def _column(tables, style):
    """Concatenates one style of one member; None if it does not have it."""
    names = ["path", "line", "fold", f"label {style}", f"probability {style}"]
    parts = [table[names] for table in tables if names[-1] in table]
    if not parts:
        return None
    column = pd.concat(parts)
    column.columns = ["path", "line", "fold", "label", "probability"]
    twice = np.flatnonzero(column.index.duplicated())
    if len(twice):
        photo = column.index[twice[0]]
        earlier = _place(column, int(np.argmax(column.index == photo)))
        raise InputError(
            f"{_place(column, twice[0])}: photo {photo!r} is in {earlier} too."
        )
    return column


def _align(column, first):
    """Returns the column in the order of the first; the photos must agree."""
    position = column.index.get_indexer(first.index)
    missing = first[position < 0]
    extra = column[~column.index.isin(first.index)]
    if len(missing) or len(extra):
        example = pd.concat([missing, extra]).iloc[0]
        # Both have every fold: the two runs that should say the same.
        here, there = (
            table["path"][table["fold"] == example["fold"]].iloc[0]
            for table in (column, first)
        )
        num_missing, num_extra = (
            int((table["fold"] == example["fold"]).sum())
            for table in (missing, extra)
        )
        raise InputError(
            f"{here} must have the photos of {there}: {num_missing} missing, "
            f"{num_extra} extra, such as {example.name!r}."
        )
    return column.iloc[position]


def _require_equal(name, expected, column):
    here, there = column[name].to_numpy(), expected[name].to_numpy()
    differing = np.flatnonzero(here != there)
    if len(differing):
        row = differing[0]
        raise InputError(
            f"{_place(column, row)}: photo {column.index[row]!r} has {name} "
            f"{here[row]:g}, but {there[row]:g} in {_place(expected, row)}."
        )


def _place(table, row):
    return f"{table['path'].iloc[row]}:{table['line'].iloc[row]}"
