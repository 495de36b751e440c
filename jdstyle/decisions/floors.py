"""The threshold of a style as its user wishes it: floors, costs, F-beta.

A floor that only the photos at hand reach is missed by about half of all other
photos. Here a threshold keeps a floor where the lower end of the 95 % interval
of Clopper and Pearson does: `tools/bench/decide.py` says what comes of it.
"""

import typing

import numpy as np
from scipy import special

from jdstyle.evaluation import bagging
from jdstyle.evaluation import calibration
from jdstyle.evaluation import thresholds

# On either side of the 95 % interval.
_TAIL = 0.025


class Wish(typing.NamedTuple):
    """What the threshold of a style is to do.

    Attributes:
        threshold: float in [0, 1] by hand, or None; it then counts alone.
        precision_floor: float in [0, 1]; 0 for none.
        recall_floor: likewise.
        cost: None, or two floats > 0, what a miss and a false alarm cost, whose
            sum is to be small; else F-beta is to be large.
        beta: float > 0, of F-beta.
        share: None, or a float in (0, 1): of the photos that are to come, how
            many have the style.
    """

    threshold: float | None = None
    precision_floor: float = 0.0
    recall_floor: float = 0.0
    cost: tuple[float, float] | None = None
    beta: float = 2.0
    share: float | None = None


class Reach(typing.NamedTuple):
    """The most that can be had where no threshold keeps a floor.

    Attributes:
        floor: "precision" or "recall", what cannot be kept; of both, precision
            beside the recall that is asked for.
        best: float in [0, 1], the highest such floor that would be accepted.
        precision: float, what this threshold reaches on the photos.
        recall: float, likewise.
    """

    floor: str
    best: float
    precision: float
    recall: float


class Candidates(typing.NamedTuple):
    """The thresholds of a style that are worth trying: its positives' scores.

    Down from one to the next, more is accepted and nothing found.

    Attributes:
        scores: float array `(k,)`, ascending.
        hits: int array `(k,)`, positives at or above.
        alarms: int array `(k,)`, negatives at or above.
        positives: int.
    """

    scores: np.ndarray
    hits: np.ndarray
    alarms: np.ndarray
    positives: int


def known(labels, probabilities):
    """Returns bool labels and probabilities of the photos whose label is known.

    Args:
        labels: int or bool array, shape `(n,)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n,)`.
    """
    labels = np.asarray(labels)
    there = labels >= 0
    return labels[there] == 1, np.asarray(probabilities)[there]


def alarm_weight(labels, share):
    """Returns what a false alarm counts beside a hit where shares change.

    Among photos of which `share` has the style, those with it weigh more or
    less than those without it.

    Args:
        labels: bool array, shape `(n,)`, of both kinds.
        share: None for that of these labels, or a float in (0, 1).

    Returns:
        float > 0: the odds of the style here by its odds there.
    """
    if share is None:
        return 1.0
    here = float(np.mean(labels))
    return here / (1 - here) * (1 - share) / share


def candidates(labels, probabilities):
    """Returns the `Candidates` of bool labels, one of them True."""
    scores = np.sort(probabilities[labels])
    others = np.sort(probabilities[~labels])
    starts = np.flatnonzero(np.append(True, scores[1:] > scores[:-1]))
    return Candidates(
        scores[starts],
        len(scores) - starts,
        len(others) - np.searchsorted(others, scores[starts]),
        len(scores),
    )


