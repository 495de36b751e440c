import pytest
import tensorflow as tf

from jdstyle import devices
from jdstyle.errors import InputError


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


def test_precision_without_a_gpu():
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("This machine has a GPU.")
    assert devices.choose_precision("auto") == "float32"


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


def test_batch_must_be_divisible():
    devices.require_divisible(12, 4)
    with pytest.raises(InputError, match="multiple of the 4.*: 10"):
        devices.require_divisible(10, 4)
