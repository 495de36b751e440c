"""The rules that turn members' probabilities into decisions."""

import typing

import numpy as np
import tensorflow as tf

from jdstyle.evaluation import calibration
from jdstyle.fusion import blending
from jdstyle.fusion import label_sets
from jdstyle.fusion import plausibility
from jdstyle.fusion import relations
from jdstyle.fusion import stacking

# Photos that are decided at a time: a photo takes most * num_styles * 4 bytes.
_PHOTOS = 1 << 10


class Options(typing.NamedTuple):
    """How members are fused; `jdstyle.fuse` has a flag for each.

    Attributes:
        fusion: "mean", "weighted" or "stack", as in `blending.fit`.
        relations: as the `kind` of `relation_choice.fit`.
        least, most: ints, how many styles a photo can have, in all styles,
            whatever that costs. None takes the limits of the training labels,
            in those styles in which that gains F2.
        threshold: "auto", "bagged" or "exact", as in `bagging.choose`.
        seed: int >= 0, of dealt parts and of the bootstraps.
    """

    fusion: str = "mean"
    relations: str = "auto"
    least: int | None = None
    most: int | None = None
    threshold: str = "auto"
    seed: int = 0


class Rules(typing.NamedTuple):
    """What turns the members' probabilities into decisions.

    Attributes:
        blend: `blending.Blend`.
        first_thresholds: float32 `(num_styles,)`, for calibrated probabilities.
        conditional: float32 `(num_styles, num_styles)`; `[a, b]` is P(a|b).
        alpha: float32 `(num_styles,)`, of equation 2.
        beta: float32 `(num_styles, num_styles)`, of equation 2.
        thresholds: float32 `(num_styles,)`, for corrected probabilities.
        least, most: ints, how many styles a photo can have.
        adds: bool `(num_styles,)`, where `least` turns a style on; None: in
            all styles.
        drops: the same, where `most` turns a style off.
        calibrated: `calibration.Calibration` of the blended probabilities.
        kinds: None, or list of a string per style, "sets", "stack" or "both"
            where that decides instead of equation 2.
        found: `label_sets.LabelSets`; None where no style is of "sets" or
            "both" and too few photos have a label set.
        stack: `blending.Blend` of "stack" and "both", or None.
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
    calibrated: calibration.Calibration = calibration.NONE
    kinds: list[str] | None = None
    found: label_sets.LabelSets | None = None
    stack: blending.Blend | None = None


def calibrate(fitted, blended):
    """Makes blended probabilities honest; what needs no change keeps its bits.

    Args:
        fitted: `calibration.Calibration`.
        blended: float32 `(n, num_styles)`, of `blending.apply`.

    Returns:
        float32 tensor in [0, 1], shape `(n, num_styles)`.
    """
    blended = tf.cast(blended, tf.float32)
    scale, shift = (array.astype(np.float64) for array in fitted)
    changed = (scale != 1) | (shift != 0)
    logits = stacking.logits(blended) * scale + shift
    honest = tf.cast(tf.sigmoid(logits), tf.float32)
    return tf.where(changed, honest, blended)


def correct(fitted, blended):
    """Calibrates, then lets each style be corrected by the others.

    Args:
        fitted: `Rules`.
        blended: float32 `(n, num_styles)`, of `blending.apply`.

    Returns:
        float32 tensor in [0, 1], shape `(n, num_styles)`.
    """
    plain = corrected = calibrate(fitted.calibrated, blended)
    if np.any(fitted.alpha != 1) or np.any(fitted.beta):
        corrected = relations.correct(
            plain,
            plain >= fitted.first_thresholds,
            fitted.conditional,
            fitted.alpha,
            fitted.beta,
        )
        corrected = tf.clip_by_value(corrected, 0.0, 1.0)
    kinds = np.array(fitted.kinds or [])
    if np.isin(kinds, ["sets", "both"]).any():
        marginals = label_sets.marginals(fitted.found, plain)
        corrected = tf.where(kinds == "sets", marginals, corrected)
    else:
        marginals = plain  # For a stack that does not look at it.
    stacked = np.isin(kinds, ["stack", "both"])
    if stacked.any():
        both = tf.stack([plain, marginals], axis=1)
        corrected = tf.where(
            stacked, blending.apply(fitted.stack, both), corrected
        )
    return corrected


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
