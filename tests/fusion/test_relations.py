"""Tests for `jdstyle.fusion.relations`."""

import io
import pathlib
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jdstyle.datasets import jd_fashion
from jdstyle.datasets.demo import builder
from jdstyle.fusion import relations

FOLD_FILE = (
    pathlib.Path(__file__).parents[3]
    / "shared/data/jd/train-image-k-fold-1to4.txt"
)

# Styles A, B, C and D, which never occurs.
LABELS = np.array(
    [
        [1, 1, 0, 0],
        [1, 0, 0, 0],
        [0, 1, 1, 0],
        [0, 1, 0, 0],
        [1, 1, 1, 0],
    ]
)
# N(A) = 3, N(B) = 4, N(C) = 2; A meets B in rows 0 and 4, C in row 4; B meets
# C in rows 2 and 4.
COUNTS = np.array([[3, 2, 1, 0], [2, 4, 2, 0], [1, 2, 2, 0], [0, 0, 0, 0]])
# Column b of COUNTS over N(b); nothing over N(D) = 0.
GIVEN = np.array(
    [
        [1, 2 / 4, 1 / 2, 0],
        [2 / 3, 1, 2 / 2, 0],
        [1 / 3, 2 / 4, 1, 0],
        [0, 0, 0, 0],
    ]
)

# For equation 2: three styles. The 9s on the diagonal must not matter.
ALPHA = np.float32([0.5, 1.0, 0.9])
BETA = np.float32([[9, 0.2, 0.4], [0.1, 9, 0.3], [0.5, 0.7, 9]])
P = np.float32([[0.8, 0.3, 0.6]])


def correct(probabilities, positive):
    return relations.correct(
        probabilities, positive, GIVEN[:3, :3], ALPHA, BETA
    ).numpy()


def plain_loop(probabilities, positive, given, alpha, beta):
    """Equation 2 as it is written, in Python's doubles."""
    rows = []
    for p, on in zip(probabilities.tolist(), positive.tolist(), strict=True):
        rows.append([])
        for a in range(len(p)):
            others = [b for b in range(len(p)) if on[b] and b != a]
            value = p[a]
            if others:
                value *= alpha[a]
                value += sum(beta[a][b] * given[a][b] for b in others)
            rows[-1].append(value)
    return np.array(rows).reshape(probabilities.shape)


def test_cooccurrence_hand_case():
    counts = relations.cooccurrence(LABELS)
    assert counts.dtype == np.int64
    assert (counts == COUNTS).all()
    assert (relations.cooccurrence(LABELS.astype(bool)) == COUNTS).all()


def test_cooccurrence_does_not_overflow_small_integers():
    # 300 photos of both styles: more than int8 or uint8 hold.
    assert relations.cooccurrence(np.ones((300, 2), np.uint8))[0, 1] == 300


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(
        np.int64,
        st.tuples(st.integers(0, 9), st.integers(1, 6)),
        elements=st.integers(0, 1),
    ),
    st.sampled_from([bool, np.uint8, np.int32, np.int64, np.float64]),
    st.sampled_from("CF"),
)
def test_cooccurrence_in_blocks_equals_one_product(labels, dtype, order):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relations, "_BLOCK", 4)
        counts = relations.cooccurrence(labels.astype(dtype, order=order))
    assert counts.dtype == np.int64
    assert (counts == labels.T @ labels).all()


@pytest.mark.parametrize("value", [-2, 2, 0.5, np.nan])
def test_cooccurrence_looks_at_every_block(monkeypatch, value):
    monkeypatch.setattr(relations, "_BLOCK", 2)
    labels = np.zeros((5, 2))
    labels[4, 1] = value
    with pytest.raises(ValueError, match=f"0 or 1.*{value}"):
        relations.cooccurrence(labels)


