"""Tests for `jdstyle.fusion.rule_fit`."""

import numpy as np
import pandas as pd
import pytest

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.evaluation import bagging
from jdstyle.evaluation import charts
from jdstyle.evaluation import metrics
from jdstyle.evaluation import thresholds
from jdstyle.fusion import evidence
from jdstyle.fusion import out_of_fold
from jdstyle.fusion import plausibility
from jdstyle.fusion import product
from jdstyle.fusion import relations
from jdstyle.fusion import rule_fit
from jdstyle.fusion import rules


@pytest.fixture
def gathered():
    """Two members that know something of two styles, without folds."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (60, 2), np.int32)
    noise = rng.random((60, 2, 2))
    probabilities = (labels[:, np.newaxis] + noise).astype(np.float32) / 2
    return evidence.Evidence(
        out_of_fold.OutOfFold(
            ids=np.arange(60).astype(str),
            folds=np.zeros(60, int),
            labels=labels,
            probabilities=probabilities,
            members=["resnet50", "vgg16"],
            style_names=["Punk", "Girl"],
        ),
        relations.cooccurrence(labels),
        limits=(1, 2),
        source=records.Source("demo/1.0.0", "f" * 64, num_leaking=0),
    )


def test_without_relations_the_plain_thresholds_decide(gathered):
    options = rules.Options(relations="none", least=0, threshold="exact")
    fitted, blended, gains = rule_fit.fit(gathered, options)
    # All of two styles is no limit: no rule is left that could change anything.
    assert gains == {}
    assert (fitted.least, fitted.most) == (0, 2)
    assert (fitted.thresholds == fitted.first_thresholds).all()
    mean = gathered.joined.probabilities.mean(axis=1)
    # The members are not sure enough of what they know, which is mended.
    assert (fitted.calibrated.scale > 1).all()
    corrected = rules.correct(fitted, mean).numpy()
    np.testing.assert_allclose(corrected, blended, rtol=1e-5)
    order = mean.argsort(axis=0)
    assert (np.diff(np.take_along_axis(corrected, order, 0), axis=0) >= 0).all()
    for column, labels in enumerate(gathered.joined.labels.T):
        best, f2 = thresholds.best_threshold(labels, blended[:, column])
        decided = rules.decide(fitted, corrected).numpy()[:, column]
        np.testing.assert_array_equal(decided, blended[:, column] >= best)
        assert f2 > 0.7


@pytest.mark.parametrize("kind", ["equation2", "full"])
def test_each_rule_has_a_table_with_a_row_per_style_name(gathered, kind):
    fitted, _, gains = rule_fit.fit(gathered, rules.Options(relations=kind))
    assert list(gains) == ["relations", "at least 1", "all rules"]
    for table in gains.values():
        assert table.index.name == "style"
        assert table.index.tolist() == ["Punk", "Girl", "macro mean"]
    assert (fitted.least, fitted.most) == gathered.limits
    assert gains["relations"]["alpha"][:2].tolist() == fitted.alpha.tolist()


def test_a_picture_that_cannot_be_drawn_loses_no_product(
    gathered, tmp_path, monkeypatch, log
):
    path = tmp_path / product.MUTUAL_PICTURE
    product._draw(str(tmp_path), gathered)
    assert path.read_bytes().startswith(b"\x89PNG")

    def fail(*_):
        raise MemoryError("too large")

    monkeypatch.setattr(charts, "mutual_table", fail)
    product._draw(str(tmp_path), gathered)
    assert not path.exists()  # It was that of an earlier product.
    assert "cannot be drawn (MemoryError: too large)" in log.text


def made(signal, photos, most, seed=0):
    """Photos of 1 to `most` of 13 styles, and a network of so much signal.

    Its logits are normal, higher by `signal` where the photo has the style.
    """
    rng = np.random.default_rng(seed)
    rank = np.argsort(np.argsort(rng.random((photos, 13))))
    labels = (rank < rng.integers(1, most + 1, (photos, 1))).astype(np.int32)
    logits = signal * (rng.normal(signal * labels) - signal / 2) - 2.5
    probabilities = 1 / (1 + np.exp(-logits))
    return labels, probabilities.astype(np.float32)


def evidence_of(labels, probabilities):
    names = [f"style {i}" for i in range(labels.shape[1])]
    ids = np.arange(len(labels)).astype(str)
    return evidence.Evidence(
        out_of_fold.OutOfFold(
            ids=ids,
            folds=np.arange(len(labels)) % 5,
            labels=labels,
            probabilities=probabilities[:, np.newaxis],
            members=["resnet50"],
            style_names=names,
        ),
        relations.cooccurrence(labels),
        limits=plausibility.limits(labels),
        source=records.Source("demo/1.0.0", "f" * 64, num_leaking=0),
    )


def macro_f2(labels, decisions):
    return metrics.fbeta(*metrics.counts(labels, decisions)).mean()


def test_photos_without_a_known_label_change_no_rule():
    labels, probabilities = (of[:, :4] for of in made(2.0, 300, 6))
    options = rules.Options(relations="sets", fusion="stack", most=3)
    alone, _, gains = rule_fit.fit(evidence_of(labels, probabilities), options)
    # A multiple of the folds: the others stay in theirs.
    more = np.concatenate([labels, np.full_like(labels[:100], -1)])
    scored = np.concatenate([probabilities, probabilities[::-1][:100]])
    gathered = evidence_of(more, scored)
    fitted, _, of_more = rule_fit.fit(gathered, options)
    assert (fitted.least, fitted.most) == (alone.least, alone.most)
    for name in ("thresholds", "first_thresholds", "alpha", "beta"):
        np.testing.assert_allclose(
            getattr(fitted, name), getattr(alone, name), rtol=1e-5
        )
    np.testing.assert_array_equal(fitted.calibrated, alone.calibrated)
    assert gains.keys() == of_more.keys()
    for rule, table in gains.items():
        pd.testing.assert_frame_equal(of_more[rule], table)


@pytest.mark.parametrize("most", [1, 2])
def test_limits_are_off_where_a_weak_network_would_lose(most):
    """Thresholds for F2 say yes often where little is known: rightly so."""
    gathered = evidence_of(*made(1.0, 300, most))
    options = rules.Options(relations="equation2")
    fitted, _, gains = rule_fit.fit(gathered, options)
    assert not fitted.adds.any() and not fitted.drops.any()
    # What "at most" would have cost, out of fold and on photos of later.
    table = gains[f"at most {most}"]
    assert table.loc["macro mean", "tried_gain"] < -0.05
    assert table.loc["macro mean", "kept"] == "0 of 13"
    assert set(table["kept"][:-1]) <= {
        "no: lost",
        "no: lost on all photos",
        "no: gain within chance",
    }
    total = gains["all rules"].loc["macro mean"]
    assert total["f2_after"] == total["f2_before"]
    labels, probabilities = made(1.0, 2000, most, seed=1)
    alone = macro_f2(
        labels,
        rules.calibrate(fitted.calibrated, probabilities)
        >= fitted.first_thresholds,
    )
    corrected = rules.correct(fitted, probabilities).numpy()
    always = fitted._replace(adds=None, drops=None)
    limited = macro_f2(labels, rules.decide_photos(always, corrected))
    assert limited < alone - 0.05
    decided = macro_f2(labels, rules.decide_photos(fitted, corrected))
    assert decided == alone


def test_limits_are_on_where_they_gain():
    gathered = evidence_of(*made(3.0, 600, 1))
    # The label sets would know that there is one.
    options = rules.Options(relations="equation2")
    fitted, _, gains = rule_fit.fit(gathered, options)
    assert fitted.adds.any() or fitted.drops.any()
    for field, rule in [("adds", "at least 1"), ("drops", "at most 1")]:
        kept = (gains[rule]["kept"][:-1] == "yes").tolist()
        assert kept == getattr(fitted, field).tolist()
    total = gains["all rules"]
    assert (total["f2_after"] >= total["f2_before"]).all()
    assert total.loc["macro mean", "gain_low"] > 0
    named = total["kept"][:-1].str.contains("at most 1").tolist()
    assert named == fitted.drops.tolist()
    labels, probabilities = made(3.0, 2000, 1, seed=1)
    alone = macro_f2(labels, probabilities >= fitted.first_thresholds)
    corrected = rules.correct(fitted, probabilities).numpy()
    assert macro_f2(labels, rules.decide_photos(fitted, corrected)) > alone


def test_a_wish_is_followed_and_its_cost_is_told(log):
    gathered = evidence_of(*made(1.0, 300, 2))
    options = rules.Options(relations="none", least=1, most=2)
    fitted, blended, gains = rule_fit.fit(gathered, options)
    number = rules.decide_photos(fitted, blended).sum(axis=1)
    assert (number.min(), number.max()) == (1, 2)
    assert fitted.adds.all() and fitted.drops.all()
    table = gains["at most 2"]
    assert set(table["kept"][:-1]) == {"yes: --max_styles=2"}
    assert table.loc["macro mean", "gain"] < 0
    assert "--max_styles=2 changes macro F2 out of fold by -0." in log.text


def test_rules_are_all_that_the_total_says():
    """Out of fold, the rules one after the other are what all rules gain."""
    gathered = evidence_of(*made(2.0, 400, 2))
    _, _, gains = rule_fit.fit(gathered, rules.Options())
    *each, total = gains.values()
    for before, after in zip(each, each[1:], strict=False):
        np.testing.assert_array_equal(before["f2_after"], after["f2_before"])
    np.testing.assert_array_equal(total["f2_before"], each[0]["f2_before"])
    np.testing.assert_array_equal(total["f2_after"], each[-1]["f2_after"])


@pytest.mark.parametrize(
    "options, received",
    [
        ({"least": 3}, "3 and 2"),
        ({"most": 3}, "1 and 3"),
        ({"least": 2, "most": 1}, "2 and 1"),
        ({"most": 0}, "1 and 0"),
    ],
)
def test_refuses_limits_out_of_range(gathered, options, received):
    with pytest.raises(InputError, match=f"<= 2. Received: {received}"):
        rule_fit.fit(gathered, rules.Options(**options))


@pytest.mark.parametrize("relations_kind", ["none", "equation2"])
@pytest.mark.parametrize("kind, seed", [("bagged", 3), ("exact", 0)])
def test_thresholds_are_chosen_as_asked(relations_kind, kind, seed):
    """Those of what the rules make of the photos, whichever rules are on."""
    gathered = evidence_of(*made(2.0, 200, 2))
    options = rules.Options(relations=relations_kind, threshold=kind, seed=seed)
    fitted, _, _ = rule_fit.fit(gathered, options)
    blended = gathered.joined.probabilities[:, 0]
    corrected = rules.correct(fitted, blended).numpy()
    for scores, chosen in [
        (
            rules.calibrate(fitted.calibrated, blended).numpy(),
            fitted.first_thresholds,
        ),
        (corrected, fitted.thresholds),
    ]:
        expected = [
            bagging.choose(y, p, kind, seed)
            for y, p in zip(gathered.joined.labels.T, scores.T, strict=True)
        ]
        np.testing.assert_array_equal(chosen, np.float32(expected))
