"""What TensorBoard shows: scalars, curves, an augmented batch, reliability."""

import os
import pathlib
import tempfile
import time
import uuid

import keras
import tensorflow as tf
from absl import logging
from tensorboard.plugins.pr_curve import summary as pr_curve
from tensorboard.summary.writer import record_writer

from jdstyle.evaluation import reliability
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
        self._path = _begin(workdir)

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
        _append(self._path, event)

    def _draw_curve(self, place):
        names = self._objective.style_names
        labels = self._objective.validation_labels[:, place]
        known = labels >= 0
        return pr_curve.pb(
            "pr_curve" if len(names) == 1 else f"pr_curve {names[place]}",
            labels[known] == 1,
            self._validation.probabilities[known, place],
        )


def show_reliability(workdir, result):
    """Adds the reliability diagrams of a finished run, as one picture.

    Args:
        workdir: run directory.
        result: dict of `scores.score`, of the photos that validate.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "reliability.png")
        try:
            drawn = reliability.draw(result, path)
        except Exception as error:  # Whatever it is, the network is there.
            logging.warning(
                "The reliability diagrams cannot be drawn (%s: %s).",
                type(error).__name__,
                error,
            )
            return
        if not drawn:
            return
        event = tf.compat.v1.Event(step=0)
        image = event.summary.value.add(tag="reliability").image
        image.encoded_image_string = path.read_bytes()
    _append(_begin(workdir), event)


def _begin(workdir):
    """Returns the path of a new event file, its head written."""
    # TensorBoard reads a folder's files by name: the time comes first.
    name = f"events.out.tfevents.{time.time():.0f}.{uuid.uuid4().hex}"
    folder = os.path.join(workdir, directory.TENSORBOARD_DIR)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    _append(path, tf.compat.v1.Event(file_version="brain.Event:2"))
    return path


def _append(path, event):
    """Appends an event to a file.

    In Python, which raises where the disk is full; TensorFlow's writer loses
    the event without a word.
    """
    event.wall_time = time.time()
    with open(path, "ab") as file:
        record_writer.RecordWriter(file).write(event.SerializeToString())
