"""Losses that look away from what a network already knows."""

# pyright: reportOptionalOperand=false, reportOperatorIssue=false

import keras
import numpy.typing as npt
from keras import ops

from jdstyle.training import losses


@keras.saving.register_keras_serializable(package="jdstyle")
class AsymmetricLoss(losses.CostSensitiveBinaryCrossentropy):
    """Cross-entropy in which easy examples count less, negatives even less.

    For label y, logit x, p = sigmoid(x) and p_m = max(p - margin, 0), the mean
    over the styles of

        loss = -false_negative_cost * y * (1 - p)^positive_focus * log(p)
               -false_positive_cost * (1 - y) * p_m^negative_focus
               * log(1 - p_m)

    A focus is the paper's gamma, and the defaults are the paper's. Masks, very
    large logits, dtypes and costs are as in `CostSensitiveBinaryCrossentropy`.

    The best p is not the probability of the style, nor is it a constant away
    from its logit, as with costs: `losses.prior_correction` does not undo it.

    Args:
        false_negative_cost: as in `CostSensitiveBinaryCrossentropy`.
        false_positive_cost: likewise.
        positive_focus: finite float >= 0.
        negative_focus: likewise.
        margin: float from 0 to below 1: a negative with a p up to this adds
            nothing.
        **kwargs: likewise.

    Raises:
        ValueError: for a cost, focus or margin out of its range.

    Source: Ridnik et al. (2021), "Asymmetric Loss For Multi-Label
    Classification".
    """

    def __init__(
        self,
        false_negative_cost: npt.ArrayLike = 1.0,
        false_positive_cost: npt.ArrayLike = 1.0,
        positive_focus: float = 0.0,
        negative_focus: float = 4.0,
        margin: float = 0.05,
        **kwargs,
    ):
        super().__init__(false_negative_cost, false_positive_cost, **kwargs)
        self.positive_focus = _check("positive_focus", positive_focus)
        self.negative_focus = _check("negative_focus", negative_focus)
        self.margin = _check("margin", margin, below=1.0)

    def errors(self, logits):
        missed = _focused(-logits, self.positive_focus)
        if not self.margin:
            return missed, _focused(logits, self.negative_focus)
        shifted = ops.sigmoid(logits) - self.margin
        counts = shifted > 0
        # What is not chosen must have a slope too: 0 times inf is no number.
        shifted = ops.where(counts, shifted, 0.5)
        # 1 - p + margin: log1p would see p = 1 and a tiny margin as log(0).
        kept = ops.sigmoid(-logits) + self.margin
        alarm = -ops.power(shifted, self.negative_focus) * ops.log(kept)
        return missed, ops.where(counts, alarm, 0.0)

    def get_config(self):
        return {
            **super().get_config(),
            "positive_focus": self.positive_focus,
            "negative_focus": self.negative_focus,
            "margin": self.margin,
        }


def make_focal_loss(false_negative_cost=1.0, false_positive_cost=1.0):
    """Makes the focal loss of gamma 2; the costs are its alpha.

        loss = -false_negative_cost * y * (1 - p)^2 * log(p)
               -false_positive_cost * (1 - y) * p^2 * log(1 - p)

    Args:
        false_negative_cost: as in `AsymmetricLoss`; alpha of the paper.
        false_positive_cost: likewise; 1 - alpha.

    Returns:
        `AsymmetricLoss` of equal focuses and no margin.

    Source: Lin et al. (2017), "Focal Loss for Dense Object Detection",
    equation 5, with its gamma.
    """
    return AsymmetricLoss(
        false_negative_cost,
        false_positive_cost,
        positive_focus=2.0,
        negative_focus=2.0,
        margin=0.0,
        name="focal_loss",
    )


def _focused(logits, focus):
    """Returns -log(1 - p) * p^focus of p = sigmoid(logits)."""
    # A power of p has no slope where p rounds to 0: this has.
    weight = ops.exp(-focus * ops.softplus(-logits))
    return ops.softplus(logits) * weight


def _check(name, value, *, below=float("inf")):
    """Returns a float from 0 to below a limit."""
    if not 0 <= value < below:
        raise ValueError(
            f"`{name}` must be from 0 to below {below}. Received: {value!r}."
        )
    return float(value)
