"""F-beta per style from counts, with its baseline and its uncertainty.

The macro score is the mean of the styles' scores. A style without predicted
positives scores 0, and so does one without positives, though its score is not
defined: `scores.score` leaves it out. A label of -1 is unknown: whatever is
decided there counts neither as right nor as wrong.
"""

import numpy as np

# Elements of the resampling weights that are held at once (16 MB of float32).
_CHUNK_ELEMENTS = 2**22


def counts(labels, decisions):
    """Counts hits, false alarms and misses of each style.

    Args:
        labels: int or bool array of 0s, 1s and -1s, shape `(n, num_styles)`.
        decisions: int or bool array of 0s and 1s, shape `(n, num_styles)`.

    Returns:
        `(true_positives, false_positives, false_negatives)`, three int64
        arrays, shape `(num_styles,)`.

    Raises:
        ValueError: if an array is not two-dimensional or holds other values,
            or if the shapes differ.
    """
    hits, alarms, misses = (
        np.sum(outcome, axis=0, dtype=np.int64)
        for outcome in _outcomes(labels, decisions)
    )
    return hits, alarms, misses


def fbeta(true_positives, false_positives, false_negatives, beta=2.0):
    """Computes the F-beta score from counts, element by element.

        F = (1 + beta^2) * tp / ((1 + beta^2) * tp + beta^2 * fn + fp)

    and 0 where the denominator is 0, as scikit-learn's
    `fbeta_score(zero_division=0)`.

    Args:
        true_positives: int array or int >= 0.
        false_positives: the same, of a shape that broadcasts.
        false_negatives: the same.
        beta: float > 0; recall counts `beta` times as much as precision.

    Returns:
        float64 array (a scalar for scalars) in [0, 1], of the common shape.

    Raises:
        ValueError: if a count is negative or `beta` is not > 0.

    Source: van Rijsbergen, "Information Retrieval", 2nd ed. (1979), ch. 7.
    """
    if not 0 < beta < float("inf"):
        raise ValueError(
            f"`beta` must be a finite number > 0. Received: beta={beta!r}."
        )
    hits, alarms, misses = _check_counts(
        true_positives, false_positives, false_negatives
    )
    squared = float(beta) ** 2
    weighted = (1 + squared) * hits
    return _ratio(weighted, weighted + squared * misses + alarms)


def precision_recall(true_positives, false_positives, false_negatives):
    """Computes precision and recall from counts, element by element.

    Args:
        true_positives: int array or int >= 0.
        false_positives: the same, of a shape that broadcasts.
        false_negatives: the same.

    Returns:
        `(precision, recall)`, float64 in [0, 1], of the common shape; 0 where
        nothing is predicted, or nothing is there, to divide by.

    Raises:
        ValueError: if a count is negative.
    """
    hits, alarms, misses = _check_counts(
        true_positives, false_positives, false_negatives
    )
    return _ratio(hits, hits + alarms), _ratio(hits, hits + misses)


def all_positive_fbeta(labels, beta=2.0):
    """Scores the baseline that predicts every style for every photo.

    Args:
        labels: int or bool array of 0s, 1s and -1s, shape `(n, num_styles)`.
        beta: float > 0; recall counts `beta` times as much as precision.

    Returns:
        float64 array in [0, 1], shape `(num_styles,)`.

    Raises:
        ValueError: if `labels` is not two-dimensional or holds other values,
            or if `beta` is not > 0.
    """
    decisions = np.ones(np.shape(labels), bool)
    return fbeta(*counts(labels, decisions), beta=beta)


