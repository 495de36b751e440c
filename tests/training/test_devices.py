import keras
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


def test_requires_a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(InputError, match="--require_gpu: TensorFlow sees no"):
        devices.require_gpu("require_gpu")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    devices.require_gpu("require_gpu")


def test_precision_is_float32_again_afterwards():
    with pytest.raises(ZeroDivisionError):  # noqa: SIM117
        with devices.use_precision("mixed_float16") as policy:
            assert policy == keras.config.dtype_policy().name == "mixed_float16"
            raise ZeroDivisionError
    assert keras.config.dtype_policy().name == "float32"
