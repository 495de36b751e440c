"""Kills a training again and again: it must end as if nothing had been."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import binaries
import h5py
import pytest

pytestmark = pytest.mark.walk

FLAGS = [
    "--dataset=label_table/tiny",
    "--style=bright",
    "--backbone=MobileNet",
    "--image_size=32",
    "--init_from=scratch",
    "--frozen_epochs=1",
    "--ema=0.9",
    "--epochs=3",
    "--steps_per_epoch=20",
    "--batch_size=8",
    "--precision=float32",
    "--checkpoint_minutes=0",
]


def start(data_dir, workdir):
    return subprocess.Popen(
        binaries.interruptible(
            *(sys.executable, "-m", "jdstyle.train", *FLAGS),
            *(f"--data_dir={data_dir}", f"--workdir={workdir}"),
        ),
        env=binaries.environment(small=True),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def wait_until(condition, process):
    """Returns whether it came true before the process ended."""
    while process.poll() is None:
        if condition():
            return True
        time.sleep(0.001)
    return False


def wait_for_new_file(folder, pattern, process):
    there = set(folder.glob(pattern))
    return wait_until(lambda: set(folder.glob(pattern)) - there, process)


def read_outcome(workdir):
    """Weights, probabilities and history, without what was measured."""
    with h5py.File(workdir / "weights.best.weights.h5") as file:
        weights = {}
        file.visititems(
            lambda name, item: (
                weights.update({name: item[()].tobytes()})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    with open(workdir / "history.csv", newline="") as file:
        history = list(csv.DictReader(file))
    for row in history:
        del row["photos_per_second"], row["input_share"]
    probabilities = (workdir / "validation_probabilities.csv").read_bytes()
    thresholds = json.loads((workdir / "results.json").read_text())
    return weights, history, probabilities, thresholds["thresholds"]


@pytest.fixture(scope="module")
def whole(data_dir, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole") / "run"
    finish(start(data_dir, workdir))
    assert not (workdir / "checkpoints").exists()
    assert not (workdir / "in_use.lock").exists()
    return read_outcome(workdir)


def test_killed_at_any_time_ends_in_the_same_bits(
    data_dir, whole, tmp_path, request
):
    """Every other kill comes in the middle of a save."""
    rng = random.Random(0)
    workdir = tmp_path / "run"
    for kill in range(request.config.getoption("--kills")):
        process = start(data_dir, workdir)
        saving = kill % 2 == 1
        came = wait_for_new_file(
            workdir / "checkpoints", "*.tmp" if saving else "*.npz", process
        )
        if not saving:
            time.sleep(rng.uniform(0.0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if not came:  # It was through: once more from the beginning.
            assert read_outcome(workdir) == whole
            workdir = tmp_path / f"run{kill}"
    finish(start(data_dir, workdir))
    assert read_outcome(workdir) == whole
    assert not list(workdir.glob("**/*.tmp"))


def test_signal_saves_and_the_same_command_goes_on(data_dir, whole, tmp_path):
    process = start(data_dir, tmp_path / "run")
    assert wait_until(
        lambda: list((tmp_path / "run" / "checkpoints").glob("*.npz")), process
    )
    start_time = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate()
    assert time.monotonic() - start_time < 10
    assert process.returncode == 3, said
    assert "stopped" in said and "Run the same command again" in said
    assert "Traceback" not in said
    said = finish(start(data_dir, tmp_path / "run"))
    assert "Going on in epoch" in said
    assert read_outcome(tmp_path / "run") == whole


def test_second_run_on_a_directory_is_refused(data_dir, tmp_path):
    first = start(data_dir, tmp_path / "run")
    try:
        assert wait_until((tmp_path / "run" / "run.json").exists, first)
        first.send_signal(signal.SIGSTOP)  # Lest it ends before the second.
        second = start(data_dir, tmp_path / "run")
        said, _ = second.communicate()
        assert second.returncode == 2
        assert (
            f"in use: host {os.uname().nodename}, process {first.pid}" in said
        )
    finally:
        first.kill()
        first.communicate()
