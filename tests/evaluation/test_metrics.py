"""Tests for `jdstyle.evaluation.metrics`."""

import time
import tracemalloc

import hidden
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import fbeta_score

from jdstyle.evaluation import metrics

# Photos, positives per style, macro F2 of "all positive" (DESIGN.md).
REAL_COUNTS = [
    (
        54_908,
        [104, 4292, 49893, 262, 18722, 8882]
        + [197, 1356, 49389, 7094, 3712, 1249, 361],
        0.343,
    ),
    (
        10_000,
        [23, 708, 9182, 37, 3491, 1572, 33, 219, 9085, 1258, 634, 203, 59],
        0.338,
    ),
]

# Four photos, two styles. Style 0: one hit, one miss, one false alarm, one
# true negative. Style 1: two misses, nothing predicted.
LABELS = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
DECISIONS = np.array([[1, 0], [0, 0], [1, 0], [0, 0]])


@st.composite
def pairs(draw):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))
    binary = hnp.arrays(np.int64, shape, elements=st.integers(0, 1))
    return draw(binary), draw(binary)


@pytest.mark.parametrize("dtype", [bool, np.int32, np.uint8, np.float32])
def test_counts(dtype):
    hits, alarms, misses = metrics.counts(
        LABELS.astype(dtype), DECISIONS.astype(dtype)
    )
    assert hits.tolist() == [1, 0]
    assert alarms.tolist() == [1, 0]
    assert misses.tolist() == [1, 2]
    assert {a.dtype for a in (hits, alarms, misses)} == {np.dtype(np.int64)}


def test_counts_do_not_overflow_small_dtypes():
    ones = np.ones((300, 1), np.int8)
    assert metrics.counts(ones, ones)[0].tolist() == [300]


@pytest.mark.parametrize(
    "labels, decisions, message",
    [
        ([0, 1], [[0, 1]], r"`labels`.*\(n, num_styles\).*\(2,\)"),
        ([[0, 1]], [0, 1], r"`decisions`.*\(n, num_styles\).*\(2,\)"),
        ([[0, 1]], [[0], [1]], r"`decisions`.*\(1, 2\).*\(2, 1\)"),
        ([[0, 2]], [[0, 1]], r"`labels`.*-1, 0, 1.*2.*row 0, column 1"),
        ([[0, 1]], [[0.5, 1]], r"`decisions`.*one of 0, 1.*0\.5"),
        ([[np.nan, 1]], [[0, 1]], r"`labels`.*-1, 0, 1.*nan"),
        ([[[0], [1]]], [[0, 1]], r"`labels`.*\(n, num_styles\).*\(1, 2, 1\)"),
        ([[0], [1]], [[0, 1]], r"`decisions`.*\(2, 1\).*\(1, 2\)"),
        # Of several, the first.
        ([[0, 3], [2, 1]], [[0, 1], [0, 1]], "3 at row 0, column 1"),
    ],
)
def test_counts_refuses(labels, decisions, message):
    with pytest.raises(ValueError, match=message):
        metrics.counts(labels, decisions)


def test_fbeta_hand_case():
    # tp 3, fp 2, fn 1. F2 = 5*3 / (5*3 + 4*1 + 2) = 15/21. F1 = 6/9.
    assert metrics.fbeta(3, 2, 1) == 15 / 21
    assert metrics.fbeta(3, 2, 1, beta=1) == 6 / 9


def test_fbeta_of_nothing_is_zero():
    result = metrics.fbeta([0, 0, 2], [0, 5, 0], [0, 0, 0])
    assert result.tolist() == [0.0, 0.0, 1.0]
    assert result.dtype == np.float64


@settings(deadline=None, max_examples=60)
@given(pairs(), st.sampled_from([0.5, 1.0, 2.0, 3.3]))
def test_fbeta_equals_scikit_learn(pair, beta):
    labels, decisions = pair
    ours = metrics.fbeta(*metrics.counts(labels, decisions), beta=beta)
    theirs = [
        fbeta_score(y, d, beta=beta, zero_division=0)
        for y, d in zip(labels.T, decisions.T, strict=True)
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    if labels.shape[1] > 1:  # One column is another task to scikit-learn.
        macro = fbeta_score(
            labels, decisions, beta=beta, average="macro", zero_division=0
        )
        np.testing.assert_allclose(ours.mean(), macro, rtol=1e-12)


def test_fbeta_refuses():
    with pytest.raises(ValueError, match="`false_positives` must be >= 0"):
        metrics.fbeta(1, -1, 0)
    for beta in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"`beta` must be.*beta={beta}"):
            metrics.fbeta(1, 1, 0, beta=beta)


