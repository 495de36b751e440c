"""Chooses, style by style, how other styles correct its probability.

Each kind of relation is tried as on photos that it was not fitted to; a style
keeps one only where that gains F2 beyond chance, as `gates` says.
"""

import functools
import typing

import numpy as np
import pandas as pd

from jdstyle.evaluation import parts
from jdstyle.fusion import blending
from jdstyle.fusion import gates
from jdstyle.fusion import joint
from jdstyle.fusion import label_sets
from jdstyle.fusion import relation_fit
from jdstyle.fusion import relation_search

KINDS = ("none", "equation2", "full", *joint.KINDS, "auto")

# What "auto" tries; of equal gains, the earlier one.
_TRIED = ("equation2", *joint.KINDS)


class Relations(typing.NamedTuple):
    """What `fit` found. Decisions are `probability >= threshold`, in float32.

    Attributes:
        kinds: list of num_styles strings: what each style keeps, "none" where
            it keeps nothing.
        first_thresholds: float32 `(num_styles,)`, for plain probabilities: they
            say which styles are positive in the first stage of equation 2.
        alpha: float32 `(num_styles,)`; 1 where equation 2 is not kept.
        beta: float32 `(num_styles, num_styles)`, `[target, other]`; a row of 0s
            where it is not kept. The diagonal is 0.
        found: `label_sets.LabelSets`; None where too few photos have one.
        stack: `blending.Blend` of plain probabilities and marginals of `found`,
            or None where no style keeps one.
        thresholds: float32 `(num_styles,)`, for corrected probabilities; the
            first threshold where nothing is kept.
        scores: float32 `(n, num_styles)`: the corrected probabilities that
            chose these thresholds; those of "sets", "stack" and "both" as the
            other folds taught them.
        margins: float32 `(n, num_styles)`, of what is kept: each photo's
            probability less the threshold, both as the other folds taught them.
            A style is on from 0 up.
        plain: float32 `(n, num_styles)`, the margins of thresholds alone.
        table: `pandas.DataFrame` of `gates.choose`; before its last column
            `alpha` and `beta` (the largest one) of what is returned.
    """

    kinds: list[str]
    first_thresholds: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    found: label_sets.LabelSets | None
    stack: blending.Blend | None
    thresholds: np.ndarray
    scores: np.ndarray
    margins: np.ndarray
    plain: np.ndarray
    table: pd.DataFrame


def fit(
    labels,
    probabilities,
    folds,
    conditional,
    *,
    kind="auto",
    others=None,
    threshold="auto",
    seed=0,
):
    """Fits relations on out-of-fold probabilities and keeps what gains.

    Args:
        labels: int or bool array, at least one 1 in each column, shape
            `(n, num_styles)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n, num_styles)`: each
            photo's by networks that were not trained on it, calibrated. Used as
            float32.
        folds: int array, shape `(n,)`. Where all are equal, parts by lot stand
            in, as `parts.of_folds` says.
        conditional: float array in [0, 1], shape `(num_styles, num_styles)`, of
            `relations.conditional`; `[a, b]` is P(a|b).
        kind: "none", keeps nothing; "equation2", `relation_fit.fit`; "full",
            the same with a beta per pair of styles; "sets", "stack" or "both",
            as in `joint`; "auto", in each style what gains most of all but
            "full".
        others: None, or labels of photos without probabilities, whose label
            sets count as well; shape `(m, num_styles)`.
        threshold: the `kind` of `bagging.choose`, of every threshold but those
            of searches.
        seed: int >= 0, of parts by lot and of the bootstraps.

    Returns:
        `Relations`.

    Raises:
        ValueError: if shapes do not fit, a value is out of range, or a column
            of `labels` holds no 1.
    """
    if kind not in KINDS:
        raise ValueError(
            f"`kind` must be one of {', '.join(KINDS)}. Received: {kind!r}."
        )
    labels, probabilities, folds, conditional = _check(
        labels, probabilities, folds, conditional
    )
    folds = parts.of_folds(folds, seed)
    choose = functools.partial(
        relation_search.threshold, kind=threshold, seed=seed
    )
    first, plain = _plain(labels, probabilities, folds, choose)
    wanted = _TRIED if kind == "auto" else (kind,)
    together, tried = joint.cross_fit(
        labels,
        probabilities,
        folds,
        [each for each in joint.KINDS if each in wanted],
        others,
        choose,
    )
    equation = None
    for each in {"equation2", "full"} & set(wanted):
        equation = relation_fit.fit(
            labels,
            probabilities,
            folds,
            conditional,
            full_matrix=each == "full",
            choose=choose,
            seed=seed,
        )
        tried = {each: equation.tried, **tried}
    chosen, names = _best(
        labels, gates.Tried(plain, probabilities, first, []), tried
    )
    on, table = gates.choose(
        labels,
        plain >= 0,
        chosen.margins >= 0,
        folds,
        refused=chosen.refused,
        seed=seed,
    )
    kinds = [
        name if is_on else "none" for name, is_on in zip(names, on, strict=True)
    ]
    if kind == "auto":
        for column in np.flatnonzero(on):
            table.loc[column, "kept"] = f"{gates.YES}: {kinds[column]}"
    alpha, beta = np.ones_like(first), np.zeros_like(conditional)
    if equation is not None:
        keeps = np.isin(kinds, ["equation2", "full"])
        alpha[keeps], beta[keeps] = equation.alpha[keeps], equation.beta[keeps]
    # Before the last column, `kept`.
    table.insert(table.columns.size - 1, "alpha", [*alpha, np.nan])
    table.insert(table.columns.size - 1, "beta", [*beta.max(axis=1), np.nan])
    return Relations(
        kinds,
        first,
        alpha,
        beta,
        together.found if label_sets.are_enough(labels, others) else None,
        joint.blend(together, kinds),
        np.where(on, chosen.thresholds, first),
        np.where(on, chosen.scores, probabilities),
        np.where(on, chosen.margins, plain),
        plain,
        table,
    )


