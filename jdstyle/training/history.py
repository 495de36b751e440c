"""The table of all epochs: history.csv."""

import csv
import os

import keras

from jdstyle.files import atomic
from jdstyle.runs import directory


class History(keras.callbacks.Callback):
    """Writes each epoch's logs as a row of `history.csv`.

    The whole file anew each time: a row that an interrupted training wrote
    after its last state is thereby written once.

    Args:
        workdir: run directory.

    Attributes:
        rows: list of dicts of JSON values, one per epoch.
    """

    def __init__(self, workdir):
        super().__init__()
        self.rows = []
        self._path = os.path.join(workdir, directory.HISTORY_FILE)

    def on_epoch_end(self, epoch, logs):
        self.rows.append({"epoch": epoch + 1, **logs})
        with atomic.aside(self._path, newline="") as file:
            writer = csv.DictWriter(file, self.rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
