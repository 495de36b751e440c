"""The search for alpha and beta of equation 2, one style at a time."""

import typing

import numpy as np

from jdstyle.evaluation import metrics
from jdstyle.evaluation import thresholds

# In order of preference: of equal scores, the earlier value stays. A rare
# style's P(A|B) may be 0.02, hence betas above 1.
_ALPHAS = np.linspace(1.0, 0.1, 10).astype(np.float32)
_BETAS = np.float32([0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10])
# A change of alpha or beta must gain more F2 than this: no rounding error.
_LEAST_GAIN = 1e-6
# Where the caller has no folds.
_NUM_PARTS = 5


class Part(typing.NamedTuple):
    """Photos with their first-stage decisions.

    Attributes:
        labels: bool `(n, styles)`.
        probabilities: float32 `(n, styles)`.
        folds: int `(n,)`, at least two different where something is fitted.
        patterns: bool `(patterns, styles)`, the distinct rows of decisions.
        pattern: int `(n,)`, the photo's row in `patterns`.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    folds: np.ndarray
    patterns: np.ndarray
    pattern: np.ndarray


def search(part, target, conditional, full_matrix):
    """Searches alpha and beta of one style, one coordinate after another.

    Returns:
        `(alpha, beta)`: float32, and float32 `(styles,)`.
    """

    def score(setting):
        scores = corrected(part, target, conditional, setting[0], setting[1:])
        return _cross_validated_f2(part.labels[:, target], scores, part.folds)

    # What has P(A|B) = 0 has nothing to say: its beta stays 0.
    others = np.flatnonzero(conditional)
    others = others[others != target]
    betas = others[:, np.newaxis] if full_matrix else [others]
    coordinates = [([0], _ALPHAS), *((1 + i, _BETAS) for i in betas if i.size)]
    setting = np.float32([1, *np.zeros(len(conditional))])  # Alpha, betas.
    best, improved = score(setting), True
    while improved:
        improved = False
        for places, grid in coordinates:
            for value in grid[grid != setting[places[0]]]:
                changed = setting.copy()
                changed[places] = value
                changed_score = score(changed)
                if changed_score > best + _LEAST_GAIN:
                    best, setting, improved = changed_score, changed, True
    return setting[0], setting[1:]


def corrected(part, target, conditional, alpha, beta):
    """Equation 2 for one style, clipped: `relations.correct` in NumPy.

    Both add float32 terms in float64 and round once: the same to the last bit.

    Returns:
        float32 array in [0, 1], shape `(n,)`.
    """
    weights = (beta * conditional).astype(np.float64)
    weights[target] = 0
    said = (part.patterns @ weights).astype(np.float32)
    has_others = np.delete(part.patterns, target, axis=1).any(axis=1)
    raw = part.probabilities[:, target]
    scores = np.where(
        has_others[part.pattern], alpha * raw + said[part.pattern], raw
    )
    return np.clip(scores, 0, 1)


def _cross_validated_f2(labels, scores, folds):
    """F2 of decisions by thresholds that the photo's own fold did not choose.

    Args:
        labels: bool `(n,)`.
        scores: float32 in [0, 1], `(n,)`.
        folds: int `(n,)`.

    Returns:
        float in [0, 1], of the pooled counts; 0 where no label is 1.
    """
    decisions = np.empty_like(labels)
    for fold in np.unique(folds):
        held = folds == fold
        decisions[held] = scores[held] >= best_threshold(
            labels[~held], scores[~held]
        )
    return f2(labels, decisions)


def best_threshold(labels, scores):
    """The best threshold for F2, moved to separate; inf without a positive."""
    if not labels.any():
        return np.float32(np.inf)
    threshold, _ = thresholds.best_threshold(labels, scores)
    return np.float32(thresholds.separating(threshold, scores))


def first_thresholds(labels, probabilities):
    """Returns a float32 threshold per style, `(styles,)`."""
    return np.array(
        [
            best_threshold(y, p)
            for y, p in zip(labels.T, probabilities.T, strict=True)
        ]
    )


def make_part(labels, probabilities, folds, first):
    """Returns the `Part` of photos decided by the first thresholds."""
    patterns, pattern = np.unique(
        probabilities >= first, axis=0, return_inverse=True
    )
    return Part(labels, probabilities, folds, patterns, pattern.reshape(-1))


def split(whole, fold, seed):
    """Takes one fold out.

    Returns:
        `(held, first, rest, left_out)`: bool `(n,)`, which photos the fold
        holds; the first thresholds of the other photos; two `Part`s by these.
    """
    held = whole.folds == fold
    labels, probabilities, folds = (array[~held] for array in whole[:3])
    folds = at_least_two(folds, labels, seed)
    first = first_thresholds(labels, probabilities)
    rest = make_part(labels, probabilities, folds, first)
    return held, first, rest, make_part(*(a[held] for a in whole[:3]), first)


def at_least_two(folds, labels, seed):
    """Returns `folds`, or random parts where all photos are of one fold."""
    if np.any(folds != folds[:1]):
        return folds
    # Sorted by the rarest style first, and dealt in turn: each label set, and
    # above all each rare style, is spread evenly.
    rng = np.random.default_rng(seed)
    commonest_first = np.argsort(-labels.sum(axis=0), kind="stable")
    order = np.lexsort(
        [rng.permutation(len(labels)), *labels[:, commonest_first].T]
    )
    parts = np.empty(len(labels), np.int64)
    parts[order] = np.arange(len(labels)) % _NUM_PARTS
    return parts


def f2(labels, decisions):
    """Returns the F2 of one style, from two bool arrays `(n,)`."""
    counts = metrics.counts(labels[:, np.newaxis], decisions[:, np.newaxis])
    return float(metrics.fbeta(*counts)[0])
