"""What TensorBoard shows of a finished run."""

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
        for path in (workdir / directory.TENSORBOARD_DIR).iterdir()
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
