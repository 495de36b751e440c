"""Heads on frozen features: one regularised logistic regression per style."""

import typing
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from jdstyle.datasets import folds

# Inverse strengths of the regularisation that are tried, on features of mean 0
# and variance 1: scikit-learn's C, from the strongest on.
STRENGTHS = tuple((10.0 ** np.arange(-4, 0.5, 0.5)).tolist())
_FALLBACK = STRENGTHS[3]  # Where a style has too few positives to try them.

_MOST_FOLDS = 5
# Of the gradient. At scikit-learn's own 1e-4 the choice is stable; at 1e-3 weak
# strengths end where the stronger one before them did.
_TOLERANCE = 1e-4
_MOST_STEPS = 1000


class Heads(typing.NamedTuple):
    """The heads of several styles, as the weights of one dense layer.

    Attributes:
        kernel: float32 array `(channels, num_styles)`.
        bias: float32 array `(num_styles,)`.
        strengths: list of floats, scikit-learn's C that each style took.
        out_of_fold: float32 array `(n, num_styles)`: the logits of the photos,
            each by a head that was fitted without its fold; NaN where there is
            none.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strengths: list[float]
    out_of_fold: np.ndarray


# Each step reads all features once: more threads wait for memory, and for each
# other where the machine has other work.
@threadpool_limits.wrap(limits=1)
def fit(features, labels, weights, fold_of, *, seed=0):
    """Fits a head for each style, all of them on the same features.

    What counts is the log loss of photos that a head has not seen. A style's
    regularisation is the strongest that is within a standard error of the best.

    Args:
        features: float32 array `(n, channels)`.
        labels: int array `(n, num_styles)`: 1, 0, or -1 where unknown, each
            style with a 1 and a 0.
        weights: float array `(num_styles, 2)`, what a photo with label 0 and
            with label 1 weighs.
        fold_of: int array `(n,)`; photos that belong together share one.
        seed: int, of the folds that are made where there is only one.

    Returns:
        `Heads`.
    """
    some = (labels >= 0).any(axis=1)
    if not some.all():  # The others say nothing, not even what is usual.
        found = fit(
            features[some], labels[some], weights, fold_of[some], seed=seed
        )
        logits = np.full(labels.shape, np.nan, np.float32)
        logits[some] = found.out_of_fold
        return found._replace(out_of_fold=logits)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < 1e-6 * max(scale.max(), 1e-30)] = np.inf  # It says nothing.
    standard = (features - mean) / scale
    fold_of = _few_folds(labels, fold_of, seed)
    kernels, biases, strengths, columns = [], [], [], []
    for of_style, of_labels in zip(labels.T, weights, strict=True):
        known = of_style >= 0
        x, y = standard[known], of_style[known]
        w = of_labels[y]
        strength, logits = _choose(x, y, w, fold_of[known])
        kernel, bias = _fit_path(x, y, w, strength)[-1]
        kernel = kernel / scale
        kernels.append(kernel)
        biases.append(bias - mean @ kernel)
        strengths.append(strength)
        column = np.full(len(labels), np.nan, np.float32)
        column[known] = logits
        columns.append(column)
    return Heads(
        np.stack(kernels, axis=1).astype("float32"),
        np.array(biases, "float32"),
        strengths,
        np.stack(columns, axis=1),
    )


def _few_folds(labels, fold_of, seed):
    """Returns folds numbered from 0: at least two of them, at most five."""
    numbers, fold_of = np.unique(fold_of, return_inverse=True)
    if len(numbers) > 1:
        return fold_of % _MOST_FOLDS
    share = [1 / _MOST_FOLDS] * _MOST_FOLDS
    places = np.arange(len(labels))
    return folds.stratified_folds(labels, places, share, seed)


def _choose(x, y, weights, fold_of):
    """Chooses the strength for one style.

    Returns:
        `(strength, logits)`: float, and the logits of the photos by heads of
        that strength which have not seen them, NaN where there is none.
    """
    logits = np.full((len(STRENGTHS), len(y)), np.nan)
    for fold in np.unique(fold_of):
        rest = fold_of != fold
        if len(np.unique(y[rest])) < 2:
            continue  # No head can be fitted to one answer.
        path = _fit_path(x[rest], y[rest], weights[rest], STRENGTHS[-1])
        for row, (kernel, bias) in zip(logits, path, strict=True):
            row[~rest] = x[~rest] @ kernel + bias
    scored = np.isfinite(logits[0])
    if not (y[scored] == 1).any():
        return _FALLBACK, logits[STRENGTHS.index(_FALLBACK)]
    signed = np.where(y == 1, -logits, logits)
    costs = (weights * np.logaddexp(0, signed))[:, scored]
    best = int(np.argmin(costs.mean(axis=1)))
    worse = costs - costs[best]
    error = worse.std(axis=1) / np.sqrt(scored.sum())
    best = int(np.argmax(worse.mean(axis=1) <= error))
    return STRENGTHS[best], logits[best]


def _fit_path(x, y, weights, last):
    """Fits heads of all strengths up to the last, each from the one before.

    Returns:
        List of `(kernel, bias)`.
    """
    head = LogisticRegression(
        tol=_TOLERANCE, max_iter=_MOST_STEPS, warm_start=True
    )
    path = []
    with warnings.catch_warnings():
        # A head that is not at its optimum is one more to choose from.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for strength in STRENGTHS[: STRENGTHS.index(last) + 1]:
            head.set_params(C=strength).fit(x, y, weights)
            path.append((np.array(head.coef_)[0], np.sum(head.intercept_)))
    return path
