"""Tests for `jdstyle.fusion.blending`."""

import time

import hidden
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from jdstyle.evaluation import thresholds
from jdstyle.fusion import blending

NAN = np.nan


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def random_case(photos=120, members=3, styles=2, *, seed=0, missing=()):
    """Draws labels, probabilities that know something of them, and folds."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((photos, styles)) < 0.4).astype(int)
    noise = rng.normal(size=(photos, members, styles))
    probabilities = sigmoid(2 * noise + 2 * labels[:, np.newaxis] - 1)
    for member, style in missing:
        probabilities[:, member, style] = NAN
    return labels, probabilities.astype(np.float32), np.arange(photos) % 4 + 1


def test_mean_counts_the_members_that_have_the_style():
    # Style 0: (0.2 + 0.6) / 2 = 0.4 and (0.5 + 1) / 2; style 1 has one member.
    probabilities = [[[0.2, NAN], [0.6, 0.3]], [[0.5, NAN], [1.0, 0.7]]]
    blend, fused = blending.fit([[0, 1], [1, 1]], probabilities, [1, 2], "mean")
    np.testing.assert_array_equal(blend.weights, [[0.5, 0], [0.5, 1]])
    np.testing.assert_allclose(fused, [[0.4, 0.3], [0.75, 0.7]], rtol=1e-6)
    assert fused.dtype == blend.weights.dtype == np.float32
    assert (blend.kind, blend.kernel, blend.bias) == ("mean", None, None)


# Member 0 ranks the positives first, member 1 last; they mirror each other.
GOOD = [0.9, 0.8, 0.2, 0.1]
BAD = [0.1, 0.2, 0.8, 0.9]
LABELS = [1, 1, 0, 0]


def test_weighted_takes_the_nearest_shares_with_the_best_f2():
    # Equal weights: all 0.5, so all positive, 5*2 / (4*2 + 4) = 10/12. Share
    # 0.6 of member 0: 0.58, 0.56, 0.44, 0.42: F2 = 1, which no other share
    # beats; 0.6 is the nearest to 0.5 that reaches it.
    probabilities = np.stack([GOOD, BAD], 1)[..., np.newaxis]
    blend, _ = blending.fit(
        np.transpose([LABELS]), probabilities, [1, 1, 1, 1], "weighted"
    )
    np.testing.assert_allclose(blend.weights, [[0.6], [0.4]], rtol=1e-6)
    np.testing.assert_allclose(
        blending.apply(blend, probabilities)[:, 0],
        [0.58, 0.56, 0.44, 0.42],
        rtol=1e-6,
    )


def test_weighted_scores_each_fold_by_the_others():
    # In fold 1 member 0 is right, so fold 2 is scored by weights 0.6, 0.4; in
    # fold 2 it is wrong, so fold 1 is scored by 0.4, 0.6. Over both folds each
    # share of one is as good for the other: equal weights stay.
    probabilities = np.stack([GOOD + BAD, BAD + GOOD], 1)[..., np.newaxis]
    labels = np.transpose([LABELS + LABELS])
    folds = [1] * 4 + [2] * 4
    blend, fused = blending.fit(labels, probabilities, folds, "weighted")
    np.testing.assert_array_equal(blend.weights, [[0.5], [0.5]])
    # 0.4 * 0.9 + 0.6 * 0.1 = 0.42 and so on: each fold is ranked wrongly.
    expected = [0.42, 0.44, 0.56, 0.58]
    np.testing.assert_allclose(fused[:, 0], expected * 2, rtol=1e-6)


def test_weighted_ties_stay_at_equal_weights():
    # Both members rank perfectly: nothing is better than 1. Three that are the
    # same: every share gives the same.
    perfect = np.stack([GOOD, [0.6, 0.5, 0.4, 0.3]], 1)[..., np.newaxis]
    labels = np.transpose([LABELS])
    blend, _ = blending.fit(labels, perfect, [1, 1, 2, 2], "weighted")
    np.testing.assert_array_equal(blend.weights, [[0.5], [0.5]])
    labels, probabilities, folds = random_case(members=1, styles=1)
    same = np.repeat(probabilities, 3, axis=1)
    blend, _ = blending.fit(labels, same, folds, "weighted")
    np.testing.assert_array_equal(
        blend.weights, np.full((3, 1), np.float32(1 / 3))
    )


def test_weighted_is_not_fooled_by_rounding():
    # The same three numbers in another order: at equal weights the photos tie,
    # F2 = 5*1 / (4*1 + 2) = 5/6, though in float64 the first sum is 6e-17 more.
    # Other weights tell them apart, F2 = 1.
    probabilities = [[[0.7], [0.6], [0.1]], [[0.1], [0.7], [0.6]]]
    blend, _ = blending.fit([[1], [0]], probabilities, [1, 1], "weighted")
    assert np.ptp(blend.weights) > 0.01


def test_weighted_without_positives_is_the_mean():
    labels, probabilities, folds = random_case()
    labels[:, 1] = 0
    blend, _ = blending.fit(labels, probabilities, folds, "weighted")
    np.testing.assert_allclose(blend.weights[:, 1], 1 / 3, rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), st.integers(0, 1000))
def test_weighted_is_a_mean_at_least_as_good_as_the_equal_one(members, seed):
    labels, probabilities, folds = random_case(
        photos=40, members=members, seed=seed
    )
    f2 = {}
    for kind in ("mean", "weighted"):
        blend, _ = blending.fit(labels, probabilities, folds, kind)
        fused = blending.apply(blend, probabilities).numpy()
        f2[kind] = [
            thresholds.best_threshold(y, p)[1]
            for y, p in zip(labels.T, fused.T, strict=True)
        ]
        assert (blend.weights >= 0).all()
        np.testing.assert_allclose(blend.weights.sum(axis=0), 1, atol=1e-6)
    assert (np.array(f2["weighted"]) >= f2["mean"]).all()


def test_weighted_finds_the_one_member_that_knows():
    rng = np.random.default_rng(0)
    labels = (np.arange(200) % 4 == 0).astype(int)
    probabilities = rng.random((200, 4, 1))
    probabilities[:, 2, 0] = 0.9 * labels + 0.05
    blend, _ = blending.fit(
        labels[:, np.newaxis], probabilities, np.zeros(200), "weighted"
    )
    # Once 0.9 * share exceeds what the others can add, the ranking is perfect:
    # from 0.6 on, 0.54 against 0.4.
    assert blend.weights.argmax() == 2
    fused = blending.apply(blend, probabilities).numpy()
    assert thresholds.best_threshold(labels, fused[:, 0])[1] == 1.0


def test_stack_hand_case():
    # Ten positives at p = 3/4 and ten negatives at 1/4: logits +-log 3, mean 0,
    # deviation log 3, so the standardised column is +-1 and by symmetry the
    # intercept is 0. The optimum of |w|^2 / 2 + 0.1 * 20 * log(1 + e^-w) has
    # w = 2 / (1 + e^w), that is w (1 + e^w) = 2; the kernel is w / log 3.
    labels = np.repeat([1, 0], 10)[:, np.newaxis]
    probabilities = np.repeat([0.75, 0.25], 10)[:, np.newaxis, np.newaxis]
    blend, _ = blending.fit(labels, probabilities, np.arange(20) % 2, "stack")
    w = blend.kernel[0, 0] * np.log(3)
    assert w * (1 + np.exp(w)) == pytest.approx(2, rel=1e-4)
    assert blend.bias[0] == pytest.approx(0, abs=1e-4)
    assert (blend.kind, blend.weights) == ("stack", None)
    assert blend.kernel.shape == (1, 1) and blend.kernel.dtype == np.float32


def test_stack_is_the_penalised_optimum_over_all_members_and_styles():
    labels, probabilities, folds = random_case(missing=[(2, 0)])
    blend, _ = blending.fit(labels, probabilities, folds, "stack")
    # Columns (member, style), members outermost; (2, 0) is missing.
    columns = np.float64(probabilities).reshape(len(labels), 6)
    logits = np.log(columns / (1 - columns))[:, [0, 1, 2, 3, 5]]
    scale = logits.std(axis=0)
    standard = (logits - logits.mean(axis=0)) / scale
    for style in range(2):
        np.testing.assert_array_equal(blend.kernel[4], 0)
        kernel = blend.kernel[[0, 1, 2, 3, 5], style]
        p = sigmoid(logits @ kernel + blend.bias[style])
        residual = labels[:, style] - p
        # Where the gradient of |w|^2 / 2 + 0.1 * cross-entropy is 0.
        assert residual.sum() == pytest.approx(0, abs=1e-2)
        np.testing.assert_allclose(
            kernel * scale, 0.1 * standard.T @ residual, atol=1e-3
        )


def test_stack_with_few_of_a_label_averages_logits(log):
    # Style 0 has nine positives, style 1 nine negatives: too few.
    labels, probabilities, folds = random_case(missing=[(1, 0)])
    labels[:, 0] = np.arange(len(labels)) < 9
    labels[:, 1] = np.arange(len(labels)) >= 9
    blend, fused = blending.fit(labels, probabilities, folds, "stack")
    assert "9 in column 0, 111 in column 1" in log.text
    # Rows (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1).
    third = np.float32(1 / 3)
    np.testing.assert_array_equal(
        blend.kernel,
        [[0.5, 0], [0, third], [0, 0], [0, third], [0.5, 0], [0, third]],
    )
    np.testing.assert_array_equal(blend.bias, [0, 0])
    logits = np.log(probabilities / (1 - probabilities))
    np.testing.assert_allclose(
        fused[:, 0], sigmoid(logits[:, [0, 2], 0].mean(axis=1)), rtol=1e-5
    )


def test_stack_survives_certain_and_constant_members():
    # 0 and 1 are clipped to 1e-6; a column without variance teaches nothing.
    labels, probabilities, folds = random_case(styles=1)
    probabilities[:, 0] = labels
    probabilities[:, 1] = 0.3
    blend, fused = blending.fit(labels, probabilities, folds, "stack")
    assert np.isfinite(blend.kernel).all() and np.isfinite(blend.bias).all()
    assert blend.kernel[1, 0] == pytest.approx(0, abs=1e-6)
    assert fused[labels == 1].min() > fused[labels == 0].max()


@pytest.mark.parametrize("with_folds", [True, False])
@pytest.mark.parametrize("kind", ["weighted", "stack"])
def test_no_photo_scores_itself(kind, with_folds):
    labels, probabilities, folds = random_case(photos=60, seed=1)
    # Style 0 has ten positives: one less and a stack of all photos, or of the
    # folds that train, is none any more.
    labels[:, 0] = np.arange(60) % 6 == 0
    if not with_folds:
        folds = np.zeros(60, int)
    _, before = blending.fit(labels, probabilities, folds, kind)
    others_changed = 0
    for photo in range(0, 60, 3):
        changed = labels.copy()
        changed[photo] = 1 - changed[photo]
        _, after = blending.fit(changed, probabilities, folds, kind)
        np.testing.assert_array_equal(after[photo], before[photo])
        if with_folds:  # Nor do those of its fold.
            same = folds == folds[photo]
            np.testing.assert_array_equal(after[same], before[same])
        others_changed += (after != before).any()
    assert others_changed > 5  # Labels do matter, elsewhere.


@pytest.mark.parametrize("kind", ["weighted", "stack"])
def test_fused_is_what_the_other_folds_teach(kind):
    labels, probabilities, folds = random_case(missing=[(0, 1)])
    _, fused = blending.fit(labels, probabilities, folds, kind)
    rest = folds != 2
    blend, _ = blending.fit(
        labels[rest], probabilities[rest], folds[rest], kind
    )
    np.testing.assert_array_equal(
        fused[~rest], blending.apply(blend, probabilities[~rest])
    )


def test_parts_without_folds_come_by_seed():
    labels, probabilities, _ = random_case()
    folds = np.full(len(labels), 3)
    fused = [
        blending.fit(labels, probabilities, folds, "stack", seed=seed)[1]
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(fused[0], fused[1])
    assert (fused[0] != fused[2]).any()


def test_one_photo():
    for kind in blending.KINDS:
        _, fused = blending.fit([[1]], [[[0.25], [0.75]]], [0], kind)
        # Nothing to learn from: the mean, of the logits for the stack.
        np.testing.assert_allclose(fused, [[0.5]], rtol=1e-6)


def in_numpy(blend, probabilities):
    """`apply` in float64, photo by photo and style by style."""
    members, styles = probabilities.shape[1:]
    fused = np.zeros((len(probabilities), styles))
    for photo, row in enumerate(np.float64(probabilities)):
        for style in range(styles):
            if blend.kind != "stack":
                used = blend.weights[:, style] > 0
                fused[photo, style] = np.dot(
                    row[used, style], np.float64(blend.weights[used, style])
                )
                continue
            x = float(blend.bias[style])
            for m in range(members):
                for s in range(styles):
                    if slope := float(blend.kernel[m * styles + s, style]):
                        x += slope * np.log(row[m, s] / (1 - row[m, s]))
            fused[photo, style] = sigmoid(x)
    return fused


@pytest.mark.parametrize("kind", blending.KINDS)
def test_apply_agrees_with_numpy_eagerly_and_in_a_graph(kind):
    labels, probabilities, folds = random_case(
        members=4, styles=3, missing=[(0, 1), (3, 0), (3, 2)]
    )
    probabilities = np.clip(probabilities, 1e-5, 1 - 1e-5)
    blend, _ = blending.fit(labels, probabilities, folds, kind)
    eager = blending.apply(blend, probabilities)
    assert eager.dtype == tf.float32 and eager.shape == (120, 3)
    np.testing.assert_allclose(eager, in_numpy(blend, probabilities), atol=1e-6)

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 3], tf.float32)])
    def in_graph(batch):
        return blending.apply(blend, batch)

    np.testing.assert_allclose(in_graph(probabilities), eager, atol=1e-7)
    for function in (in_graph, lambda batch: blending.apply(blend, batch)):
        assert function(probabilities[:0]).shape == (0, 3)
        np.testing.assert_allclose(
            function(probabilities[:1]), eager[:1], atol=1e-7
        )


@pytest.mark.parametrize("kind", blending.KINDS)
@pytest.mark.parametrize("junk", [NAN, np.inf, -5.0, 0.5])
def test_what_a_member_lacks_does_not_leak(kind, junk):
    missing = [(0, 1), (2, 0)]
    labels, probabilities, folds = random_case(missing=missing)
    blend, _ = blending.fit(labels, probabilities, folds, kind)
    expected = blending.apply(blend, probabilities)
    assert np.isfinite(expected).all()
    for member, style in missing:
        probabilities[:, member, style] = junk
    np.testing.assert_array_equal(
        blending.apply(blend, probabilities), expected
    )


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.lists(
            st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1, width=32)),
            min_size=6,
            max_size=6,
        ),
        max_size=5,
    )
)
def test_apply_stays_in_0_1(rows):
    batch = np.array(rows, np.float32).reshape(-1, 3, 2)
    third = np.full((3, 2), 1 / 3, np.float32)  # Adds up to 1 + 3e-8.
    rng = np.random.default_rng(0)
    stack = blending.Blend(
        "stack",
        kernel=rng.normal(scale=30, size=(6, 2)).astype(np.float32),
        bias=np.float32([5, -5]),
    )
    for blend in (blending.Blend("mean", weights=third), stack):
        fused = blending.apply(blend, batch).numpy()
        assert fused.shape == (len(rows), 2)
        assert ((fused >= 0) & (fused <= 1)).all()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"kind": "median"}, "`kind` must be one of mean, weighted, stack"),
        ({"labels": [1, 0]}, r"`labels`.*\(n, num_styles\).*shape \(2,\)"),
        ({"labels": [[1], [2]]}, r"`labels` must be 0 or 1.*\[1 2\]"),
        ({"labels": np.zeros((0, 1))}, r"not be empty.*shape \(0, 1\)"),
        ({"probabilities": [[[0.5]]]}, r"\(2, members, 1\).*\(1, 1, 1\)"),
        ({"probabilities": [[0.5], [0.5]]}, r"\(2, members, 1\).*\(2, 1\)"),
        ({"probabilities": [[[0.5]], [[1.5]]]}, r"1\.5 at index \(1, 0, 0\)"),
        ({"probabilities": [[[0.5]], [[NAN]]]}, r"nan at index \(1, 0, 0\)"),
        ({"probabilities": [[[NAN]], [[NAN]]]}, "none for column 0"),
        ({"folds": [1]}, r"`folds` must have the shape \(2,\).*\(1,\)"),
    ],
)
def test_fit_refuses(changes, message):
    arguments = {
        "labels": [[1], [0]],
        "probabilities": [[[0.5]], [[0.5]]],
        "folds": [1, 2],
        "kind": "mean",
    }
    with pytest.raises(ValueError, match=message):
        blending.fit(**arguments | changes)


@pytest.mark.timed
@pytest.mark.parametrize("kind", ["weighted", "stack"])
def test_a_style_of_55000_photos_is_fast(kind):
    labels, probabilities, folds = random_case(photos=54_908, styles=1)
    start = time.process_time()
    blending.fit(labels, probabilities, folds, kind)
    # 13 styles may take 180 s, so one may take 13.8 s; it takes 0.2 s.
    assert time.process_time() - start < 5


@pytest.mark.parametrize("kind", blending.KINDS)
def test_unknown_labels_teach_no_blend(kind):
    labels, probabilities, folds = random_case(missing=[(1, 0)])
    alone, fused = blending.fit(labels, probabilities, folds, kind)
    known, *more = hidden.insert(labels, probabilities, folds)
    blend, of_more = blending.fit(*more, kind)
    for one, other in zip(alone, blend, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(of_more[known], fused)
    # Of some styles alone: each is taught by what is known of it.
    labels[::3, 1] = -1
    gaps, _ = blending.fit(labels, probabilities, folds, kind)
    rest = labels[:, 1] >= 0
    without, _ = blending.fit(
        labels[rest], probabilities[rest], folds[rest], kind
    )
    for one, other in zip(gaps[1:], without[1:], strict=True):
        if one is not None:
            np.testing.assert_allclose(one[..., 1], other[..., 1], rtol=1e-5)
