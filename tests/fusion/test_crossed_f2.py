"""Tests for `jdstyle.fusion.crossed_f2`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from jdstyle.fusion import crossed_f2
from jdstyle.fusion import relation_search


def plainly_cross_validated(labels, scores, folds):
    decisions = np.empty_like(labels)
    for fold in np.unique(folds):
        held = folds == fold
        decisions[held] = scores[held] >= relation_search.threshold(
            labels[~held], scores[~held], "exact", seed=0
        )
    return relation_search.f2(labels, decisions)


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 60),
    st.sampled_from([0.05, 0.4, 0.95]),
    st.sampled_from([2, 10, 1 << 24]),
)
def test_cross_validated_f2_is_that_of_the_exact_thresholds(
    seed, photos, rate, steps
):
    rng = np.random.default_rng(seed)
    labels = rng.random(photos) < rate
    # Of few steps many scores are equal, and many thresholds equally good.
    scores = np.float32(rng.integers(0, steps + 1, photos) / np.float32(steps))
    folds = rng.integers(0, 4, photos)
    assert crossed_f2.score(labels, scores, folds) == pytest.approx(
        plainly_cross_validated(labels, scores, folds), rel=1e-12
    )