def _plain(labels, probabilities, folds, choose):
    """Returns thresholds of all photos, and margins by those of other folds."""
    margins = np.empty_like(probabilities)
    for fold in np.unique(folds):
        held = folds == fold
        margins[held] = probabilities[held] - relation_search.first_thresholds(
            labels[~held], probabilities[~held], choose
        )
    first = relation_search.first_thresholds(labels, probabilities, choose)
    return first, margins


def _best(labels, plain, tried):
    """Takes for each style the kind that gains most of those not refused.

    Args:
        labels: int8 array, shape `(n, num_styles)`.
        plain: `gates.Tried` of thresholds alone.
        tried: dict from kind to `gates.Tried`.

    Returns:
        `(chosen, kinds)`: `gates.Tried` whose columns are those of the kinds,
        and a list of num_styles kinds.
    """
    num_styles = labels.shape[1]
    before = gates.f2(labels, plain.scores >= plain.thresholds)
    kinds, refused = ["none"] * num_styles, ["no relation"] * num_styles
    best = np.full(num_styles, -1.0)
    margins, scores = plain.margins.copy(), plain.scores.copy()
    thresholds = plain.thresholds.copy()
    for kind, of_kind in tried.items():
        gain = gates.f2(labels, of_kind.margins >= 0)
        on_all = gates.f2(labels, of_kind.scores >= of_kind.thresholds)
        for column in range(num_styles):
            reason = of_kind.refused[column]
            if not reason and on_all[column] < before[column]:
                reason = "lost on all photos"
            better = gain[column] > best[column] and not reason
            if better or kinds[column] == "none":
                kinds[column], refused[column] = kind, reason
                margins[:, column] = of_kind.margins[:, column]
                scores[:, column] = of_kind.scores[:, column]
                thresholds[column] = of_kind.thresholds[column]
                best[column] = -1.0 if reason else gain[column]
    return gates.Tried(margins, scores, thresholds, refused), kinds


def _check(labels, probabilities, folds, conditional):
    """Returns arrays of int8, float32, the folds' own dtype and float32."""
    labels, probabilities, folds, conditional = map(
        np.asarray, (labels, probabilities, folds, conditional)
    )
    if labels.ndim != 2 or not labels.size:
        raise ValueError(
            "`labels` must have the shape (n, num_styles) and hold at least "
            f"one photo. Received: shape {labels.shape}."
        )
    if not np.isin(labels, (-1, 0, 1)).all():
        raise ValueError(
            "`labels` must be 0 or 1, or -1 where unknown. "
            f"Received: {np.unique(labels)[:10]}."
        )
    photos, num_styles = labels.shape
    for name, array, shape in [
        ("probabilities", probabilities, (photos, num_styles)),
        ("folds", folds, (photos,)),
        ("conditional", conditional, (num_styles, num_styles)),
    ]:
        if array.shape != shape:
            raise ValueError(
                f"`{name}` must have the shape {shape}. "
                f"Received: shape {array.shape}."
            )
        # Written so that a NaN is refused.
        if name != "folds" and not np.all((array >= 0) & (array <= 1)):
            raise ValueError(
                f"`{name}` must be numbers in [0, 1]. "
                f"Received: {array.min()} to {array.max()}."
            )
    has_positives = (labels == 1).any(axis=0)
    if not has_positives.all():
        raise ValueError(
            "`labels` must hold at least one 1 in each column. Received: none "
            f"in column {np.argmin(has_positives)}."
        )
    return (
        labels.astype(np.int8),
        probabilities.astype(np.float32),
        folds,
        conditional.astype(np.float32),
    )
