"""Tests for `jdstyle.fusion.gates`."""

import numpy as np
import pytest

from jdstyle.fusion import gates


def decided(hits, alarms, photos=100, positives=20):
    """One style: the first photos have it; so many are found, and not."""
    decisions = np.zeros((photos, 1), bool)
    decisions[:hits] = True
    decisions[positives : positives + alarms] = True
    return decisions


LABELS = decided(20, 0)
FOLDS = np.arange(100) % 5


@pytest.mark.parametrize(
    ("tried", "kept"),
    [
        (decided(20, 5), "yes"),  # 8 more of 20 positives, and no false alarm.
        (decided(12, 5), "no: no gain"),
        (decided(11, 5), "no: lost"),
        # One photo more: two in five resamples of the photos lack it.
        (decided(13, 5), "no: gain within chance"),
    ],
)
def test_a_rule_is_on_where_it_gains_beyond_chance(tried, kept):
    on, table = gates.choose(LABELS, decided(12, 5), tried, FOLDS)
    assert table["kept"].tolist() == [kept, f"{int(on[0])} of 1"]
    assert on.tolist() == [kept == "yes"]
    # F2 = 5 tp / (4 * 20 + predicted).
    before = 5 * 12 / (80 + 17)
    after = 5 * tried[:20].sum() / (80 + tried.sum())
    row = table.loc[0]
    assert row["positives"] == 20
    assert row["f2_before"] == pytest.approx(before)
    assert row["tried_gain"] == pytest.approx(after - before)
    if on[0]:
        assert row["f2_after"] == pytest.approx(after)
        assert 0 < row["gain_low"] < row["gain"] < row["gain_high"]
    else:
        assert row["f2_after"] == row["f2_before"]
        assert (row[["gain", "gain_low", "gain_high"]] == 0).all()


def test_reasons_to_leave_a_rule_off_come_first():
    before, tried = decided(12, 5), decided(20, 5)
    on, table = gates.choose(
        LABELS, before, tried, FOLDS, refused=["nothing found"]
    )
    assert (on[0], table["kept"][0]) == (False, "no: nothing found")
    folds = (np.arange(100) >= 20).astype(int)
    on, table = gates.choose(LABELS, before, tried, folds)
    assert (on[0], table["kept"][0]) == (False, "no: positives in one fold")


def test_a_wish_is_on_whatever_it_costs():
    on, table = gates.choose(
        LABELS, decided(12, 5), decided(2, 5), FOLDS, wish="--max_styles=1"
    )
    assert on.all()
    assert table["kept"].tolist() == ["yes: --max_styles=1", "1 of 1"]
    assert table.loc["macro mean", "gain"] == table.loc[0, "tried_gain"] < -0.3


def test_what_gains_in_one_style_is_on_there_alone():
    labels = np.repeat(LABELS, 2, axis=1)
    before = np.repeat(decided(12, 5), 2, axis=1)
    tried = np.concatenate([decided(20, 5), decided(5, 5)], axis=1)
    on, table = gates.choose(labels, before, tried, FOLDS)
    assert on.tolist() == [True, False]
    macro = table.loc["macro mean"]
    assert macro["gain"] == pytest.approx(table.loc[0, "gain"] / 2)
    assert macro["kept"] == "1 of 2"


def test_as_a_whole_it_must_gain_beyond_chance(monkeypatch):
    labels = np.repeat(LABELS, 2, axis=1)
    before, tried = decided(12, 5), decided(20, 5)
    real = gates.metrics.interval

    def interval(samples):
        low, high = real(samples)
        return (low, high) if samples.ndim > 1 else (-0.001, high)

    # The macro mean's interval alone: of styles that gain, it hardly ever
    # reaches below 0.
    monkeypatch.setattr(gates.metrics, "interval", interval)
    on, table = gates.choose(
        labels,
        np.repeat(before, 2, axis=1),
        np.repeat(tried, 2, axis=1),
        FOLDS,
    )
    assert not on.any()
    assert table["kept"].tolist() == ["no: no gain as a whole"] * 2 + ["0 of 2"]
