"""What a student learns from: labels, and a teacher's probabilities."""

# pyright: reportOptionalOperand=false, reportOperatorIssue=false

import hashlib
import typing

import keras
import numpy as np
from keras import ops
from scipy import special

from jdstyle.training import losses


class Teacher(typing.NamedTuple):
    """What networks that have not seen the training photos say of them.

    Attributes:
        ids: array of n strings, the training photos in their order.
        logits: float array `(n, num_styles)`, of probabilities among all
            photos.
        share: float in [0, 1], of the loss.
        temperature: float > 0, divides the logits of both.
    """

    ids: np.ndarray
    logits: np.ndarray
    share: float = 0.5
    temperature: float = 1.5

    def digest(self):
        """Returns what tells this teacher from any other: hex digits."""
        total = hashlib.sha256("\n".join(self.ids).encode())
        total.update(np.ascontiguousarray(self.logits, "<f8").tobytes())
        return total.hexdigest()

    def targets(self, correction):
        """Returns what the student's softened probabilities should be.

        Resampling and costs shift the logits that labels teach; the teacher
        must ask for the same logits, or the two would never agree.

        Args:
            correction: float array `(num_styles,)`, of
                `losses.prior_correction`.

        Returns:
            float32 array `(n, num_styles)` in [0, 1].
        """
        softened = (self.logits - correction) / self.temperature
        return special.expit(softened).astype("float32")


@keras.saving.register_keras_serializable(package="jdstyle")
class DistillationLoss(keras.losses.Loss):
    """The loss of the labels and the cross-entropy with a teacher.

    For student's logits x, and q = sigmoid(teacher's logits / temperature), the
    mean over the styles of

        loss = (1 - share) * label_loss
               + share * temperature^2 * cross_entropy(q, x / temperature)

    The square keeps the size of the gradients, whatever the temperature. A
    negative label masks the first part alone; a negative q masks the second.

    Args:
        label_loss: `keras.losses.Loss` on logits.
        share: float in [0, 1], of the teacher.
        temperature: float > 0.
        **kwargs: as of `losses.CostSensitiveBinaryCrossentropy`.

    Raises:
        ValueError: if `share` or `temperature` is out of range.

    Source: Hinton, Vinyals and Dean (2015), "Distilling the Knowledge in a
    Neural Network", for sigmoids.
    """

    def __init__(self, label_loss, share=0.5, temperature=1.5, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if not 0 <= share <= 1:
            raise ValueError(f"`share` must be in [0, 1]. Received: {share}.")
        if not 0 < temperature < np.inf:
            raise ValueError(
                "`temperature` must be finite and > 0. "
                f"Received: {temperature}."
            )
        self.label_loss = label_loss
        self.share = share
        self.temperature = temperature
        self._cross_entropy = losses.CostSensitiveBinaryCrossentropy(1.0, 1.0)

    def call(self, y_true, y_pred):
        """Computes the loss of each example.

        Args:
            y_true: tensor, shape `(batch, 2 * num_styles)`: the labels, then
                the teacher's q.
            y_pred: tensor of logits, shape `(batch, num_styles)`.

        Returns:
            float32 tensor, shape `(batch,)`.

        Raises:
            ValueError: if the shapes do not match.
        """
        if len(y_true.shape) != 2 or y_true.shape[1] != 2 * y_pred.shape[1]:
            raise ValueError(
                "`y_true` must have the shape (batch, 2 * num_styles), and "
                "`y_pred` (batch, num_styles). Received: "
                f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}."
            )
        num_styles = y_pred.shape[1]
        of_labels = self.label_loss.call(y_true[:, :num_styles], y_pred)
        softened = ops.cast(y_pred, "float32") / self.temperature
        of_teacher = self._cross_entropy.call(y_true[:, num_styles:], softened)
        weight = self.share * self.temperature**2
        return (1 - self.share) * of_labels + weight * of_teacher

    def get_config(self):
        return {
            **super().get_config(),
            "dtype": self.dtype,
            "label_loss": keras.losses.serialize(self.label_loss),
            "share": self.share,
            "temperature": self.temperature,
        }

    @classmethod
    def from_config(cls, config):
        label_loss = keras.losses.deserialize(config["label_loss"])
        return cls(**config | {"label_loss": label_loss})
