"""Fits alpha and beta of equation 2 (`relations.correct`) for macro F2.

Given the first-stage decisions, the F2 of a style depends on its own alpha,
betas and threshold alone, so the search for the best macro F2 is a search per
style. A gain counts only where it shows on photos that the fit did not see.
"""

import functools
import time
import typing

import numpy as np
import pandas as pd
from absl import logging

from jdstyle.evaluation import parts
from jdstyle.fusion import gates
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
        margins: float32 `(n, num_styles)`, of what is kept: each photo's
            probability less the threshold, both as the other folds taught them.
            A style is on from 0 up.
        table: `pandas.DataFrame` of `gates.choose`; before its last column
            `alpha` and `beta` (the largest one) of what is returned.
    """

    first_thresholds: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    thresholds: np.ndarray
    margins: np.ndarray
    table: pd.DataFrame


def fit(
    labels,
    probabilities,
    folds,
    conditional,
    *,
    full_matrix=False,
    threshold="auto",
    seed=0,
):
    """Fits equation 2 on out-of-fold probabilities.

    Per style, from alpha = 1 and beta = 0, alpha and beta are changed in turn
    to the grid's best value until no change raises the cross-validated F2
    (per fold, the exact threshold of the other folds; counts pooled). The whole
    search, first thresholds included, is repeated without each fold and
    scored on it. A style keeps its correction only where this cross-fitted F2
    rises, beyond chance as `gates.choose` says, and, on all photos with
    thresholds chosen again, F2 does not fall.

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
        threshold: the `kind` of `bagging.choose`, of every threshold but those
            of the search.
        seed: int >= 0, of parts by lot and of the bootstraps.

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
    choose = functools.partial(
        relation_search.threshold, kind=threshold, seed=seed
    )
    first = relation_search.first_thresholds(labels, probabilities, choose)
    whole = relation_search.make_part(labels, probabilities, folds, first)
    splits = [
        relation_search.split(whole, fold, seed, choose)
        for fold in np.unique(folds)
    ]

    before, tried = np.empty_like(probabilities), np.empty_like(probabilities)
    for held, first_of_rest, _, _ in splits:
        before[held] = probabilities[held] - first_of_rest
    found, refused = [], []
    for target, weights in enumerate(conditional):
        start = time.monotonic()
        best, reason, tried[:, target] = _fit_style(
            whole,
            splits,
            target,
            weights,
            full_matrix,
            first[target],
            choose,
        )
        found.append(best)
        refused.append(reason)
        logging.info(
            "Relations of style %d of %d: alpha %.1f, beta %g (%.1f s).",
            target + 1,
            len(first),
            best[0],
            best[1].max(),
            time.monotonic() - start,
        )
    on, table = gates.choose(
        labels, before >= 0, tried >= 0, folds, refused=refused, seed=seed
    )
    alpha, final = np.ones_like(first), first.copy()
    beta = np.zeros_like(conditional)
    for target in np.flatnonzero(on):
        alpha[target], beta[target], final[target] = found[target]
    # Before the last column, `kept`.
    table.insert(table.columns.size - 1, "alpha", [*alpha, np.nan])
    table.insert(table.columns.size - 1, "beta", [*beta.max(axis=1), np.nan])
    margins = np.where(on, tried, before)
    return RelationFit(first, alpha, beta, final, margins, table)


def plain(labels, probabilities, folds, threshold="auto", seed=0):
    """Fits thresholds alone.

    Args:
        labels: bool array, shape `(n, num_styles)`, a 1 in each column.
        probabilities: float32 array in [0, 1], shape `(n, num_styles)`.
        folds: int array, shape `(n,)`.
        threshold: as in `fit`.
        seed: as in `fit`.

    Returns:
        `(thresholds, margins)`: float32 `(num_styles,)`, of all photos, and
        float32 `(n, num_styles)`, the `margins` of `RelationFit` of thresholds
        of the other folds.
    """
    choose = functools.partial(
        relation_search.threshold, kind=threshold, seed=seed
    )
    folds = parts.of_folds(folds, seed)
    margins = np.empty_like(probabilities)
    for fold in np.unique(folds):
        held = folds == fold
        margins[held] = probabilities[held] - relation_search.first_thresholds(
            labels[~held], probabilities[~held], choose
        )
    first = relation_search.first_thresholds(labels, probabilities, choose)
    return first, margins


def _fit_style(whole, splits, target, conditional, full_matrix, first, choose):
    """Fits one style on all photos, and without each fold to score it.

    Args:
        whole: `relation_search.Part` of all photos.
        splits: list of `relation_search.Split`, one per fold of `whole`.
        target: int, the style's column.
        conditional: float32 array in [0, 1], shape `(num_styles,)`: P(target|b)
            for each style b.
        full_matrix: bool; a beta per other style instead of one for all.
        first: float32, the threshold for plain probabilities.
        choose: as in `relation_search.first_thresholds`.

    Returns:
        `(found, refused, margins)`: `(alpha, beta, threshold)` with beta of
        shape `(num_styles,)`; why it cannot be kept, or ""; and the
        cross-fitted margins with the correction, float32 `(n,)`.
    """
    labels, raw = whole.labels[:, target], whole.probabilities[:, target]
    alpha, beta = relation_search.search(
        whole, target, conditional, full_matrix
    )
    scores = relation_search.corrected(whole, target, conditional, alpha, beta)
    found = alpha, beta, choose(labels, scores)
    margins = np.empty_like(raw)
    for held, _, rest, left_out in splits:
        setting = relation_search.search(rest, target, conditional, full_matrix)
        threshold = choose(
            rest.labels[:, target],
            relation_search.corrected(rest, target, conditional, *setting),
        )
        margins[held] = (
            relation_search.corrected(left_out, target, conditional, *setting)
            - threshold
        )
    refused = ""
    if alpha == 1 and not beta.any():
        refused = "nothing found"
    elif relation_search.f2(labels, scores >= found[2]) < relation_search.f2(
        labels, raw >= first
    ):
        refused = "lost on all photos"
    return found, refused, margins


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
