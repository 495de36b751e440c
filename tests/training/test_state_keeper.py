import csv
import re
import types

import keras
import numpy as np
import pytest
import small_settings
import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.errors import Failure
from jdstyle.errors import InputError
from jdstyle.errors import Stopped
from jdstyle.input_pipeline import batches
from jdstyle.models import forward
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.training import batch_size
from jdstyle.training import devices
from jdstyle.training import recipe
from jdstyle.training import state_keeper
from jdstyle.training import trainer

pytestmark = [
    pytest.mark.long,
    pytest.mark.usefixtures("small_mobilenet"),
]

SETTINGS = small_settings.SETTINGS._replace(
    epochs=3, frozen_epochs=1, steps_per_epoch=3, augment=False
)


class SignalAfter:
    """Stands for `signals.Signals`: one comes in the given step."""

    def __init__(self, step):
        self._left = step

    @property
    def caught(self):
        return "SIGTERM" if self._left == 0 else None

    @property
    def patient(self):
        return True

    @patient.setter
    def patient(self, value):
        self._left -= value  # It is set after each step.


class MemoryFullAfter(SignalAfter):
    """The device's memory runs out in the given step, once."""

    @property
    def caught(self):
        if self._left == 0:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
        return None


@pytest.fixture
def parts(tiny):
    return [records.read_photos(tiny, part) for part in ("train", "validation")]


def train(parts, workdir, signals=None, **changes):
    return trainer.train(
        *parts, [0], SETTINGS._replace(**changes), workdir, signals=signals
    )


def last_state(workdir):
    return checkpoints.load_last(str(workdir / checkpoints.DIRECTORY))


