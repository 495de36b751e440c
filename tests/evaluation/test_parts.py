"""Tests for `jdstyle.evaluation.parts`."""

import numpy as np
import pytest

from jdstyle.evaluation import parts


def test_folds_stay():
    folds = np.arange(100) % 2
    assert parts.of_folds(folds, seed=0) is folds


@pytest.mark.parametrize(
    "photos, sizes", [(100, [20] * 5), (7, [2, 2, 1, 1, 1])]
)
def test_five_equal_parts_by_lot(photos, sizes):
    found = parts.of_folds(np.full(photos, 3), seed=0)
    assert np.bincount(found).tolist() == sizes
    assert not (found == np.arange(photos) % 5).all()


def test_parts_come_by_seed():
    first, again, other = (
        parts.of_folds(np.zeros(50), seed) for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("photos", [0, 1])
def test_hardly_any_photos(photos):
    assert parts.of_folds(np.zeros(photos, int), 0).tolist() == [0] * photos
