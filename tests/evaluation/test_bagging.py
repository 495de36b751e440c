"""Tests for `jdstyle.evaluation.bagging`."""

import time

import numpy as np
import pytest
from scipy import stats

from jdstyle.evaluation import bagging
from jdstyle.evaluation import thresholds


def made(photos, positives, seed, apart=2.0):
    """Labels, and normal logits that are higher for positives, as float32."""
    rng = np.random.default_rng(seed)
    labels = np.arange(photos) < positives
    logits = rng.normal(apart * labels - 3)
    return labels.astype(int), (1 / (1 + np.exp(-logits))).astype(np.float32)


def exact(labels, probabilities):
    best, _ = thresholds.best_threshold(labels, probabilities)
    return thresholds.separating(best, probabilities)


@pytest.mark.parametrize("positives", [99, 100])
def test_auto_is_bagged_below_100_positives(positives):
    labels, probabilities = made(1000, positives, seed=0)
    of_kinds = {
        kind: bagging.choose(labels, probabilities, kind)
        for kind in bagging.KINDS
    }
    assert of_kinds["exact"] == exact(labels, probabilities)
    assert of_kinds["bagged"] != of_kinds["exact"]
    same = "bagged" if positives < 100 else "exact"
    assert of_kinds["auto"] == of_kinds[same]
    assert bagging.choose(labels, probabilities) == of_kinds["auto"]


@pytest.mark.parametrize("kind", bagging.KINDS)
def test_a_style_that_no_photo_has(kind):
    for labels in ([0, 0, -1], [-1, -1, -1]):
        assert bagging.choose(labels, [0.1, 0.2, 0.3], kind) == 0.5
        assert bagging.interval(labels, [0.1, 0.2, 0.3]) == (None, None)


@pytest.mark.parametrize("kind", bagging.KINDS)
def test_one_positive_leaves_no_choice(kind):
    # 0.5 is half-way between the positive and the next lower score.
    labels, probabilities = [0, 1, 0, 0], [0.25, 0.75, 0.875, 0.125]
    assert bagging.choose(labels, probabilities, kind) == 0.5
    assert bagging.interval(labels, probabilities) == (0.5, 0.5)


@pytest.mark.parametrize("kind", bagging.KINDS)
def test_equal_scores_are_accepted_together(kind):
    labels, probabilities = [1, 0, 1, 0, 0], np.full(5, 0.5, np.float32)
    threshold = bagging.choose(labels, probabilities, kind)
    assert 0 < threshold <= 0.5
    assert bagging.interval(labels, probabilities) == (threshold, threshold)


def test_unknown_labels_and_the_order_of_photos_do_not_count():
    labels, probabilities = made(300, 30, seed=1)
    expected = (
        bagging.choose(labels, probabilities, "bagged", seed=3),
        bagging.interval(labels, probabilities, seed=3),
    )
    order = np.random.default_rng(0).permutation(300)
    labels = np.append(labels[order], [-1, -1])
    probabilities = np.append(probabilities[order], np.float32([0.01, 0.99]))
    assert expected == (
        bagging.choose(labels, probabilities, "bagged", seed=3),
        bagging.interval(labels, probabilities, seed=3),
    )


def test_seeds_draw_other_photos():
    labels, probabilities = made(300, 30, seed=1)
    of_seeds = {
        bagging.interval(labels, probabilities, seed) for seed in range(5)
    }
    assert len(of_seeds) > 1


def test_bent_probabilities_are_decided_alike():
    labels, probabilities = made(500, 21, seed=2)
    bent = probabilities**3
    assert len(np.unique(bent)) == len(np.unique(probabilities))
    decisions = [
        of >= bagging.choose(labels, of, "bagged")
        for of in (probabilities, bent)
    ]
    np.testing.assert_array_equal(*decisions)


def test_each_draw_is_decided_by_its_own_best_threshold():
    labels, probabilities = made(60, 8, seed=3)
    probabilities = np.round(probabilities, 2)  # Some are equal.
    scores, accepted, best = bagging._resample(labels, probabilities, seed=5)
    assert scores.tolist() == np.unique(probabilities[labels == 1]).tolist()
    assert accepted.tolist() == [np.sum(probabilities >= s) for s in scores]
    # The same draws, of groups of photos that are accepted together.
    sizes = bagging._group_sizes(scores, labels == 1, probabilities)
    drawn = np.random.default_rng(5).multinomial(
        60, sizes.ravel() / 60, size=bagging._RESAMPLES
    )
    middle = np.concatenate([[0], scores])
    expected = [
        thresholds.best_threshold(
            np.repeat(
                [1, 0], [row[: len(middle)].sum(), row[len(middle) :].sum()]
            ),
            np.repeat(np.tile(middle, 2), row),
        )[0]
        for row in drawn
        if row[: len(middle)].any()
    ]
    np.testing.assert_array_equal(scores[best], expected)


