"""The threshold that a product uses for a style, and how sure it is.

The exact optimum of few positives hangs on one or two of them. Resampled photos
have other optima; what these agree on loses about half as much on photos of
later: `tools/bench/thresholds.py`.
"""

import numpy as np

from jdstyle.evaluation import thresholds

KINDS = ("auto", "bagged", "exact")

# From so many positives on, "auto" is exact.
_ENOUGH = 100
_RESAMPLES = 200
# Of 0, 0.1, 0.2 and 0.3 the best or nearly so in every shape that was tried,
# for F2 as for F1 and F0.5.
_MORE = 0.2
# Thresholds to try in a resample, where there are more.
_MOST = 512


def choose(
    labels, probabilities, kind="auto", seed=0, *, beta=2.0, alarm_weight=1.0
):
    """Returns the threshold that a product uses for a style.

    - "exact": the best for F-beta on these photos, as
      `thresholds.best_threshold`.
    - "bagged": photos are drawn anew, with replacement, 200 times. The best
      threshold of each draw would say yes to some share of the given photos.
      The mean logit of these shares, and a fifth of their standard deviation
      more, as F-beta loses less by a yes too many than by one too few, is the
      share that shall be accepted. Shares are the same whatever curve bends the
      probabilities, and they say nothing of gaps between scores.
    - "auto": "bagged" below 100 positives, else "exact".

    Args:
        labels: int or bool array, shape `(n,)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n,)`.
        kind: "auto", "bagged" or "exact".
        seed: int >= 0, of the draws.
        beta: float > 0, of F-beta.
        alarm_weight: float > 0, what a false alarm counts beside a hit, where
            the photos to come have another share of positives.

    Returns:
        float in [0, 1], moved by `thresholds.separating`; 0.5 for a style that
        no photo has, which may happen where a network learns several.

    Raises:
        ValueError: if `kind` is none of these, or as `best_threshold`.

    Source: Breiman, "Bagging Predictors" (1996).
    """
    if kind not in KINDS:
        raise ValueError(
            f"`kind` must be one of {', '.join(KINDS)}. Received: {kind!r}."
        )
    labels, probabilities = _known(labels, probabilities)
    positives = np.count_nonzero(labels)
    if not positives:
        return 0.5
    exact, _ = thresholds.best_threshold(labels, probabilities, beta)
    if kind == "exact" or (kind == "auto" and positives >= _ENOUGH):
        if alarm_weight != 1:
            exact = _best_weighted(labels, probabilities, beta, alarm_weight)
        return thresholds.separating(exact, probabilities)
    _, accepted, best = _resample(
        labels, probabilities, seed, beta=beta, alarm_weight=alarm_weight
    )
    shares = _logits(accepted[best], len(probabilities))
    share = 1 / (1 + np.exp(-shares.mean() - _MORE * shares.std()))
    place = len(probabilities) - max(1, round(len(probabilities) * share))
    threshold = np.partition(probabilities, place)[place]
    return thresholds.separating(threshold, probabilities)


def interval(labels, probabilities, seed=0):
    """Returns the middle 90 % of the best thresholds of photos drawn anew.

    Args:
        labels: as in `choose`.
        probabilities: as in `choose`.
        seed: int >= 0, of the draws.

    Returns:
        `(low, high)`, two floats in [0, 1], the 5th and the 95th percentile,
        moved as `choose` moves its threshold; `(None, None)` for a style that
        no photo has.

    Raises:
        ValueError: as `thresholds.best_threshold`.
    """
    labels, probabilities = _known(labels, probabilities)
    if not labels.any():
        return None, None
    thresholds.best_threshold(labels, probabilities)  # Refuses other values.
    scores, _, best = _resample(labels, probabilities, seed)
    low, high = np.quantile(best, [0.05, 0.95], method="inverted_cdf")
    return tuple(
        thresholds.separating(scores[place], probabilities)
        for place in (low, high)
    )


