"""Which rules are on: only those that gain on photos they were not fitted to.

A rule changes decisions. What it gains is measured on cross-fitted decisions:
each fold is decided by what the others taught.
"""

import typing

import numpy as np
import pandas as pd

from jdstyle.evaluation import metrics

YES = "yes"


class Tried(typing.NamedTuple):
    """A rule as it was tried in every style.

    Attributes:
        margins: float32 `(n, num_styles)`: each photo's probability less the
            threshold, both as the other folds taught them; on from 0 up.
        scores: float32 `(n, num_styles)`, what chose the thresholds.
        thresholds: float32 `(num_styles,)`, of all photos.
        refused: list of num_styles reasons to leave the rule off, "" where
            there is none.
    """

    margins: np.ndarray
    scores: np.ndarray
    thresholds: np.ndarray
    refused: list[str]


def choose(labels, before, tried, folds, *, refused=None, wish=None, seed=0):
    """Says in which styles a rule is on, and what it gains there.

    In a style it is on where it gains F2 beyond chance: where the 95 % paired
    bootstrap interval of the gain over photos lies above 0. As a whole it must
    do so as well: if the interval of the macro mean over these styles does not
    lie above 0, the rule is off in all of them.

    A gain above 0 is not enough. Thresholds of four fifths of the photos are
    less certain than those of all photos, and a rule that mends their errors
    gains out of fold what it does not gain in the product. What the interval
    costs and saves: `tools/bench/rule_gates.py`.

    Args:
        labels: int or bool array, shape `(n, num_styles)`: 1, 0, or -1 where
            unknown.
        before: bool array, shape `(n, num_styles)`: cross-fitted decisions
            without the rule.
        tried: bool array of the same shape, with the rule in every style.
        folds: int array, shape `(n,)`.
        refused: None, or a list of num_styles reasons to leave the rule off,
            "" where there is none.
        wish: None, or the flag by which the user wants the rule: it is then on
            in every style.
        seed: int >= 0, of the bootstrap.

    Returns:
        `(on, table)`: bool array `(num_styles,)`, and a `pandas.DataFrame` with
        a row per column of the labels (index 0, 1, ...) and the row "macro
        mean". `f2_before` and `f2_after` are cross-fitted; `gain`, `gain_low`
        and `gain_high` are their difference and its interval; `tried_gain` is
        what the rule gained before it was kept or refused, and `kept` is "yes",
        or "no: " and why. The gain of the macro mean is a little optimistic:
        its photos also chose where the rule is on.
    """
    f2_before, f2_tried, gains = _measure(labels, before, tried, seed)
    if wish is None:
        kept = _reasons(labels, f2_tried - f2_before, gains, folds, refused)
    else:
        kept = [f"{YES}: {wish}"] * len(f2_before)
    on = np.array([text.startswith(YES) for text in kept])
    table = _table(labels, f2_before, f2_tried, gains, on, kept)
    table.loc["macro mean", "kept"] = f"{on.sum()} of {len(kept)}"
    return on, table


def total(labels, before, after, kept, *, seed=0):
    """Lays out what several rules gain together.

    Args:
        labels: as in `choose`.
        before: as in `choose`, without any rule.
        after: bool array of the same shape, with all rules that are on.
        kept: list of num_styles strings, which rules are on in a style.
        seed: as in `choose`.

    Returns:
        `pandas.DataFrame`, as `choose`.
    """
    measured = _measure(labels, before, after, seed)
    table = _table(labels, *measured, np.ones(len(kept), bool), kept)
    table.loc["macro mean", "kept"] = ""
    return table


def f2(labels, decisions):
    """Returns the F2 of each style, float `(num_styles,)`; see `metrics`."""
    return metrics.fbeta(*metrics.counts(labels, decisions))


def _measure(labels, before, tried, seed):
    """Returns F2 without and with a rule, and resampled gains per style."""
    f2_before, f2_tried = (f2(labels, of) for of in (before, tried))
    # The same seed draws the same photos, so the difference is paired.
    gains = metrics.bootstrap_fbeta(labels, tried, seed=seed)
    gains -= metrics.bootstrap_fbeta(labels, before, seed=seed)
    return f2_before, f2_tried, gains


def _table(labels, f2_before, f2_tried, gains, on, kept):
    """Returns the table of `choose`, without the macro mean's `kept`."""
    gains = gains * on  # Where it is off, it changes nothing.
    low, high = metrics.interval(gains)
    table = pd.DataFrame(
        {
            "f2_before": f2_before,
            "f2_after": np.where(on, f2_tried, f2_before),
            "gain": np.where(on, f2_tried - f2_before, 0.0),
            "gain_low": low,
            "gain_high": high,
            "tried_gain": f2_tried - f2_before,
        }
    )
    macro = table.mean()
    macro["gain_low"], macro["gain_high"] = metrics.interval(gains.mean(axis=1))
    table["kept"] = kept
    table.loc["macro mean", macro.index] = macro
    positives = pd.array([*(labels == 1).sum(axis=0), pd.NA], "Int64")
    table.insert(0, "positives", positives)
    return table


def _reasons(labels, gain, gains, folds, refused):
    """Returns "yes" or "no: " and why, for each style."""
    low, _ = metrics.interval(gains)
    kept = []
    for column, of_column in enumerate(labels.T):
        if len(np.unique(folds[of_column == 1])) < 2:
            # Decided by thresholds that no positive taught.
            kept.append("no: positives in one fold")
        elif refused is not None and refused[column]:
            kept.append(f"no: {refused[column]}")
        elif gain[column] <= 0:
            kept.append("no: lost" if gain[column] < 0 else "no: no gain")
        elif low[column] <= 0:
            kept.append("no: gain within chance")
        else:
            kept.append(YES)
    on = np.array([text == YES for text in kept])
    if on.any() and metrics.interval((gains * on).mean(axis=1))[0] <= 0:
        return ["no: no gain as a whole" if k == YES else k for k in kept]
    return kept
