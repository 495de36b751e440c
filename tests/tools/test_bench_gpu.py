"""The bench of a GPU, on a CPU and little; its parts in this process."""

import json
import subprocess

import pytest

pytestmark = pytest.mark.long

TINY = (
    *("--backbone=MobileNet", "--image_size=32", "--batch_size=2"),
    *("--precision=float32", "--blocks=1", "--seconds=0.05"),
    *("--photos=4", "--side=64"),
)


@pytest.fixture
def bench(bench, tmp_path):
    """Runs the bench in this process; returns what it printed."""
    return lambda *flags: bench(tmp_path, "gpu.py", *flags)


def inside(bench, part):
    said = bench(*TINY, "--inside", f"--part={part}")
    return json.loads(said.splitlines()[-1])


def test_training_beside_a_bare_step(bench):
    found = inside(bench, "keras")
    assert "cores of" in found["header"] and "batch 2" in found["header"]
    assert found["training"].keys() == {"jdstyle", "bare Keras"}
    assert found["first_step"].keys() == found["training"].keys()
    (share,) = found["share"].values()
    for values in (*found["training"].values(), share):
        assert len(values) == 1 and values[0] > 0


def test_predict_beside_its_parts(bench):
    rates = inside(bench, "predict")["rates"]
    assert rates.keys() == {"network alone", "host alone", "predict"}
    assert all(len(v) == 1 and v[0] > 0 for v in rates.values())


def test_peer_that_is_not_installed_is_left_out(bench, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = inside(bench, "torch-compile")
    assert found == {"missing": "torch: not installed"}


def test_no_time_left(bench):
    said = bench("--minutes=0.1", "--part=keras", "--part=predict")
    assert said.split("\n")[:2] == [
        "keras: left out: no time left",
        "predict: left out: no time left",
    ]


PARTS = {
    "keras": {
        "header": "the machine",
        "training": {"jdstyle": [90, 100, 110], "bare Keras": [100, 100, 120]},
        "first_step": {"jdstyle": 41.2, "bare Keras": 30.0},
        "share": {"Augmentation beside the step": [2.0, 3.0, 4.0]},
    },
    "torch-compile": {
        "training": {"torch.compile": [125, 125, 125]},
        "first_step": {"torch.compile": 60.0},
    },
    "torch-eager": {"missing": "torch: not installed"},
    "predict": {
        "rates": {
            "network alone": [1000.0],
            "host alone": [600.0],
            "predict": [500.0],
        }
    },
}


def test_parts_are_processes_and_their_figures_tables(bench, monkeypatch):
    """Hand-made parts; one crashes and one hangs."""

    def run(command, *, stderr, timeout, **_):
        part = command[-1].removeprefix("--part=")
        assert command[-2] == "--inside"
        if part == "keras-xla":
            stderr.write("no such kernel")
            return subprocess.CompletedProcess(command, 1, "")
        if part == "torch-eager":
            raise subprocess.TimeoutExpired(command, timeout)
        said = f"Some line\n{json.dumps(PARTS[part])}\n"
        return subprocess.CompletedProcess(command, 0, said)

    monkeypatch.setattr(subprocess, "run", run)
    lines = bench("--minutes=5").splitlines()
    assert "keras: 0 s" in lines
    assert "keras-xla: failed: no such kernel" in lines
    assert "torch-eager: ended: not done after 180 s" in lines
    assert "the machine" in lines
    assert "| jdstyle | 100 (90 to 110) | 1.00 | 0.80 | 41 |" in lines
    assert "| torch.compile | 125 (125 to 125) |  | 1.00 | 60 |" in lines
    assert any("step: 3.00 (2.00 to 4.00) % of jdstyle" in x for x in lines)
    assert "| predict | 500 (500 to 500) | 0.50 |" in lines
    assert lines[-1].endswith("slower: the host alone.")
