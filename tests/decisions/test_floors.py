"""Thresholds as they are wished: floors, costs, other shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from scipy import special
from scipy import stats

from jdstyle.decisions import floors
from jdstyle.decisions.floors import Wish
from jdstyle.evaluation import bagging


def made(positives, photos=4_000, apart=2.0, seed=0):
    """Returns labels and honest probabilities, float32."""
    rng = np.random.default_rng(seed)
    labels = rng.random(photos) < positives / photos
    logits = apart * rng.normal(apart * labels) - apart**2 / 2
    logits += special.logit(positives / photos)
    return labels, special.expit(logits).astype(np.float32)


def lower_end(yes, no):
    """Clopper and Pearson's, by SciPy's own test."""
    found = stats.binomtest(int(yes), int(yes + no))
    return found.proportion_ci(0.95, method="exact").low


def counts(labels, accepted):
    return (
        np.sum(labels & accepted),
        np.sum(~labels & accepted),
        np.sum(labels & ~accepted),
    )


def test_candidates_by_hand():
    labels = np.array([1, 0, 1, 1, 0, 0], bool)
    scores = np.array([0.9, 0.8, 0.5, 0.5, 0.5, 0.1])
    found = floors.candidates(labels, scores)
    assert found.scores.tolist() == [0.5, 0.9]
    assert found.hits.tolist() == [3, 1]
    assert found.alarms.tolist() == [2, 0]
    assert found.positives == 3


@pytest.mark.parametrize("name", ["precision", "recall"])
def test_a_floor_is_kept_by_the_lower_end_of_the_interval(name):
    """And no threshold of a better F2 keeps it, of all there are."""
    labels, probabilities = made(200)
    floor = {"precision": 0.7, "recall": 0.9}[name]
    wish = Wish(**{f"{name}_floor": floor})
    threshold = floors.choose(labels, probabilities, wish)

    def measure(at):
        hits, alarms, misses = counts(labels, probabilities >= at)
        other = alarms if name == "precision" else misses
        return hits, other, 5 * hits / (5 * hits + 4 * misses + alarms)

    *numbers, f2 = measure(threshold)
    assert lower_end(*numbers) >= floor
    for at in probabilities[labels][::5]:
        *numbers, other_f2 = measure(at)
        assert other_f2 < f2 + 1e-9 or lower_end(*numbers) < floor
    # Without a floor it would be another.
    *numbers, _ = measure(floors.choose(labels, probabilities, Wish()))
    assert lower_end(*numbers) < floor


def test_a_floor_that_is_kept_anyway_changes_nothing():
    labels, probabilities = made(200)
    wish = Wish(precision_floor=0.05, recall_floor=0.1)
    free = bagging.choose(labels, probabilities)
    assert floors.choose(labels, probabilities, wish) == free


@pytest.mark.parametrize(
    ("wish", "floor"),
    [
        (Wish(precision_floor=0.99), "precision"),
        (Wish(recall_floor=0.99), "recall"),
        (Wish(precision_floor=0.6, recall_floor=0.9), "precision"),
        (Wish(precision_floor=0.6, share=0.001), "precision"),
    ],
)
def test_what_cannot_be_had_is_told_with_what_can(wish, floor):
    labels, probabilities = made(60)
    reach = floors.choose(labels, probabilities, wish)
    assert reach.floor == floor
    assert 0 < reach.best < getattr(wish, f"{floor}_floor")
    # The best is accepted, and nothing above it.
    for more, kept in ((0.0, True), (0.002, False)):
        asked = {f"{floor}_floor": reach.best - 1e-9 + more}
        found = floors.choose(labels, probabilities, wish._replace(**asked))
        assert isinstance(found, float) == kept
        if kept:
            hits, alarms, misses = counts(labels, probabilities >= found)
            assert reach.recall == pytest.approx(hits / (hits + misses))
            alarms = alarms * floors.alarm_weight(labels, wish.share)
            assert reach.precision == pytest.approx(hits / (hits + alarms))


def test_the_least_cost_of_honest_probabilities_needs_no_labels():
    labels, probabilities = made(500)
    for cost, expected in (((5, 1), 1 / 6), ((1, 1), 0.5), ((1, 4), 0.8)):
        found = floors.choose(labels, probabilities, Wish(cost=cost))
        assert found == pytest.approx(expected, abs=0.03)


def test_the_least_cost_of_probabilities_that_are_too_sure():
    labels, probabilities = made(500)
    bent = special.expit(2 * special.logit(probabilities.astype(float)) + 1)
    wish = Wish(cost=(5, 1))
    plain, found = (
        floors.choose(labels, of, wish) for of in (probabilities, bent)
    )
    expected = special.expit(2 * special.logit(plain) + 1)
    assert found == pytest.approx(expected, abs=0.03)


def test_costs_within_floors():
    labels, probabilities = made(300)
    wish = Wish(cost=(1, 5), recall_floor=0.6)
    found = floors.choose(labels, probabilities, wish)
    hits, _, misses = counts(labels, probabilities >= found)
    assert lower_end(hits, misses) >= 0.6
    # Misses are cheap: no more recall than must be.
    assert hits / (hits + misses) < 0.75


def test_other_shares_count_as_if_photos_were_there_more_often():
    """Every negative four times is a share of a fifth or so."""
    labels, probabilities = made(300, photos=1500)
    share = labels.sum() / (labels.sum() + 4 * (~labels).sum())
    more = np.concatenate([labels, *[labels[~labels]] * 3])
    of_more = np.concatenate([probabilities, *[probabilities[~labels]] * 3])
    for wish in (Wish(), Wish(beta=1.0)):
        assert floors.choose(
            labels, probabilities, wish._replace(share=share)
        ) == floors.choose(more, of_more, wish)
    # Costs: four times as many false alarms, each as dear.
    moved = floors.choose(labels, probabilities, Wish(cost=(4, 1), share=share))
    plain = floors.choose(labels, probabilities, Wish(cost=(1, 1)))
    assert moved == pytest.approx(plain)


def test_by_hand_is_by_hand():
    wish = Wish(threshold=0.3, precision_floor=0.99)
    assert floors.choose(np.array([1, 0]), np.ones(2), wish) == 0.3


def test_unknown_labels_do_not_count():
    labels, probabilities = made(100)
    wish = Wish(precision_floor=0.5)
    known = floors.choose(labels, probabilities, wish)
    unknown = np.concatenate([labels.astype(int), np.full(500, -1)])
    more = np.concatenate([probabilities, np.ones(500, np.float32)])
    assert floors.choose(unknown, more, wish) == known


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40
    ).filter(lambda photos: len({label for label, _ in photos}) == 2),
    st.sampled_from([0.0, 0.2, 0.5, 0.9]),
    st.sampled_from([0.0, 0.2, 0.5, 0.9]),
    st.sampled_from([None, (5.0, 1.0)]),
    st.sampled_from([None, 0.05, 0.5]),
)
def test_whatever_is_chosen_keeps_the_floors(
    photos, precision, recall, cost, share
):
    labels = np.array([label for label, _ in photos])
    scores = np.float32([score / 8 for _, score in photos])
    wish = Wish(None, precision, recall, cost, share=share)
    found = floors.choose(labels, scores, wish)
    weight = floors.alarm_weight(labels, share)
    if isinstance(found, float):
        hits, alarms, misses = counts(labels, scores >= np.float32(found))
        kept = floors.keeps(hits, alarms, hits + misses, wish, weight)
        assert kept == (True, True)
    else:
        tried = floors.candidates(labels, scores)
        assert not any(
            floors.keeps(h, a, tried.positives, wish, weight) == (True, True)
            for h, a in zip(tried.hits, tried.alarms, strict=True)
        )


def test_a_floor_holds_on_other_photos():
    """True precision, of distributions that are known."""
    held = []
    for seed in range(40):
        labels, probabilities = made(150, seed=seed)
        found = floors.choose(labels, probabilities, Wish(precision_floor=0.5))
        logit = special.logit(found) - special.logit(150 / 4_000)
        place = (logit + 2) / 2
        share = 150 / 4_000
        hits = share * stats.norm.sf(place - 2)
        alarms = (1 - share) * stats.norm.sf(place)
        held.append(hits / (hits + alarms) >= 0.5)
    assert np.mean(held) >= 0.9
