"""A student's training: its trunk, then its heads."""

import itertools

import numpy as np
import pytest
import small_settings

from jdstyle.datasets import records
from jdstyle.errors import Stopped
from jdstyle.models import classifier
from jdstyle.runs import directory
from jdstyle.training import distillation
from jdstyle.training import recipe
from jdstyle.training import student

pytestmark = [
    pytest.mark.long,
    pytest.mark.usefixtures("small_mobilenet"),
]

SETTINGS = small_settings.SETTINGS._replace(
    positive_rate=(0.0, 0.5), augment=False, epochs=1, steps_per_epoch=4
)


class SignalInSecondStep:
    """Stands for `signals.Signals`."""

    def __init__(self):
        self._steps = itertools.count(1)
        self.patient = False

    @property
    def caught(self):
        return "SIGTERM" if next(self._steps) > 1 else None


@pytest.fixture
def parts(tiny):
    """Of the first 20 training photos no label is known."""
    parts = [
        records.read_photos(tiny, part) for part in ("train", "validation")
    ]
    labels = parts[0].labels.copy()
    labels[:20] = -1
    return [parts[0]._replace(labels=labels), parts[1]]


def train(parts, workdir, signals=None):
    workdir.mkdir(exist_ok=True)
    architecture = recipe.make_architecture(SETTINGS, 2)._asdict()
    directory.write_json(
        workdir / directory.RUN_FILE, {"architecture": architecture}
    )
    certain = np.arange(2 * len(parts[0].ids)).reshape(-1, 2) % 7 - 3.0
    return student.train(
        *parts,
        [0, 1],
        SETTINGS,
        str(workdir),
        style_names=["bright", "rare"],
        signals=signals,
        teacher=distillation.Teacher(parts[0].ids, certain),
    )


def test_goes_on_in_the_same_bits(parts, tmp_path):
    """Stopped within an epoch, and again when the heads had been written."""
    whole = train(parts, tmp_path / "whole")
    assert np.isfinite(whole.logits).all() and whole.logits.shape[1] == 2
    # The trunk has seen the training photos: they calibrate nothing.
    assert whole.unseen is None and not whole.correction.any()
    assert whole.record["strengths"].keys() == {"bright", "rare"}
    with pytest.raises(Stopped, match="epoch 1 after step 2 of 4"):
        train(parts, tmp_path / "parts", SignalInSecondStep())
    for _ in range(2):
        logits = train(parts, tmp_path / "parts").logits
        np.testing.assert_array_equal(logits, whole.logits)
    weights = [
        classifier.load_run(str(tmp_path / name))[0].get_weights()
        for name in ("whole", "parts")
    ]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