def read_history(workdir):
    with open(workdir / directory.HISTORY_FILE, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        del row["photos_per_second"], row["input_share"]  # A measurement.
    return rows


def test_interrupted_training_ends_in_the_same_bits(
    parts, tmp_path, monkeypatch
):
    """Stopped in both phases, within an epoch and at its end."""
    everything = {"augment": True, "ema": 0.9}
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = train(parts, tmp_path / "whole", **everything)
    for step, place in [
        (2, "epoch 1 after step 2 of 3"),
        (2, "epoch 2 after step 1 of 3"),
    ]:
        with pytest.raises(Stopped, match=f"SIGTERM.*{place}.*to go on"):
            train(parts, tmp_path / "parts", SignalAfter(step), **everything)

    def die(*arguments):
        raise KeyboardInterrupt

    # After the state at the end of epoch 2, before that is validated.
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("jdstyle.models.forward.predict_logits", die)
        train(parts, tmp_path / "parts", **everything)
    assert len(read_history(tmp_path / "parts")) == 1
    resumed = train(parts, tmp_path / "parts", **everything)

    np.testing.assert_array_equal(resumed.logits, whole.logits)
    assert read_history(tmp_path / "parts") == read_history(tmp_path / "whole")
    states = [last_state(tmp_path / name) for name in ("whole", "parts")]
    for expected, array in zip(states[0][0], states[1][0], strict=True):
        np.testing.assert_array_equal(array, expected)
    # All steps are done: it is validated once more and says the same.
    again = train(parts, tmp_path / "parts", **everything)
    np.testing.assert_array_equal(again.logits, whole.logits)
    assert read_history(tmp_path / "parts") == read_history(tmp_path / "whole")


def test_float16_goes_on_too(parts, tmp_path):
    changes = {"precision": "mixed_float16", "frozen_epochs": 0, "epochs": 1}
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    train(parts, tmp_path / "whole", **changes)
    with pytest.raises(Stopped):
        train(parts, tmp_path / "parts", SignalAfter(2), **changes)
    train(parts, tmp_path / "parts", **changes)
    states = [last_state(tmp_path / name) for name in ("whole", "parts")]
    for expected, array in zip(states[0][0], states[1][0], strict=True):
        np.testing.assert_array_equal(array, expected)


def test_state_of_another_network_is_refused(parts, tmp_path):
    with pytest.raises(Stopped):
        train(parts, tmp_path, SignalAfter(1))
    with pytest.raises(Failure, match="of another network. Remove"):
        train(parts, tmp_path, backbone="MobileNetV2")


def test_state_of_another_precision_is_refused(parts, tmp_path, monkeypatch):
    """As where --precision=auto goes on on another machine."""
    monkeypatch.setattr(devices, "cpu_has_bfloat16", lambda: has_bfloat16)
    has_bfloat16 = True
    with pytest.raises(Stopped):
        train(parts, tmp_path, SignalAfter(1), precision="auto")
    has_bfloat16 = False
    message = "is of --precision=mixed_bfloat16, .* with float32. "
    with pytest.raises(Failure, match=message):
        train(parts, tmp_path, precision="auto")
    assert last_state(tmp_path)[1]["precision"] == "mixed_bfloat16"


AUTO = {"batch_size": "auto", "frozen_epochs": 0, "epochs": 1}


def test_out_of_memory_before_a_state_takes_a_smaller_batch(parts, tmp_path):
    trained = train(parts, tmp_path, MemoryFullAfter(1), **AUTO)
    assert trained.record["batch_size"] == batch_size.SMALLEST // 2
    assert last_state(tmp_path)[1]["batch_size"] == 16


def test_out_of_memory_leaves_the_state(parts, tmp_path):
    """Whether it was saved by this process or by an earlier one."""
    for step in (4, 1):
        message = "=auto: 32 photos .*step-000000003.npz.* --batch_size, .* 16"
        with pytest.raises(Failure, match=message):
            train(
                parts, tmp_path, MemoryFullAfter(step), **AUTO | {"epochs": 2}
            )
        record = last_state(tmp_path)[1]
        assert (record["step"], record["batch_size"]) == (3, 32)
    with pytest.raises(Failure, match="is of --batch_size=32, .* with 8. "):
        train(parts, tmp_path, **AUTO | {"epochs": 2, "batch_size": 8})
    trained = train(parts, tmp_path, **AUTO | {"epochs": 2})
    assert trained.record["batch_size"] == 32


def test_out_of_memory_in_the_last_scoring(parts, tmp_path, monkeypatch):
    """It computes in float32, which takes more than the training's float16."""
    results = iter([forward.predict_logits])  # Of the validation.

    def predict_once(*arguments):
        for predict in results:
            return predict(*arguments)
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    monkeypatch.setattr(forward, "predict_logits", predict_once)
    with pytest.raises(InputError, match="batch of 8 photos .*--batch_size"):
        train(parts, tmp_path, **AUTO | {"batch_size": 8})
    assert last_state(tmp_path)[1]["step"] == 3


def test_broken_training_stops_with_its_photos(parts, tmp_path):
    """Within ten steps; the states before it stay and hold no nan."""
    ids = "|".join(parts[0].ids)
    with pytest.raises(Failure) as error:
        train(
            parts, tmp_path, learning_rate=1e30, steps_per_epoch=20,
            frozen_epochs=0,
        )  # fmt: skip
    message = str(error.value)
    match = re.search(
        r"in epoch 1 after step (\d+) of 20. That step's photos: "
        rf"(({ids})(, ({ids}))*)\. Last good state: none yet. "
        "Try a lower --learning_rate",
        message,
    )
    assert match and int(match[1]) <= 10, message
    assert len(match[2].split(", ")) == 8
    assert last_state(tmp_path) is None


def test_logit_that_is_not_finite_stops(parts, tmp_path, monkeypatch):
    """Of finite weights, as float16 may have it: the state stays."""

    def overflow(*arguments):
        logits = np.zeros((len(parts[1].ids), 1), "float32")
        logits[3] = np.nan
        return logits

    monkeypatch.setattr("jdstyle.models.forward.predict_logits", overflow)
    message = (
        r"logits of 1 of \d+ validation photos .* epoch 1, after step 3 of 3\. "
        "Last good state: .*step-000000003.npz. Try a lower --learning_rate"
    )
    with pytest.raises(Failure, match=message):
        train(parts, tmp_path)
    assert last_state(tmp_path)[1]["step"] == 3


def make_keeper(tmp_path, network, *, minutes=60.0):
    class Monitors:
        def get_state(self):
            return {}

    keeper = state_keeper.Keeper(
        tmp_path,
        None,
        epochs=recipe.Epochs(number=1, steps=100, batch_size=8),
        minutes=minutes,
        monitors=Monitors(),
        signals=SignalAfter(-1),
        batch_ids=lambda batch: [f"photo of batch {batch}"],
    )
    keeper.attach(network)
    return keeper


@pytest.fixture
def network():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD()
    optimizer.build(network.trainable_variables)
    network.compile(optimizer, "mse")
    return network


def test_saves_after_so_many_minutes(tmp_path, network, monkeypatch):
    """Two, and as many again from a save on."""
    clock = types.SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(state_keeper, "time", clock)
    keeper = make_keeper(tmp_path, network, minutes=2.0)
    saved = []
    for now in (1001.0, 1119.0, 1121.0, 1240.0, 1241.0, 1242.0):
        clock.now = now
        keeper.on_train_batch_end(0, {"loss": 1.0})
        state = last_state(tmp_path)
        saved.append(state[1]["step"] if state else None)
    assert saved == [None, None, 3, 3, 5, 5]


def test_weight_that_is_not_finite_is_found_in_ten_steps(tmp_path, network):
    """A relu can hide it from the loss."""
    keeper = make_keeper(tmp_path, network)
    keeper.on_train_batch_end(0, {"loss": 1.0})
    keeper.on_epoch_end(0)
    good = last_state(tmp_path)
    network.layers[0].kernel.assign([[np.nan], [0.0]])
    with pytest.raises(Failure, match="weight.*step 10 .*photo of batch 9"):
        for batch in range(1, 20):
            keeper.on_train_batch_end(batch, {"loss": 1.0})
    with pytest.raises(Failure, match="Last good state: .*step-000000001.npz"):
        keeper.on_epoch_end(0)
    after = last_state(tmp_path)
    np.testing.assert_array_equal(after[0][0], good[0][0])


def test_skipped_steps_of_float16_are_counted(tmp_path, network):
    keeper = make_keeper(tmp_path, network)
    scaler = network.optimizer = keras.optimizers.LossScaleOptimizer(
        network.optimizer
    )
    scaler.build(network.trainable_variables)
    steps = 0
    for _ in range(19):  # One that counts, now and then, is enough.
        keeper.on_train_batch_end(steps, {"loss": 1.0})
        steps += 1
    scaler.inner_optimizer.iterations.assign_add(1)
    with pytest.raises(Failure, match="float16 overflows: 20 steps in a row"):
        for _ in range(30):
            keeper.on_train_batch_end(steps, {"loss": 1.0})
            steps += 1
    assert steps == 19 + 20


def test_skipped_steps_are_counted_from_the_first(tmp_path, network):
    """Also where a training goes on from a state in which some counted."""
    network.optimizer = keras.optimizers.LossScaleOptimizer(network.optimizer)
    network.optimizer.build(network.trainable_variables)
    network.optimizer.iterations.assign(7)
    keeper = make_keeper(tmp_path, network)
    steps = 0
    with pytest.raises(Failure, match="20 steps in a row .* after step 20 of"):
        for _ in range(30):
            keeper.on_train_batch_end(steps, {"loss": 1.0})
            steps += 1
    assert steps == 19


def test_float16_that_overflows_stops(parts, tmp_path):
    """Finite losses whose gradients no scale brings into float16."""
    with pytest.raises(Failure, match="20 steps in a row.*--precision=float32"):
        train(
            parts, tmp_path, precision="mixed_float16", epochs=1,
            frozen_epochs=0, steps_per_epoch=40, false_negative_cost=1e25,
        )  # fmt: skip


def test_photos_cannot_hold_nan(parts):
    """uint8 until the network: nothing that is not a number gets through."""
    dataset = batches.make_train_dataset(
        parts[0], parts[0].labels[:, :1], np.ones((1, 2), "float32"),
        image_size=32, batch_size=8, seed=0,
    )  # fmt: skip
    assert dataset.element_spec[0].dtype == "uint8"


@pytest.mark.parametrize("cache", ["memory", "stream"])
def test_names_the_photos_of_a_batch(tiny, cache):
    """The bytes behind the names decode to what the batch shows."""
    photos = records.read_photos(tiny, "train", cache=cache)
    drawn = (photos, photos.labels[:, :1], np.float32([[0.5, 1.0]]))
    options = {"batch_size": 8, "seed": 3}
    dataset = batches.make_train_dataset(*drawn, image_size=8, **options)
    labels = dict(zip(photos.ids, photos.labels[:, 0], strict=True))
    for number, (_, targets) in enumerate(dataset.take(12)):
        if number % 3:  # Some of several epochs: each takes a graph.
            continue
        ids = batches.batch_ids(*drawn, number, **options)
        assert [labels[i] for i in ids] == targets[:, 0].numpy().tolist()
