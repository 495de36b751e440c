"""Scores every epoch: files, TensorBoard, a line for the user, best weights."""

import csv
import os
import time
import uuid

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from tensorboard.plugins.pr_curve import summary as pr_curve
from tensorboard.summary.writer import record_writer

from jdstyle.errors import Failure
from jdstyle.evaluation import scores as report
from jdstyle.evaluation import thresholds
from jdstyle.files import atomic
from jdstyle.files import sums
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.training import moving_average


def make_forward(model):
    """Returns a compiled forward pass: images to float32 logits.

    On one device. Keras's `predict` would divide each batch among several, and
    fail where the last one has fewer photos than there are devices.
    """
    return tf.function(
        lambda images: tf.cast(model(images, training=False), tf.float32),
        reduce_retracing=True,
    )


def predict_logits(forward, dataset):
    """Returns the logits of every photo of an evaluation dataset.

    Args:
        forward: of `make_forward`.
        dataset: of `input_pipeline.make_eval_dataset`.

    Returns:
        float32 array, shape `(n, styles)`.
    """
    return np.concatenate([forward(images) for images in dataset])


class Validation(keras.callbacks.Callback):
    """Validates after each epoch with one forward pass per photo.

    Adds `val_loss`, `val_f2` (at its best threshold), `val_threshold` and
    `val_pr_auc` to the epoch's logs; writes `history.csv` and TensorBoard's
    scalars, PR curves and augmented batch; keeps the weights with the best F2,
    of equal ones those with the better PR-AUC. Of several styles these are
    means, and `f2/NAME` and `pr_auc/NAME` stand beside them.

    It serves all phases of a training: create it once. Where a logit is not
    finite it raises `Failure`.

    Args:
        classifier: `keras.Model` whose weights are kept.
        dataset: of `input_pipeline.make_eval_dataset`.
        labels: int array, shape `(n, styles)`: 1, 0, or -1 where unknown. A
            style without a positive is not scored; one at least has some.
        loss: `keras.losses.Loss` on logits.
        workdir: run directory.
        names: list of the styles' names.
        epochs: int, number of epochs of all phases.
        steps, batch_size: int, steps per epoch and photos per step.
        draw_batch: function that returns the picture of a freshly augmented
            batch, uint8 `(height, width, 3)`, or None for no picture.
    """

    def __init__(
        self,
        classifier,
        dataset,
        labels,
        loss,
        workdir,
        *,
        names,
        epochs,
        steps,
        batch_size,
        draw_batch,
    ):
        super().__init__()
        self.best = {"val_f2": -1.0}
        self.photos_per_second = []
        self._rate = float("nan")
        self._epoch_start = time.monotonic()
        self._timed_steps = 0
        self._classifier = classifier
        self._forward = make_forward(classifier)
        self.dataset = dataset
        self._labels = labels
        self._loss = loss
        self._workdir = workdir
        self._names = names
        self._scored = np.flatnonzero((labels == 1).any(axis=0))
        self._epochs = epochs
        self.steps = steps
        self.batch_size = batch_size
        self._draw_batch = draw_batch
        self._history = []
        # TensorBoard reads a folder's files by name: the time comes first.
        name = f"events.out.tfevents.{time.time():.0f}.{uuid.uuid4().hex}"
        folder = os.path.join(workdir, directory.TENSORBOARD_DIR)
        os.makedirs(folder, exist_ok=True)
        self._events_path = os.path.join(folder, name)
        self._write_event(tf.compat.v1.Event(file_version="brain.Event:2"))

    def on_train_begin(self, logs=None):
        self._first_step_start = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        self._timed_steps += 1
        if self._first_step_start is None:
            return
        seconds = time.monotonic() - self._first_step_start
        logging.info("First step: %.0f s, mostly building its graph", seconds)
        self._first_step_start = None
        if self.steps > 1:  # The rate of this epoch counts from here.
            self._epoch_start = time.monotonic()
            self._timed_steps = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._timed_steps = 0
        self._epoch_start = time.monotonic()

    def on_epoch_end(self, epoch, logs):
        self.photos_per_second.append(self._measure_rate())
        with moving_average.averaged(self.model.optimizer):
            logits = predict_logits(self._forward, self.dataset)
            self._require_finite(epoch, logits)
            probabilities = tf.sigmoid(logits).numpy()
            logs.update(self._score(logits, probabilities))
            logs["photos_per_second"] = self.photos_per_second[-1]
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
            self._keep_if_best(epoch, logs)
        self._write_history(epoch, logs)
        self._write_summaries(epoch, logs, probabilities)
        seconds = time.monotonic() - self._epoch_start
        logging.info(
            "Epoch %d of %d: loss %.4f, validation loss %.4f, F2 %.4f, PR-AUC "
            "%.4f, %.0f photos/s, %.0f s left",
            epoch + 1,
            self._epochs,
            logs["loss"],
            logs["val_loss"],
            logs["val_f2"],
            logs["val_pr_auc"],
            self.photos_per_second[-1],
            seconds * (self._epochs - epoch - 1),
        )

    def get_state(self):
        """Returns what it remembers, as a dict of JSON values."""
        return {
            "best": self.best,
            "history": self._history,
            "photos_per_second": self.photos_per_second,
            "rate": self._measure_rate(),
        }

    def set_state(self, state):
        """Takes what `get_state` of an interrupted training returned."""
        self.best = state["best"]
        self._history = state["history"]
        self.photos_per_second = state["photos_per_second"]
        self._rate = state["rate"]

    def _measure_rate(self):
        """Photos per second of the epoch that runs."""
        if self._timed_steps:
            seconds = time.monotonic() - self._epoch_start
            self._rate = self._timed_steps * self.batch_size / seconds
        return self._rate

    def _require_finite(self, epoch, logits):
        """Finite weights may overflow on the way, in float16 above all."""
        broken = np.count_nonzero(~np.isfinite(logits).all(axis=1))
        if not broken:
            return
        folder = os.path.join(self._workdir, checkpoints.DIRECTORY)
        raise Failure(
            f"The logits of {broken} of {len(logits)} validation photos are "
            f"not finite, at the end of epoch {epoch + 1}, after step "
            f"{self.steps} of {self.steps}. {checkpoints.advise(folder)}"
        )

    def _score(self, logits, probabilities):
        rows = []
        for i in self._scored:
            labels, scores = self._labels[:, i], probabilities[:, i]
            known = labels >= 0
            threshold, f2 = thresholds.best_threshold(
                labels[known], scores[known]
            )
            rows.append((f2, threshold, report.pr_auc(labels, scores)))
        f2, threshold, pr_auc = np.mean(rows, axis=0).tolist()
        loss = self._loss(self._labels.astype("float32"), logits)
        logs = {
            "val_loss": float(loss),
            "val_f2": f2,
            "val_threshold": threshold,
            "val_pr_auc": pr_auc,
        }
        if len(rows) > 1:
            for i, (f2, _, pr_auc) in zip(self._scored, rows, strict=True):
                name = self._names[i]
                logs |= {f"f2/{name}": f2, f"pr_auc/{name}": pr_auc}
        return logs

    def _keep_if_best(self, epoch, logs):
        key = ("val_f2", "val_pr_auc")
        if tuple(logs[k] for k in key) <= tuple(
            self.best.get(k, 0.0) for k in key
        ):
            return
        self.best = {"epoch": epoch + 1, **{k: logs[k] for k in key}}
        path = os.path.join(self._workdir, directory.BEST_WEIGHTS)
        # Keras insists on the ending.
        unfinished = os.path.join(self._workdir, "unfinished.weights.h5")
        with atomic.renamed(unfinished, path):
            self._classifier.save_weights(unfinished)
        sums.write(self._workdir, [directory.BEST_WEIGHTS])

    def _write_history(self, epoch, logs):
        self._history.append({"epoch": epoch + 1, **logs})
        path = os.path.join(self._workdir, directory.HISTORY_FILE)
        with atomic.aside(path, newline="") as file:
            writer = csv.DictWriter(file, self._history[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._history)

    def _write_summaries(self, epoch, logs, probabilities):
        event = tf.compat.v1.Event(step=epoch + 1)
        for name, value in logs.items():
            event.summary.value.add(tag=name, simple_value=value)
        if self._draw_batch is not None:
            picture = self._draw_batch()
            image = event.summary.value.add(tag="augmented_batch").image
            image.height, image.width, image.colorspace = picture.shape
            image.encoded_image_string = tf.io.encode_png(picture).numpy()
        for i in self._scored:
            name = self._names[i]
            known = self._labels[:, i] >= 0
            curve = pr_curve.pb(
                "pr_curve" if len(self._names) == 1 else f"pr_curve {name}",
                self._labels[known, i] == 1,
                probabilities[known, i],
            )
            event.summary.MergeFromString(curve.SerializeToString())
        self._write_event(event)

    def _write_event(self, event):
        """Appends an event to the file.

        In Python, which raises where the disk is full; TensorFlow's writer
        loses the event without a word.
        """
        event.wall_time = time.time()
        with open(self._events_path, "ab") as file:
            record_writer.RecordWriter(file).write(event.SerializeToString())
