"""What follows a training: the callbacks of one job each, and their order."""

import typing

from jdstyle.training.best_weights import BestWeights
from jdstyle.training.history import History
from jdstyle.training.progress import Progress
from jdstyle.training.progress import Rate
from jdstyle.training.tensorboard import TensorBoard
from jdstyle.training.validation import Validation


class Monitors(typing.NamedTuple):
    """Keras's callbacks after the `Keeper`, in the order of their calls.

    They serve all phases of a training: create them once.
    """

    # All read one dict of logs. Its first scores are the validation's; rate
    # and learning rate come next, as the columns of the history do.
    validation: Validation
    rate: Rate
    # Before the history: an epoch that it lists has had its weights kept.
    best_weights: BestWeights
    history: History
    # After the history, whose disk space matters more.
    tensorboard: TensorBoard
    # Last: once it says that an epoch is done, all is written.
    progress: Progress

    def get_state(self):
        """Returns what they remember, as a dict of JSON values."""
        return {
            "best": self.best_weights.best,
            "history": self.history.rows,
            "rate": self.rate.get_state(),
        }

    def set_state(self, state):
        """Takes what `get_state` of an interrupted training returned."""
        self.best_weights.go_on(state["best"])
        self.history.rows = state["history"]
        self.rate.set_state(state["rate"])


def make_monitors(
    model, dataset, objective, workdir, *, epochs, draw_batch, states_dir
):
    """Makes the monitors of a training.

    Args:
        model: `keras.Model` from images to logits, whose weights are kept.
        dataset: of `batches.make_eval_dataset`, the validation photos.
        objective: `Objective`.
        workdir: run directory.
        epochs: `recipe.Epochs`.
        draw_batch: as in `TensorBoard`.
        states_dir: folder of the saved states, for messages.

    Returns:
        `Monitors`.
    """
    validation = Validation(
        model, dataset, objective, steps=epochs.steps, states_dir=states_dir
    )
    rate = Rate(epochs)
    return Monitors(
        validation=validation,
        rate=rate,
        best_weights=BestWeights(model, workdir),
        history=History(workdir),
        tensorboard=TensorBoard(workdir, objective, validation, draw_batch),
        progress=Progress(epochs, rate),
    )
