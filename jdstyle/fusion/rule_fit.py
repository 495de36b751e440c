"""Fits the rules that turn members' probabilities into decisions.

Each rule but the thresholds is on only where it gains on photos that it was not
fitted to, as `gates` says.
"""

import typing

import numpy as np
from absl import logging

from jdstyle.errors import InputError
from jdstyle.evaluation import calibration
from jdstyle.evaluation import parts
from jdstyle.fusion import blending
from jdstyle.fusion import gates
from jdstyle.fusion import relation_choice
from jdstyle.fusion import relations
from jdstyle.fusion import rules


def fit(evidence, options):
    """Blends the members and fits what turns them into decisions.

    Args:
        evidence: `evidence.Evidence`.
        options: `rules.Options`.

    Returns:
        `(fitted, corrected, gains)`: `rules.Rules`; float32 `(n, num_styles)`,
        the probabilities that chose the thresholds; and a dict from the name of
        a rule ("relations", "at least 1", "at most 5", in the order in which
        they apply, and "all rules") to the DataFrame of `gates.choose` by style
        name. A rule that can change nothing is not in it.

    Raises:
        InputError: if the limits are out of range.
    """
    joined = evidence.joined
    labels = joined.labels
    num_styles = len(joined.style_names)
    least, most = _limits(evidence, options)
    folds = parts.of_folds(joined.folds, options.seed)
    blend, blended = blending.fit(
        joined.labels,
        joined.probabilities,
        joined.folds,
        options.fusion,
        seed=options.seed,
    )
    calibrated = calibration.fit(
        joined.labels, calibration.logits(blended), folds
    )
    conditional = relations.conditional(evidence.counts, evidence.given)
    conditional = conditional.astype(np.float32)
    related = relation_choice.fit(
        labels,
        rules.calibrate(calibrated, blended),
        folds,
        conditional,
        kind=options.relations if num_styles > 1 else "none",
        others=evidence.others,
        threshold=options.threshold,
        seed=options.seed,
    )
    none = np.zeros(num_styles, bool)
    fitted = rules.Rules(
        blend,
        related.first_thresholds,
        *(conditional, related.alpha, related.beta, related.thresholds),
        *(least, most, none, none),
        calibrated=calibrated,
        kinds=related.kinds,
        found=related.found,
        stack=related.stack,
    )
    decided = _Decided(labels, folds, related.scores, related.margins)
    after, gains = related.margins >= 0, {}
    if options.relations != "none" and num_styles > 1:
        gains["relations"] = related.table
    if least > 0:
        wish = None if options.least is None else f"--min_styles={least}"
        fitted, after, gains[f"at least {least}"] = _gate_limit(
            fitted, "adds", decided, after, wish, options.seed
        )
    if most < num_styles:
        wish = None if options.most is None else f"--max_styles={most}"
        fitted, after, gains[f"at most {most}"] = _gate_limit(
            fitted, "drops", decided, after, wish, options.seed
        )
    if gains:
        gains["all rules"] = gates.total(
            labels,
            related.plain >= 0,
            after,
            _which_are_on(gains),
            seed=options.seed,
        )
    names = dict(enumerate(joined.style_names))
    gains = {
        rule: table.rename(index=names).rename_axis("style")
        for rule, table in gains.items()
    }
    return fitted, related.scores, gains


class _Decided(typing.NamedTuple):
    """Photos out of fold: labels, folds, and what decides them.

    Attributes:
        labels: int `(n, num_styles)`: 1, 0, or -1 where unknown.
        folds: int `(n,)`.
        corrected: float32 `(n, num_styles)`, what chose the thresholds.
        margins: float32 `(n, num_styles)`, of `relation_choice.Relations`.
    """

    labels: np.ndarray
    folds: np.ndarray
    corrected: np.ndarray
    margins: np.ndarray


def _gate_limit(fitted, field, decided, before, wish, seed):
    """Decides in which styles a limit of styles per photo applies.

    Args:
        fitted: `rules.Rules` without this limit.
        field: "adds" or "drops", what to set in it.
        decided: `_Decided`.
        before: bool `(n, num_styles)`, cross-fitted decisions without it.
        wish: as in `gates.choose`.
        seed: as in `gates.choose`.

    Returns:
        `(fitted, after, table)`: with the limit where it is on; `table` as of
        `gates.choose`.
    """
    num_styles = decided.labels.shape[1]
    tried = fitted._replace(**{field: np.ones(num_styles, bool)})
    # A margin is decided by the threshold 0.
    zero = np.zeros(num_styles, np.float32)
    crossed = rules.decide_photos(
        tried._replace(thresholds=zero), decided.margins
    )
    f2_without, f2_with = (
        gates.f2(decided.labels, rules.decide_photos(of, decided.corrected))
        for of in (fitted, tried)
    )
    on, table = gates.choose(
        decided.labels,
        before,
        crossed == 1,
        decided.folds,
        refused=np.where(f2_with < f2_without, "lost on all photos", ""),
        wish=wish,
        seed=seed,
    )
    macro = table.loc["macro mean"]
    if macro["gain"] < 0:
        logging.warning(
            "%s changes macro F2 out of fold by %.3f (95 %% interval %.3f to "
            "%.3f). Without the flag, the limit of the training photos would "
            "apply only where it gains.",
            wish,
            *macro[["gain", "gain_low", "gain_high"]],
        )
    after = np.where(on, crossed == 1, before)
    return fitted._replace(**{field: on}), after, table


def _which_are_on(gains):
    """Returns, for each style, the names of the rules that are on there."""
    rows = zip(*(table["kept"][:-1] for table in gains.values()), strict=True)
    return [
        ", ".join(
            rule
            for rule, kept in zip(gains, row, strict=True)
            if kept.startswith(gates.YES)
        )
        for row in rows
    ]


def _limits(evidence, options):
    """Returns `(least, most)`: the given ones, else those of the labels."""
    num_styles = len(evidence.joined.style_names)
    least, most = evidence.limits
    if options.least is not None:
        least = options.least
    if options.most is not None:
        most = options.most
    if not 0 <= least <= most <= num_styles:
        raise InputError(
            "--min_styles and --max_styles must satisfy 0 <= min <= max <= "
            f"{num_styles}. Received: {least} and {most}."
        )
    return least, most