def test_draws_of_groups_are_draws_of_photos():
    labels, probabilities = made(200, 10, seed=4)
    rng = np.random.default_rng(0)
    slow = []
    for _ in range(1000):
        drawn = rng.integers(200, size=200)
        if labels[drawn].any():
            slow.append(
                thresholds.best_threshold(labels[drawn], probabilities[drawn])[
                    0
                ]
            )
    scores, _, best = bagging._resample(labels, probabilities, seed=0)
    assert stats.ks_2samp(scores[best], slow).pvalue > 0.01


def test_of_many_positives_the_near_ones_are_tried(monkeypatch):
    labels, probabilities = made(20_000, 3000, seed=5)
    tried = bagging.interval(labels, probabilities)
    scores, _, _ = bagging._resample(labels, probabilities, seed=0)
    assert len(scores) == bagging._MOST
    threshold = bagging.choose(labels, probabilities, "bagged")
    monkeypatch.setattr(bagging, "_MOST", 3000)
    assert tried == pytest.approx(
        bagging.interval(labels, probabilities), abs=0.02
    )
    assert threshold == pytest.approx(
        bagging.choose(labels, probabilities, "bagged"), abs=0.01
    )


def test_bagged_loses_less_than_exact():
    """On photos of later, whose best threshold is known."""
    positives, others = stats.norm(-1), stats.norm(-3)

    def f2(logits):
        found = 21 * positives.sf(logits)
        return 5 * found / (84 + found + 979 * others.sf(logits))

    best = f2(np.linspace(-8, 4, 5001)).max()
    losses = np.array(
        [
            [
                best - f2(np.log(threshold / (1 - threshold)))
                for threshold in (
                    bagging.choose(*made(1000, 21, seed), kind, seed)
                    for kind in ("exact", "bagged")
                )
            ]
            for seed in range(60)
        ]
    )
    exact_loss, bagged_loss = losses.mean(axis=0)
    # 0.019 and 0.010 over 600 sets.
    assert 0.013 < exact_loss < 0.027
    assert bagged_loss < 0.65 * exact_loss


def test_the_interval_holds_the_true_optimum():
    """In about nine of ten sets; the bootstrap of an argmax is not exact."""
    best = 0
    grid = np.linspace(-8, 4, 5001)
    found = 39 * stats.norm.sf(grid + 1)
    best = grid[
        np.argmax(found / (156 + found + 961 * stats.norm.sf(grid + 3)))
    ]
    best = 1 / (1 + np.exp(-best))
    held = [
        low <= best <= high
        for low, high in (
            bagging.interval(*made(1000, 39, seed), seed) for seed in range(60)
        )
    ]
    assert np.mean(held) > 0.75


@pytest.mark.parametrize(
    "labels, probabilities, kind, message",
    [
        ([0, 1], [0.1, 0.5], "mean", "`kind`.*auto, bagged, exact.*'mean'"),
        ([0, 1], [0.5], "auto", r"`labels`.*Received: shape \(2,\)"),
        ([0, 2], [0.1, 0.5], "auto", "`labels` must be 0 or 1.*2 at index 1"),
        ([0, 1], [0.1, np.nan], "bagged", r"`probabilities`.*nan at index 1"),
    ],
)
def test_refuses(labels, probabilities, kind, message):
    with pytest.raises(ValueError, match=message):
        bagging.choose(labels, probabilities, kind)
    if "kind" not in message:
        with pytest.raises(ValueError, match=message):
            bagging.interval(labels, probabilities)


@pytest.mark.timed
def test_thirteen_styles_of_55000_photos_are_fast():
    rng = np.random.default_rng(0)
    rates = np.geomspace(4e-4, 0.7, 13)[:, np.newaxis]
    labels = rng.random((13, 55_000)) < rates
    probabilities = rng.normal(0.4 + 0.2 * labels, 0.2).clip(0, 1)
    start = time.process_time()
    for y, p in zip(labels, probabilities, strict=True):
        bagging.choose(y, p, "bagged")
        bagging.interval(y, p)
    # The goal is 2 s; it took 0.6.
    assert time.process_time() - start < 2


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("weight", [1.0, 0.25, 6.0])
def test_other_betas_and_weights_of_false_alarms(beta, weight):
    """The best of all, and bagged near to it."""
    rng = np.random.default_rng(3)
    labels = rng.random(3_000) < 0.03
    probabilities = rng.random(3_000) ** 2 * 0.5 + 0.4 * labels

    def f(threshold):
        accepted = probabilities >= threshold
        hits = (labels & accepted).sum()
        alarms = weight * (~labels & accepted).sum()
        return hits / (beta**2 * labels.sum() + hits + alarms)

    options = {"beta": beta, "alarm_weight": weight}
    exact = bagging.choose(labels, probabilities, "exact", **options)
    best = max(map(f, probabilities[labels]))
    assert f(exact) == pytest.approx(best)
    bagged = bagging.choose(labels, probabilities, "bagged", **options)
    assert f(bagged) > 0.9 * best
