"""Fits alpha and beta of equation 2 (`relations.correct`) for macro F2.

Given the first-stage decisions, the F2 of a style depends on its own alpha,
betas and threshold alone, so the search for the best macro F2 is a search per
style. A gain counts only where it shows on photos that the fit did not see.
"""

import time
import typing

import numpy as np
import pandas as pd
from absl import logging

from jdstyle.evaluation import metrics
from jdstyle.evaluation import thresholds
from jdstyle.fusion import parts
from jdstyle.fusion import relation_search


class RelationFit(typing.NamedTuple):
    """What `fit` found. Decisions are `probability >= threshold`, in float32.

    Attributes:
        first_thresholds: float32 `(num_styles,)`, for plain probabilities: they
            say which styles are positive in the first stage.
        alpha: float32 `(num_styles,)`; 1 where the correction is not kept.
        beta: float32 `(num_styles, num_styles)`, `[target, other]`; a row of 0s
            where it is not kept. The diagonal is 0.
        thresholds: float32 `(num_styles,)`, for corrected probabilities that
            were clipped to [0, 1]; the first threshold where it is not kept.
        table: `pandas.DataFrame`, a row per column of the labels (index 0,
            1, ...) and the row "macro mean". `f2_before` and `f2_after` are
            cross-fitted: each fold is decided by what the others taught.
            `gain`, `gain_low` and `gain_high` are their difference and its
            95 % paired bootstrap interval over photos; `tried_gain` is what
            the correction gained before it was kept or refused, `alpha` and
            `beta` (the largest one) what is returned, and `kept` is "yes", or
            "no: " and why. The gain of the macro mean is a little optimistic:
            its photos also chose which styles to keep.
    """

    first_thresholds: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    thresholds: np.ndarray
    table: pd.DataFrame


def fit(
    labels, probabilities, folds, conditional, *, full_matrix=False, seed=0
):
    """Fits equation 2 on out-of-fold probabilities.

    Per style, from alpha = 1 and beta = 0, alpha and beta are changed in turn
    to the grid's best value until no change raises the cross-validated F2
    (per fold, the threshold of the other folds; counts pooled). The whole
    search, first thresholds included, is repeated without each fold and
    scored on it. A style keeps its correction only where this cross-fitted F2
    rises and, on all photos with thresholds chosen again, F2 does not fall.

    Args:
        labels: int or bool array of 0s and 1s, at least one 1 in each column,
            shape `(n, num_styles)`.
        probabilities: float array in [0, 1], shape `(n, num_styles)`: each
            photo's by networks that were not trained on it. Used as float32.
        folds: int array, shape `(n,)`. Where all are equal, parts by lot stand
            in, as `parts.of_folds` says; so they do where, of two folds, one is
            left to search in.
        conditional: float array in [0, 1], shape `(num_styles, num_styles)`, of
            `relations.conditional`; `[a, b]` is P(a|b).
        full_matrix: bool; a beta per (target, other) instead of one beta per
            target, shared by its others. Takes about ten times as long.
        seed: int >= 0, of parts by lot and of the bootstrap.

    Returns:
        `RelationFit`.

    Raises:
        ValueError: if shapes do not fit, a value is out of range, or a column
            of `labels` holds no 1.
    """
    labels, probabilities, folds, conditional = _check(
        labels, probabilities, folds, conditional
    )
    folds = parts.of_folds(folds, seed)
    first = relation_search.first_thresholds(labels, probabilities)
    whole = relation_search.make_part(labels, probabilities, folds, first)
    splits = [
        relation_search.split(whole, fold, seed) for fold in np.unique(folds)
    ]

    before = np.empty_like(labels)
    for held, first_of_rest, _, _ in splits:
        before[held] = probabilities[held] >= first_of_rest
    tried, rows = np.empty_like(labels), []
    alpha, final = np.ones_like(first), first.copy()
    beta = np.zeros_like(conditional)
    for target, weights in enumerate(conditional):
        start = time.monotonic()
        best, kept, tried[:, target] = _fit_style(
            whole, splits, target, weights, before[:, target], full_matrix
        )
        if kept == "yes":
            alpha[target], beta[target], final[target] = best
        rows.append((alpha[target], beta[target].max(), kept))
        logging.info(
            "Relations of style %d of %d: alpha %.1f, beta %g, kept: %s "
            "(%.1f s).",
            target + 1,
            len(first),
            *rows[-1],
            time.monotonic() - start,
        )
    found = pd.DataFrame(rows, columns=["alpha", "beta", "kept"])
    table = _table(labels, before, tried, found, seed)
    return RelationFit(first, alpha, beta, final, table)


