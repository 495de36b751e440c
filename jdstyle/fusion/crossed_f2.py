"""F2 of one style, cross-validated, for a search that asks often."""

import numpy as np


def score(labels, scores, folds):
    """F2 of decisions by thresholds that the photo's own fold did not choose.

    The thresholds are exact ones of `relation_search.threshold`, found in
    counts of scores that are sorted once for all folds. Bagged ones, which the
    product may have, would make the search hundreds of times as slow.

    Args:
        labels: int or bool `(n,)`: 1, 0, or -1 where unknown.
        scores: float32 in [0, 1], `(n,)`.
        folds: int `(n,)`.

    Returns:
        float in [0, 1], of the pooled counts; 0 where no label is 1.
    """
    (yes, yes_folds), (no, no_folds) = (
        _sorted_scores(scores[labels == of], folds[labels == of])
        for of in (1, 0)
    )
    hits = predicted = 0
    for fold in np.unique(folds):
        yes_held, no_held = yes_folds == fold, no_folds == fold
        threshold = _threshold(yes[~yes_held], no[~no_held])
        found = np.count_nonzero(yes[yes_held] >= threshold)
        hits += found
        predicted += found + np.count_nonzero(no[no_held] >= threshold)
    return 5 * hits / (4 * len(yes) + predicted) if hits else 0.0


def _sorted_scores(scores, folds):
    order = np.argsort(scores)
    return scores[order], folds[order]


def _threshold(yes, no):
    """Finds the exact threshold in sorted scores by label."""
    if not len(yes):
        return np.float32(np.inf)
    found = len(yes) - np.arange(len(yes))
    predicted = found + len(no) - np.searchsorted(no, yes)
    # Equal fractions of integers below 2**25 divide to equal floats: the first
    # of the best is the lowest. Of equal scores the first finds most.
    best = np.argmax(found / (4 * len(yes) + predicted))
    threshold = float(yes[best])
    below = no[: np.searchsorted(no, yes[best])]
    lower = max(
        float(yes[best - 1]) if best else 0.0,
        float(below[-1]) if len(below) else 0.0,
    )
    middle = np.float32(lower + (threshold - lower) / 2)
    return middle if lower < middle <= threshold else yes[best]
