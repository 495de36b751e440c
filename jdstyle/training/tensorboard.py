"""What TensorBoard shows: scalars, curves, an augmented batch, reliability."""

import os
import pathlib
import tempfile
import time
import uuid

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from tensorboard.plugins.pr_curve import summary as pr_curve
from tensorboard.plugins.text import summary as text
from tensorboard.summary.writer import record_writer

from jdstyle.evaluation import reliability
from jdstyle.runs import directory

# Folders of event files, of which TensorBoard makes runs.
_TRAIN, _VALIDATE = "train", "validation"
_POINTS = 101


class TensorBoard(keras.callbacks.Callback):
    """Appends each epoch's logs, curves and picture to event files.

    As of Keras's callback there are two runs, "train" and "validation", whose
    tags agree: `epoch_loss` of both is one chart.

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
        self._paths = {run: _begin(workdir, run) for run in (_TRAIN, _VALIDATE)}
        if settings := _describe_settings(workdir):
            event = tf.compat.v1.Event(step=0, summary=settings)
            _append(self._paths[_TRAIN], event)

    def on_epoch_end(self, epoch, logs):
        events = {
            run: tf.compat.v1.Event(step=epoch + 1) for run in self._paths
        }
        for name, value in logs.items():
            run, tag = _place(name)
            events[run].summary.value.add(tag=tag, simple_value=value)
        if self._draw_batch is not None:
            picture = self._draw_batch()
            added = events[_TRAIN].summary.value.add(tag="augmented_batch")
            image = added.image
            image.height, image.width, image.colorspace = picture.shape
            image.encoded_image_string = tf.io.encode_png(picture).numpy()
        names = self._objective.style_names
        for place in self._objective.scored:
            curve = draw_curve(
                "pr_curve" if len(names) == 1 else f"pr_curve {names[place]}",
                self._objective.validation_labels[:, place],
                self._validation.probabilities[:, place],
            )
            if curve is not None:
                events[_VALIDATE].summary.MergeFromString(
                    curve.SerializeToString()
                )
        for run, event in events.items():
            _append(self._paths[run], event)


def draw_curve(tag, labels, probabilities):
    """Makes a precision-recall curve whose points are even in recall.

    TensorBoard's own points are even in probability: of a rare style, whose
    probabilities are all small, only a few would be different.

    Args:
        tag: string.
        labels: int array, shape `(n,)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n,)`.

    Returns:
        A summary of at most 101 points, or None without a positive.
    """
    found = np.sort(probabilities[labels == 1])
    others = np.sort(probabilities[labels == 0])
    if not len(found):
        return None
    # Each point is a positive that is still found.
    places = np.unique(np.linspace(0, len(found) - 1, _POINTS).round())
    at = found[places.astype(int)]
    hits = len(found) - np.searchsorted(found, at)
    alarms = len(others) - np.searchsorted(others, at)
    return pr_curve.raw_data_pb(
        tag,
        *(hits, alarms, len(others) - alarms, len(found) - hits),
        precision=hits / (hits + alarms),
        recall=hits / len(found),
        num_thresholds=len(at),
        description="Points are even in recall; their thresholds are not "
        "those that TensorBoard shows.",
    )


def _place(name):
    """Returns the run and the tag of one of an epoch's logs."""
    if name.startswith("val_"):
        return _VALIDATE, "epoch_" + name.removeprefix("val_")
    if "/" in name:  # Of a style.
        return _VALIDATE, name
    return _TRAIN, f"epoch_{name}"


def _describe_settings(workdir):
    """Returns a run's flags as a text, or None where there are none."""
    path = os.path.join(workdir, directory.FLAGS_FILE)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        lines = "".join(f"    {line}" for line in file)
    return text.pb("settings", lines)


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
    _append(_begin(workdir, _VALIDATE), event)


def _begin(workdir, run):
    """Returns the path of a run's new event file, its head written."""
    # TensorBoard reads a folder's files by name: the time comes first.
    name = f"events.out.tfevents.{time.time():.0f}.{uuid.uuid4().hex}"
    folder = os.path.join(workdir, directory.TENSORBOARD_DIR, run)
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
