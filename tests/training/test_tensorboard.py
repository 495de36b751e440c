"""What TensorBoard shows of a finished run."""

import types

import numpy as np
import tensorflow as tf

from jdstyle.evaluation import reliability
from jdstyle.runs import directory
from jdstyle.training import tensorboard

LABELS = np.arange(100) % 4 == 0
RESULT = {
    "photos": 100,
    "styles": {
        "Punk": {
            "positives": 25,
            "reliability": reliability.bins(
                LABELS.astype(int), np.linspace(0.1, 0.4, 100)
            ),
        }
    },
}


def read_pictures(workdir):
    return [
        (value.tag, value.image.encoded_image_string)
        for path in (workdir / directory.TENSORBOARD_DIR).rglob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    ]


def test_reliability_is_a_picture(tmp_path):
    tensorboard.show_reliability(str(tmp_path), RESULT)
    ((tag, picture),) = read_pictures(tmp_path)
    assert tag == "reliability"
    assert tf.io.decode_png(picture).shape[0] > 200


def test_a_picture_that_fails_ends_no_run(tmp_path, monkeypatch, log):
    def fail(*_):
        raise RuntimeError("no font")

    monkeypatch.setattr(reliability, "draw", fail)
    tensorboard.show_reliability(str(tmp_path), RESULT)
    assert "cannot be drawn (RuntimeError: no font)" in log.text
    assert not list(tmp_path.iterdir())


def test_without_positives_there_is_none(tmp_path):
    tensorboard.show_reliability(str(tmp_path), {"photos": 9, "styles": {}})
    assert not list(tmp_path.iterdir())


def test_points_are_even_in_recall():
    """Two of three positives lie where TensorBoard has one point in 201."""
    labels = np.array([1, 0, 1, 0, 1, -1])
    scores = np.array([0.001, 0.002, 0.003, 0.0005, 0.9, 0.95])
    curve = tensorboard.draw_curve("pr_curve", labels, scores)
    (value,) = curve.value
    hits, alarms, right, missed, precision, recall = tf.make_ndarray(
        value.tensor
    )
    np.testing.assert_array_equal(hits, [3, 2, 1])
    np.testing.assert_array_equal(alarms, [1, 0, 0])
    np.testing.assert_array_equal(right, [1, 2, 2])
    np.testing.assert_array_equal(missed, [0, 1, 2])
    np.testing.assert_allclose(precision, [0.75, 1, 1])
    np.testing.assert_allclose(recall, [1, 2 / 3, 1 / 3], rtol=1e-6)
    many = np.linspace(0, 1, 1000)
    curve = tensorboard.draw_curve("pr_curve", np.ones(1000, int), many)
    assert tf.make_ndarray(curve.value[0].tensor).shape == (6, 101)
    assert tensorboard.draw_curve("pr_curve", labels * 0, scores) is None


def test_losses_of_both_runs_are_one_chart(tmp_path):
    (tmp_path / directory.FLAGS_FILE).write_text("--style=<b>Punk\n")
    objective = types.SimpleNamespace(
        style_names=["Punk"], scored=[0], validation_labels=LABELS[:, None] * 1
    )
    validation = types.SimpleNamespace(probabilities=np.full((100, 1), 0.5))
    callback = tensorboard.TensorBoard(
        str(tmp_path), objective, validation, None
    )
    callback.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25, "f2/Punk": 0.75})
    events = {
        (path.parent.name, value.tag): value
        for path in (tmp_path / directory.TENSORBOARD_DIR).rglob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    }
    assert events.keys() == {
        ("train", "settings/text_summary"),
        ("train", "epoch_loss"),
        ("validation", "epoch_loss"),
        ("validation", "f2/Punk"),
        ("validation", "pr_curve/pr_curves"),
    }
    assert events["validation", "epoch_loss"].simple_value == 0.25
    (settings,) = tf.make_ndarray(
        events["train", "settings/text_summary"].tensor
    ).ravel()
    assert settings == b"    --style=<b>Punk\n"
