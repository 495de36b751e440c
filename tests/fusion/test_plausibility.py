"""Tests for `jdstyle.fusion.plausibility`."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jdstyle.datasets.demo import builder
from jdstyle.fusion import plausibility

# Sixteenths, so that the margins below are exact.
THRESHOLDS = np.float32([0.5, 0.25, 0.75, 0.5])


def decide(rows, least=1, most=2):
    rows = np.float32(rows).reshape(-1, 4)
    decisions = plausibility.decide(rows, THRESHOLDS, least, most)
    assert decisions.dtype == tf.int32
    return decisions.numpy().tolist()


def test_limits_hand_case():
    assert plausibility.limits([[1, 0, 1], [0, 1, 0], [1, 1, 1]]) == (1, 3)
    assert plausibility.limits(np.array([[False, False]])) == (0, 0)


def test_limits_of_the_real_labels():
    sets, _ = builder.read_label_sets()
    assert plausibility.limits(sets) == (1, 5)


def test_limits_hold_where_a_sum_would_overflow():
    assert plausibility.limits(np.ones((1, 300), np.int8)) == (300, 300)


def test_within_the_limits_thresholds_decide():
    # Margins 0 (reached), -1/8, -1/4, 1/8.
    assert decide([0.5, 0.125, 0.5, 0.625]) == [[1, 0, 0, 1]]


def test_too_few_takes_the_largest_margin():
    # Margins -1/4, -1/16, -1/8, -1/2: column 1, though its probability is not
    # the highest.
    row = [0.25, 0.1875, 0.625, 0.0]
    assert decide(row) == [[0, 1, 0, 0]]
    assert decide(row, least=2) == [[0, 1, 1, 0]]
    assert decide(row, least=0) == [[0, 0, 0, 0]]


def test_each_limit_changes_only_the_styles_that_it_may():
    def masked(row, **masks):
        row = np.float32([row])
        found = plausibility.decide(row, THRESHOLDS, 1, 2, **masks)
        return found.numpy().tolist()[0]

    # Margins 1/16, 1/4, 1/8, 1/2: of four on, 1 and 3 stay.
    many = [0.5625, 0.5, 0.875, 1.0]
    assert masked(many, drops=[1, 0, 0, 0]) == [0, 1, 1, 1]
    assert masked(many, drops=[0, 1, 1, 1]) == [1, 1, 0, 1]
    assert masked(many, drops=[0, 0, 0, 0]) == [1, 1, 1, 1]
    # Margins -1/4, -1/16, -1/8, -1/2: column 1 is the nearest, or none is.
    none = [0.25, 0.1875, 0.625, 0.0]
    assert masked(none, adds=[0, 1, 0, 0]) == [0, 1, 0, 0]
    assert masked(none, adds=[1, 0, 1, 1]) == [0, 0, 0, 0]


def test_one_on_and_two_wanted():
    # Margins 1/4, -1/4, -1/8, -1/2: column 0 stays, column 2 joins.
    assert decide([0.75, 0.0, 0.625, 0.0], least=2) == [[1, 0, 1, 0]]


def test_too_many_keeps_the_largest_margins():
    # Margins 1/16, 1/4, 1/8, 1/2; column 2's probability is the highest.
    row = [0.5625, 0.5, 0.875, 1.0]
    assert decide(row) == [[0, 1, 0, 1]]
    assert decide(row, most=1) == [[0, 0, 0, 1]]
    assert decide(row, least=0, most=0) == [[0, 0, 0, 0]]


def test_equal_margins_go_to_the_lower_column():
    # Margins all -1/4, then all 1/8.
    assert decide([0.25, 0.0, 0.5, 0.25]) == [[1, 0, 0, 0]]
    assert decide([0.625, 0.375, 0.875, 0.625]) == [[1, 1, 0, 0]]


def test_limits_over_several_blocks(monkeypatch):
    monkeypatch.setattr(plausibility, "_BLOCK", 2)
    rows = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1]])
    assert plausibility.limits(rows) == (0, 3)
    assert plausibility.limits(rows[:3]) == (1, 2)
    rows[4, 0] = 2
    with pytest.raises(ValueError, match="0 or 1.*2"):
        plausibility.limits(rows)


def test_limits_are_those_of_photos_whose_labels_are_known():
    rows = np.array([[1, 0, 0, 0], [1, 1, 0, 0]] * 60)
    gaps = np.full((9, 4), -1)
    assert plausibility.limits(np.concatenate([gaps, rows])) == (1, 2)
    # What is known of the others widens them.
    gaps[0], gaps[1] = [1, 1, 1, -1], [0, 0, 0, -1]
    assert plausibility.limits(np.concatenate([rows, gaps])) == (1, 3)
    gaps[1], rows = [0, -1, 0, 0], np.array([[1, 1, 0, 0]] * 100)
    assert plausibility.limits(np.concatenate([rows, gaps])) == (1, 3)
    # Of a hundred photos with every label known, and not of fewer.
    assert plausibility.limits(np.concatenate([rows[:99], gaps])) == (0, 4)


def test_no_photos():
    assert plausibility.decide(
        np.zeros((0, 4), np.float32), THRESHOLDS, 1, 2
    ).shape == (0, 4)


def test_graph_and_dataset_equal_eager():
    rng = np.random.default_rng(0)
    rows = rng.random((9, 4), np.float32)
    graph = tf.function(
        lambda p: plausibility.decide(p, THRESHOLDS, 1, 2),
        input_signature=[tf.TensorSpec((None, 4), tf.float32)],
    )
    assert graph(rows).numpy().tolist() == decide(rows)
    assert graph(rows[:0]).shape == (0, 4)
    data = tf.data.Dataset.from_tensor_slices(rows).batch(9).map(graph)
    assert next(iter(data)).numpy().tolist() == decide(rows)


def plain_decide(row, thresholds, least, most):
    margins = [p - t for p, t in zip(row, thresholds, strict=True)]
    number = sum(margin >= 0 for margin in margins)
    number = min(max(number, least), most)
    ranked = sorted(range(len(row)), key=lambda i: (-margins[i], i))
    return [int(i in ranked[:number]) for i in range(len(row))]


def ranked_decide(probabilities, thresholds, least, most):
    """Ranks every column of every row by two stable sorts."""
    order = np.argsort(-(probabilities - thresholds), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    on = (probabilities >= thresholds) & (rank < most)
    return (on | (rank < least)).astype(int).tolist()


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(0, 13), (1, 5), (1, 13), (0, 5), (2, 2), (0, 0)]),
    st.sampled_from([4, 16, 2**24]),
)
def test_decide_equals_the_rank_of_every_column(seed, limits, steps):
    rng = np.random.default_rng(seed)
    # Of 4 or 16 steps many margins are equal, of 2**24 nearly none.
    values = rng.integers(0, steps + 1, (200, 13)) / np.float32(steps)
    values = values.astype(np.float32)
    decisions = plausibility.decide(values[1:], values[0], *limits)
    assert decisions.numpy().tolist() == ranked_decide(
        values[1:], values[0], *limits
    )


@settings(deadline=None, max_examples=150)
@given(
    st.integers(1, 6).flatmap(
        lambda styles: hnp.arrays(
            np.float32,
            st.tuples(st.integers(1, 5), st.just(styles)),
            # Sixteenths: exact, and often equal.
            elements=st.integers(0, 16).map(lambda k: k / 16),
        )
    ),
    st.data(),
)
def test_decide_stays_within_the_limits(rows, data):
    styles = rows.shape[1]
    least = data.draw(st.integers(0, styles))
    most = data.draw(st.integers(least, styles))
    # The first row as thresholds, the others as photos.
    decisions = plausibility.decide(rows[1:], rows[0], least, most).numpy()
    per_photo = decisions.sum(axis=1)
    assert ((least <= per_photo) & (per_photo <= most)).all()
    assert decisions.tolist() == [
        plain_decide(row, rows[0], least, most) for row in rows[1:]
    ]


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda: plausibility.limits([1, 0]), r"`labels`.*\(2,\)"),
        (lambda: plausibility.limits(np.zeros((0, 3))), r"`labels`.*\(0, 3\)"),
        (lambda: plausibility.limits([[0, 3]]), "0 or 1.*3"),
        (lambda: decide([0.0] * 4, least=-1), "least=-1, most=2"),
        (lambda: decide([0.0] * 4, least=3), "least=3, most=2"),
        (lambda: decide([0.0] * 4, most=5), "<= 4.*least=1, most=5"),
        (
            lambda: plausibility.decide([[0.5]], THRESHOLDS, 1, 2),
            r"`probabilities`.*\(n, 4\).*\(1, 1\)",
        ),
        (
            lambda: plausibility.decide([[0.5]], 0.5, 0, 1),
            r"`thresholds`.*\(num_styles,\)",
        ),
    ],
)
def test_refuses(function, message):
    with pytest.raises(ValueError, match=message):
        function()
