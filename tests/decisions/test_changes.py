"""Scores before and after: by hand, and beside the bootstrap of photos."""

import numpy as np
import pytest

from jdstyle.decisions import changes
from jdstyle.evaluation import metrics

LABELS = np.array([1, 1, 1, 0, 0, 0, 0, -1])
BEFORE = np.array([1, 1, 0, 1, 1, 0, 0, 1])
AFTER = np.array([1, 0, 0, 0, 0, 0, 0, 1])


def test_by_hand():
    row = changes.score(LABELS, BEFORE, AFTER, beta=1.0)
    assert row["positives"] == 3
    assert row["precision_before"] == 0.5
    assert row["recall_before"] == pytest.approx(2 / 3)
    assert row["f_beta_before"] == pytest.approx(4 / 7)
    assert row["predicted_share_before"] == pytest.approx(4 / 7)
    assert (row["precision_after"], row["f_beta_after"]) == (1, 0.5)
    assert row["predicted_share_after"] == pytest.approx(1 / 7)
    assert list(row) == ["positives", *changes.columns()]


def test_other_shares_weigh_photos():
    # Of 3 and 4 to 1 and 4: false alarms count three times.
    row = changes.score(LABELS, BEFORE, AFTER, share=0.2)
    assert row["precision_before"] == pytest.approx(2 / (2 + 3 * 2))
    assert row["recall_before"] == pytest.approx(2 / 3)
    assert row["predicted_share_before"] == pytest.approx(8 / 15)


def test_intervals_are_those_of_photos_drawn_anew():
    rng = np.random.default_rng(0)
    labels = rng.random(2_000) < 0.1
    before = rng.random(2_000) < 0.1 + 0.6 * labels
    row = changes.score(labels, before, ~before)
    drawn = metrics.bootstrap_fbeta(labels[:, None], before[:, None])
    low, high = metrics.interval(drawn[:, 0])
    assert row["f_beta_before_low"] == pytest.approx(low, abs=0.01)
    assert row["f_beta_before_high"] == pytest.approx(high, abs=0.01)


@pytest.mark.parametrize("label", [0, 1, -1])
def test_photos_of_one_kind_have_no_scores(label):
    row = changes.score(np.full(4, label), BEFORE[:4], AFTER[:4])
    assert row["positives"] == 4 * (label == 1)
    assert all(row[name] is None for name in changes.columns())
    row |= {"threshold_before": 0.5, "threshold_after": 0.25}
    table = changes.table({"<b>": row}, [2.0])
    assert table["precision"].tolist() == ["-", "-"]
    assert table["threshold"].tolist() == ["0.5", "0.25"]


def test_the_table_says_which_f_it_is():
    row = changes.score(LABELS, BEFORE, AFTER)
    row |= {"threshold_before": 0.5, "threshold_after": 0.25}
    one = changes.table({"a": row, "b": row}, [1.0, 1.0])
    two = changes.table({"a": row, "b": row}, [1.0, 2.0])
    assert "F1" in one.columns and "F-beta" in two.columns
    assert one["style"].tolist() == ["a", "", "b", ""]
    assert one["precision"].iloc[0].startswith("0.500 (")