def _known(labels, probabilities):
    """Returns arrays of the photos whose label is known."""
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    if labels.shape != probabilities.shape:
        return labels, probabilities  # For `best_threshold` to refuse.
    known = labels >= 0
    return labels[known], probabilities[known]


def _best_weighted(labels, probabilities, beta, alarm_weight):
    """Returns the best threshold where false alarms count more or less."""
    positive = labels == 1
    scores = np.unique(probabilities[positive])
    sizes = _group_sizes(scores, positive, probabilities)
    return float(scores[_ratios(sizes, beta, alarm_weight).argmax()])


def _resample(labels, probabilities, seed, *, beta=2.0, alarm_weight=1.0):
    """Finds the best threshold of each draw of the photos.

    As in `best_threshold`, only a positive's score can be the best. All photos
    between two of these scores are accepted together, so that a draw need only
    say how many of each such group it has: one multinomial for all photos.

    Args:
        labels: int or bool array of 0s and 1s, at least one 1, shape `(n,)`.
        probabilities: float array in [0, 1], shape `(n,)`.
        seed: int >= 0.
        beta: as in `choose`.
        alarm_weight: as in `choose`.

    Returns:
        `(scores, accepted, best)`: the k scores that are tried, ascending; how
        many of the given photos each accepts, int `(k,)`; and the place of the
        best one in each draw that has a positive, int `(draws,)`.
    """
    positive = labels == 1
    scores = _candidates(
        np.unique(probabilities[positive]),
        positive,
        probabilities,
        (beta, alarm_weight),
    )
    sizes = _group_sizes(scores, positive, probabilities)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(
        len(labels), sizes.ravel() / len(labels), size=_RESAMPLES
    ).reshape(_RESAMPLES, 2, -1)
    # A draw without a positive has no threshold.
    drawn = drawn[drawn[:, 0].any(axis=1)]
    ratios = _ratios(drawn, beta, alarm_weight)
    # Without a positive of the draw at the score, it is none of its own.
    best = np.where(drawn[:, 0, 1:] > 0, ratios, -1).argmax(axis=1)
    accepted = _from_the_top(sizes.sum(axis=0))[1:]
    return scores, accepted, best


def _candidates(scores, positive, probabilities, measure):
    """Returns the scores that are tried, all of them or 512.

    Scores at which F-beta falls short of its maximum by more than 3 / sqrt(P),
    some four standard errors of what a draw changes, are left out first.
    """
    if len(scores) <= _MOST:
        return scores
    sizes = _group_sizes(scores, positive, probabilities)
    ratios = (1 + measure[0] ** 2) * _ratios(sizes, *measure)
    least = ratios.max() - 3 / np.sqrt(np.count_nonzero(positive))
    near = np.flatnonzero(ratios >= least)
    places = np.linspace(near[0], near[-1], _MOST)
    return scores[np.unique(places.round().astype(int))]


def _group_sizes(scores, positive, probabilities):
    """Counts positives and others between scores.

    Returns:
        int array `(2, k + 1)`: below all of k scores, then from each one up to
        the next.
    """
    group = np.searchsorted(scores, probabilities, side="right")
    return np.stack(
        [
            np.bincount(group[of], minlength=len(scores) + 1)
            for of in (positive, ~positive)
        ]
    )


def _ratios(sizes, beta, alarm_weight):
    """Returns F-beta / (1 + beta^2) at each score, of `_group_sizes`' counts.

    Equal fractions of integers below 2**25 divide to equal floats: the first of
    the best is the lowest.

    Returns:
        float array `(..., k)`.
    """
    sums = _from_the_top(sizes)
    found = sums[..., 0, :]
    below = beta**2 * found[..., :1] + found + alarm_weight * sums[..., 1, :]
    return (found / below)[..., 1:]


def _logits(accepted, photos):
    """Returns logits of shares; half a photo keeps those of 1 finite."""
    return np.log((accepted + 0.5) / (photos - accepted + 0.5))


def _from_the_top(counts):
    """Sums along the last axis, from each place to the end."""
    return counts[..., ::-1].cumsum(axis=-1)[..., ::-1]
