"""Tests for `tools/show_prediction.py`, with a product of one small network."""

import json
import pathlib

import binaries
import keras
import numpy as np
import pytest
from PIL import Image

from jdstyle.serving import saved_model

pytestmark = pytest.mark.long

ROOT = pathlib.Path(__file__).parents[2]


def show(*arguments, code=0):
    """Runs the tool; returns what it printed."""
    return binaries.call(
        ROOT, "tools/show_prediction.py", *arguments, code=code
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run directory whose network finds every photo bright to 0.5."""
    folder = tmp_path_factory.mktemp("run")
    images = keras.Input((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    logits = keras.layers.Dense(2, kernel_initializer="zeros")(pooled)
    network = saved_model.Thresholded(keras.Model(images, logits), [0.4, 0.6])
    saved_model.export(network, ["bright", "rare"], str(folder / "saved_model"))
    (folder / "results.json").write_text(json.dumps({"thresholds": [0.4, 0.6]}))
    Image.new("RGB", (48, 64), "teal").save(folder / "photo.jpg")
    return folder


def test_bars_stand_beside_the_photo(run, tmp_path):
    picture = tmp_path / "picture.png"
    said = show(
        f"--saved_model={run / 'saved_model'}",
        f"--output={picture}",
        run / "photo.jpg",
    )
    said = [line.split() for line in said.splitlines()]
    # A network of zeros says 0.5: over the first threshold, under the second.
    assert ["bright", "0.500", "yes"] in said
    assert ["rare", "0.500", "no"] in said
    drawn = np.asarray(Image.open(picture).convert("RGB"), int)
    height, width, _ = drawn.shape
    # The photo on the left; on the right a blue bar and, below it, a gray one.
    left = np.abs(drawn[:, : width // 4] - (0, 128, 128)).sum(axis=2)
    assert np.mean(left < 12) > 0.5
    blue = np.argwhere(np.abs(drawn - (0, 0x72, 0xB2)).sum(axis=2) < 12)
    gray = np.argwhere(np.abs(drawn - 0xBB).sum(axis=2) < 12)
    assert blue[:, 1].min() > width / 4
    assert blue[:, 0].mean() < gray[:, 0].mean()


@pytest.mark.parametrize(
    ("saved_model_of", "photos", "reason"),
    [
        ("run", [], "Name one photo. Received: 0 arguments."),
        ("run", ["photo.jpg", "photo.jpg"], "Received: 2 arguments."),
        ("run", ["results.json"], "results.json cannot be read: "),
        ("elsewhere", ["photo.jpg"], "Missing: "),
    ],
)
def test_says_what_it_needs(run, tmp_path, saved_model_of, photos, reason):
    folder = run if saved_model_of == "run" else tmp_path
    said = show(
        f"--saved_model={folder / 'saved_model'}",
        f"--output={tmp_path / 'picture.png'}",
        *(run / name for name in photos),
        code=2,
    )
    assert said.startswith("Error: ") and reason in said
    assert not list(tmp_path.iterdir())
