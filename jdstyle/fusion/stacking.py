"""A logistic stack: one regression per style over all members and styles."""

import numpy as np
import tensorflow as tf
from absl import logging
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

# float32 just below 1 still holds 1 - 1e-6, to 2 % of the difference.
_CLIP = 1e-6
# Inverse L2 penalty per standardised column: a Gaussian prior on its weight
# with variance 0.1, that is a standard deviation of 2 on the logit that 39
# columns (3 members, 13 styles) make together.
_C = 0.1
_LEAST_EXAMPLES = 10
# Logits that vary less say nothing; dividing by it would blow up the kernel.
_LEAST_SCALE = 0.01


def logits(probabilities):
    """Returns float64 logits of float32 probabilities, clipped.

    Args:
        probabilities: float32 array or tensor in [0, 1], of any shape.

    Returns:
        float64 tensor of the same shape, within -13.9 and 13.9.
    """
    # Clipped before the cast, so that the bounds are float32 numbers too.
    clipped = tf.clip_by_value(probabilities, _CLIP, 1 - _CLIP)
    clipped = tf.cast(clipped, tf.float64)
    return tf.math.log(clipped) - tf.math.log1p(-clipped)


def fit(labels, probabilities, present):
    """Fits a logistic regression per style over all members and styles.

    Args:
        labels: int array, shape `(n, num_styles)`: 1, 0, or -1 where unknown.
        probabilities: float32 in [0, 1], shape `(n, members, num_styles)`.
        present: bool `(members, num_styles)`, what a member has.

    Returns:
        `(kernel, bias)`: float32 `(members * num_styles, num_styles)`, with
        members outermost and 0 where one lacks the style, and float32
        `(num_styles,)`. What `logits` returns, times the kernel, plus the
        bias, are the logits of the stack.
    """
    photos, num_styles = labels.shape
    weights = present / present.sum(axis=0)
    kernel = np.zeros((*present.shape, num_styles))  # Averages logits, for now.
    every = np.arange(num_styles)
    kernel[:, every, every] = weights
    kernel = kernel.reshape(-1, num_styles)
    bias = np.zeros(num_styles)

    positives = (labels == 1).sum(axis=0)
    negatives = (labels == 0).sum(axis=0)
    enough = np.minimum(positives, negatives) >= _LEAST_EXAMPLES
    if not enough.all():
        logging.warning(
            "Too few photos of one label for a stack; the mean of the logits "
            "stands in. Positives in %d photos: %s.",
            photos,
            ", ".join(
                f"{positives[i]} in column {i}" for i in np.flatnonzero(~enough)
            ),
        )
    if enough.any():
        inputs = present.ravel()
        columns = logits(probabilities.reshape(photos, -1)[:, inputs]).numpy()
        kernel[:, enough] = 0.0
        kernel[np.ix_(inputs, enough)], bias[enough] = regressions(
            labels[:, enough], columns
        )
    return kernel.astype(np.float32), bias.astype(np.float32)


# On many threads a small product waits for them, 20 times as long.
@threadpool_limits.wrap(limits=1)
def regressions(labels, columns):
    """Fits logistic regressions with an L2 penalty on standardised columns.

    Args:
        labels: int or bool array, shape `(n, num_styles)`: 1, 0, or -1 where
            unknown; each style with a 1 and a 0.
        columns: float64 array, shape `(n, num_columns)`.

    Returns:
        `(kernel, bias)`: float64 `(num_columns, num_styles)` and
        `(num_styles,)`, for columns as they came.
    """
    of_all = _standardise(columns)
    kernel, bias = [], []
    for of_style in labels.T:
        known = of_style >= 0
        rows, center, scale = (
            of_all if known.all() else _standardise(columns[known])
        )
        model = LogisticRegression(C=_C, solver="newton-cholesky")
        model.fit(rows, of_style[known])
        kernel.append(model.coef_[0] / scale)
        bias.append(np.ravel(model.intercept_)[0] - kernel[-1] @ center)
    return np.stack(kernel, axis=1), np.array(bias)


def _standardise(columns):
    """Returns columns of mean 0 and deviation 1, and what made them so."""
    center = columns.mean(axis=0)
    scale = np.maximum(columns.std(axis=0), _LEAST_SCALE)
    return (columns - center) / scale, center, scale
