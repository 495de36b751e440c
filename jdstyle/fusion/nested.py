"""What rules decide on photos that had no say in them.

`rule_fit` keeps of many rules those that gain on its photos, so what it says
of these photos is too good: of labels that are coin flips it finds gains.
Here each fold is decided by rules that were fitted, chosen and gated without
it. What remains is that the networks' best epochs were chosen on it.
"""

import typing

import numpy as np
from absl import logging

from jdstyle.evaluation import parts
from jdstyle.evaluation import scores
from jdstyle.fusion import blending
from jdstyle.fusion import evidence
from jdstyle.fusion import gates
from jdstyle.fusion import rule_fit
from jdstyle.fusion import rules

# Above so many labels, photos times styles, two fits of half of the photos each
# score the other half: five fits take four times as long as the product's.
_MANY = 300_000
# Before which stage of `Decided` a rule applies, and after which.
_STAGES = {
    "relations": (0, 1),
    "at least": (1, 2),
    "at most": (2, 3),
    "all rules": (0, 3),
}


class Decided(typing.NamedTuple):
    """Photos that are decided by what all the other folds taught.

    Attributes:
        probabilities: float32 `(n, num_styles)`, corrected.
        stages: list of bool arrays `(n, num_styles)`: decided by thresholds
            alone; with relations; with the fewest styles per photo as well;
            with the most.
    """

    probabilities: np.ndarray
    stages: list[np.ndarray]


def decide(gathered, options):
    """Fits the rules without each fold in turn, and decides the fold by them.

    Of many photos and styles, half of the folds at a time is held back. A style
    without a positive in the other folds is decided "no" there, and keeps the
    mean of its members' probabilities.

    Args:
        gathered: `evidence.Evidence`. Where all its photos are of one fold,
            parts by lot stand in, as `parts.of_folds` says.
        options: `rules.Options`.

    Returns:
        `Decided`.

    Raises:
        InputError: as `rule_fit.fit`.

    Source: Varma and Simon, "Bias in error estimation when using
    cross-validation for model selection" (2006).
    """
    joined = gathered.joined
    folds = parts.of_folds(joined.folds, options.seed)
    if joined.labels.size > _MANY:
        folds = np.searchsorted(np.unique(folds), folds) % 2
    probabilities = np.nanmean(joined.probabilities, axis=1)
    stages = [np.zeros(probabilities.shape, bool) for _ in range(4)]
    different = np.unique(folds)
    for number, fold in enumerate(different, start=1):
        logging.info(
            "Rules without part %d of %d, to score it", number, len(different)
        )
        held = folds == fold
        rest, columns = evidence.without(gathered, held)
        if not columns.size:
            continue
        fitted, _, _ = rule_fit.fit(rest, _within(options, len(columns)))
        place = np.ix_(held, columns)
        corrected, *decisions = _stages(
            fitted, joined.probabilities[held][:, :, columns]
        )
        probabilities[place] = corrected
        for stage, decision in zip(stages, decisions, strict=True):
            stage[place] = decision
    return Decided(probabilities, stages)


def score(gathered, decided, **options):
    """Scores the photos by what the other folds taught.

    Args:
        gathered: `evidence.Evidence`.
        decided: `Decided` of it.
        **options: of `scores.score`.

    Returns:
        dict of `scores.score`.
    """
    joined = gathered.joined
    return scores.score(
        joined.style_names,
        joined.labels,
        decided.probabilities,
        decided.stages[-1].astype(int),
        gathered.source,
        kind=scores.NESTED,
        **options,
    )


def tables(gathered, decided, gains, seed):
    """Puts nested scores into tables of what each rule gained.

    Args:
        gathered: `evidence.Evidence`.
        decided: `Decided` of it.
        gains: dict of `rule_fit.fit`.
        seed: int >= 0, of the bootstraps.

    Returns:
        A dict as `gains`, of copies. F2 before and after, the gain and its
        interval are those of `decided`, so that a rule which is off has a gain
        where some fold's rules have it on. `kept` and `tried_gain` remain
        those of the photos that chose.
    """
    labels = gathered.joined.labels
    scored = {}
    for rule, table in gains.items():
        (first, last) = next(
            pair for kind, pair in _STAGES.items() if rule.startswith(kind)
        )
        measured = gates.total(
            labels,
            decided.stages[first],
            decided.stages[last],
            list(table["kept"][:-1]),
            seed=seed,
        )
        columns = ["f2_before", "f2_after", "gain", "gain_low", "gain_high"]
        scored[rule] = table.assign(
            **{name: measured[name].to_numpy() for name in columns}
        )
    return scored


def _within(options, num_styles):
    """Returns the options with limits that so many styles can have."""
    least, most = (
        None if limit is None else min(limit, num_styles)
        for limit in (options.least, options.most)
    )
    return options._replace(least=least, most=most)


def _stages(fitted, members):
    """Returns corrected probabilities and the decisions of each stage."""
    blended = blending.apply(fitted.blend, members)
    plain = rules.calibrate(fitted.calibrated, blended).numpy()
    corrected = rules.correct(fitted, blended).numpy()
    off = np.zeros(plain.shape[1], bool)
    return (
        corrected,
        plain >= fitted.first_thresholds,
        corrected >= fitted.thresholds,
        rules.decide_photos(fitted._replace(drops=off), corrected) == 1,
        rules.decide_photos(fitted, corrected) == 1,
    )
