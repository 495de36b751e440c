import keras
import numpy as np
import pytest
import tensorflow as tf

from jdstyle.errors import Failure
from jdstyle.errors import InputError
from jdstyle.runs import checkpoints
from jdstyle.training import batch_size


class FakeGPU:
    """Raises the real error above a number of photos."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.tried = []

    def __call__(self, size):
        self.tried.append(size)
        if size > self.capacity:
            raise tf.errors.ResourceExhaustedError(
                None, None, "OOM when allocating tensor"
            )


@pytest.mark.parametrize(
    ("photos", "expected"),
    [
        (5, 32),
        (30 * 817, 32),  # The demo's rare styles.
        (20 * 2455, 32),  # Clothing, all styles: 1,534 steps.
        (127_999, 32),
        (128_000, 64),
        (20 * 10_982, 64),  # JD's rare styles: what validates.
        (20 * 43_926, 256),  # JD's frequent ones.
        (10**9, 256),
    ],
)
def test_auto_leaves_a_training_two_thousand_steps(photos, expected):
    size = batch_size.best(photos)
    assert size == expected
    assert photos / size >= 2000 or size == 32


@pytest.mark.parametrize(
    ("fitting", "expected"), [(256, 256), (255, 128), (64, 64), (3, 32)]
)
def test_auto_takes_what_fits(fitting, expected):
    assert batch_size.best(10**6, fitting=lambda: fitting) == expected


def test_auto_asks_for_the_memory_only_above_the_smallest():
    def fitting():
        raise ZeroDivisionError

    assert batch_size.best(100, fitting=fitting) == 32
    with pytest.raises(ZeroDivisionError):
        batch_size.best(10**6, fitting=fitting)


@pytest.mark.parametrize(
    ("num_replicas", "expected"), [(1, 32), (2, 32), (3, 33), (64, 64)]
)
def test_auto_can_be_shared_evenly(num_replicas, expected):
    size = batch_size.best(100, num_replicas=num_replicas)
    assert size == expected
    batch_size.require_divisible(size, num_replicas)


def test_rate_grows_with_the_root_of_the_batch():
    factors = [batch_size.rate_factor(size) for size in (8, 32, 128, 256)]
    assert factors == pytest.approx([0.5, 1.0, 2.0, 8**0.5])


def test_out_of_memory_names_the_batch_and_the_flag():
    message = "batch of 96 photos .* --batch_size, such as 48"
    with (
        pytest.raises(InputError, match=message),
        batch_size.batch_must_fit(96),
    ):
        FakeGPU(95)(96)
    with batch_size.batch_must_fit(96):
        FakeGPU(96)(96)
    with pytest.raises(ZeroDivisionError), batch_size.batch_must_fit(96):
        raise ZeroDivisionError


def test_full_disk_is_not_the_memory():
    """TensorFlow's words for TensorBoard's events, of the same type."""
    tried = []

    def fill_disk(size):
        tried.append(size)
        raise tf.errors.ResourceExhaustedError(
            None, None, "run/events.v2; No space left on device"
        )

    with pytest.raises(tf.errors.ResourceExhaustedError):
        batch_size.shrink_until_it_fits(fill_disk, 64)
    assert tried == [64]
    with (
        pytest.raises(tf.errors.ResourceExhaustedError),
        batch_size.batch_must_fit(8),
    ):
        fill_disk(8)


def test_out_of_memory_while_keras_trains():
    """A real one: no machine has 256 TiB for a step's tensor."""

    def greedy(y_true, y_pred):
        side = tf.shape(y_pred)[0] * 2**21
        return y_pred + tf.reduce_sum(tf.random.uniform([side, side]))

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", greedy)
    photos = np.ones((8, 2), "float32")
    message = "batch of 4 photos .*OOM when allocating.*8388608,8388608"
    with pytest.raises(InputError, match=message) as caught:  # noqa: SIM117
        with batch_size.batch_must_fit(4):
            model.fit(photos, photos[:, :1], batch_size=4, verbose=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("capacity", "tried"),
    [
        (500, [200]),
        (100, [200, 96]),
        (99, [200, 96]),
        (30, [200, 96, 48, 24]),
        (8, [200, 96, 48, 24, 8]),
    ],
)
def test_begins_again_with_a_smaller_batch(capacity, tried):
    gpu = FakeGPU(capacity)
    batch_size.shrink_until_it_fits(gpu, 200)
    assert gpu.tried == tried


def test_shrinks_in_steps_that_the_devices_can_share():
    gpu = FakeGPU(60)
    batch_size.shrink_until_it_fits(gpu, 96, smallest=16)
    assert gpu.tried == [96, 48]


def test_gives_up_where_the_smallest_does_not_fit():
    gpu = FakeGPU(7)
    with pytest.raises(InputError, match="batch of 8 .*--image_size"):
        batch_size.shrink_until_it_fits(gpu, 24)
    assert gpu.tried == [24, 8]


def test_batch_must_be_divisible():
    batch_size.require_divisible(12, 4)
    with pytest.raises(InputError, match="multiple of the 4.*: 10"):
        batch_size.require_divisible(10, 4)


def train(gpu, folder, given="auto", num_replicas=1):
    return batch_size.train_with_batch(
        gpu,
        given,
        first_try=lambda: 64,
        num_replicas=num_replicas,
        states_dir=str(folder),
    )


def test_given_batch_is_the_only_one_tried(tmp_path):
    gpu = FakeGPU(15)
    with pytest.raises(InputError, match="batch of 16 .*--batch_size, .* 8,"):
        train(gpu, tmp_path, given=16)
    assert gpu.tried == [16]


@pytest.mark.parametrize(
    ("given", "num_replicas", "message"),
    [
        (10, 4, "multiple of the 4.*: 10"),
        ("auto", 3, "multiple of the 3.*: 64"),
    ],
)
def test_devices_must_share_the_batch(tmp_path, given, num_replicas, message):
    gpu = FakeGPU(100)
    with pytest.raises(InputError, match=message):
        train(gpu, tmp_path, given, num_replicas)
    assert gpu.tried == []


def test_auto_shrinks_in_steps_of_all_devices(tmp_path):
    gpu = FakeGPU(40)
    train(gpu, tmp_path, num_replicas=2)
    assert gpu.tried == [64, 32]


@pytest.mark.parametrize(("given", "capacity"), [("auto", 40), ("max", 4)])
def test_does_not_begin_again_where_there_is_a_state(tmp_path, given, capacity):
    path = checkpoints.save(str(tmp_path), 3, [], {})
    gpu = FakeGPU(capacity)
    message = f"={given}: 64 photos .* kept: {path}.* as 32, an"
    with pytest.raises(Failure, match=message):
        train(gpu, tmp_path, given)
    assert gpu.tried == [64]