def bootstrap_fbeta(labels, decisions, *, resamples=1000, seed=0, beta=2.0):
    """Scores the same decisions on photos drawn with replacement.

    Each resample draws n of the n photos and serves all styles, so that the
    mean over axis 1 is a resampled macro score. `interval` turns the result
    into an interval; it covers the choice of the photos, not the training.
    Photos without a known label are not drawn.

    Args:
        labels: int or bool array of 0s, 1s and -1s, shape `(n, num_styles)`,
            n > 0.
        decisions: int or bool array of 0s and 1s, shape `(n, num_styles)`.
        resamples: int > 0, number of draws.
        seed: int >= 0; the same seed gives the same result.
        beta: float > 0; recall counts `beta` times as much as precision.

    Returns:
        float64 array in [0, 1], shape `(resamples, num_styles)`.

    Raises:
        ValueError: if an array is empty, not two-dimensional or holds other
            values, if the shapes differ, or if `resamples` or `beta` is not
            > 0.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993),
    ch. 13.
    """
    outcomes = _outcomes(labels, decisions)
    known = (np.asarray(labels) >= 0).any(axis=1)
    if known.any() and not known.all():
        outcomes = [outcome[known] for outcome in outcomes]
    photos, num_styles = outcomes[0].shape
    if not photos:
        raise ValueError(
            "`labels` must hold at least one photo. "
            f"Received: shape {outcomes[0].shape}."
        )
    if resamples < 1:
        raise ValueError(
            f"`resamples` must be > 0. Received: resamples={resamples!r}."
        )
    # float32 holds every integer up to 2^24, and no sum here exceeds n: the
    # counts are exact, whatever the order in which BLAS adds.
    dtype = np.float32 if photos < 2**24 else np.float64
    indicators = np.concatenate(outcomes, axis=1).astype(dtype)
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_ELEMENTS // photos)
    drawn = np.empty((resamples, 3 * num_styles))
    held = np.empty((min(chunk, resamples), photos), dtype)
    for start in range(0, resamples, chunk):
        rows = drawn[start : start + chunk]
        weights = held[: len(rows)]
        # One draw per row: the result does not depend on the chunk's size.
        for row in weights:
            row[:] = np.bincount(
                rng.integers(photos, size=photos), minlength=photos
            )
        rows[:] = weights @ indicators
    return fbeta(*np.split(drawn, 3, axis=1), beta=beta)


def interval(samples):
    """Returns the middle 95 % of resampled scores.

    Args:
        samples: float array, shape `(resamples, ...)`: the result of
            `bootstrap_fbeta`, or its mean over axis 1 for the macro score.

    Returns:
        `(low, high)`, the 2.5th and the 97.5th percentile over axis 0: two
        float64 arrays (scalars for one dimension) of shape
        `samples.shape[1:]`.
    """
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    return low, high


def _ratio(numerator, denominator):
    """Divides; 0 where the denominator is 0. Both float64, same shape."""
    result = np.zeros(np.shape(denominator))
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result[()]  # A scalar instead of an array without dimensions.


def _check_counts(true_positives, false_positives, false_negatives):
    """Returns three float64 arrays of one shape, all >= 0."""
    arrays = []
    for name, array in [
        ("true_positives", true_positives),
        ("false_positives", false_positives),
        ("false_negatives", false_negatives),
    ]:
        array = np.asarray(array, np.float64)
        if not np.all(array >= 0):
            raise ValueError(f"`{name}` must be >= 0. Received: {array}.")
        arrays.append(array)
    return np.broadcast_arrays(*arrays)


def _outcomes(labels, decisions):
    """Returns hits, false alarms and misses: three bool `(n, num_styles)`."""
    labels = _check_values("labels", labels, (-1, 0, 1))
    decisions = _check_values("decisions", decisions, (0, 1)).astype(bool)
    if labels.shape != decisions.shape:
        raise ValueError(
            "`decisions` must have the shape of `labels`, "
            f"{labels.shape}. Received: shape {decisions.shape}."
        )
    positive, negative = labels == 1, labels == 0
    return positive & decisions, negative & decisions, positive & ~decisions


def _check_values(name, array, values):
    """Returns an array, shape `(n, num_styles)`, that holds nothing else."""
    array = np.asarray(array)
    if array.ndim != 2:
        raise ValueError(
            f"`{name}` must have the shape (n, num_styles). "
            f"Received: shape {array.shape}."
        )
    accepted = np.isin(array, values)
    if not accepted.all():
        row, column = np.argwhere(~accepted)[0]
        listed = ", ".join(map(str, values))
        raise ValueError(
            f"`{name}` must be one of {listed}. Received: "
            f"{array[row, column]} at row {row}, column {column}."
        )
    return array