def _fit_style(whole, splits, target, conditional, before, full_matrix):
    """Fits one style on all photos, and without each fold to score it.

    Args:
        whole: `relation_search.Part` of all photos.
        splits: list of `relation_search.Split`, one per fold of `whole`.
        target: int, the style's column.
        conditional: float32 array in [0, 1], shape `(num_styles,)`: P(target|b)
            for each style b.
        before: bool array, shape `(n,)`: cross-fitted decisions without the
            correction.
        full_matrix: bool; a beta per other style instead of one for all.

    Returns:
        `(found, kept, tried)`: `(alpha, beta, threshold)` with beta of shape
        `(num_styles,)`; "yes", or "no: " and why; the cross-fitted decisions
        with the correction, bool `(n,)`.
    """
    labels, raw = whole.labels[:, target], whole.probabilities[:, target]
    alpha, beta = relation_search.search(
        whole, target, conditional, full_matrix
    )
    scores = relation_search.corrected(whole, target, conditional, alpha, beta)
    found = alpha, beta, relation_search.best_threshold(labels, scores)
    if len(np.unique(whole.folds[labels])) < 2:
        return found, "no: positives in one fold", before

    tried = np.empty_like(labels)
    for held, _, rest, left_out in splits:
        setting = relation_search.search(rest, target, conditional, full_matrix)
        threshold = relation_search.best_threshold(
            rest.labels[:, target],
            relation_search.corrected(rest, target, conditional, *setting),
        )
        tried[held] = (
            relation_search.corrected(left_out, target, conditional, *setting)
            >= threshold
        )
    f2_before, f2_tried = (
        relation_search.f2(labels, before),
        relation_search.f2(labels, tried),
    )
    if alpha == 1 and not beta.any():
        kept = "no: nothing found"
    elif f2_tried <= f2_before:
        kept = "no: lost" if f2_tried < f2_before else "no: no gain"
    elif (
        thresholds.best_threshold(labels, scores)[1]
        < thresholds.best_threshold(labels, raw)[1]
    ):
        kept = "no: lost on all photos"
    else:
        kept = "yes"
    return found, kept, tried


def _table(labels, before, tried, found, seed):
    """Returns the `table` of `RelationFit`; `found` are its last columns."""
    kept = found["kept"] == "yes"
    after = np.where(kept, tried, before)
    f2_before, f2_after, f2_tried = (
        metrics.fbeta(*metrics.counts(labels, decisions))
        for decisions in (before, after, tried)
    )
    # The same seed draws the same photos, so the difference is paired.
    gains = metrics.bootstrap_fbeta(labels, after, seed=seed)
    gains -= metrics.bootstrap_fbeta(labels, before, seed=seed)
    low, high = metrics.interval(gains)
    scores = pd.DataFrame(
        {
            "f2_before": f2_before,
            "f2_after": f2_after,
            "gain": f2_after - f2_before,
            "gain_low": low,
            "gain_high": high,
            "tried_gain": f2_tried - f2_before,
        }
    )
    macro = scores.mean()
    macro["gain_low"], macro["gain_high"] = metrics.interval(gains.mean(axis=1))
    table = pd.concat([scores, found], axis=1)
    table.loc["macro mean", macro.index] = macro
    table.loc["macro mean", "kept"] = f"{kept.sum()} of {len(kept)}"
    positives = pd.array([*labels.sum(axis=0), pd.NA], "Int64")
    table.insert(0, "positives", positives)
    return table


def _check(labels, probabilities, folds, conditional):
    """Returns arrays of bool, float32, the folds' own dtype and float32."""
    labels, probabilities, folds, conditional = map(
        np.asarray, (labels, probabilities, folds, conditional)
    )
    if labels.ndim != 2 or not labels.size:
        raise ValueError(
            "`labels` must have the shape (n, num_styles) and hold at least "
            f"one photo. Received: shape {labels.shape}."
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"`labels` must be 0 or 1. Received: {np.unique(labels)[:10]}."
        )
    photos, num_styles = labels.shape
    for name, array, shape in [
        ("probabilities", probabilities, (photos, num_styles)),
        ("folds", folds, (photos,)),
        ("conditional", conditional, (num_styles, num_styles)),
    ]:
        if array.shape != shape:
            raise ValueError(
                f"`{name}` must have the shape {shape}. "
                f"Received: shape {array.shape}."
            )
        # Written so that a NaN is refused.
        if name != "folds" and not np.all((array >= 0) & (array <= 1)):
            raise ValueError(
                f"`{name}` must be numbers in [0, 1]. "
                f"Received: {array.min()} to {array.max()}."
            )
    if not labels.any(axis=0).all():
        raise ValueError(
            "`labels` must hold at least one 1 in each column. Received: none "
            f"in column {np.argmin(labels.any(axis=0))}."
        )
    return (
        labels.astype(bool),
        probabilities.astype(np.float32),
        folds,
        conditional.astype(np.float32),
    )