def test_unknown_labels_count_nowhere(monkeypatch):
    monkeypatch.setattr(relations, "_BLOCK", 2)  # Blocks with and without.
    labels = np.array([[1, 1], [0, 1], [-1, 1], [1, -1], [1, 0], [-1, -1]])
    both = relations.cooccurrence(labels)
    assert both.tolist() == [[3, 1], [1, 3]]
    given = relations.occurrence(labels)
    # Of three photos with B two tell of A, of three with A two of B.
    assert given.tolist() == [[3, 2], [2, 3]]
    shares = relations.conditional(both, given)
    assert shares.tolist() == [[1, 0.5], [0.5, 1]]
    table = relations.mutual_table(["A", "B"], both, given)
    assert table["B"].tolist() == [0.5, 1]
    known = np.abs(labels)
    assert (
        relations.conditional(
            relations.cooccurrence(known), relations.occurrence(known)
        )
        == relations.conditional(relations.cooccurrence(known))
    ).all()


def test_groups_are_of_what_is_known():
    # Read as 0, the unknown would part A from B, and join B and C.
    both = np.array([[9, 3, 4], [3, 9, 4], [4, 4, 9]])
    given = np.array([[9, 3, 9], [3, 9, 9], [9, 9, 9]])
    groups = relations.related_groups(both, 2, given)
    assert groups == [[0, 1], [2]]


def test_cooccurrence_holds_a_block_at_a_time():
    labels = np.zeros((100_000, 8), np.int8)
    tracemalloc.start()
    try:
        relations.cooccurrence(labels)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 16,384 rows in float32 are 524 kB, all of them 3.2 MB.
    assert 520e3 < peak < 800e3


def test_conditional_of_a_style_with_one_photo():
    assert relations.conditional([[1, 1], [1, 4]])[1, 0] == 1


def test_conditional_hand_case():
    given = relations.conditional(COUNTS)
    assert given.dtype == np.float64
    np.testing.assert_allclose(given, GIVEN, rtol=1e-15)


def test_mutual_table_survives_csv():
    table = relations.mutual_table(["A", "B", "C", "D"], COUNTS)
    assert table.loc["A", "N(row)"] == 3
    assert table.loc["B", "A"] == pytest.approx(2 / 3)  # P(B|A).
    assert table.loc["A", "B"] == 0.5  # P(A|B).
    read = pd.read_csv(io.StringIO(table.to_csv()), index_col="P(row|column)")
    assert read.columns.tolist() == ["N(row)", "A", "B", "C", "D"]
    np.testing.assert_allclose(read[["A", "B", "C", "D"]], GIVEN)


def test_related_groups_hand_case():
    # Distances 1 - (P(A|B) + P(B|A)) / 2: B-C 1 - (1 + 1/2) / 2 = 1/4, A-B
    # 1 - (1/2 + 2/3) / 2 = 5/12, A-C 1 - (1/2 + 1/3) / 2 = 7/12, D-all 1.
    # Merged in turn: B-C at 1/4, A at (5/12 + 7/12) / 2 = 1/2, D at 1.
    assert relations.related_groups(COUNTS, 4) == [[0], [1], [2], [3]]
    assert relations.related_groups(COUNTS, 3) == [[0], [1, 2], [3]]
    assert relations.related_groups(COUNTS, 2) == [[0, 1, 2], [3]]
    assert relations.related_groups(COUNTS, 1) == [[0, 1, 2, 3]]
    assert relations.related_groups([[7]], 1) == [[0]]


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(
        np.int64,
        st.tuples(st.integers(0, 6), st.integers(1, 6)),
        elements=st.integers(0, 1),
    ),
    st.data(),
)
def test_related_groups_partition_the_styles(labels, data):
    styles = labels.shape[1]
    number = data.draw(st.integers(1, styles))
    groups = relations.related_groups(relations.cooccurrence(labels), number)
    assert len(groups) == number  # Though many distances are equal.
    assert all(group and group == sorted(group) for group in groups)
    assert sorted(sum(groups, [])) == list(range(styles))
    assert [group[0] for group in groups] == sorted(g[0] for g in groups)