def choose(labels, probabilities, wish, seed=0):
    """Chooses the threshold of a style.

    Without floors, or where it keeps them, it is the one of the best F-beta, as
    `bagging.choose` finds it, or of the least cost. Else it is the best of
    those that keep them, on these photos.

    The cost of calibrated probabilities is least from false / (miss + false)
    on, whatever the labels say, so that is where the style is accepted, after
    Platt scaling where that pays, as `calibration.fit` says. The threshold of
    the least cost on these photos costs more on others: it hangs on few photos.

    Args:
        labels: int or bool array, shape `(n,)`: 1, 0, or -1 where unknown; some
            of either kind.
        probabilities: float array in [0, 1], shape `(n,)`.
        wish: `Wish`.
        seed: int >= 0, of draws.

    Returns:
        float in [0, 1], or a `Reach` where no threshold keeps the floors.

    Source: Clopper and Pearson, "The Use of Confidence or Fiducial Limits
    Illustrated in the Case of the Binomial" (1934); Elkan, "The Foundations of
    Cost-Sensitive Learning" (2001), for the cost.
    """
    if wish.threshold is not None:
        return wish.threshold
    labels, probabilities = known(labels, probabilities)
    weight = alarm_weight(labels, wish.share)
    free = _unbound(labels, probabilities, wish, weight, seed)
    accepted = probabilities >= free
    of_free = Candidates(
        np.array([free]),
        np.array([np.count_nonzero(accepted & labels)]),
        np.array([np.count_nonzero(accepted & ~labels)]),
        int(np.count_nonzero(labels)),
    )
    if all(kept[0] for kept in _keep(of_free, wish, weight)):
        return free
    tried = candidates(labels, probabilities)
    precise, complete = _keep(tried, wish, weight)
    if not (precise & complete).any():
        return _reach(tried, complete, weight)
    values = np.where(precise & complete, _values(tried, wish, weight), -np.inf)
    # The lowest of equals, which has the highest recall.
    best = tried.scores[int(values.argmax())]
    return thresholds.separating(best, probabilities)


def keeps(hits, alarms, positives, wish, weight):
    """Whether decisions keep the floors.

    Args:
        hits: int, right decisions.
        alarms: int, wrong ones.
        positives: int, photos with the style.
        wish: `Wish`.
        weight: float, of `alarm_weight`.

    Returns:
        Two bools, of precision and recall.
    """
    one = Candidates(
        np.zeros(1), np.array([hits]), np.array([alarms]), positives
    )
    precise, complete = _keep(one, wish, weight)
    return bool(precise[0]), bool(complete[0])


def _unbound(labels, probabilities, wish, weight, seed):
    """Returns the threshold that floors are not asked about."""
    if wish.cost is None:
        return bagging.choose(
            labels,
            probabilities,
            seed=seed,
            beta=wish.beta,
            alarm_weight=weight,
        )
    scale, shift = (
        float(number[0])
        for number in calibration.fit(
            labels[:, np.newaxis],
            calibration.logits(probabilities)[:, np.newaxis],
            np.zeros(len(labels)),
            seed=seed,
        )
    )
    miss, false = wish.cost
    return float(special.expit((np.log(false * weight / miss) - shift) / scale))


def _keep(tried, wish, weight):
    """Returns where precision and recall keep their floors, two bool arrays."""
    hits, alarms = tried.hits, tried.alarms
    precision = _unweighted(wish.precision_floor, weight)
    return (
        _surely_above(hits, alarms, precision),
        _surely_above(hits, tried.positives - hits, wish.recall_floor),
    )


def _surely_above(yes, no, floor):
    """Whether the interval of yes / (yes + no) lies at or above a floor."""
    if floor <= 0:
        return np.ones(len(yes), bool)
    some = np.maximum(yes, 1)  # betainc(0, ...) is not defined.
    return (yes > 0) & (special.betainc(some, no + 1.0, floor) <= _TAIL)


def _lower_end(yes, no):
    some = np.maximum(yes, 1)
    return np.where(yes, special.betaincinv(some, no + 1.0, _TAIL), 0.0)


def _unweighted(precision, weight):
    """Returns the precision here that is the given one where shares differ."""
    return precision * weight / (precision * weight + 1 - precision)


def _values(tried, wish, weight):
    """Returns what is to be large, per candidate."""
    hits, alarms = tried.hits, weight * tried.alarms
    if wish.cost is not None:
        miss, false = wish.cost
        return -(miss * (tried.positives - hits) + false * alarms)
    squared = wish.beta**2
    return hits / (squared * tried.positives + hits + alarms)


def _reach(tried, complete, weight):
    """Returns the `Reach` where no candidate keeps both floors."""
    hits, alarms = tried.hits, tried.alarms
    if complete.any():
        lower = _lower_end(hits, alarms)
        place = int(np.where(complete, lower, -1).argmax())
        best = _unweighted(lower[place], 1 / weight)
    else:
        place = 0  # The lowest finds all.
        best = _lower_end(hits[:1], tried.positives - hits[:1])[0]
    found = hits[place]
    return Reach(
        "precision" if complete.any() else "recall",
        float(best),
        float(found / (found + weight * alarms[place])),
        float(found / tried.positives),
    )
