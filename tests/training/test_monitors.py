"""The callbacks of one job each, fed by hand; no network trains."""

import csv
import types

import keras
import numpy as np
import pytest

from jdstyle.files import sums
from jdstyle.runs import directory
from jdstyle.training import progress
from jdstyle.training import recipe
from jdstyle.training.best_weights import BestWeights
from jdstyle.training.history import History
from jdstyle.training.monitors import Monitors

EPOCHS = recipe.Epochs(number=3, steps=4, batch_size=8)


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, "mse")
    return model


@pytest.fixture
def clock(monkeypatch):
    clock = types.SimpleNamespace(now=100.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(progress, "time", clock)
    return clock


def kernel_in(path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.load_weights(path)
    return model.layers[0].kernel.numpy()


def test_best_weights_are_the_average_of_the_best_epoch(model, tmp_path):
    kernel = model.layers[0].kernel
    best = BestWeights(model, tmp_path)
    best.set_model(model)
    path = tmp_path / directory.BEST_WEIGHTS
    kept = []
    # Of equal F2 the better PR-AUC wins, and of both equal the earlier epoch.
    scores = [(0.5, 0.4), (0.4, 0.9), (0.5, 0.4), (0.5, 0.6)]
    for epoch, (f2, pr_auc) in enumerate(scores):
        kernel.assign([[10.0 + epoch], [0.0]])
        average = np.float32([[epoch], [1.0]])
        model.optimizer._model_variables_moving_average[0].assign(average)
        best.on_epoch_end(epoch, {"val_f2": f2, "val_pr_auc": pr_auc})
        assert kernel.numpy()[0] == 10.0 + epoch
        kept.append(kernel_in(path)[0, 0])
        sums.check(str(tmp_path), [directory.BEST_WEIGHTS])
    assert kept == [0.0, 0.0, 0.0, 3.0]
    assert best.best == {"epoch": 4, "val_f2": 0.5, "val_pr_auc": 0.6}
    assert not list(tmp_path.glob("*.tmp*"))


def test_damaged_weights_are_told_where_a_training_goes_on(
    model, tmp_path, log
):
    best = BestWeights(model, tmp_path)
    best.set_model(model)
    best.on_epoch_end(0, {"val_f2": 0.5, "val_pr_auc": 0.4})
    kept = best.best
    best.go_on(kept)
    best.go_on({"val_f2": -1.0})  # Before the first epoch's end there is none.
    assert not log.text
    path = tmp_path / directory.BEST_WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])
    best.go_on(kept)
    assert "is not what was written" in log.text
    assert f"remove {tmp_path} and begin again" in log.text


def test_a_score_of_zero_is_kept_where_there_is_no_other(model, tmp_path):
    best = BestWeights(model, tmp_path)
    best.set_model(model)
    best.on_epoch_end(0, {"val_f2": 0.0, "val_pr_auc": 0.0})
    assert best.best["epoch"] == 1


def test_history_is_written_whole(tmp_path):
    path = tmp_path / directory.HISTORY_FILE
    history = History(tmp_path)
    history.on_epoch_end(0, {"loss": 0.5, "val_f2": 0.25})
    path.write_text("broken")
    history.on_epoch_end(1, {"loss": 0.125, "val_f2": 0.75})
    assert path.read_text() == "epoch,loss,val_f2\n1,0.5,0.25\n2,0.125,0.75\n"


class SlowPhotos:
    """Every batch takes a quarter of a second."""

    def __init__(self, clock):
        self._clock, self._batches = clock, iter(range(100))

    def get_next(self):
        self._clock.now += 0.25
        return next(self._batches)


def test_rate_leaves_out_the_first_step_and_the_validation(model, clock):
    rate = progress.Rate(EPOCHS)
    rate.set_model(model)
    photos = SlowPhotos(clock)
    model.train_function = lambda batches: seen.extend(batches)
    seen = []
    rate.watch(model)
    rate.on_train_begin()
    for epoch, seconds in enumerate([(60, 2, 2, 2), (1, 1, 1, 1)]):
        rate.on_epoch_begin(epoch)
        for batch, taken in enumerate(seconds):
            model.train_function(photos)
            clock.now += taken - 0.25
            rate.on_train_batch_end(batch)
        clock.now += 1000  # Validation.
        logs = {}
        rate.on_epoch_end(epoch, logs)
    # 3 steps of 8 photos in 6 seconds, then 4 in 4.
    assert rate.photos_per_second == [4.0, 8.0]
    # In the last epoch 4 waits of a quarter.
    assert logs == {
        "photos_per_second": 8.0,
        "input_share": 0.25,
        "learning_rate": 0.5,
    }
    assert seen == list(range(8))  # Each batch once, in order.


def test_where_the_only_step_is_the_first_it_counts(model, clock):
    rate = progress.Rate(EPOCHS._replace(steps=1))
    rate.set_model(model)
    rate.on_train_begin()
    rate.on_epoch_begin(0)
    clock.now += 4
    rate.on_train_batch_end(0)
    rate.on_epoch_end(0, {})
    assert rate.photos_per_second == [2.0]


def test_progress_says_what_is_left(clock, log):
    rate = progress.Rate(EPOCHS)
    clock.now += 20
    names = ("loss", "val_loss", "val_f2", "val_pr_auc", "photos_per_second")
    logs = dict.fromkeys([*names, "input_share"], 0.5)
    progress.Progress(EPOCHS, rate).on_epoch_end(0, logs)
    assert "Epoch 1 of 3: loss 0.5000" in log.text
    assert "input 50 % of the step" in log.text
    assert log.text.endswith("40 s left\n")


def make_monitors(model, folder):
    rate = progress.Rate(EPOCHS)
    return Monitors(
        validation=None,
        rate=rate,
        best_weights=BestWeights(model, folder),
        history=History(folder),
        tensorboard=None,
        progress=progress.Progress(EPOCHS, rate),
    )


def test_state_goes_on_as_if_nothing_had_been(model, tmp_path, clock):
    """Interrupted after the second of three epochs."""
    logs = [
        {"loss": 0.3, "val_f2": f2, "val_pr_auc": 0.1, "val_loss": 0.1}
        for f2 in (0.4, 0.6, 0.5)
    ]
    outcomes = []
    for interrupted in (False, True):
        folder = tmp_path / str(interrupted)
        folder.mkdir()
        monitors = make_monitors(model, folder)
        for epoch in range(3):
            if interrupted and epoch == 2:
                state = monitors.get_state()
                monitors = make_monitors(model, folder)
                monitors.set_state(state)
            given = dict(logs[epoch])
            for monitor in filter(None, monitors):
                monitor.set_model(model)
                monitor.on_epoch_end(epoch, given)
        with open(folder / directory.HISTORY_FILE, newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["epoch"] for row in rows] == ["1", "2", "3"]
        outcomes.append((rows, monitors.best_weights.best))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1]["epoch"] == 2
