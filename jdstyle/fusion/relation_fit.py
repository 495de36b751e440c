"""Fits alpha and beta of equation 2 (`relations.correct`) for macro F2.

Given the first-stage decisions, the F2 of a style depends on its own alpha,
betas and threshold alone, so the search for the best macro F2 is a search per
style. A gain counts only where it shows on photos that the fit did not see.
"""

import time
import typing

import numpy as np
from absl import logging

from jdstyle.fusion import gates
from jdstyle.fusion import relation_search


class RelationFit(typing.NamedTuple):
    """What `fit` found in every style, kept or not.

    Attributes:
        alpha: float32 `(num_styles,)`.
        beta: float32 `(num_styles, num_styles)`, `[target, other]`. The
            diagonal is 0.
        tried: `gates.Tried`.
    """

    alpha: np.ndarray
    beta: np.ndarray
    tried: gates.Tried


def fit(
    labels,
    probabilities,
    folds,
    conditional,
    *,
    full_matrix=False,
    choose,
    seed=0,
):
    """Fits equation 2 on out-of-fold probabilities.

    Per style, from alpha = 1 and beta = 0, alpha and beta are changed in turn
    to the grid's best value until no change raises the cross-validated F2
    (per fold, the exact threshold of the other folds; counts pooled). The whole
    search, first thresholds included, is repeated without each fold and
    scored on it.

    Args:
        labels: int or bool array, at least one 1 in each column, shape
            `(n, num_styles)`: 1, 0, or -1 where unknown.
        probabilities: float32 array in [0, 1], shape `(n, num_styles)`: each
            photo's by networks that were not trained on it.
        folds: int array, shape `(n,)`, at least two different. Parts by lot
            stand in where, of two folds, one is left to search in.
        conditional: float32 array in [0, 1], shape `(num_styles, num_styles)`,
            of `relations.conditional`; `[a, b]` is P(a|b).
        full_matrix: bool; a beta per (target, other) instead of one beta per
            target, shared by its others. Takes about ten times as long.
        choose: as in `relation_search.first_thresholds`, for every threshold
            but those of the search.
        seed: int >= 0, of parts by lot.

    Returns:
        `RelationFit`.
    """
    first = relation_search.first_thresholds(labels, probabilities, choose)
    whole = relation_search.make_part(labels, probabilities, folds, first)
    splits = [
        relation_search.split(whole, fold, seed, choose)
        for fold in np.unique(folds)
    ]
    margins, scores = (np.empty_like(probabilities) for _ in range(2))
    alpha, thresholds = (np.empty_like(first) for _ in range(2))
    beta = np.empty_like(conditional)
    refused = []
    for target, weights in enumerate(conditional):
        start = time.monotonic()
        best, reason, margins[:, target] = _fit_style(
            whole,
            splits,
            target,
            weights,
            full_matrix,
            choose,
        )
        alpha[target], beta[target] = best
        scores[:, target] = relation_search.corrected(
            whole, target, weights, *best
        )
        thresholds[target] = choose(labels[:, target], scores[:, target])
        refused.append(reason)
        logging.info(
            "Equation 2 of style %d of %d: alpha %.1f, beta %g (%.1f s).",
            target + 1,
            len(first),
            best[0],
            best[1].max(),
            time.monotonic() - start,
        )
    tried = gates.Tried(margins, scores, thresholds, refused)
    return RelationFit(alpha, beta, tried)


def _fit_style(whole, splits, target, conditional, full_matrix, choose):
    """Fits one style on all photos, and without each fold to score it.

    Args:
        whole: `relation_search.Part` of all photos.
        splits: list of `relation_search.Split`, one per fold of `whole`.
        target: int, the style's column.
        conditional: float32 array in [0, 1], shape `(num_styles,)`: P(target|b)
            for each style b.
        full_matrix: bool; a beta per other style instead of one for all.
        choose: as in `relation_search.first_thresholds`.

    Returns:
        `(found, refused, margins)`: `(alpha, beta)` with beta of shape
        `(num_styles,)`; why it cannot be kept, or ""; and the cross-fitted
        margins with the correction, float32 `(n,)`.
    """
    found = relation_search.search(whole, target, conditional, full_matrix)
    margins = np.empty_like(whole.probabilities[:, target])
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
    alpha, beta = found
    changes = alpha != 1 or beta.any()
    return found, "" if changes else "nothing found", margins
