import types

import numpy as np
import pytest
import run_directories
from scipy import special

from jdstyle.errors import InputError
from jdstyle.fusion import out_of_fold
from jdstyle.fusion import teaching
from jdstyle.runs import finished

PUNK = {"a": 0.5, "b": 0.25, "c": 0.75, "d": 0.125}


def photos(*ids, fold=1):
    return types.SimpleNamespace(
        ids=np.array(ids), folds=np.full(len(ids), fold)
    )


@pytest.fixture
def joined(tmp_path):
    """Two members, of which one lacks Girl; "d" has an unknown label."""
    for fold, ids in [(1, "ab"), (2, "dc")]:
        rows = [
            (i, -1 if i == "d" else 0, PUNK[i], int(i in "bc"), 0.25)
            for i in ids
        ]
        run_directories.write(
            tmp_path, f"x{fold}", ["Punk", "Girl"], rows, fold=fold
        )
        rows = [(row[0], row[1], row[2] / 2) for row in reversed(rows)]
        run_directories.write(tmp_path, f"y{fold}", ["Punk"], rows, fold=fold)
    return out_of_fold.join(finished.find_runs(tmp_path), ["Girl", "Punk"])


def test_mean_of_the_members_in_the_order_of_the_photos(joined):
    """Four photos show no gain, so that nothing is scaled."""
    found = teaching.logits(joined, photos("c", "a", "d", "b"))
    expected = [[0.25, 0.75 * PUNK[i]] for i in "cadb"]
    np.testing.assert_allclose(special.expit(found), expected, rtol=1e-6)
    found = teaching.logits(joined, photos("d", "c"))
    expected = [[0.25, 0.75 * PUNK[i]] for i in "dc"]
    np.testing.assert_allclose(special.expit(found), expected, rtol=1e-6)


def test_calibrated_by_the_training_photos_alone():
    """Odds twice what they should be are halved, whatever others say."""
    rng = np.random.default_rng(0)
    truth = rng.normal(-1, 1.5, 4000)
    labels = (rng.random(4000) < special.expit(truth)).astype(int)
    labels[2000:] = 1 - labels[2000:]  # The photos that validate.
    ids = np.array([f"{i:04}" for i in range(4000)])
    joined = out_of_fold.OutOfFold(
        ids,
        np.arange(4000) % 4,
        labels[:, None],
        special.expit(2 * truth + 1).astype("float32")[:, None, None],
        ["resnet50"],
        ["Punk"],
    )
    order = rng.permutation(2000)
    found = teaching.logits(joined, photos(*ids[order]))[:, 0]
    slope, shift = np.polyfit(truth[order], found, 1)
    assert slope == pytest.approx(1, abs=0.1)
    assert shift == pytest.approx(0, abs=0.15)


def test_photos_that_nobody_has_scored_unseen_are_refused(joined):
    with pytest.raises(
        InputError, match="2 of the 3 training.*folds, 7. .*--folds=all"
    ):
        teaching.logits(joined, photos("a", "e", "f", fold=7))
