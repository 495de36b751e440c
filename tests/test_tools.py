"""The tools, run as people run them."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parents[1]


def run(name, *arguments):
    """Runs a tool; returns what it printed."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / name, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_augmentation_sheet(data_dir, tmp_path):
    run(
        "show_augmentation.py",
        "--dataset=label_table/tiny",
        f"--data_dir={data_dir}",
        "--num_photos=4",
        "--image_size=32",
        f"--output={tmp_path / 'sheet.png'}",
    )
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (64, 128, 3)


@pytest.fixture(scope="module")
def benchmark():
    return run(
        "bench_pipeline.py", "--num_photos=32", "--repeats=1", "--image_size=32"
    ).splitlines()


def test_benchmark_states_its_versions(benchmark):
    assert "TensorFlow" in benchmark[0]


@pytest.mark.parametrize(
    "part", ["prepare", "decode", "crop", "rotate", "resample"]
)
def test_benchmark_prints_every_part(benchmark, part):
    assert any(part in line for line in benchmark[1:])
