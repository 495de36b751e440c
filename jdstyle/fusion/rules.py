"""The rules that turn members' probabilities into decisions."""

import typing

import numpy as np
import tensorflow as tf

from jdstyle.fusion import blending
from jdstyle.fusion import plausibility
from jdstyle.fusion import relations

# Photos that are decided at a time: a photo takes most * num_styles * 4 bytes.
_PHOTOS = 1 << 10


class Options(typing.NamedTuple):
    """How members are fused; `jdstyle.fuse` has a flag for each.

    Attributes:
        fusion: "mean", "weighted" or "stack", as in `blending.fit`.
        relations: "none", "shared" (a beta per style) or "full" (a beta per
            pair of styles).
        least, most: ints, how many styles a photo can have, in all styles,
            whatever that costs. None takes the limits of the training labels,
            in those styles in which that gains F2.
        threshold: "auto", "bagged" or "exact", as in `bagging.choose`.
        seed: int >= 0, of dealt parts and of the bootstraps.
    """

    fusion: str = "mean"
    relations: str = "shared"
    least: int | None = None
    most: int | None = None
    threshold: str = "auto"
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
        adds: bool `(num_styles,)`, where `least` turns a style on; None: in
            all styles.
        drops: the same, where `most` turns a style off.
    """

    blend: blending.Blend
    first_thresholds: np.ndarray
    conditional: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    thresholds: np.ndarray
    least: int
    most: int
    adds: np.ndarray | None = None
    drops: np.ndarray | None = None


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
        corrected,
        fitted.thresholds,
        fitted.least,
        fitted.most,
        fitted.adds,
        fitted.drops,
    )


def decide_photos(fitted, corrected):
    """Applies `decide` to many photos, some at a time to spare memory.

    Args:
        fitted: `Rules`.
        corrected: float32 array, shape `(n, num_styles)`.

    Returns:
        int32 array of 0s and 1s, shape `(n, num_styles)`.
    """
    decisions = np.empty(corrected.shape, np.int32)
    for top in range(0, len(decisions), _PHOTOS):
        block = slice(top, top + _PHOTOS)
        decisions[block] = decide(fitted, corrected[block])
    return decisions