def test_precision_recall():
    # tp 3, fp 1, fn 2: 3/4 and 3/5. Nothing predicted: 0 and 0/2. Nothing
    # there: 0/2 and 0.
    precision, recall = metrics.precision_recall(
        [3, 0, 0], [1, 0, 2], [2, 2, 0]
    )
    assert precision.tolist() == [0.75, 0, 0]
    assert recall.tolist() == [0.6, 0, 0]
    assert metrics.precision_recall(1, 0, 0) == (1, 1)


def test_all_positive_hand_case():
    # One positive of four: 5 * 1 / (4 * 1 + 4) = 5/8. None: 0. All: 1.
    labels = [[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]]
    assert metrics.all_positive_fbeta(labels).tolist() == [5 / 8, 0, 1]
    # beta 1: 2 * 1 / (1 + 4).
    assert metrics.all_positive_fbeta(labels, beta=1)[0] == 2 / 5


@pytest.mark.parametrize("photos, positives, macro", REAL_COUNTS)
def test_all_positive_on_the_real_counts(photos, positives, macro):
    labels = np.arange(photos)[:, None] < positives
    assert round(metrics.all_positive_fbeta(labels).mean(), 3) == macro


def test_bootstrap_of_one_photo_is_the_score_itself():
    samples = metrics.bootstrap_fbeta([[1, 1, 0]], [[1, 0, 1]], resamples=5)
    assert samples.tolist() == [[1, 0, 0]] * 5
    assert samples.dtype == np.float64


def test_bootstrap_hand_distribution():
    # Two photos, a hit and a miss. Drawn twice: two hits (1/4) F2 = 1; two
    # misses (1/4) 0; one of each (1/2) 5 / (5 + 4) = 5/9.
    samples = metrics.bootstrap_fbeta(
        [[1], [1]], [[1], [0]], resamples=4000, seed=3
    )
    values, numbers = np.unique(samples, return_counts=True)
    assert values.tolist() == [0, 5 / 9, 1]
    # Four standard errors: 4 * sqrt(4000 * .25) = 126 at most.
    np.testing.assert_allclose(numbers, [1000, 2000, 1000], atol=126)


def test_bootstrap_draws_the_same_photos_for_all_styles():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (40, 1))
    decisions = rng.integers(0, 2, (40, 1))
    samples = metrics.bootstrap_fbeta(
        np.hstack([labels, labels]), np.hstack([decisions, decisions])
    )
    assert samples.shape == (1000, 2)
    assert (samples[:, 0] == samples[:, 1]).all()
    assert samples.std() > 0.01


def test_bootstrap_equals_a_plain_bootstrap():
    rng = np.random.default_rng(1)
    labels = rng.random((300, 3)) < [0.1, 0.4, 0.9]
    decisions = labels ^ (rng.random((300, 3)) < 0.2)
    plain = []
    for _ in range(2000):
        drawn = rng.integers(300, size=300)
        plain.append(
            metrics.fbeta(*metrics.counts(labels[drawn], decisions[drawn]))
        )
    ours = metrics.bootstrap_fbeta(labels, decisions, resamples=2000)
    spread = np.std(plain, axis=0)
    # Standard errors of a mean and of a standard deviation of 2000 draws:
    # 2.2 % and 1.6 % of the spread, times sqrt(2) for two samples, times 4.
    assert (np.abs(ours.mean(0) - np.mean(plain, 0)) < 0.13 * spread).all()
    np.testing.assert_allclose(ours.std(0), spread, rtol=0.09)
    np.testing.assert_allclose(
        metrics.interval(ours), metrics.interval(plain), atol=0.3 * spread.max()
    )


def test_interval_covers_the_true_score():
    # Labels with P(1) = 0.3; decisions right with probability 0.8. Expected
    # shares: tp .24, fn .06, fp .14: F2 = 1.2 / (1.2 + .24 + .14) = 0.759.
    truth = 1.2 / 1.58
    rng = np.random.default_rng(2)
    labels = rng.random((400, 100)) < 0.3  # A hundred experiments side by side.
    decisions = labels ^ (rng.random((400, 100)) < 0.2)
    low, high = metrics.interval(
        metrics.bootstrap_fbeta(labels, decisions, resamples=400)
    )
    # 95 of 100 expected, standard deviation 2.2.
    assert 86 <= np.sum((low <= truth) & (truth <= high)) < 100