def test_correct_hand_case():
    # A and C are positive.
    # A: M = {C}:    0.5 * 0.8 + 0.4 * 1/2           = 0.6
    # B: M = {A, C}: 1.0 * 0.3 + 0.1 * 2/3 + 0.3 * 1 = 0.6667
    # C: M = {A}:    0.9 * 0.6 + 0.5 * 1/3           = 0.7067
    corrected = correct(P, [[1, 0, 1]])
    assert corrected.dtype == np.float32
    np.testing.assert_allclose(
        corrected, [[0.6, 0.3 + 0.2 / 3 + 0.3, 0.54 + 0.5 / 3]], rtol=1e-6
    )
    assert (correct(P, np.array([[True, False, True]])) == corrected).all()


def test_correct_where_nothing_is_positive():
    assert (correct(P, [[0, 0, 0]]) == P).all()


def test_correct_where_only_the_target_is_positive():
    # For A, M is empty: P(A) itself, not alpha * P(A) = 0.4. For B and C, M =
    # {A}: 0.3 + 0.1 * 2/3 and 0.54 + 0.5 * 1/3.
    corrected = correct(P, [[1, 0, 0]])
    assert corrected[0, 0] == P[0, 0]
    np.testing.assert_allclose(
        corrected[0, 1:], [0.3 + 0.2 / 3, 0.54 + 0.5 / 3], rtol=1e-6
    )


def test_correct_by_a_style_that_never_occurs():
    # D has N(D) = 0 and says nothing, but M = {D} is not empty: alpha * P(A).
    corrected = relations.correct(
        [[0.8, 0.3, 0.6, 0.9]],
        [[0, 0, 0, 1]],
        relations.conditional(COUNTS),
        [0.5] * 4,
        np.ones((4, 4)),
    )
    np.testing.assert_allclose(corrected, [[0.4, 0.15, 0.3, 0.9]], rtol=1e-6)


def test_correct_does_not_clip():
    # 1 * 0.9 + 1 * P(B|C) = 1.9.
    corrected = relations.correct(
        [[0.0, 0.9, 0.0]], [[0, 0, 1]], GIVEN[:3, :3], [1] * 3, np.ones((3, 3))
    )
    assert float(corrected[0, 1]) == pytest.approx(1.9)


@st.composite
def equations(draw):
    rows, styles = draw(st.integers(0, 5)), draw(st.integers(1, 5))
    # Small enough for any probability; TensorFlow makes a product below 2**-126
    # 0, the plain loop does not.
    unit = st.just(0.0) | st.floats(2**-40, 1, width=32)

    def array(*shape, elements=unit):
        return draw(hnp.arrays(np.float32, shape, elements=elements))

    return (
        array(rows, styles),
        draw(hnp.arrays(bool, (rows, styles))),
        array(styles, styles),
        array(styles),
        array(styles, styles, elements=st.integers(0, 10)),
    )


def test_correct_adds_without_rounding():
    # In float32, 2**24 + 1 + 1 stays 2**24.
    others = [[0, 1, 1, 1]]
    given = np.zeros((4, 4))
    given[0] = [0, 1, 2.0**-24, 2.0**-24]
    corrected = relations.correct(
        np.zeros((1, 4)), others, given, [1] * 4, np.full((4, 4), 2.0**24)
    )
    assert float(corrected[0, 0]) == 2**24 + 2


@settings(deadline=None, max_examples=100)
@given(equations())
def test_correct_equals_the_plain_loop(equation):
    np.testing.assert_allclose(
        relations.correct(*equation), plain_loop(*equation), rtol=1e-5
    )


def test_correct_in_a_graph_of_any_batch_size():
    graph = tf.function(
        lambda p, on: relations.correct(p, on, GIVEN[:3, :3], ALPHA, BETA),
        input_signature=[
            tf.TensorSpec((None, 3), tf.float32),
            tf.TensorSpec((None, 3), tf.bool),
        ],
    )
    rng = np.random.default_rng(0)
    for rows in (0, 1, 7):
        p = rng.random((rows, 3), np.float32)
        on = rng.random((rows, 3)) < 0.5
        result = graph(p, on)
        assert result.shape == (rows, 3)
        np.testing.assert_allclose(result, correct(p, on), rtol=1e-6)


