import json

import hidden
import numpy as np
import pytest

from jdstyle.datasets import records
from jdstyle.evaluation import bagging
from jdstyle.evaluation import score_tables
from jdstyle.evaluation import scores

SOURCE = records.Source("tiny/1.0.0", "f" * 64, num_leaking=0)

# Style a: 2 hits, 1 false alarm, 1 miss. Style b: nobody has it.
LABELS = np.array([[1, 0], [1, 0], [1, 0], [0, 0], [0, 0]])
DECISIONS = np.array([[1, 0], [1, 0], [0, 0], [1, 0], [0, 0]])
PROBABILITIES = np.array([[0.9], [0.8], [0.2], [0.7], [0.1]]).repeat(2, axis=1)


def test_scores_by_hand():
    result = scores.score(["a", "b"], LABELS, PROBABILITIES, DECISIONS, SOURCE)
    a = result["styles"]["a"]
    # 5 tp / (5 tp + 4 fn + fp) = 10 / 15; all positive 15 / (15 + 2).
    assert np.isclose(a["f2"], 10 / 15)
    assert np.isclose(a["baseline_f2"], 15 / 17)
    assert np.isclose(a["precision"], 2 / 3)
    assert np.isclose(a["recall"], 2 / 3)
    assert (a["positives"], a["predicted"]) == (3, 3)
    # Positives rank 1, 2 and 4: (1/1 + 2/2 + 3/4) / 3.
    assert np.isclose(a["pr_auc"], (1 + 1 + 0.75) / 3)
    assert a["f2_low"] < a["f2"] < a["f2_high"]
    product = 0.9 * 0.8 * 0.2 * (1 - 0.7) * (1 - 0.1)
    assert np.isclose(a["log_loss"], -np.log(product) / 5)
    assert np.isclose(a["mean_to_share"], (0.9 + 0.8 + 0.2 + 0.7 + 0.1) / 3)


def test_unknown_labels_count_in_no_calibration():
    labels = np.array([[1], [0], [-1]])
    probabilities = np.array([[1.0], [0.0], [0.3]], np.float32)
    decisions = np.ones((3, 1), int)
    row = scores.score(["a"], labels, probabilities, decisions, SOURCE)
    row = row["styles"]["a"]
    assert row["mean_to_share"] == pytest.approx(1.0)
    assert row["log_loss"] == pytest.approx(0.0, abs=1e-9)


def test_style_without_a_positive_has_no_score():
    result = scores.score(["a", "b"], LABELS, PROBABILITIES, DECISIONS, SOURCE)
    b = result["styles"]["b"]
    assert b.pop("known") == len(LABELS)
    assert (b.pop("positives"), b.pop("predicted")) == (0, 0)
    assert set(b.values()) == {None}
    assert '"f2": null' in json.dumps(result)
    # The mean of what is defined: of a alone.
    a, macro = result["styles"]["a"], result["macro"]
    assert macro.pop("styles") == 1
    assert macro == {key: a[key] for key in macro}
    none = scores.score(
        ["a", "b"], np.zeros_like(LABELS), PROBABILITIES, DECISIONS, SOURCE
    )
    assert none["macro"]["f2"] is None and none["macro"]["styles"] == 0
    assert "The macro mean is of 0 styles" in score_tables.format_table(none)


def test_style_with_positives_alone_has_a_score():
    ones = np.ones((5, 1), int)
    row = scores.score(["a"], ones, ones * 0.5, ones, SOURCE)["styles"]["a"]
    assert row["f2"] == row["baseline_f2"] == row["pr_auc"] == 1.0


def test_leaks_are_passed_on_and_shown():
    result = scores.score(
        ["a", "b"],
        LABELS,
        PROBABILITIES,
        DECISIONS,
        SOURCE._replace(num_leaking=3),
    )
    assert result["num_leaking"] == 3
    last = score_tables.format_table(result).splitlines()[-1]
    assert last.startswith("3 groups of near-duplicate photos lie on both")
    clean = scores.score(["a", "b"], LABELS, PROBABILITIES, DECISIONS, SOURCE)
    assert "near-duplicate" not in score_tables.format_table(clean)


def test_one_style_has_no_macro_mean():
    result = scores.score(
        ["a"], LABELS[:, :1], PROBABILITIES[:, :1], DECISIONS[:, :1], SOURCE
    )
    assert "macro" not in result