def test_bootstrap_is_deterministic_whatever_the_chunk(monkeypatch):
    first = metrics.bootstrap_fbeta(LABELS, DECISIONS, resamples=50, seed=7)
    again = metrics.bootstrap_fbeta(LABELS, DECISIONS, resamples=50, seed=7)
    other = metrics.bootstrap_fbeta(LABELS, DECISIONS, resamples=50, seed=8)
    monkeypatch.setattr(metrics, "_CHUNK_ELEMENTS", 1)
    chunked = metrics.bootstrap_fbeta(LABELS, DECISIONS, resamples=50, seed=7)
    assert first.shape == (50, 2)
    assert (first == again).all()
    assert (first == chunked).all()
    assert (first != other).any()


@pytest.mark.timed
def test_bootstrap_of_the_whole_table_is_fast():
    rng = np.random.default_rng(0)
    labels = rng.random((55_000, 13)) < 0.2
    seconds = []
    for _ in range(3):
        start = time.process_time()
        metrics.bootstrap_fbeta(labels, ~labels, resamples=100)
        seconds.append(time.process_time() - start)
    # 0.03 s here; the goal for ten times as many is 1.5 s.
    assert min(seconds) < 0.5


def test_bootstrap_holds_16_megabytes_of_weights_at_once():
    labels = np.ones((4000, 1), bool)
    tracemalloc.start()
    try:
        metrics.bootstrap_fbeta(labels, labels, resamples=3000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # All of them in float32: 48 MB. The rest is small beside them.
    assert 16e6 < peak < 24e6


def test_bootstrap_without_settings():
    first = metrics.bootstrap_fbeta(LABELS, DECISIONS)
    again = metrics.bootstrap_fbeta(
        LABELS, DECISIONS, resamples=1000, seed=0, beta=2
    )
    np.testing.assert_array_equal(first, again)
    one = metrics.bootstrap_fbeta(LABELS, DECISIONS, resamples=1)
    np.testing.assert_array_equal(one, first[:1])
    with pytest.raises(TypeError):
        metrics.bootstrap_fbeta(LABELS, DECISIONS, 1000)


def test_bootstrap_refuses():
    with pytest.raises(ValueError, match=r"at least one photo.*\(0, 2\)"):
        metrics.bootstrap_fbeta(np.zeros((0, 2)), np.zeros((0, 2)))
    with pytest.raises(ValueError, match="`resamples` must be > 0.*=0"):
        metrics.bootstrap_fbeta(LABELS, DECISIONS, resamples=0)
    with pytest.raises(ValueError, match="`decisions` must be one of 0, 1"):
        metrics.bootstrap_fbeta(LABELS, DECISIONS * 2)


def test_interval():
    # 0..1000: the 2.5th percentile is 25, the 97.5th is 975.
    column = np.arange(1001.0)
    low, high = metrics.interval(np.stack([column, 2 * column], axis=1))
    assert low.tolist() == [25, 50]
    assert high.tolist() == [975, 1950]
    assert metrics.interval(column) == (25, 975)


def test_unknown_labels_count_nowhere():
    labels = np.array([[1], [-1], [0], [-1], [1]])
    decisions = np.array([[1], [1], [1], [0], [0]])
    assert [int(c[0]) for c in metrics.counts(labels, decisions)] == [1, 1, 1]
    # 2 positives and 1 negative are known: 5 * 2 / (4 * 2 + 3).
    np.testing.assert_allclose(metrics.all_positive_fbeta(labels), [10 / 11])
    samples = metrics.bootstrap_fbeta(labels[[1, 3]], decisions[[1, 3]])
    assert (samples == 0).all()


def test_intervals_are_those_of_the_photos_with_known_labels():
    rng = np.random.default_rng(0)
    labels, decisions = rng.integers(0, 2, (2, 60, 3))
    _, more, decided = hidden.insert(labels, decisions)
    samples = metrics.bootstrap_fbeta(labels, decisions, resamples=50)
    np.testing.assert_array_equal(
        metrics.bootstrap_fbeta(more, decided, resamples=50), samples
    )
