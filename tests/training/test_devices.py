import keras
import numpy as np
import pytest
import tensorflow as tf

from jdstyle.errors import InputError
from jdstyle.training import devices


@pytest.mark.parametrize(
    ("capability", "policy"),
    [
        ((9, 0), "mixed_bfloat16"),
        ((8, 0), "mixed_bfloat16"),
        ((7, 5), "mixed_float16"),
        ((7, 0), "mixed_float16"),
        ((6, 1), "float32"),
    ],
)
def test_precision_follows_the_compute_capability(capability, policy):
    assert devices.choose_precision("auto", capability) == policy


@pytest.mark.parametrize(
    "precision", ["float32", "mixed_bfloat16", "mixed_float16"]
)
def test_given_precision_wins(precision):
    assert devices.choose_precision(precision, (9, 0)) == precision


@pytest.mark.parametrize(
    ("cpuinfo", "policy"),
    [
        ("model name\t: A\nflags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("flags\t\t: fpu avx512f avx512_vnni\n", False),
        ("", False),
    ],
)
def test_reads_what_the_cpu_computes_in(cpuinfo, policy, tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(cpuinfo)
    assert devices.cpu_has_bfloat16(path) == policy


def test_no_such_file_means_no_bfloat16(tmp_path):
    assert not devices.cpu_has_bfloat16(tmp_path / "cpuinfo")


@pytest.mark.parametrize("found", [True, False])
def test_precision_without_a_gpu(found, monkeypatch):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("This machine has a GPU.")
    monkeypatch.setattr(devices, "cpu_has_bfloat16", lambda: found)
    policy = "mixed_bfloat16" if found else "float32"
    assert devices.choose_precision("auto") == policy


class FakeGPU:
    """Raises the real error above a number of photos."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.tried = []

    def __call__(self, batch_size):
        self.tried.append(batch_size)
        if batch_size > self.capacity:
            raise tf.errors.ResourceExhaustedError(
                None, None, "OOM when allocating tensor"
            )


@pytest.mark.parametrize(
    ("capacity", "expected"),
    [(8, 8), (15, 8), (64, 64), (100, 96), (127, 120), (10**6, 1024)],
)
def test_finds_the_largest_batch(capacity, expected):
    gpu = FakeGPU(capacity)
    assert devices.largest_batch(gpu) == expected
    assert len(gpu.tried) <= 16


def test_refuses_when_nothing_fits():
    with pytest.raises(InputError, match="batch of 8.*--image_size"):
        devices.largest_batch(FakeGPU(7))


def test_other_errors_are_not_memory():
    def broken(batch_size):
        raise tf.errors.InternalError(None, None, "something else")

    with pytest.raises(tf.errors.InternalError):
        devices.largest_batch(broken)


def test_out_of_memory_names_the_batch_and_the_flag():
    message = "batch of 96 photos .* --batch_size, such as 48"
    with (
        pytest.raises(InputError, match=message),
        devices.batch_must_fit(96),
    ):
        FakeGPU(95)(96)
    with devices.batch_must_fit(96):
        FakeGPU(96)(96)
    with pytest.raises(ZeroDivisionError), devices.batch_must_fit(96):
        raise ZeroDivisionError


def test_full_disk_is_not_the_memory():
    """TensorFlow's words for TensorBoard's events, of the same type."""
    tried = []

    def fill_disk(batch_size):
        tried.append(batch_size)
        raise tf.errors.ResourceExhaustedError(
            None, None, "run/events.v2; No space left on device"
        )

    with pytest.raises(tf.errors.ResourceExhaustedError):
        devices.shrink_until_it_fits(fill_disk, 64)
    assert tried == [64]
    with (
        pytest.raises(tf.errors.ResourceExhaustedError),
        devices.batch_must_fit(8),
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
        with devices.batch_must_fit(4):
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
    devices.shrink_until_it_fits(gpu, 200)
    assert gpu.tried == tried


def test_shrinks_in_steps_that_the_devices_can_share():
    gpu = FakeGPU(60)
    devices.shrink_until_it_fits(gpu, 96, smallest=16)
    assert gpu.tried == [96, 48]


def test_gives_up_where_the_smallest_does_not_fit():
    gpu = FakeGPU(7)
    with pytest.raises(InputError, match="batch of 8 .*--image_size"):
        devices.shrink_until_it_fits(gpu, 24)
    assert gpu.tried == [24, 8]


def test_requires_a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(InputError, match="--require_gpu: TensorFlow sees no"):
        devices.require_gpu()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    devices.require_gpu()


def test_batch_must_be_divisible():
    devices.require_divisible(12, 4)
    with pytest.raises(InputError, match="multiple of the 4.*: 10"):
        devices.require_divisible(10, 4)
