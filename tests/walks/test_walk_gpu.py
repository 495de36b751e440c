"""What only a GPU shows: `pytest -m gpu`, skipped where there is none.

`pytest -m gpu --device=CPU` runs them on a CPU, which shows only that they run.
Every binary is a process of its own: this one must not hold the GPU's memory.
"""

import csv
import json

import binaries
import numpy as np
import pytest
import two_devices

pytestmark = [pytest.mark.gpu, pytest.mark.walk]

# The demo's own network and precision; little of everything else.
QUICK = ("--style=12", "--epochs=1", "--steps_per_epoch=5", "--batch_size=32")


@pytest.fixture(autouse=True)
def _own_gpu(device, monkeypatch):
    """Skips without a GPU; processes that overlap share its memory."""
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "true")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder whose `data/` the first training fills with the demo."""
    return tmp_path_factory.mktemp("gpu")


def train(workplace, name, *flags, code=0):
    return binaries.run(
        workplace, "train", f"--workdir={name}", *flags, code=code
    )


def read_results(workplace, name):
    return json.loads((workplace / name / "results.json").read_text())


def read_losses(workplace, name):
    with open(workplace / name / "history.csv", newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_demo_learns_as_on_a_cpu(workplace, device):
    """The command of the README, as it stands: F2 0.739 on a CPU."""
    short = QUICK if device == "CPU" else ("--style=12", "--require_gpu")
    train(workplace, "demo", *short)
    (score,) = read_results(workplace, "demo")["validation"]["styles"].values()
    if device == "GPU":
        assert score["f2"] > 0.65 > score["baseline_f2"]
        record = read_results(workplace, "demo")
        assert record["precision"] in ("mixed_bfloat16", "mixed_float16")


def test_xla_compiles_the_step(workplace):
    train(workplace, "xla", *QUICK, "--xla")
    assert np.isfinite(read_losses(workplace, "xla")).all()


def test_float16_trains_200_steps(workplace, device):
    """A loss that is not finite, or 20 skipped steps, would end it."""
    steps = 50 if device == "GPU" else 2
    train(
        workplace, "float16", "--style=12", "--precision=mixed_float16",
        "--epochs=4", f"--steps_per_epoch={steps}", "--batch_size=32",
    )  # fmt: skip
    losses = read_losses(workplace, "float16")
    assert len(losses) == 4 and np.isfinite(losses).all()
    assert losses[-1] < losses[0] or device == "CPU"


def test_batch_that_cannot_fit(workplace, device):
    """4,096 photos take ResNet50 some 400 GB, and the host 0.6 a batch."""
    if device == "CPU":
        pytest.skip("A CPU has the host's memory: all would suffer.")
    said = train(
        workplace, "large", "--style=12", "--backbone=ResNet50",
        "--image_size=224", "--init_from=scratch", "--precision=float32",
        "--batch_size=4096", code=2,
    )  # fmt: skip
    assert "A batch of 4096 photos does not fit the device's memory" in said
    assert "--batch_size, such as 2048" in said
    assert not (workplace / "large" / "results.json").exists()


def test_requires_a_gpu(workplace, device, monkeypatch):
    if device == "GPU":
        train(workplace, "required", *QUICK, "--require_gpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    said = train(workplace, "hidden", *QUICK, "--require_gpu", code=2)
    assert "--require_gpu: TensorFlow sees no GPU" in said
    assert not (workplace / "hidden").exists()


@pytest.mark.parametrize(
    ("precision", "most", "tensor_float"),
    [("mixed_bfloat16", 1e-2, "1"), ("float32", 1e-4, "0")],
)
def test_product_answers_alike_on_gpu_and_cpu(
    workplace, table, monkeypatch, precision, most, tensor_float
):
    """Products compute in float32, in which a GPU rounds factors to TF32.

    That is switched off for the finer comparison.
    """
    train(
        workplace, precision, "--style=12", f"--precision={precision}",
        "--epochs=2", "--steps_per_epoch=20", "--batch_size=32",
    )  # fmt: skip
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", tensor_float)
    answers = {}
    for name, visible in (("gpu", "0"), ("cpu", "-1")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        output = workplace / f"{precision}-{name}.csv"
        binaries.run(
            workplace, "predict", f"--saved_model={precision}/saved_model",
            table.parent, f"--output={output}",
        )  # fmt: skip
        with open(output, newline="", encoding="utf-8") as file:
            _, *rows = csv.reader(file)
        answers[name] = np.array([float(row[1]) for row in rows])
    assert answers["gpu"].std() > 0.0
    np.testing.assert_allclose(answers["gpu"], answers["cpu"], atol=most)


def test_two_gpus_learn_as_one(device, data_dir, tmp_path):
    """Two logical ones of the one; convolutions round as batches are cut."""
    one, two = two_devices.train(device, data_dir, tmp_path)
    np.testing.assert_allclose(two, one, rtol=1e-3 if device == "GPU" else 1e-5)
