"""Rules that are scored on folds without which they were fitted."""

import numpy as np
import pytest

from jdstyle.datasets import records
from jdstyle.evaluation import score_tables
from jdstyle.evaluation import scores
from jdstyle.fusion import evidence
from jdstyle.fusion import nested
from jdstyle.fusion import out_of_fold
from jdstyle.fusion import plausibility
from jdstyle.fusion import relations
from jdstyle.fusion import rule_fit
from jdstyle.fusion import rules
from jdstyle.reproduction import members

NAMES = ["Punk", "Girl", "Sports"]


def made(photos=120, folds=3, members=2, seed=0, signal=1.0):
    """Members that know something; the first two styles exclude each other."""
    rng = np.random.default_rng(seed)
    labels = rng.random((photos, 3)) < 0.3
    labels[:, 1] = ~labels[:, 0] & (rng.random(photos) < 0.9)
    logits = rng.normal(size=(photos, members, 3))
    logits += signal * labels[:, np.newaxis]
    labels = labels.astype(np.int32)
    return evidence.Evidence(
        out_of_fold.OutOfFold(
            ids=np.arange(photos).astype(str),
            folds=np.arange(photos) % folds,
            labels=labels,
            probabilities=(1 / (1 + np.exp(-logits))).astype(np.float32),
            members=["a", "b"][:members],
            style_names=NAMES,
        ),
        relations.cooccurrence(labels),
        plausibility.limits(labels),
        records.Source("demo/1.0.0", "f" * 64, num_leaking=0),
        others=labels[:0],
        counted=True,
    )


@pytest.mark.parametrize("fusion", ["mean", "stack"])
def test_labels_of_a_fold_decide_nothing_there(fusion):
    """Turned around in one fold, they leave what is said of it."""
    gathered = made()
    held = gathered.joined.folds == 1
    turned = gathered.joined.labels.copy()
    turned[held] = 1 - turned[held]
    other = gathered._replace(
        joined=gathered.joined._replace(labels=turned),
        counts=relations.cooccurrence(turned),
        limits=plausibility.limits(turned),
    )
    options = rules.Options(fusion)
    before, after = (nested.decide(of, options) for of in (gathered, other))
    for one, two in zip(
        [before.probabilities, *before.stages],
        [after.probabilities, *after.stages],
        strict=True,
    ):
        np.testing.assert_array_equal(one[held], two[held])
    assert (before.probabilities[~held] != after.probabilities[~held]).any()


def test_a_style_without_other_positives_is_decided_no():
    gathered = made()
    labels = gathered.joined.labels.copy()
    labels[:, 2] = 0
    labels[0, 2] = 1  # In fold 0 alone.
    gathered = gathered._replace(
        joined=gathered.joined._replace(labels=labels),
        counts=relations.cooccurrence(labels),
    )
    decided = nested.decide(gathered, rules.Options(least=3, most=3))
    held = gathered.joined.folds == 0
    assert not decided.stages[-1][held, 2].any()
    mean = gathered.joined.probabilities.mean(axis=1)
    np.testing.assert_array_equal(decided.probabilities[held, 2], mean[held, 2])
    # Three styles per photo as asked for, where there are three.
    assert decided.stages[-1][held, :2].all()
    assert decided.stages[-1][~held].all()


def test_halves_score_each_other_where_there_is_much(monkeypatch):
    gathered = made(folds=4)
    calls = []
    fit = rule_fit.fit
    monkeypatch.setattr(
        rule_fit,
        "fit",
        lambda rest, options: calls.append(rest) or fit(rest, options),
    )
    monkeypatch.setattr(nested, "_MANY", gathered.joined.labels.size - 1)
    nested.decide(gathered, rules.Options(relations="none"))
    assert [set(rest.joined.folds) for rest in calls] == [{1, 3}, {0, 2}]


def test_tables_tell_what_was_gained_without_a_say():
    gathered = made(signal=2.0)
    options = rules.Options(relations="equation2", least=1)
    _, _, gains = rule_fit.fit(gathered, options)
    decided = nested.decide(gathered, options)
    tables = nested.tables(gathered, decided, gains, options.seed)
    assert list(tables) == list(gains)
    labels = gathered.joined.labels
    for rule, stages in {
        "relations": (0, 1),
        "at least 1": (1, 2),
        "all rules": (0, 3),
    }.items():
        before, after = (
            scores.score(
                NAMES,
                labels,
                decided.probabilities,
                decided.stages[stage].astype(int),
                gathered.source,
            )["macro"]["f2"]
            for stage in stages
        )
        macro = tables[rule].loc["macro mean"]
        assert macro["f2_before"] == pytest.approx(before)
        assert macro["gain"] == pytest.approx(after - before)
        assert tables[rule]["kept"].equals(gains[rule]["kept"])


def test_a_reproduction_without_test_photos_is_nested(monkeypatch):
    """And its first backbone gets relations of its own."""
    gathered = made()

    def some(of, options):
        return of.joined.members, options.relations

    found = members.of_members(gathered, "b", some)
    assert found == {
        "a": (["a"], "none"),
        "b": (["b"], "none"),
        "fusion": (["a", "b"], "none"),
        "first, relations": (["b"], "equation2"),
    }
    result = members.nested_score(gathered, members.plain(gathered))
    assert result["kind"] == scores.NESTED
    assert "they chose the epochs alone" in score_tables.format_table(result)
