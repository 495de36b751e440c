import time

import numpy as np
import pytest
import tensorflow as tf

from jdstyle.input_pipeline import resampling

SPORTS = np.zeros((54_908, 1), "int32")
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


def test_unknown_labels_are_no_negatives():
    # One positive wants 1.5 negatives of the 3 that are known.
    labels = [[1], [0], [0], [0], [-1], [-1]]
    acceptance = resampling.acceptance_probabilities(labels, [0.4])
    np.testing.assert_allclose(acceptance, [[0.5, 1]])


@pytest.mark.parametrize("rate", [0.0, 1.0, 1.5, -0.5])
def test_refuses_rate(rate):
    with pytest.raises(ValueError, match="positive_rates"):
        resampling.acceptance_probabilities([[0], [1]], [rate])


@pytest.mark.parametrize("labels", [[[0], [0]], [[1], [1]]])
def test_refuses_single_class(labels):
    with pytest.raises(ValueError, match="at least one positive and one neg"):
        resampling.acceptance_probabilities(labels, [0.5])


@pytest.mark.parametrize(
    ("labels", "shape"),
    [
        ([0, 1], r"\(2,\)"),
        ([[[0]], [[1]]], r"\(2, 1, 1\)"),
        ([[], []], r"\(2, 0\)"),
        ([[0, 0], [1, 1]], r"\(2, 2\)"),
    ],
)
def test_refuses_other_shape(labels, shape):
    with pytest.raises(ValueError, match=f"shape {shape} and 1 rates"):
        resampling.acceptance_probabilities(labels, [0.5])


def test_what_a_style_does_not_accept_is_minus_one():
    labels = np.array([[1, 0], [0, 1], [1, -1]], "int32")
    acceptance = np.array([[0.0, 1.0], [0.0, 1.0]], "float32")
    kept, targets = resampling.draw_epoch(labels, acceptance, seed=0, epoch=0)
    expected = np.array([[1, -1], [-1, 1], [1, -1]])[kept.numpy()]
    np.testing.assert_array_equal(targets, expected)


def test_keeps_all_positives_and_the_wanted_rate():
    acceptance = resampling.acceptance_probabilities(SPORTS, [0.5])
    num_negatives = []
    for epoch in range(100):
        kept, _ = resampling.draw_epoch(SPORTS, acceptance, seed=1, epoch=epoch)
        kept = kept.numpy()
        assert len(set(kept)) == len(kept)
        assert set(range(104)) <= set(kept)
        num_negatives.append(len(kept) - 104)
    # Binomial: mean 104, standard error of 100 epochs sqrt(104 / 100) = 1.02.
    assert abs(np.mean(num_negatives) - 104) < 4 * 1.02


def test_every_negative_is_kept_equally_often():
    labels = np.array([[1]] * 10 + [[0]] * 40, "int32")
    acceptance = np.array([[0.25, 1.0]], "float32")
    epochs = 2000
    times = np.zeros(50)
    for epoch in range(epochs):
        times += resampling.accepted(
            labels, acceptance, seed=7, epoch=epoch
        ).numpy()[:, 0]
    assert (times[:10] == epochs).all()
    # Chi-square of 40 counts against 500 each, binomial variance 375; with 40
    # degrees of freedom it exceeds 73.4 once in a thousand seeds.
    chi_square = np.sum((times[10:] - 500.0) ** 2 / 375.0)
    assert chi_square < 73.4
    assert chi_square > 16.9  # Nor is it too even: again one in a thousand.


def test_order_is_shuffled_evenly():
    labels = np.ones((4, 1), "int32")
    acceptance = np.ones((1, 2), "float32")
    first = [
        int(resampling.draw_epoch(labels, acceptance, seed=3, epoch=e)[0][0])
        for e in range(1000)
    ]
    # 250 each; 3 degrees of freedom exceed 16.3 once in a thousand.
    counts = np.bincount(first, minlength=4)
    assert np.sum((counts - 250.0) ** 2 / 250.0) < 16.3


def test_same_key_agrees_and_others_differ():
    acceptance = np.array([[0.5, 1.0]], "float32")

    def draw(seed, epoch):
        kept, _ = resampling.draw_epoch(
            SPORTS[:1000], acceptance, seed=seed, epoch=epoch
        )
        return kept.numpy().tolist()

    assert draw(0, 5) == draw(0, 5)
    assert draw(0, 5) != draw(0, 6)
    assert draw(0, 5) != draw(1, 5)


