"""Tests for `jdstyle.runtimes.comparison`."""

import json

import numpy as np
import pandas as pd
import pytest

from jdstyle.evaluation import scores
from jdstyle.runtimes import comparison

pytestmark = pytest.mark.long

STYLES = ["bright", "rare"]


def test_differences_are_listed_and_counted(photos, tmp_path):
    """Two decisions of one photo differ, by hand."""
    number = len(photos.ids)
    batches = [list(range(3)), list(range(3, number))]
    before = np.tile(np.float32([0.75, 0.25]), (number, 1))
    after = before.copy()
    after[5] = 0.25, 0.5

    def runner(probabilities):
        return lambda rows: (
            probabilities[rows],
            (probabilities[rows] >= 0.5).astype(np.int32),
        )

    result, differences = comparison.compare(
        photos, scores.TEST, STYLES, batches, runner(before), runner(after)
    )
    assert result["photos"] == number
    assert result["decisions"] == 2 * number
    assert result["differing"] == 2
    assert result["largest_difference"] == 0.5
    assert differences["id"].tolist() == [photos.ids[5]] * 2
    assert differences["style"].tolist() == STYLES
    assert differences["probability before"].tolist() == [0.75, 0.25]
    assert differences["probability after"].tolist() == [0.25, 0.5]
    assert differences["decision after"].tolist() == [0, 1]
    said = comparison.format_result(result, differences)
    assert f"2 of {2 * number} decisions differ" in said
    assert "macro mean" in said

    output = str(tmp_path / "model.onnx")
    comparison.write(output, {"format": "onnx"}, result, differences)
    listed = pd.read_csv(f"{output}.differences.csv", dtype={"id": str})
    assert listed["id"].tolist() == [photos.ids[5]] * 2
    written = json.loads((tmp_path / "model.onnx.json").read_text())
    assert written["format"] == "onnx"
    assert written["check"]["differing"] == 2
    # A later export that differs nowhere leaves no old list behind.
    comparison.write(output, {}, result, differences[:0])
    assert pd.read_csv(f"{output}.differences.csv").empty
    comparison.write(str(tmp_path / "b.onnx"), {}, result, differences[:0])
    assert not (tmp_path / "b.onnx.differences.csv").exists()


def test_style_without_a_positive_has_no_score(photos):
    labels = photos.labels.copy()
    labels[:, 1] = 0
    rows = [list(range(len(photos.ids)))]

    def run(rows):
        return np.full((len(rows), 2), 0.5), np.ones((len(rows), 2), np.int32)

    result, differences = comparison.compare(
        photos._replace(labels=labels), scores.TEST, STYLES, rows, run, run
    )
    said = comparison.format_result(result, differences)
    row = next(line for line in said.splitlines() if STYLES[1] in line)
    assert row.split() == [STYLES[1], "-", "-", "-", "-"]


def test_photos_that_trained_are_compared_and_not_scored(photos):
    def run(rows):
        return np.full((len(rows), 2), 0.5), np.ones((len(rows), 2), np.int32)

    result, differences = comparison.compare(
        photos, None, STYLES, [list(range(len(photos.ids)))], run, run
    )
    assert "before" not in result
    said = comparison.format_result(result, differences)
    assert f"0 of {2 * len(photos.ids)} decisions differ" in said
    assert said.endswith("No F2: these photos trained the networks.")


def test_calibrates_on_photos_of_the_whole_part(photos):
    every = [b[0] for b in comparison.read_images(photos, [8])]
    chosen = comparison.calibration_photos(photos, [8], 5)
    step = len(every) // 5
    assert len(chosen) == 5
    for i, photo in enumerate(chosen):
        assert photo[0].shape == (1, 8, 8, 3)
        np.testing.assert_array_equal(photo[0], every[i * step])
    all_of_them = comparison.calibration_photos(photos, [8], 10_000)
    assert len(all_of_them) == len(every)
