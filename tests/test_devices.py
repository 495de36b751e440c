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


def test_batch_must_be_divisible():
    devices.require_divisible(12, 4)
    with pytest.raises(InputError, match="multiple of the 4.*: 10"):
        devices.require_divisible(10, 4)
