"""The rules that turn members' probabilities into decisions, and their fit."""

import typing

import numpy as np
import tensorflow as tf

from jdstyle.errors import InputError
from jdstyle.fusion import blending
from jdstyle.fusion import plausibility
from jdstyle.fusion import relation_fit
from jdstyle.fusion import relation_search
from jdstyle.fusion import relations


class Options(typing.NamedTuple):
    """How members are fused; `jdstyle.fuse` has a flag for each.

    Attributes:
        fusion: "mean", "weighted" or "stack", as in `blending.fit`.
        relations: "none", "shared" (a beta per style) or "full" (a beta per
            pair of styles).
        least, most: ints, how many styles a photo can have; None takes the
            limits of the training labels.
        seed: int >= 0, of dealt parts and of the bootstrap.
    """

    fusion: str = "mean"
    relations: str = "shared"
    least: int | None = None
    most: int | None = None
    seed: int = 0


class Rules(typing.NamedTuple):
    """What turns the members' probabilities into decisions.

    Attributes:
        blend: `blending.Blend`.
        first_thresholds: float32 `(num_styles,)`, for blended probabilities.
        conditional: float32 `(num_styles, num_styles)`; `[a, b]` is P(a|b).
        alpha: float32 `(num_styles,)`, of equation 2.
        beta: float32 `(num_styles, num_styles)`, of equation 2.
        thresholds: float32 `(num_styles,)`, for corrected probabilities.
        least, most: ints, how many styles a photo can have.
    """

    blend: blending.Blend
    first_thresholds: np.ndarray
    conditional: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    thresholds: np.ndarray
    least: int
    most: int


def fit(evidence, options):
    """Blends the members and fits what turns them into decisions.

    Args:
        evidence: `evidence.Evidence`.
        options: `Options`.

    Returns:
        `(fitted, blended, gains)`: `Rules`; float32 `(n, num_styles)`, the
        blended probabilities, cross-fitted; and a DataFrame, the table of
        `relation_fit.RelationFit` by style name, or None without relations.

    Raises:
        InputError: if the limits are out of range.
    """
    joined = evidence.joined
    num_styles = len(joined.style_names)
    least, most = _limits(evidence, options)
    blend, blended = blending.fit(
        joined.labels,
        joined.probabilities,
        joined.folds,
        options.fusion,
        seed=options.seed,
    )
    conditional = relations.conditional(evidence.counts).astype(np.float32)
    if options.relations == "none":
        first = relation_search.first_thresholds(joined.labels == 1, blended)
        alpha = np.ones(num_styles, np.float32)
        beta = np.zeros((num_styles, num_styles), np.float32)
        fitted = Rules(
            blend, first, conditional, alpha, beta, first, least, most
        )
        return fitted, blended, None
    first, alpha, beta, chosen, gains = relation_fit.fit(
        joined.labels,
        blended,
        joined.folds,
        conditional,
        full_matrix=options.relations == "full",
        seed=options.seed,
    )
    gains = gains.rename(index=dict(enumerate(joined.style_names)))
    fitted = Rules(blend, first, conditional, alpha, beta, chosen, least, most)
    return fitted, blended, gains.rename_axis("style")


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


def correct(fitted, blended):
    """Applies equation 2, as `relations.correct` says, clipped to [0, 1].

    Args:
        fitted: `Rules`.
        blended: float32 `(n, num_styles)`, of `blending.apply`.

    Returns:
        float32 tensor in [0, 1], shape `(n, num_styles)`.
    """
    positive = blended >= fitted.first_thresholds
    corrected = relations.correct(
        blended, positive, fitted.conditional, fitted.alpha, fitted.beta
    )
    return tf.clip_by_value(corrected, 0.0, 1.0)


def decide(fitted, corrected):
    """Applies thresholds and plausibility, as `plausibility.decide` says.

    Args:
        fitted: `Rules`.
        corrected: float32 `(n, num_styles)`, of `correct`.

    Returns:
        int32 tensor of 0s and 1s, shape `(n, num_styles)`.
    """
    return plausibility.decide(
        corrected, fitted.thresholds, fitted.least, fitted.most
    )
