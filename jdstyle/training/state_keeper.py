"""Saves a training's whole state, restores it, and stops a broken one."""

import os
import time

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from jdstyle.errors import Failure
from jdstyle.errors import Stopped
from jdstyle.input_pipeline import augment
from jdstyle.runs import checkpoints

_CHECK_STEPS = 10  # Between two looks at all weights.
_MOST_SKIPPED = 20  # Steps that float16 may skip in a row.


class Keeper(keras.callbacks.Callback):
    """Saves and restores the state; the first callback of every `fit`.

    The state is all that the rest of the training depends on: weights,
    statistics, optimizer with its average and schedule, the state of random
    layers, the mean loss of the epoch so far, the position, and what the
    monitors remember. It is saved every `minutes`, at the end of each
    epoch, before its validation, and when a signal has come.

    Where a loss or a weight is not finite, or float16 has skipped 20 steps in
    a row, training ends; such a state is never saved.

    Args:
        workdir: run directory.
        state: of `checkpoints.load_last`: what to go on from, or None.
        epochs: `recipe.Epochs`.
        minutes: float >= 0 between two saves; 0 saves after each step.
        monitors: `Monitors`, whose state is saved as well.
        signals: `signals.Signals`.
        batch_ids: function of a batch's number from 0 that returns the ids of
            its photos.

    Attributes:
        epochs, monitors: as given.
        epoch, step: ints, the position: steps done of the epoch that runs.

    Raises:
        Failure: if the state is of another batch size or precision.
    """

    def __init__(
        self, workdir, state, *, epochs, minutes, monitors, signals, batch_ids
    ):
        super().__init__()
        self.epochs = epochs
        self.monitors = monitors
        self._directory = os.path.join(workdir, checkpoints.DIRECTORY)
        self._steps = epochs.steps
        self._seconds = 60 * minutes
        self._signals = signals
        self._batch_ids = batch_ids
        self.epoch = self.step = 0
        self._state = state
        self._recorded = state[1] if state else {}
        self._metrics = None
        self._precision = keras.config.dtype_policy().name
        if state is not None:
            _, record = state
            self._require_same("batch_size", epochs.batch_size)
            self._require_same("precision", self._precision)
            self.epoch, self.step = record["epoch"], record["step"]
            monitors.set_state(record["monitors"])
            logging.info(
                "Going on in epoch %d after step %d of %d",
                self.epoch + 1,
                self.step,
                self._steps,
            )

    def attach(self, network):
        """Takes a compiled network; the first time, restores its state.

        Args:
            network: `keras.Model` with a built optimizer.
        """
        self._network = network
        self._all_finite = _finite_check(network)
        if self._state is not None:
            self._restore(*self._state)
            self._state = None
        self._skipped = 0
        self._iterations = int(network.optimizer.iterations.numpy())
        self._last_save = time.monotonic()

    def _require_same(self, flag, value):
        """The flags are the same, but auto depends on the machine."""
        there = self._recorded[flag]
        if there != value:
            raise Failure(
                f"The state in {self._directory} is of --{flag}={there}, and "
                f"here it would go on with {value}. Go on with it on a machine "
                "like the one where it began, or remove that folder to begin "
                "again."
            )

    def _restore(self, arrays, record):
        variables = _variables(self._network)
        # Not by name: Keras numbers layers anew with every model.
        if _shapes(variables) != record["shapes"]:
            raise Failure(
                f"The state in {self._directory} is of another network. Remove "
                "that folder to begin again."
            )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        self._metrics = [v.numpy() for v in self._network.metrics_variables]

    def finish_epoch(self):
        """Validates the epoch at whose end the state was saved."""
        logs = self._network.get_metrics_result()
        self._metrics = None
        logs = {name: float(value) for name, value in logs.items()}
        for monitor in self.monitors:
            monitor.set_model(self._network)
            monitor.on_epoch_end(self.epoch, logs)
        self.next_epoch()

    def next_epoch(self):
        """Moves on to the beginning of the next epoch."""
        self.epoch, self.step = self.epoch + 1, 0

    def on_epoch_begin(self, epoch, logs=None):
        if epoch != self.epoch:
            self.epoch, self.step = epoch, 0
        if self._metrics is not None:  # `fit` has just reset them.
            for variable, value in zip(
                self._network.metrics_variables, self._metrics, strict=True
            ):
                variable.assign(value)
            self._metrics = None

    def on_train_batch_end(self, batch, logs):
        self.step += 1
        self._signals.patient = True
        if not np.isfinite(logs["loss"]):
            self._fail(f"The loss is {logs['loss']}")
        self._count_skipped()
        if self.step % _CHECK_STEPS == 0:
            self._require_finite()
        if self._signals.caught:
            self._save()
            raise Stopped(
                f"{self._signals.caught}: stopped in epoch {self.epoch + 1} "
                f"after step {self.step} of {self._steps}. Run the same "
                "command again to go on."
            )
        elapsed = time.monotonic() - self._last_save
        if elapsed >= self._seconds and self.step < self._steps:
            self._save()

    def on_epoch_end(self, epoch, logs=None):
        self._save()
        self._signals.patient = False  # Until the next step all is saved.

    def _save(self):
        self._require_finite()
        variables = _variables(self._network)
        record = {
            "epoch": self.epoch,
            "step": self.step,
            "batch_size": self.epochs.batch_size,
            "precision": self._precision,
            "shapes": _shapes(variables),
            "monitors": self.monitors.get_state(),
        }
        checkpoints.save(
            self._directory,
            self.epoch * self._steps + self.step,
            [variable.numpy() for variable in variables],
            record,
        )
        self._last_save = time.monotonic()

    def _count_skipped(self):
        """Counts the steps in a row that float16's loss scale has skipped.

        Left alone, the scale sinks to 0, and then the weights become NaN.
        """
        optimizer = self._network.optimizer
        if not hasattr(optimizer, "dynamic_scale"):
            return
        iterations = int(optimizer.iterations.numpy())
        same = iterations == self._iterations
        self._skipped = self._skipped + 1 if same else 0
        self._iterations = iterations
        if self._skipped >= _MOST_SKIPPED:
            self._fail(
                f"float16 overflows: {self._skipped} steps in a row are skipped"
            )

    def _require_finite(self):
        if not self._all_finite():
            self._fail("A weight is not finite")

    def _fail(self, problem):
        batch = self.epoch * self._steps + self.step - 1
        raise Failure(
            f"{problem}, in epoch {self.epoch + 1} after step {self.step} of "
            f"{self._steps}. That step's photos: "
            f"{', '.join(self._batch_ids(batch))}. "
            f"{checkpoints.advise(self._directory)}"
        )


def _variables(network):
    """All that a training step reads and changes, each once."""
    variables = [
        *network.variables,
        *network.optimizer.variables,
        *network.metrics_variables,
        *augment.random_states(network),
    ]
    return list({id(variable): variable for variable in variables}.values())


def _shapes(variables):
    return [list(variable.shape) for variable in variables]


def _finite_check(network):
    weights = [
        weight.value
        for weight in network.weights
        if weight.dtype.startswith(("float", "bfloat"))
    ]
    return tf.function(
        lambda: tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(weight)) for weight in weights]
        ),
        autograph=False,
    )
