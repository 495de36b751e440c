"""Scores the validation photos after every epoch."""

import keras
import numpy as np
import tensorflow as tf

from jdstyle.errors import Failure
from jdstyle.evaluation import scores
from jdstyle.evaluation import thresholds
from jdstyle.models import forward
from jdstyle.runs import checkpoints
from jdstyle.training import moving_average


class Validation(keras.callbacks.Callback):
    """Adds scores to each epoch's logs, with one forward pass per photo.

    They are `val_loss`, `val_f2` (at its best threshold), `val_threshold` and
    `val_pr_auc`. Of several styles these are means, and `f2/NAME` and
    `pr_auc/NAME` stand beside them. Where the optimizer keeps a moving average
    of the weights, it is the average that is scored.

    Args:
        model: `keras.Model` from images to logits, that the training changes.
        dataset: of `batches.make_eval_dataset`.
        objective: `Objective`; its labels belong to the dataset's photos.
        steps: int, steps of an epoch, for messages.
        states_dir: folder of the saved states, for messages.

    Attributes:
        dataset: as given.
        probabilities: float32 array `(n, num_styles)` of the last epoch.

    Raises:
        Failure: where a logit is not finite.
    """

    def __init__(self, model, dataset, objective, *, steps, states_dir):
        super().__init__()
        self.dataset = dataset
        self.probabilities = None
        self._forward = forward.make_forward(model)
        self._objective = objective
        self._steps = steps
        self._states_dir = states_dir

    def on_epoch_end(self, epoch, logs):
        optimizer = self.model.optimizer  # pyright: ignore
        with moving_average.averaged(optimizer):
            logits = forward.predict_logits(self._forward, self.dataset)
        self._require_finite(epoch, logits)
        self.probabilities = tf.sigmoid(
            logits + self._objective.correction.astype("float32")
        ).numpy()
        logs.update(score(self._objective, logits, self.probabilities))

    def _require_finite(self, epoch, logits):
        """Finite weights may overflow on the way, in float16 above all."""
        broken = np.count_nonzero(~np.isfinite(logits).all(axis=1))
        if broken:
            raise Failure(
                f"The logits of {broken} of {len(logits)} validation photos "
                f"are not finite, at the end of epoch {epoch + 1}, after step "
                f"{self._steps} of {self._steps}. "
                f"{checkpoints.advise(self._states_dir)}"
            )


def score(objective, logits, probabilities):
    """Scores the validation photos.

    Args:
        objective: `Objective`.
        logits: float32 array `(n, num_styles)`.
        probabilities: likewise, what they mean.

    Returns:
        dict of the scores that `Validation` names.
    """
    rows = []
    for place in objective.scored:
        labels = objective.validation_labels[:, place]
        predicted = probabilities[:, place]
        threshold, f2 = thresholds.best_threshold(labels, predicted)
        pr_auc = scores.pr_auc(labels, predicted)
        rows.append((f2, threshold, pr_auc))
    f2, threshold, pr_auc = np.mean(rows, axis=0).tolist()
    labels = objective.validation_labels.astype("float32")
    # The loss counts unknown labels in its mean.
    of_known = labels.size / np.count_nonzero(labels >= 0)
    logs = {
        "val_loss": of_known * float(objective.validation_loss(labels, logits)),
        "val_f2": f2,
        "val_threshold": threshold,
        "val_pr_auc": pr_auc,
    }
    if len(rows) > 1:
        for place, (f2, _, pr_auc) in zip(objective.scored, rows, strict=True):
            name = objective.style_names[place]
            logs |= {f"f2/{name}": f2, f"pr_auc/{name}": pr_auc}
    return logs
