"""What TensorBoard shows: scalars, PR curves, an augmented batch."""

import os
import time
import uuid

import keras
import tensorflow as tf
from tensorboard.plugins.pr_curve import summary as pr_curve
from tensorboard.summary.writer import record_writer

from jdstyle.runs import directory


class TensorBoard(keras.callbacks.Callback):
    """Appends each epoch's logs, curves and picture to an event file.

    Args:
        workdir: run directory.
        objective: `Objective`.
        validation: `Validation`, which has scored the epoch before.
        draw_batch: function that returns the picture of a freshly augmented
            batch, uint8 `(height, width, 3)`, or None for no picture.
    """

    def __init__(self, workdir, objective, validation, draw_batch):
        super().__init__()
        self._objective = objective
        self._validation = validation
        self._draw_batch = draw_batch
        # TensorBoard reads a folder's files by name: the time comes first.
        name = f"events.out.tfevents.{time.time():.0f}.{uuid.uuid4().hex}"
        folder = os.path.join(workdir, directory.TENSORBOARD_DIR)
        os.makedirs(folder, exist_ok=True)
        self._path = os.path.join(folder, name)
        self._write(tf.compat.v1.Event(file_version="brain.Event:2"))

    def on_epoch_end(self, epoch, logs):
        event = tf.compat.v1.Event(step=epoch + 1)
        for name, value in logs.items():
            event.summary.value.add(tag=name, simple_value=value)
        if self._draw_batch is not None:
            picture = self._draw_batch()
            image = event.summary.value.add(tag="augmented_batch").image
            image.height, image.width, image.colorspace = picture.shape
            image.encoded_image_string = tf.io.encode_png(picture).numpy()
        for place in self._objective.scored:
            curve = self._draw_curve(place)
            event.summary.MergeFromString(curve.SerializeToString())
        self._write(event)

    def _draw_curve(self, place):
        names = self._objective.style_names
        labels = self._objective.validation_labels[:, place]
        known = labels >= 0
        return pr_curve.pb(
            "pr_curve" if len(names) == 1 else f"pr_curve {names[place]}",
            labels[known] == 1,
            self._validation.probabilities[known, place],
        )

    def _write(self, event):
        """Appends an event to the file.

        In Python, which raises where the disk is full; TensorFlow's writer
        loses the event without a word.
        """
        event.wall_time = time.time()
        with open(self._path, "ab") as file:
            record_writer.RecordWriter(file).write(event.SerializeToString())
