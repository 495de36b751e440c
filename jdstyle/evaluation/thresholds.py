"""Exact search for the decision threshold with the best F-beta score."""

from fractions import Fraction

import numpy as np


def best_threshold(labels, probabilities, beta=2.0):
    """Finds the decision threshold with the highest F-beta score.

    Tries every distinct probability as a threshold, the lowest (everything
    positive) included, so the result is the exact optimum on this set. Choose
    it on the validation split and report on another: on the set it was chosen
    on, the score is biased upward.

    With P positives, `predicted` examples at or above the threshold and
    `found` positives among them,

        F = (1 + beta^2) * found / (beta^2 * P + predicted)

    Equal scores are accepted or refused together. Thresholds with the same F
    are compared as fractions of integers, so rounding decides no tie: the
    lowest of them, which has the highest recall, is returned. `beta` counts
    as the decimal number that Python prints for it (0.1 is one tenth).

    Args:
        labels: int or bool array, at least one 1, shape `(n,)`: 1, 0, or -1
            where unknown, which counts nowhere.
        probabilities: float array in [0, 1], shape `(n,)`.
        beta: float > 0; recall counts `beta` times as much as precision.

    Returns:
        `(threshold, score)`, two floats in [0, 1]; the threshold is one of
        the probabilities. Predict 1 when `probability >= threshold`.

    Raises:
        ValueError: if the arrays are empty, not one-dimensional, of different
            lengths or hold other values, if no label is 1, or if `beta` is
            not > 0.

    Source: van Rijsbergen, "Information Retrieval", 2nd ed. (1979), ch. 7.
    """
    probabilities = _check_probabilities(probabilities)
    positive, negative = _check_labels(labels, probabilities.shape)
    if not 0 < beta < float("inf"):
        raise ValueError(
            f"`beta` must be a finite number > 0. Received: beta={beta!r}."
        )
    # Only a positive's score can be the best threshold: down to the next
    # positive, more is predicted and nothing found. Each kind is sorted by
    # itself, several times as fast as their common order would be found.
    scores = np.sort(probabilities[positive])
    others = np.sort(probabilities[negative])
    # The first of each run of equal scores: only there may a threshold cut.
    starts = np.flatnonzero(np.append(True, scores[1:] > scores[:-1]))
    scores = scores[starts]
    found = np.count_nonzero(positive) - starts
    predicted = found + len(others) - np.searchsorted(others, scores)

    squared = Fraction(repr(float(beta))) ** 2
    positives = int(found[0])
    ratios = found / (float(squared) * positives + predicted)
    # Floats choose the few contenders, fractions the best of them. 1e-12 is
    # far above the error of the division (about 1e-16, relative).
    contenders = np.flatnonzero(ratios >= ratios.max() * (1 - 1e-12))
    ratio, best = max(
        (
            Fraction(int(found[i])) / (squared * positives + int(predicted[i])),
            -i,
        )
        for i in contenders
    )  # Of equal ratios, the earlier index: the lower score.
    return float(scores[-best]), float((1 + squared) * ratio)


def separating(threshold, probabilities):
    """Moves a threshold half-way down to the next lower probability.

    The decisions `probability >= threshold` on these probabilities stay the
    same, and stay so when another runtime rounds them otherwise (by about
    1e-7), which a threshold that equals a probability does not survive.

    Args:
        threshold: float in [0, 1], as `best_threshold` returns it.
        probabilities: float array in [0, 1], shape `(n,)`. Its dtype is the
            one in which the result will be compared.

    Returns:
        float: the midpoint of `threshold` and the next lower probability (0
        if none is lower), rounded to the dtype of `probabilities`: above the
        latter and at most `threshold`. `threshold` itself if no number of
        that dtype lies between.

    Raises:
        ValueError: if `threshold` is outside [0, 1], or the array is empty,
            not one-dimensional or holds other values.
    """
    probabilities = _check_probabilities(probabilities)
    threshold = float(threshold)
    if not 0 <= threshold <= 1:
        raise ValueError(
            f"`threshold` must be in [0, 1]. Received: threshold={threshold}."
        )
    # In float64: NumPy would round a Python float to the array's dtype.
    below = probabilities[probabilities.astype(np.float64) < threshold]
    lower = float(below.max()) if below.size else 0.0
    middle = lower + (threshold - lower) / 2
    middle = float(probabilities.dtype.type(middle))
    return middle if lower < middle <= threshold else threshold


def _check_probabilities(probabilities):
    """Returns a floating array, shape `(n,)`; its dtype kept if it is one."""
    probabilities = np.asarray(probabilities)
    if not np.issubdtype(probabilities.dtype, np.floating):
        probabilities = probabilities.astype(np.float64)
    if probabilities.ndim != 1 or not probabilities.size:
        raise ValueError(
            "`probabilities` must be a one-dimensional array that is not "
            f"empty. Received: shape {probabilities.shape}."
        )
    # Written so that a NaN, which makes each comparison false, is refused.
    accepted = (probabilities >= 0) & (probabilities <= 1)
    if not accepted.all():
        i = int(np.argmin(accepted))
        raise ValueError(
            "`probabilities` must be numbers in [0, 1]. "
            f"Received: {probabilities[i]} at index {i}."
        )
    return probabilities


def _check_labels(labels, shape):
    """Returns where they are 1, at least once, and where 0: bool arrays."""
    labels = np.asarray(labels)
    if labels.shape != shape:
        raise ValueError(
            "`labels` must have the shape of `probabilities`, "
            f"{shape}. Received: shape {labels.shape}."
        )
    positive, negative = labels == 1, labels == 0
    accepted = positive | negative
    if not accepted.all():
        # Not of unsigned numbers, whose comparison with -1 NumPy 2.2.0 crashes.
        accepted |= labels.astype(np.float64) == -1
    if not accepted.all():
        i = int(np.argmin(accepted))
        raise ValueError(
            "`labels` must be 0 or 1, or -1 where unknown. "
            f"Received: {labels[i]} at index {i}."
        )
    if not positive.any():
        raise ValueError(
            "`labels` must hold at least one 1. "
            f"Received: 0 positives in {labels.size}."
        )
    return positive, negative
