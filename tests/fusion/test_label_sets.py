"""Tests for `jdstyle.fusion.label_sets`."""

import itertools

import hidden
import numpy as np
import tensorflow as tf
from scipy import special

from jdstyle.fusion import label_sets


def found_of(sets, counts, tau=1.0):
    """`LabelSets` of styles of which half of all photos are."""
    sets = np.float32(sets)
    return label_sets.LabelSets(
        sets,
        np.log(np.float32(counts)),
        np.zeros(sets.shape[1], np.float32),
        np.float32(tau),
    )


def test_marginals_by_hand():
    # P of {A} ~ 3 * 0.8 / 0.2 = 12, of {B} ~ 1 * 0.5 / 0.5 = 1.
    found = found_of([[1, 0], [0, 1]], [3, 1])
    result = label_sets.marginals(found, np.float32([[0.8, 0.5]]))
    np.testing.assert_allclose(result, [[12 / 13, 1 / 13]], rtol=1e-5)
    half = label_sets.marginals(
        found._replace(tau=np.float32(0.5)), np.float32([[0.8, 0.5]])
    )
    np.testing.assert_allclose(half, [[6 / 7, 1 / 7]], rtol=1e-5)


def test_independent_styles_stay_what_they_are():
    sets = list(itertools.product([0, 1], repeat=3))
    probabilities = np.random.default_rng(0).random((50, 3), np.float32)
    result = label_sets.marginals(found_of(sets, [5] * 8), probabilities)
    np.testing.assert_allclose(result, probabilities, atol=1e-5)


def test_never_always_and_one_of_a_group_come_out_by_themselves():
    # C where A is, D never with A; one of A and D.
    sets = [[1, 0, 1, 0], [1, 1, 1, 0], [0, 1, 0, 1], [0, 0, 0, 1]]
    found = found_of(sets, [4, 3, 2, 1])
    probabilities = np.random.default_rng(0).random((99, 4), np.float32)
    result = label_sets.marginals(found, probabilities).numpy()
    np.testing.assert_allclose(result[:, 0], result[:, 2], atol=1e-6)
    np.testing.assert_allclose(result[:, 0] + result[:, 3], 1, atol=1e-6)
    best = label_sets.most_probable(found, probabilities).numpy()
    assert best.dtype == np.int32
    assert {tuple(row) for row in best} <= {tuple(row) for row in sets}
    assert (best[:, 0] == best[:, 2]).all()
    assert (best[:, 0] + best[:, 3] == 1).all()


def test_each_photo_is_judged_by_the_sets_of_the_others():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (40, 3))
    labels[0] = 1
    labels[1:, 0] *= 1 - labels[1:, 1]  # Only the first photo has this set.
    probabilities = rng.random((40, 3), np.float32)
    others = rng.integers(0, 2, (10, 3)) * [1, 0, 1]
    found, marginals = label_sets.fit(labels, probabilities, others)
    for i in (0, 1, 2):
        rest = np.concatenate([np.delete(labels, i, axis=0), others])
        sets, counts = np.unique(rest, axis=0, return_counts=True)
        evidence = np.log(counts) + found.tau * (
            (special.logit(probabilities[i].astype(float)) - found.prior)
            @ sets.T
        )
        expected = special.softmax(evidence) @ sets
        np.testing.assert_allclose(marginals[i], expected, rtol=1e-3)


def test_counts_the_sets_and_believes_odds_that_are_right():
    rng = np.random.default_rng(0)
    sets = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1]])
    labels = np.repeat(sets, [600, 300, 100], axis=0)
    logits = 2 * (rng.normal(size=labels.shape) + 2 * labels - 1)
    prior = special.logit(labels.mean(axis=0))
    probabilities = special.expit(logits + prior).astype(np.float32)
    found, _ = label_sets.fit(labels, probabilities)
    np.testing.assert_array_equal(found.sets, sets)
    np.testing.assert_allclose(np.exp(found.log_counts), [600, 300, 100])
    assert found.tau == 1
    # Logits that are twice too far apart are believed half.
    too_sure = special.expit(2 * logits + prior).astype(np.float32)
    assert label_sets.fit(labels, too_sure)[0].tau == 0.5


def test_in_a_graph_of_any_number_of_photos():
    found = found_of([[1, 0], [0, 1], [1, 1]], [3, 2, 1])
    spec = tf.TensorSpec((None, 2), tf.float32)
    graph = tf.function(
        lambda p: label_sets.marginals(found, p), input_signature=[spec]
    )
    for photos in (0, 1, 7):
        probabilities = np.random.default_rng(1).random((photos, 2), np.float32)
        np.testing.assert_allclose(
            graph(probabilities),
            label_sets.marginals(found, probabilities),
            rtol=1e-6,
        )


def test_probabilities_of_0_and_1_are_finite():
    found = found_of([[1, 0], [0, 1]], [3, 1])
    result = label_sets.marginals(found, np.float32([[0, 0], [1, 1], [0, 1]]))
    assert np.isfinite(result).all()


def test_only_photos_with_every_label_known_have_a_set():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (120, 3))
    probabilities = rng.random((120, 3), np.float32)
    alone, marginals = label_sets.fit(labels, probabilities)
    known, more, scored = hidden.insert(labels, probabilities)
    found, of_more = label_sets.fit(more, scored)
    for one, other in zip(alone, found, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(of_more[known], marginals, rtol=1e-6)
    assert label_sets.are_enough(more)
    # What is known of a photo counts in the shares, and in no set.
    more[~known, 1] = 1
    found, _ = label_sets.fit(more, scored)
    np.testing.assert_array_equal(found.log_counts, alone.log_counts)
    assert (found.prior > alone.prior).tolist() == [False, True, False]
    # Of fewer than a hundred sets, unless all photos have one.
    assert not label_sets.are_enough(more[:99])
    assert label_sets.are_enough(more[:60], labels)
    assert label_sets.are_enough(labels[:9])


def test_without_a_label_set_all_is_finite():
    labels = np.array([[1, -1], [-1, 0]])
    found, marginals = label_sets.fit(labels, np.float32([[0.9, 0.2]] * 2))
    assert found.sets.tolist() == [[0, 0]]
    assert np.isfinite(marginals).all()