def test_overall_is_the_macro_mean_or_the_only_style():
    two = scores.score(["a", "b"], LABELS, PROBABILITIES, DECISIONS, SOURCE)
    assert scores.overall(two) is two["macro"]
    one = scores.score(
        ["a"], LABELS[:, :1], PROBABILITIES[:, :1], DECISIONS[:, :1], SOURCE
    )
    assert scores.overall(one) is one["styles"]["a"]
    del two["macro"]
    with pytest.raises(ValueError):
        scores.overall(two)


def test_table_shows_the_baseline_beside_each_score():
    result = scores.score(["a", "b"], LABELS, PROBABILITIES, DECISIONS, SOURCE)
    lines = score_tables.format_table(result).splitlines()
    assert "all positive" in lines[0]
    assert "95 % interval" in lines[0]
    assert lines[1].split()[:2] == ["a", "0.667"]
    assert "0.882" in lines[1]
    assert lines[2].split() == ["b", *"-" * 8, "0", "0"]
    assert lines[3].startswith("macro mean 0.667")
    assert lines[4].startswith("-: no positive") and "of 1 styles" in lines[4]


def test_unknown_labels_are_left_out():
    labels = np.array([[1], [0], [-1], [-1]])
    decisions = np.array([[1], [0], [1], [1]])
    result = scores.score(["a"], labels, decisions * 0.5, decisions, SOURCE)
    row = result["styles"]["a"]
    assert (row["positives"], row["predicted"]) == (1, 1)
    assert row["precision"] == row["recall"] == row["pr_auc"] == 1.0


def test_interval_of_a_threshold_is_of_the_photos_that_chose_it():
    chosen_on = [(np.array([1, 0, 1]), np.array([0.6, 0.1, 0.6]))] * 2
    result = scores.score(
        *(["a", "b"], LABELS, PROBABILITIES, DECISIONS, SOURCE),
        thresholds=[0.6, 0.6],
        chosen_on=chosen_on,
    )
    ends = bagging.interval(*chosen_on[0])
    a = result["styles"]["a"]
    assert (a["threshold_low"], a["threshold_high"]) == ends
    assert 0.1 < ends[0] <= ends[1] <= 0.6


def test_thresholds_stand_with_their_intervals_where_these_photos_chose_them():
    result = scores.score(
        ["a", "b"],
        LABELS,
        PROBABILITIES,
        DECISIONS,
        SOURCE,
        thresholds=np.float32([0.15, 0.5]),
    )
    a, b = result["styles"].values()
    assert a["threshold"] == pytest.approx(0.15)
    # Draws without the positive of 0.2 are best at 0.8 or 0.9; each bound lies
    # half-way below the score.
    assert (a["threshold_low"], a["threshold_high"]) == pytest.approx(
        (0.15, 0.85)
    )
    assert b["threshold_low"] is b["threshold_high"] is None
    json.dumps(result)
    lines = score_tables.format_table(result).splitlines()
    assert lines[0].split()[-4:] == ["threshold", "90", "%", "interval"]
    assert lines[1].split()[-4:] == ["0.15", "0.15", "to", "0.85"]
    assert lines[2].split()[-2:] == ["0.5", "-"]
    assert "threshold" not in result["macro"]
    others = scores.score(["a", "b"], LABELS, PROBABILITIES, DECISIONS, SOURCE)
    assert "threshold" not in others["styles"]["a"]
    assert "threshold" not in score_tables.format_table(others)


def test_photos_without_a_known_label_change_nothing():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (90, 2))
    probabilities = (labels + rng.random((90, 2))) / 2
    options = {"thresholds": [0.5, 0.6]}

    def score(labels, probabilities):
        decisions = (probabilities > options["thresholds"]).astype(int)
        return scores.score(
            *(["a", "b"], labels, probabilities, decisions, SOURCE), **options
        )

    alone = score(labels, probabilities)
    more = score(*hidden.insert(labels, probabilities)[1:])
    assert "known" not in score_tables.format_table(alone)
    table = score_tables.format_table(more).splitlines()
    place = table[0].split().index("known")
    assert table[0].split()[place + 1] == "positives"
    assert " 90 " in table[1] and " 90 " in table[2]
    assert (alone.pop("photos"), more.pop("photos")) == (90, 130)
    assert more == alone
