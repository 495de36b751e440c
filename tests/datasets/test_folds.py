"""Tests for `jdstyle.datasets.folds`."""

import importlib.resources
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from jdstyle.datasets import folds


def as_sets(groups):
    """A grouping without its numbers: the set of its groups."""
    groups = np.asarray(groups)
    return {
        frozenset(np.flatnonzero(groups == g).tolist())
        for g in np.unique(groups)
    }


@pytest.mark.parametrize(
    "groups, others, expected",
    [
        ([0, 1, 2], [0, 1, 2], [{0}, {1}, {2}]),
        ([0, 0, 1, 2], [0, 1, 2, 3], [{0, 1}, {2}, {3}]),
        ([0, 1, 2, 3], [5, 7, 7, 9], [{0}, {1, 2}, {3}]),
        # 0 and 1 by the one, 1 and 2 by the other, 2 and 3 by the one.
        ([4, 4, 6, 6, 0], [0, 1, 1, 2, 3], [{0, 1, 2, 3}, {4}]),
    ],
)
def test_merge(groups, others, expected):
    merged = folds.merge(groups, others)
    assert as_sets(merged) == set(map(frozenset, expected))
    assert sorted(set(merged.tolist())) == list(range(len(expected)))


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=20
    )
)
@settings(max_examples=100, deadline=None)
def test_merge_is_the_finest_that_holds_both(pairs):
    groups, others = np.array(pairs).T
    merged = folds.merge(groups, others)
    # Joined one pair of photos after the other.
    expected = np.arange(len(pairs))
    for i in range(len(pairs)):
        for j in range(i):
            if groups[i] == groups[j] or others[i] == others[j]:
                expected[expected == expected[i]] = expected[j]
    assert as_sets(merged) == as_sets(expected)


def jd_labels():
    """The 54,908 real label sets, from the table that the demo draws from."""
    source = importlib.resources.files("jdstyle.datasets.demo")
    with (source / "label_sets.csv").open(encoding="utf-8") as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1, dtype=int)
    labels = np.repeat(table[:, 1:], table[:, 0], axis=0)
    return np.random.default_rng(0).permutation(labels)


def positives(labels, parts):
    """Positives of each style in each part, shape (parts, styles)."""
    return np.array([labels[parts == p].sum(axis=0) for p in np.unique(parts)])


def test_folds_by_hand():
    # 4 photos of style 0 alone, 2 of style 1 alone, 4 of none, in halves:
    # 2, 1 and 2 of them in each.
    labels = np.array([[1, 0]] * 4 + [[0, 1]] * 2 + [[0, 0]] * 4)
    for seed in range(10):
        parts = folds.stratified_folds(labels, np.arange(10), [0.5, 0.5], seed)
        assert positives(labels, parts).tolist() == [[2, 1], [2, 1]]
        assert np.bincount(parts).tolist() == [5, 5]


@pytest.mark.timed
def test_real_counts_are_split_fast():
    labels = jd_labels()
    start = time.process_time()
    folds.stratified_folds(labels, np.arange(len(labels)), [0.2] * 5, seed=0)
    assert time.process_time() - start < 6.0


def test_real_counts_in_five_folds():
    labels = jd_labels()
    parts = folds.stratified_folds(
        labels, np.arange(len(labels)), [0.2] * 5, seed=0
    )
    assert labels.shape == (54_908, 13) and labels[:, 0].sum() == 104
    # Sports: 104 / 5 = 20.8, so 20 or 21; no style is off by a photo.
    counts = positives(labels, parts)
    assert np.abs(counts - labels.sum(axis=0) / 5).max() < 1.0
    # 54,908 / 5 = 10,981.6.
    assert np.abs(np.bincount(parts) - 10_981.6).max() < 20


def test_real_counts_in_unequal_parts():
    labels = jd_labels()[:10_000]
    fractions = np.array([0.1, 0.2, 0.7])
    parts = folds.stratified_folds(
        labels, np.arange(len(labels)), fractions, seed=3
    )
    ideal = np.outer(fractions, labels.sum(axis=0))
    assert np.abs(positives(labels, parts) - ideal).max() < 1.5
    assert np.abs(np.bincount(parts) - fractions * 10_000).max() < 20


def test_groups_are_never_divided():
    labels = jd_labels()[:8000]
    rng = np.random.default_rng(0)
    # Groups of 1 to some 10 photos, with gaps in their numbers, and one of 300.
    groups = rng.integers(0, 4000, len(labels)) * 3
    groups[:300] = 1
    parts = folds.stratified_folds(labels, groups, [0.2] * 5, seed=0)
    pairs = np.unique(np.stack([groups, parts]), axis=1)
    assert pairs.shape[1] == len(np.unique(groups))
    ideal = labels.sum(axis=0) / 5
    assert np.abs(positives(labels, parts) - ideal).max() <= 3
    assert np.abs(np.bincount(parts) - 1600).max() < 20


def test_photos_without_a_style_are_spread_too():
    labels = np.zeros((1000, 2), int)
    labels[:100, 0] = 1
    parts = folds.stratified_folds(labels, np.arange(1000), [0.25] * 4, 0)
    # 900 / 4 = 225 without a style.
    assert np.bincount(parts[100:]).tolist() == [225] * 4
    assert np.bincount(parts[:100]).tolist() == [25] * 4


def test_seed_decides():
    labels = jd_labels()[:2000]
    groups = np.arange(len(labels))

    def parts(seed):
        return folds.stratified_folds(labels, groups, [0.5, 0.5], seed)

    np.testing.assert_array_equal(parts(1), parts(1))
    # Two independent halvings agree on half of the photos.
    assert 0.4 < np.mean(parts(1) == parts(2)) < 0.6


def test_fewer_groups_than_parts():
    labels = np.ones((4, 1), int)
    parts = folds.stratified_folds(labels, [0, 0, 1, 1], [0.2] * 5, seed=0)
    assert parts[0] == parts[1] != parts[2] == parts[3]


@pytest.mark.parametrize(
    "labels, groups, fractions, message",
    [
        (np.zeros((3, 2)), np.arange(2), [0.5, 0.5], "`groups`"),
        (np.zeros(3), np.arange(3), [0.5, 0.5], "`labels`"),
        (np.zeros((3, 2)), np.arange(3), [0.5, 0.4], "sum to 1"),
        (np.zeros((3, 2)), np.arange(3), [1.5, -0.5], "be positive"),
    ],
)
def test_refuses_arguments(labels, groups, fractions, message):
    with pytest.raises(ValueError, match=message):
        folds.stratified_folds(labels, groups, fractions, seed=0)


def test_the_few_that_lack_a_style_are_divided_too():
    rng = np.random.default_rng(0)
    labels = (rng.random((400, 2)) < 0.3).astype(int)
    # Of the second style little is known, and most of that is a yes.
    labels[:, 1] = -1
    labels[:60, 1] = 1
    labels[60:70, 1] = 0
    groups = np.arange(400)
    part = folds.stratified_folds(labels, groups, [0.2] * 5, seed=0)
    counts = [np.bincount(part[labels[:, 1] == of]) for of in (0, 1)]
    assert [of.tolist() for of in counts] == [[2] * 5, [12] * 5]
    assert np.bincount(part).tolist() == [80] * 5
    # Where all is known, nothing else is counted.
    known = labels.clip(0)
    assert (folds.answers(known) == known).all()
