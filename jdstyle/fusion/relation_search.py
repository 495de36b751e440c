"""The search for alpha and beta of equation 2, one style at a time.

A style is a `target`, a column from 0. Decisions are
`probability >= threshold`, in float32.
"""

import typing

import numpy as np

from jdstyle.evaluation import bagging
from jdstyle.evaluation import metrics
from jdstyle.evaluation import parts
from jdstyle.fusion import crossed_f2

# In order of preference: of equal scores, the earlier value stays. A rare
# style's P(A|B) may be 0.02, hence betas above 1.
_ALPHAS = np.linspace(1.0, 0.1, 10).astype(np.float32)
_BETAS = np.array([0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10], np.float32)
# A change of alpha or beta must gain more F2 than this: no rounding error.
_LEAST_GAIN = 1e-6


class Part(typing.NamedTuple):
    """Photos with their first-stage decisions.

    Attributes:
        labels: int or bool `(n, num_styles)`: 1, 0, or -1 where unknown.
        probabilities: float32 in [0, 1], `(n, num_styles)`.
        folds: int `(n,)`, at least two different where something is fitted.
        patterns: bool `(num_patterns, num_styles)`, the distinct rows of
            decisions.
        pattern: int `(n,)`, the photo's row in `patterns`.
        num_on: int `(n,)`, how many styles are positive.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    folds: np.ndarray
    patterns: np.ndarray
    pattern: np.ndarray
    num_on: np.ndarray


class Split(typing.NamedTuple):
    """One fold of a `Part` held out of it.

    Attributes:
        held: bool `(n,)`, which photos the fold holds.
        first_thresholds: float32 `(num_styles,)`, those of the other photos.
        rest: `Part` of the other photos, decided by these thresholds.
        left_out: `Part` of the fold's photos, decided by these thresholds.
    """

    held: np.ndarray
    first_thresholds: np.ndarray
    rest: Part
    left_out: Part


def make_part(labels, probabilities, folds, first):
    """Makes a `Part` of photos that the first thresholds decide.

    Args:
        labels: int or bool array, shape `(n, num_styles)`: 1, 0, or -1 where
            unknown.
        probabilities: float32 array in [0, 1], shape `(n, num_styles)`.
        folds: int array, shape `(n,)`.
        first: float32 array, shape `(num_styles,)`.

    Returns:
        `Part`.
    """
    patterns, pattern = np.unique(
        probabilities >= first, axis=0, return_inverse=True
    )
    pattern = pattern.reshape(-1)
    num_on = patterns.sum(axis=1)[pattern]
    return Part(labels, probabilities, folds, patterns, pattern, num_on)


def split(whole, fold, seed, choose):
    """Holds one fold out.

    Args:
        whole: `Part`.
        fold: one of its folds.
        seed: int >= 0, of parts by lot where a single fold is left.
        choose: as in `first_thresholds`.

    Returns:
        `Split`.
    """
    held = whole.folds == fold
    labels, probabilities, folds = (array[~held] for array in whole[:3])
    folds = parts.of_folds(folds, seed)
    first = first_thresholds(labels, probabilities, choose)
    rest = make_part(labels, probabilities, folds, first)
    left_out = make_part(
        whole.labels[held], whole.probabilities[held], whole.folds[held], first
    )
    return Split(held, first, rest, left_out)


def search(part, target, conditional, full_matrix):
    """Searches alpha and beta of one style, one coordinate after another.

    Args:
        part: `Part` of at least two folds.
        target: int, the style's column.
        conditional: float32 array in [0, 1], shape `(num_styles,)`: P(target|b)
            for each style b.
        full_matrix: bool; a beta per other style instead of one for all.

    Returns:
        `(alpha, beta)`: float32, and float32 `(num_styles,)` with 0 for the
        target and for styles that it never meets.
    """

    # A style with P(target|b) = 0 has nothing to say: its beta stays 0.
    others = np.flatnonzero(conditional)
    others = others[others != target]
    betas = others[:, np.newaxis] if full_matrix else [others]
    coordinates = [([0], _ALPHAS), *((1 + i, _BETAS) for i in betas if i.size)]
    said = {}
    if not full_matrix:
        # All betas at once: the photos' decisions are then read but once.
        shared = np.zeros((len(_BETAS), len(conditional)), np.float32)
        shared[:, others] = _BETAS[:, np.newaxis]
        rows = _said(part, target, conditional, shared)
        said = {
            beta.tobytes(): row for beta, row in zip(shared, rows, strict=True)
        }

    def score(setting):
        beta = setting[1:]
        of_others = said.get(beta.tobytes())
        if of_others is None:
            of_others = _said(part, target, conditional, beta[np.newaxis])[0]
        scores = _combined(part, target, setting[0], of_others)
        return crossed_f2.score(part.labels[:, target], scores, part.folds)

    setting = np.array(
        [1, *np.zeros(len(conditional))], np.float32
    )  # Alpha, betas.
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

    Args:
        part: `Part`.
        target: int, the style's column.
        conditional: float32 array in [0, 1], shape `(num_styles,)`: P(target|b)
            for each style b.
        alpha: float32.
        beta: float32 array, shape `(num_styles,)`.

    Returns:
        float32 array in [0, 1], shape `(n,)`.
    """
    said = _said(part, target, conditional, np.asarray(beta)[np.newaxis])[0]
    return _combined(part, target, alpha, said)


def _said(part, target, conditional, betas):
    """Returns what the other styles add by each of k betas, `(k, n)`."""
    weights = (betas * conditional).astype(np.float64)
    weights[:, target] = 0
    said = (part.patterns @ weights.T).astype(np.float32)
    return np.ascontiguousarray(said.T)[:, part.pattern]


def _combined(part, target, alpha, said):
    """Returns the corrected scores, clipped, float32 `(n,)`."""
    raw = part.probabilities[:, target]
    has_others = part.num_on > part.patterns[part.pattern, target]
    return np.clip(np.where(has_others, alpha * raw + said, raw), 0, 1)


def threshold(labels, scores, kind, seed):
    """Chooses a threshold, as `bagging.choose`.

    Args:
        labels: int or bool array, shape `(n,)`: 1, 0, or -1 where unknown.
        scores: float32 array in [0, 1], shape `(n,)`.
        kind: as in `bagging.choose`.
        seed: as in `bagging.choose`.

    Returns:
        float32 in [0, 1]; infinity, which decides no, without a positive.
    """
    if not (labels == 1).any():
        return np.float32(np.inf)
    return np.float32(bagging.choose(labels, scores, kind, seed))


def first_thresholds(labels, probabilities, choose):
    """Chooses the threshold of each style.

    Args:
        labels: int or bool array, shape `(n, num_styles)`: 1, 0, or -1 where
            unknown.
        probabilities: float32 array in [0, 1], shape `(n, num_styles)`.
        choose: function of labels and scores, `threshold` without the others.

    Returns:
        float32 array, shape `(num_styles,)`.
    """
    return np.array(
        [choose(y, p) for y, p in zip(labels.T, probabilities.T, strict=True)]
    )


def f2(labels, decisions):
    """Returns the F2 of one style.

    Args:
        labels: int or bool array, shape `(n,)`: 1, 0, or -1 where unknown.
        decisions: bool array, shape `(n,)`.

    Returns:
        float in [0, 1]; 0 where no label is 1.
    """
    counts = metrics.counts(labels[:, np.newaxis], decisions[:, np.newaxis])
    return float(metrics.fbeta(*counts)[0])
