"""Keeps the weights of the epoch that validated best."""

import os

import keras
from absl import logging

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import sums
from jdstyle.runs import directory
from jdstyle.training import moving_average

_KEYS = ("val_f2", "val_pr_auc")


class BestWeights(keras.callbacks.Callback):
    """Writes the weights with the best F2; of equal ones, the best PR-AUC.

    Where the optimizer keeps a moving average of the weights, the average is
    written.

    Args:
        model: `keras.Model` whose weights are kept.
        workdir: run directory; takes the weights and their SHA-256 sum.

    Attributes:
        best: dict with `epoch`, from 1, `val_f2` and `val_pr_auc`; JSON values.
    """

    def __init__(self, model, workdir):
        super().__init__()
        self.best = {"val_f2": -1.0}
        self._kept_model = model
        self._workdir = workdir

    def go_on(self, best):
        """Takes what `best` was when an interrupted training saved its state.

        Warns where its weights are damaged: only a better epoch mends that.

        Args:
            best: dict.
        """
        self.best = best
        if "epoch" not in best:
            return
        try:
            sums.check(self._workdir, [directory.BEST_WEIGHTS])
        except InputError as error:
            logging.warning(
                "%s Unless a later epoch is better, this training ends with "
                "that: stop it, remove %s and begin again.",
                error,
                self._workdir,
            )

    def on_epoch_end(self, epoch, logs):
        before = tuple(self.best.get(key, 0.0) for key in _KEYS)
        if tuple(logs[key] for key in _KEYS) <= before:
            return
        self.best = {"epoch": epoch + 1, **{key: logs[key] for key in _KEYS}}
        with moving_average.averaged(self.model.optimizer):  # pyright: ignore
            write(self._kept_model, self._workdir)


def write(model, workdir):
    """Writes the weights of a run, aside first, and their SHA-256 sum.

    Args:
        model: `keras.Model`.
        workdir: run directory.
    """
    path = os.path.join(workdir, directory.BEST_WEIGHTS)
    # Keras insists on the ending.
    unfinished = atomic.beside(path, ".weights.h5")
    with atomic.renamed(unfinished, path):
        model.save_weights(unfinished)
    sums.write(workdir, [directory.BEST_WEIGHTS])