def test_correct_in_a_dataset():
    data = tf.data.Dataset.from_tensor_slices((P, np.int32([[1, 0, 1]])))
    data = data.batch(2).map(
        lambda p, on: relations.correct(p, on, GIVEN[:3, :3], ALPHA, BETA)
    )
    np.testing.assert_allclose(
        next(iter(data)), correct(P, [[1, 0, 1]]), rtol=1e-6
    )


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda: relations.cooccurrence([0, 1]), r"`labels`.*\(2,\)"),
        (lambda: relations.cooccurrence([[[0]]]), r"`labels`.*\(1, 1, 1\)"),
        (lambda: relations.cooccurrence([[0, 2]]), r"`labels`.*0 or 1.*2"),
        (lambda: relations.conditional([1, 0]), r"`counts`.*\(2,\)"),
        (lambda: relations.conditional([[[1]]]), r"`counts`.*\(1, 1, 1\)"),
        (lambda: relations.conditional([[1, 0]]), r"`counts`.*\(1, 2\)"),
        (lambda: relations.conditional([[1], [0]]), r"`counts`.*\(2, 1\)"),
        (lambda: relations.mutual_table(["A"], COUNTS), r"`names`.*4.*: 1"),
        (lambda: relations.mutual_table("ABCDE", COUNTS), r"`names`.*4.*: 5"),
        (lambda: relations.related_groups(COUNTS, 0), "1 to 4.*num_groups=0"),
        (lambda: relations.related_groups(COUNTS, 5), "1 to 4.*num_groups=5"),
        (
            lambda: relations.correct(P, P > 1, GIVEN[:3, :3], [1], BETA),
            r"`alpha`.*\(3,\).*\(1,\)",
        ),
        (
            lambda: relations.correct(P, [[1]], GIVEN[:3, :3], ALPHA, BETA),
            r"`positive`.*\(None, 3\).*\(1, 1\)",
        ),
        (
            lambda: relations.correct(P, P > 1, GIVEN[:3, :2], ALPHA, BETA),
            r"`conditional`.*\(3, 3\).*\(3, 2\)",
        ),
    ],
)
def test_refuses(function, message):
    with pytest.raises(ValueError, match=message):
        function()


def test_real_labels():
    # Of the 104 Sports photos, 102 are Casual: 0.981 (DESIGN.md).
    sets, counts = builder.read_label_sets()
    labels = np.repeat(sets, counts, axis=0)
    counts = relations.cooccurrence(labels)
    assert len(labels) == 54908
    assert (counts[0, 0], counts[1, 0]) == (104, 102)
    assert round(relations.conditional(counts)[1, 0], 3) == 0.981
    # British and Japanese apart; Sports, Casual, Girl, Punk; the rest.
    assert relations.related_groups(counts, 4) == [
        [0, 1, 7, 11],
        [2, 4, 5, 8, 9, 10, 12],
        [3],
        [6],
    ]


@pytest.mark.skipif(not FOLD_FILE.is_file(), reason=f"no {FOLD_FILE}")
def test_real_folds():
    lines = FOLD_FILE.read_text().splitlines()
    labels = [
        jd_fashion.parse_fold_line(line.split(","), "test")[2] for line in lines
    ]
    counts = relations.cooccurrence(labels)
    assert len(labels) == 43926
    # Without fold 5, 80 of 81 Sports photos are Casual.
    assert (counts[0, 0], counts[1, 0]) == (81, 80)
    assert round(relations.conditional(counts)[1, 0], 3) == 0.988
    assert relations.related_groups(counts, 4) == [
        [0, 1, 7, 11],
        [2, 4, 5, 8, 9, 10, 12],
        [3],
        [6],
    ]