def test_graph_equals_eager():
    acceptance = np.array([[0.01, 1.0]], "float32")
    labels = tf.constant(SPORTS)
    in_graph = tf.function(
        lambda epoch: resampling.draw_epoch(
            labels, acceptance, seed=2, epoch=epoch
        )
    )
    eager = resampling.draw_epoch(labels, acceptance, seed=2, epoch=4)
    drawn = in_graph(tf.constant(4, tf.int64))
    for ours, expected in zip(drawn, eager, strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.timed
def test_costs_at_most_a_millisecond_per_kept_photo():
    labels = tf.constant(SPORTS)
    acceptance = resampling.acceptance_probabilities(SPORTS, [0.5])
    draw = tf.function(
        lambda epoch: resampling.draw_epoch(
            labels, acceptance, seed=0, epoch=epoch
        )
    )
    draw(tf.constant(0, tf.int64))  # Traces.
    start = time.process_time()
    kept = sum(len(draw(tf.constant(e, tf.int64))[0]) for e in range(1, 21))
    assert (time.process_time() - start) * 1e3 / kept < 1.0


# Several styles.

# 40 photos: style 0 rare, style 1 frequent and kept whole, style 2 unknown for
# every second photo.
SEVERAL = np.zeros((40, 3), "int32")
SEVERAL[:4, 0] = 1
SEVERAL[:30, 1] = 1
SEVERAL[::2, 2] = -1
SEVERAL[1:10:2, 2] = 1


def test_expected_counts_by_hand():
    acceptance = np.array([[0.25, 1], [1, 0], [0.5, 1]], "float32")
    kept, shown = resampling.expected_kept(SEVERAL, acceptance)
    # 36 negatives at 0.25; 10 negatives kept, 30 positives never; 15 known
    # negatives at 0.5 and 5 positives.
    np.testing.assert_allclose(kept, [[9, 4], [10, 0], [7.5, 5]])
    # Photos 0 to 3 are positives of style 0 and 30 to 39 negatives of style 1:
    # 14 surely. 5, 7 and 9 are positives of style 2: 3 surely. Of the others
    # (4 to 29, without those: 23), 13 have an even number: 0.25; 10 are odd:
    # 1 - 0.75 * 0.5.
    np.testing.assert_allclose(shown, 14 + 3 + 13 * 0.25 + 10 * 0.625)


def test_one_style_shows_what_it_keeps():
    acceptance = resampling.acceptance_probabilities(SPORTS, [0.5])
    kept, shown = resampling.expected_kept(SPORTS, acceptance)
    assert np.isclose(kept.sum(), shown, rtol=1e-12)


def test_draws_are_per_photo_style_and_epoch():
    """What is drawn on average is what was expected, style by style."""
    acceptance = np.array([[0.25, 1], [0.5, 0.5], [0.5, 1]], "float32")
    kept, shown = resampling.expected_kept(SEVERAL, acceptance)
    draws, together = np.zeros((3, 2)), 0
    num_epochs = 2000
    for epoch in range(num_epochs):
        _, targets = resampling.draw_epoch(
            SEVERAL, acceptance, seed=5, epoch=epoch
        )
        targets = targets.numpy()
        assert (targets >= 0).any(axis=1).all()
        together += len(targets)
        draws += np.stack([(targets == v).sum(axis=0) for v in (0, 1)], 1)
    # The standard deviation of a sum of at most 40 draws is at most
    # sqrt(40 / 4); of the mean of 2,000 of them 0.07.
    np.testing.assert_allclose(draws / num_epochs, kept, atol=0.3)
    np.testing.assert_allclose(together / num_epochs, shown, atol=0.3)


def test_unknown_is_never_accepted():
    acceptance = np.ones((3, 2), "float32")
    mask = resampling.accepted(SEVERAL, acceptance, seed=0, epoch=0)
    np.testing.assert_array_equal(mask, SEVERAL >= 0)


def test_expected_loss_per_style_is_that_of_its_own_network():
    """Masks and costs of the multi-label network against one-style ones.

    The same photos, the same logits: averaged over epochs, the loss that a
    style gets in the shared network is the one that it gets alone.
    """
    from jdstyle.training import recipe

    rng = np.random.default_rng(0)
    labels = (rng.random((200, 3)) < [0.05, 0.6, 0.3]).astype("int32")
    logits = rng.normal(size=(200, 3)).astype("float32")
    rates, costs = (0.5, 0.0, 0.5), (1.5, 1.0, 1.5)
    settings = recipe.Settings(
        "", 0, "", 1, 0, 1.0, positive_rate=rates, false_negative_cost=costs
    )

    def mean_losses(columns, settings, num_epochs):
        """Per style, of all photos shown in these epochs."""
        acceptance = resampling.acceptance_probabilities(
            labels[:, columns],
            [settings.positive_rate[c] or None for c in columns],
        )
        kept, shown = resampling.expected_kept(labels[:, columns], acceptance)
        loss, _ = recipe.make_losses(
            settings._replace(
                false_negative_cost=tuple(costs[c] for c in columns)
            ),
            kept,
            shown,
        )
        sums, num_shown = np.zeros(len(columns)), 0
        for epoch in range(num_epochs):
            indices, targets = resampling.draw_epoch(
                labels[:, columns], acceptance, seed=1, epoch=epoch
            )
            scores = logits[indices.numpy()][:, columns]
            for i in range(len(columns)):
                # The others masked: the mean over styles divides by 3.
                alone = np.full(targets.shape, -1, "float32")
                alone[:, i] = targets[:, i]
                values = loss.call(tf.constant(alone), tf.constant(scores))
                sums[i] += len(columns) * float(tf.reduce_sum(values))
            num_shown += len(indices)
        return sums / num_shown

    together = mean_losses([0, 1, 2], settings, 400)
    alone = [mean_losses([c], settings, 400)[0] for c in range(3)]
    np.testing.assert_allclose(together, alone, rtol=0.03)
    # Without the weights the rare style would get a tenth of its loss.
    assert together[0] > 0.5
