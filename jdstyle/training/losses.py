"""Binary cross-entropy in which the two kinds of error cost differently."""

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

# Beyond it a logit counts as this much: costs and sums over a batch then stay
# far below float32's largest number, 3.4e38.
_LARGEST_LOGIT = 1e20


@keras.saving.register_keras_serializable(package="jdstyle")
class CostSensitiveBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy with a cost per kind of error, in nats.

    For label y, logit x and p = sigmoid(x), the mean over the styles of

        loss = -false_negative_cost * y * log(p)
               -false_positive_cost * (1 - y) * log(1 - p)

    computed from the logits, so that it and its gradient stay finite for
    every finite logit, and in float32 whatever the dtype of the logits. A logit
    beyond 1e20 counts as 1e20, and its slope shrinks likewise; one that is not
    finite has a loss that is not either. A negative label masks: unknown, or
    not accepted by the resampling; it adds 0 and counts in the mean.

    Args:
        false_negative_cost: float > 0, or a sequence of one for each style;
            multiplies the loss of positive examples.
        false_positive_cost: the same for negative examples.
        **kwargs: `name`, `reduction` and `dtype` of `keras.losses.Loss`, the
            last by default `"float32"`: neither `keras.config.set_floatx` nor
            a mixed precision policy changes it.

    Raises:
        ValueError: if a cost is not a finite number > 0 or a flat sequence of
            them.

    Example:

    >>> loss = CostSensitiveBinaryCrossentropy(false_negative_cost=1.5)
    >>> float(loss(np.array([[1.0]]), np.array([[0.0]])))  # 1.5 * log(2)
    1.0397207736968994

    Source: King and Zeng (2001), "Logistic Regression in Rare Events Data",
    weighted likelihood.
    """

    def __init__(
        self,
        false_negative_cost: npt.ArrayLike = 1.5,
        false_positive_cost: npt.ArrayLike = 1.0,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        # Lists of floats rather than arrays: the configuration becomes JSON.
        self.false_negative_cost = _check_positive(
            "false_negative_cost", false_negative_cost
        ).tolist()
        self.false_positive_cost = _check_positive(
            "false_positive_cost", false_positive_cost
        ).tolist()

    def call(self, y_true, y_pred):
        """Computes the loss of each example.

        Args:
            y_true: tensor of labels in [0, 1], or negative to mask, shape
                `(batch, num_styles)`.
            y_pred: tensor of logits, shape `(batch, num_styles)`.

        Returns:
            float32 tensor, shape `(batch,)`.

        Raises:
            ValueError: if the shapes differ, or a sequence of costs has
                another length than there are styles.
        """
        self._check_shapes(tuple(y_true.shape), tuple(y_pred.shape))
        y_true = ops.cast(y_true, "float32")
        y_pred = _bound(ops.cast(y_pred, "float32"))
        missed_cost = ops.convert_to_tensor(self.false_negative_cost, "float32")
        alarm_cost = ops.convert_to_tensor(self.false_positive_cost, "float32")
        missed, alarm = self.errors(y_pred)
        missed = y_true * missed  # pyright: ignore
        alarm = (1.0 - y_true) * alarm  # pyright: ignore
        loss = missed_cost * missed + alarm_cost * alarm
        known = y_true >= 0  # pyright: ignore
        return ops.mean(ops.where(known, loss, 0.0), axis=-1)

    def errors(self, logits):
        """Computes what logits cost before the costs multiply it.

        Args:
            logits: float32 tensor, each at most 1e20 in size.

        Returns:
            `(missed, alarm)`: tensors of the same shape, what each costs if its
            label is 1, and if it is 0.
        """
        # -log(p) and -log(1 - p), without overflow.
        return ops.softplus(-logits), ops.softplus(logits)

    def get_config(self):
        return {
            **super().get_config(),
            "dtype": self.dtype,
            "false_negative_cost": self.false_negative_cost,
            "false_positive_cost": self.false_positive_cost,
        }

    def _check_shapes(self, true_shape, pred_shape):
        # Without this, labels (batch,) and logits (batch, 1) would broadcast
        # to (batch, batch), and one cost in a list to all styles.
        flat = len(true_shape) != 2 or len(pred_shape) != 2
        if flat or _differ(true_shape[1], pred_shape[1]):
            raise ValueError(
                "`y_true` and `y_pred` must both have the shape "
                f"(batch, num_styles). Received: {true_shape} and {pred_shape}."
            )
        for name in ("false_negative_cost", "false_positive_cost"):
            cost = getattr(self, name)
            if isinstance(cost, list) and _differ(len(cost), pred_shape[1]):
                raise ValueError(
                    f"`{name}` must be one number, or one for each of the "
                    f"{pred_shape[1]} styles. Received: {len(cost)} of them."
                )


def _bound(logits):
    """Scales logits beyond the largest to it; others keep every bit."""
    largest = ops.maximum(ops.abs(logits), _LARGEST_LOGIT)
    # A clip would let inf pass for a number, and has no slope.
    scale = _LARGEST_LOGIT / largest  # pyright: ignore
    return logits * ops.stop_gradient(scale)


def balanced_costs(
    positives,
    negatives,
    false_negative_cost: npt.ArrayLike = 1.5,
    false_positive_cost: npt.ArrayLike = 1.0,
):
    """Multiplies costs so that positives and negatives weigh the same.

    The costs are multiplied by n / (2 * positives) and n / (2 * negatives),
    n = positives + negatives. Resampling corrects the same imbalance: give
    the counts of an epoch after resampling, else it is corrected twice.

    Args:
        positives: int > 0, or an array of one for each style.
        negatives: the same.
        false_negative_cost: float > 0, or an array of one for each style.
        false_positive_cost: the same.

    Returns:
        `(false_negative_cost, false_positive_cost)`: two floats, or float64
        arrays where an argument is one.

    Raises:
        ValueError: if a count or a cost is not a finite number > 0 or a flat
            sequence of them.

    Source: King and Zeng (2001), "Logistic Regression in Rare Events Data",
    weighted likelihood, with a population share of one half.
    """
    positives = _check_positive("positives", positives)
    negatives = _check_positive("negatives", negatives)
    missed_cost = _check_positive("false_negative_cost", false_negative_cost)
    alarm_cost = _check_positive("false_positive_cost", false_positive_cost)
    total = positives + negatives
    return (
        missed_cost * (total / (2 * positives)),
        alarm_cost * (total / (2 * negatives)),
    )


def prior_correction(
    acceptance,
    false_negative_cost: npt.ArrayLike = 1.0,
    false_positive_cost: npt.ArrayLike = 1.0,
):
    """Computes what takes the resampling and the costs out of the logits.

    A network that was trained on accepted photos alone, and at these costs,
    knows the odds of a style among them. With this sum its logits are those of
    the style among all photos, and their order stays:

        log(acceptance of negatives / acceptance of positives)
        - log(false_negative_cost / false_positive_cost)

    Args:
        acceptance: float array, shape `(num_styles, 2)`: the probability of
            keeping a photo with label 0 and with label 1, > 0.
        false_negative_cost: float > 0, or an array of one for each style.
        false_positive_cost: the same.

    Returns:
        float64 array, shape `(num_styles,)`, to be added to the logits.

    Raises:
        ValueError: if a value is not a finite number > 0.

    Source: King and Zeng (2001), "Logistic Regression in Rare Events Data",
    equation 7.
    """
    negatives, positives = np.asarray(acceptance, np.float64).T
    ratio = (
        _check_positive("acceptance", negatives)
        / _check_positive("acceptance", positives)
        * _check_positive("false_positive_cost", false_positive_cost)
        / _check_positive("false_negative_cost", false_negative_cost)
    )
    return np.log(ratio)


def _check_positive(name, values):
    """Returns a float64 array, shape `()` or `(num_styles,)`, all > 0."""
    array = np.asarray(values, np.float64)
    if (
        array.ndim > 1
        or not array.size
        or not np.all((array > 0) & np.isfinite(array))
    ):
        raise ValueError(
            f"`{name}` must be a finite number > 0, or a flat sequence of "
            f"them. Received: {name}={values!r}."
        )
    return array


def _differ(size, other):
    """Returns whether two sizes differ; None is a size not known yet."""
    return None not in (size, other) and size != other
