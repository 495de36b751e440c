"""How fast a training is, and a line for its user after every epoch."""

import time

import keras
from absl import logging


class Rate(keras.callbacks.Callback):
    """Adds measurements and the `learning_rate` to each epoch's logs.

    They are `photos_per_second` and `input_share`, the part of the time in
    which the steps wait for their photos: how far the host falls behind.
    Neither validating nor the very first step, in which the graph is built,
    counts; unless an epoch is but that one step.

    Args:
        epochs: `recipe.Epochs`.

    Attributes:
        photos_per_second: list of floats, one per epoch.
        epoch_start: `time.monotonic()` from which this epoch is timed.
    """

    def __init__(self, epochs):
        super().__init__()
        self.photos_per_second = []
        self.epoch_start = time.monotonic()
        self._epochs = epochs
        self._timed_steps = 0
        self._waited = 0.0
        self._rate = self._share = float("nan")

    def watch(self, network):
        """Times how long the steps of a compiled network wait for photos.

        Each step's batch is taken before it, and no longer inside of its graph,
        where no clock can be read.

        Args:
            network: `keras.Model`, compiled.
        """
        network.make_train_function()
        step = network.train_function

        def timed_step(iterator):
            start = time.monotonic()
            batch = iterator.get_next()
            self._waited += time.monotonic() - start
            return step(iter([batch]))

        network.train_function = timed_step

    def on_train_begin(self, logs=None):
        self._first_step_start = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self._restart()

    def on_train_batch_end(self, batch, logs=None):
        self._timed_steps += 1
        if self._first_step_start is not None:
            seconds = time.monotonic() - self._first_step_start
            logging.info(
                "First step: %.0f s, mostly building its graph", seconds
            )
            self._first_step_start = None
            if self._epochs.steps > 1:
                self._restart()
                return
        seconds = time.monotonic() - self.epoch_start
        self._rate = self._timed_steps * self._epochs.batch_size / seconds
        self._share = self._waited / seconds

    def on_epoch_end(self, epoch, logs):
        self.photos_per_second.append(self._rate)
        logs["photos_per_second"] = self._rate
        logs["input_share"] = self._share
        optimizer = self.model.optimizer  # pyright: ignore
        logs["learning_rate"] = float(optimizer.learning_rate)

    def get_state(self):
        """Returns what it remembers, as a dict of JSON values."""
        return {
            "photos_per_second": self.photos_per_second,
            "rate": self._rate,
            "share": self._share,
        }

    def set_state(self, state):
        """Takes what `get_state` of an interrupted training returned."""
        self.photos_per_second = state["photos_per_second"]
        self._rate = state["rate"]
        self._share = state["share"]

    def _restart(self):
        self.epoch_start = time.monotonic()
        self._timed_steps = 0
        self._waited = 0.0


class Progress(keras.callbacks.Callback):
    """Logs a line with an epoch's scores and the time that is left.

    Args:
        epochs: `recipe.Epochs`.
        rate: `Rate`, which has seen the epoch before.
    """

    def __init__(self, epochs, rate):
        super().__init__()
        self._epochs = epochs
        self._rate = rate

    def on_epoch_end(self, epoch, logs):
        seconds = time.monotonic() - self._rate.epoch_start
        logging.info(
            "Epoch %d of %d: loss %.4f, validation loss %.4f, F2 %.4f, PR-AUC "
            "%.4f, %.0f photos/s, input %.0f %% of the step, %.0f s left",
            epoch + 1,
            self._epochs.number,
            logs["loss"],
            logs["val_loss"],
            logs["val_f2"],
            logs["val_pr_auc"],
            logs["photos_per_second"],
            100 * logs["input_share"],
            seconds * (self._epochs.number - epoch - 1),
        )
