import time

import numpy as np
import pytest
import tensorflow as tf

from jdstyle import resampling

SPORTS = np.zeros(54_908, "int32")
SPORTS[:104] = 1  # The real counts of the rarest style.


def test_acceptance_by_hand():
    # 2 positives, 8 negatives; a rate of 0.5 wants 2 negatives of 8, a rate of
    # 0.25 wants 6 of 8, one of 0.1 would want 18.
    labels = np.repeat([[1] * 4, [0] * 4], [2, 8], axis=0)
    acceptance = resampling.acceptance_probabilities(
        labels, [0.5, 0.25, 0.1, None]
    )
    np.testing.assert_allclose(
        acceptance, [[0.25, 1], [0.75, 1], [1, 1], [1, 1]]
    )


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.5])
def test_refuses_rate(rate):
    with pytest.raises(ValueError, match="positive_rates"):
        resampling.acceptance_probabilities([[0], [1]], [rate])


@pytest.mark.parametrize("labels", [[[0], [0]], [[1], [1]]])
def test_refuses_single_class(labels):
    with pytest.raises(ValueError, match="at least one positive and one neg"):
        resampling.acceptance_probabilities(labels, [0.5])


def test_refuses_other_shape():
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        resampling.acceptance_probabilities([0, 1], [0.5])


def test_keeps_all_positives_and_the_wanted_rate():
    acceptance = resampling.acceptance_probabilities(SPORTS[:, None], [0.5])[0]
    num_negatives = []
    for epoch in range(100):
        kept = resampling.kept_indices(SPORTS, acceptance, seed=1, epoch=epoch)
        kept = kept.numpy()
        assert len(set(kept)) == len(kept)
        assert set(range(104)) <= set(kept)
        num_negatives.append(len(kept) - 104)
    # Binomial: mean 104, standard error of 100 epochs sqrt(104 / 100) = 1.02.
    assert abs(np.mean(num_negatives) - 104) < 4 * 1.02


def test_every_negative_is_kept_equally_often():
    labels = np.array([1] * 10 + [0] * 40, "int32")
    acceptance = np.array([0.25, 1.0], "float32")
    epochs = 2000
    times = np.zeros(50)
    for epoch in range(epochs):
        times += resampling.accepted(
            labels, acceptance, seed=7, epoch=epoch
        ).numpy()
    assert (times[:10] == epochs).all()
    # Chi-square of 40 counts against 500 each, binomial variance 375; with 40
    # degrees of freedom it exceeds 73.4 once in a thousand seeds.
    chi_square = np.sum((times[10:] - 500.0) ** 2 / 375.0)
    assert chi_square < 73.4
    assert chi_square > 16.9  # Nor is it too even: again one in a thousand.


def test_order_is_shuffled_evenly():
    labels = np.ones(4, "int32")
    first = [
        int(resampling.kept_indices(labels, [1.0, 1.0], seed=3, epoch=e)[0])
        for e in range(1000)
    ]
    # 250 each; 3 degrees of freedom exceed 16.3 once in a thousand.
    counts = np.bincount(first, minlength=4)
    assert np.sum((counts - 250.0) ** 2 / 250.0) < 16.3


def test_same_key_agrees_and_others_differ():
    acceptance = np.array([0.5, 1.0], "float32")

    def draw(seed, epoch):
        kept = resampling.kept_indices(
            SPORTS[:1000], acceptance, seed=seed, epoch=epoch
        )
        return kept.numpy().tolist()

    assert draw(0, 5) == draw(0, 5)
    assert draw(0, 5) != draw(0, 6)
    assert draw(0, 5) != draw(1, 5)


def test_graph_equals_eager():
    acceptance = np.array([0.01, 1.0], "float32")
    labels = tf.constant(SPORTS)
    in_graph = tf.function(
        lambda epoch: resampling.kept_indices(
            labels, acceptance, seed=2, epoch=epoch
        )
    )
    eager = resampling.kept_indices(labels, acceptance, seed=2, epoch=4)
    np.testing.assert_array_equal(in_graph(tf.constant(4, tf.int64)), eager)


def test_costs_at_most_a_millisecond_per_kept_photo():
    labels = tf.constant(SPORTS)
    acceptance = resampling.acceptance_probabilities(SPORTS[:, None], [0.5])[0]
    draw = tf.function(
        lambda epoch: resampling.kept_indices(
            labels, acceptance, seed=0, epoch=epoch
        )
    )
    draw(tf.constant(0, tf.int64))  # Traces.
    start = time.process_time()
    kept = sum(len(draw(tf.constant(e, tf.int64))) for e in range(1, 21))
    assert (time.process_time() - start) * 1e3 / kept < 1.0
