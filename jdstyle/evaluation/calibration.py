"""Platt scaling: two numbers a style that make its probabilities honest."""

import typing

import numpy as np
from scipy import optimize
from scipy import special

from jdstyle.evaluation import parts

# Photos of either label. With 15 positives, a gain out of fold beyond its
# standard error made the demo's Punk worse on its test: mean probability by
# share 1.27, without it 1.00.
_LEAST = 20


class Calibration(typing.NamedTuple):
    """What turns logits into those of calibrated probabilities.

    Attributes:
        scale: float32 `(num_styles,)`, > 0; 1 where nothing is to be done.
        shift: float32 `(num_styles,)`; 0 where nothing is to be done.
    """

    scale: np.ndarray
    shift: np.ndarray

    def apply(self, logits):
        """Returns `scale * logits + shift`, of arrays or tensors."""
        return logits * self.scale + self.shift


# Changes nothing, of any number of styles.
NONE = Calibration(np.ones(1, np.float32), np.zeros(1, np.float32))


def fit(labels, logits, folds, *, seed=0):
    """Fits Platt scaling to each style in which that pays on unseen photos.

    It pays where there are 20 photos of either label, the log loss falls by
    more than its standard error when each fold is scaled by what the others
    taught, and the scale is positive, so that the order of the photos, and with
    it every decision by a threshold that moves along, stays.

    Args:
        labels: int or bool array, shape `(n, num_styles)`: 1, 0, or -1 where
            unknown.
        logits: float array, shape `(n, num_styles)`, of networks that were not
            trained on these photos.
        folds: int array, shape `(n,)`. Where all are equal, parts by lot stand
            in, as `parts.of_folds` says.
        seed: int >= 0, of these parts.

    Returns:
        `Calibration`.

    Source: Platt, "Probabilistic Outputs for Support Vector Machines and
    Comparisons to Regularized Likelihood Methods" (1999), with his targets.
    """
    labels, logits = np.asarray(labels), np.asarray(logits, np.float64)
    folds = np.asarray(folds)
    found = []
    for y, z in zip(labels.T, logits.T, strict=True):
        known = y >= 0
        of_known = parts.of_folds(folds[known], seed)
        found.append(_fit_style(y[known] == 1, z[known], of_known))
    return Calibration(*np.array(found, np.float32).reshape(-1, 2).T)


def log_losses(labels, logits):
    """Returns what each photo's probability costs, in nats.

    Args:
        labels: bool array, shape `(n,)`.
        logits: float array, shape `(n,)`.

    Returns:
        float array, shape `(n,)`.
    """
    return np.logaddexp(0, np.where(labels, -logits, logits))


def logits(probabilities):
    """Returns finite float64 logits of float32 probabilities."""
    yes = np.clip(np.asarray(probabilities, np.float64), 1e-12, 1 - 1e-12)
    return special.logit(yes)


def _fit_style(labels, logits, folds):
    """Returns `(scale, shift)`; (1, 0) where nothing is gained."""
    positives = np.count_nonzero(labels)
    if min(positives, len(labels) - positives) < _LEAST:
        return 1, 0
    scaled = np.full(len(labels), np.nan)
    for fold in np.unique(folds):
        held = folds == fold
        if len(np.unique(labels[~held])) == 2:
            scale, shift = _platt(labels[~held], logits[~held])
            scaled[held] = scale * logits[held] + shift
    scored = np.isfinite(scaled)
    if len(np.unique(labels[scored])) < 2:
        return 1, 0
    gains = log_losses(labels, logits) - log_losses(labels, scaled)
    gains = gains[scored]
    scale, shift = _platt(labels, logits)
    if scale <= 0 or gains.mean() <= gains.std() / np.sqrt(len(gains)):
        return 1, 0
    return scale, shift


def _platt(labels, logits):
    """Fits `(scale, shift)` to Platt's targets, not quite 0 and 1."""
    positives = np.count_nonzero(labels)
    negatives = len(labels) - positives
    targets = np.where(
        labels, (positives + 1) / (positives + 2), 1 / (negatives + 2)
    )

    def loss(numbers):
        scaled = numbers @ columns
        value = np.mean(np.logaddexp(0, scaled) - targets * scaled)
        return value, columns @ (special.expit(scaled) - targets) / len(labels)

    def curvature(numbers):
        yes = special.expit(numbers @ columns)
        return columns * (yes * (1 - yes)) @ columns.T / len(labels)

    columns = np.stack([logits, np.ones(len(logits))])
    found = optimize.minimize(
        loss, [1.0, 0.0], jac=True, hess=curvature, method="trust-exact"
    )
    return found.x
