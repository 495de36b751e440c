"""Tests for `jdstyle.fusion.relation_choice`, and of `relation_fit`."""

import io

import hidden
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from jdstyle.evaluation import bagging
from jdstyle.evaluation import metrics
from jdstyle.fusion import relation_choice
from jdstyle.fusion import relation_search
from jdstyle.fusion import relations
from jdstyle.fusion import rules


def fit_equation(*arguments, **options):
    return relation_choice.fit(*arguments, **{"kind": "equation2", **options})


def conditional(labels):
    return relations.conditional(relations.cooccurrence(labels))


def f2(labels, decisions):
    return metrics.fbeta(*metrics.counts(labels, decisions))


def decisions_of(fit, probabilities, given):
    """What the fused model does with a fit."""
    probabilities = probabilities.astype(np.float32)
    corrected = relations.correct(
        probabilities,
        probabilities >= fit.first_thresholds,
        given,
        fit.alpha,
        fit.beta,
    )
    return np.clip(corrected, 0, 1) >= fit.thresholds


def implied(photos=400, seed=0):
    """B is easy to see and implies A in 95 %; A's own scores are noise.

    C is easy to see, and says nothing about the others.
    """
    rng = np.random.default_rng(seed)
    b = rng.random(photos) < 0.4
    a = b & (rng.random(photos) < 0.95)
    c = rng.random(photos) < 0.5
    labels = np.stack([a, b, c], axis=1).astype(int)
    noise = rng.random((photos, 3)) / 3
    probabilities = np.where(labels, 0.6 + noise, 0.1 + noise)
    probabilities[:, 0] = rng.random(photos)
    return labels, probabilities.astype(np.float32), np.arange(photos) % 5


def noise(photos, styles, seed):
    """Labels and scores that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, (photos, styles))
    labels[0] = 1
    probabilities = rng.random((photos, styles), np.float32)
    return labels, probabilities, rng.integers(0, 4, photos)


def check_never_loses(labels, probabilities, folds, fit):
    given = conditional(labels)
    plain = probabilities >= fit.first_thresholds
    final = decisions_of(fit, probabilities, given)
    assert (f2(labels, final) >= f2(labels, plain)).all()
    table = fit.table.drop("macro mean")
    assert (table["f2_after"] >= table["f2_before"]).all()
    kept = (table["kept"] == "yes").to_numpy()
    assert (table["gain"][kept] > 0).all()
    assert (fit.alpha[~kept] == 1).all()
    assert (fit.beta[~kept] == 0).all()
    assert (fit.thresholds[~kept] == fit.first_thresholds[~kept]).all()
    assert (final[:, ~kept] == plain[:, ~kept]).all()
    for column, threshold in enumerate(fit.first_thresholds):
        assert threshold == bagging.choose(
            labels[:, column], probabilities[:, column]
        )


@pytest.fixture(scope="module")
def implied_fit():
    labels, probabilities, folds = implied()
    return fit_equation(labels, probabilities, folds, conditional(labels))


def test_helps_where_another_style_implies_it(implied_fit):
    labels, probabilities, folds = implied()
    fit = implied_fit
    row = fit.table.loc[0]
    assert row["kept"] == "yes"
    # Noise scores like everything positive: 38 % of the photos hold A, so
    # F2 = 5 * .38 / (4 * .38 + 1) = .75. As B says, it is 5 * .95 /
    # (4 * .95 + 1) = .99.
    assert row["f2_before"] == pytest.approx(0.75, abs=0.04)
    assert row["f2_after"] == pytest.approx(0.99, abs=0.02)
    assert 0 < row["gain_low"] < row["gain"] < row["gain_high"]
    # One beta, shared by the others; the diagonal stays 0.
    assert fit.beta[0, 0] == 0
    assert fit.beta[0, 1] == fit.beta[0, 2] == row["beta"] > 0
    check_never_loses(labels, probabilities, folds, fit)


def test_gain_is_cross_fitted():
    # Each fold by a fit of its own on the other folds, which knows nothing
    # of it: pooled, the very F2 of the table.
    labels, probabilities, folds = implied(200)
    given = conditional(labels)
    table = fit_equation(labels, probabilities, folds, given).table
    before, after = np.empty((2, *labels.shape), bool)
    for fold in range(5):
        held = folds == fold
        fit = fit_equation(
            labels[~held], probabilities[~held], folds[~held], given
        )
        assert fit.table.loc[0, "kept"] == "yes"
        before[held] = probabilities[held] >= fit.first_thresholds
        after[held] = decisions_of(fit, probabilities[held], given)
    assert table.loc[0, "f2_before"] == f2(labels, before)[0]
    assert table.loc[0, "f2_after"] == f2(labels, after)[0]


def test_full_matrix_finds_who_implies_it():
    labels, probabilities, folds = implied()
    fit = fit_equation(
        labels, probabilities, folds, conditional(labels), kind="full"
    )
    assert fit.table.loc[0, "kept"] == "yes"
    assert fit.beta[0, 1] > fit.beta[0, 2]
    assert (np.diag(fit.beta) == 0).all()
    check_never_loses(labels, probabilities, folds, fit)


def test_cannot_help_perfect_scores():
    labels, probabilities, folds = implied()
    probabilities[:, 0] = 0.1 + 0.8 * labels[:, 0]
    fit = fit_equation(labels, probabilities, folds, conditional(labels))
    assert fit.table["kept"].tolist() == ["no: nothing found"] * 3 + ["0 of 3"]
    assert fit.table.loc["macro mean", "f2_before"] == 1
    assert (fit.alpha == 1).all() and not fit.beta.any()
    assert (fit.thresholds == fit.first_thresholds).all()


def test_what_loses_is_refused_and_the_table_says_so():
    lost = 0
    for seed in range(3):
        labels, probabilities, folds = noise(60, 3, seed)
        fit = fit_equation(labels, probabilities, folds, conditional(labels))
        check_never_loses(labels, probabilities, folds, fit)
        refused = fit.table[fit.table["kept"] == "no: lost"]
        assert (refused["tried_gain"] < 0).all()
        assert (refused[["gain", "gain_low", "gain_high"]] == 0).all(None)
        lost += len(refused)
    # Noise is fitted and then costs F2: this must have met some.
    assert lost > 0


@settings(deadline=None, max_examples=15)
@given(
    st.integers(2, 30),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_never_loses(photos, styles, seed, full_matrix):
    labels, probabilities, folds = noise(photos, styles, seed)
    probabilities = np.round(probabilities, 1)  # Many equal scores.
    fit = fit_equation(
        labels,
        probabilities,
        folds,
        conditional(labels),
        kind="full" if full_matrix else "equation2",
    )
    check_never_loses(labels, probabilities, folds, fit)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_searches_on_what_correct_computes(seed, styles):
    rng = np.random.default_rng(seed)
    labels, probabilities, folds = noise(40, styles, seed)
    given = rng.random((styles, styles), np.float32)
    first = rng.random(styles, np.float32)
    alpha = rng.choice(relation_search._ALPHAS, styles)
    beta = rng.choice(relation_search._BETAS, (styles, styles))
    part = relation_search.make_part(
        labels.astype(bool), probabilities, folds, first
    )
    searched = np.stack(
        [
            relation_search.corrected(part, a, given[a], alpha[a], beta[a])
            for a in range(styles)
        ],
        axis=1,
    )
    computed = relations.correct(
        probabilities, probabilities >= first, given, alpha, beta
    )
    assert searched.dtype == np.float32
    np.testing.assert_array_equal(searched, np.clip(computed, 0, 1))


def test_table(implied_fit):
    labels, _, _ = implied()
    fit, table = implied_fit, implied_fit.table
    assert table.columns.tolist() == [
        "positives",
        "f2_before",
        "f2_after",
        "gain",
        "gain_low",
        "gain_high",
        "tried_gain",
        "alpha",
        "beta",
        "kept",
    ]
    assert table.index.tolist() == [0, 1, 2, "macro mean"]
    assert table["positives"][:3].tolist() == labels.sum(axis=0).tolist()
    assert table["alpha"][:3].tolist() == fit.alpha.tolist()
    for column in ("f2_before", "f2_after", "gain"):
        assert table.loc["macro mean", column] == pytest.approx(
            table[column][:3].mean()
        )
    read = pd.read_csv(
        io.StringIO(table.to_csv()), index_col=0, float_precision="round_trip"
    )
    assert read.loc["macro mean", "gain"] == table.loc["macro mean", "gain"]


def test_same_seed_same_result():
    labels, probabilities, _ = implied(150)
    folds = np.zeros(150, int)
    first, second = (
        fit_equation(labels, probabilities, folds, conditional(labels), seed=3)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first.table, second.table)
    assert (first.beta == second.beta).all()
    assert first.table.loc[0, "kept"] == "yes"


def test_positives_in_one_fold():
    # Nothing can be learned of A without fold 0, so nothing is kept, and its
    # threshold is the one of all photos.
    labels, probabilities, folds = implied()
    labels[folds > 0, 0] = 0
    fit = fit_equation(labels, probabilities, folds, conditional(labels))
    assert fit.table.loc[0, "kept"] == "no: positives in one fold"
    assert fit.table.loc[0, "f2_before"] == 0
    assert fit.alpha[0] == 1 and not fit.beta[0].any()
    assert np.isfinite(fit.thresholds).all()
    check_never_loses(labels, probabilities, folds, fit)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"labels": [[1, 0], [1, 0]]}, "`labels`.*each column.*column 1"),
        ({"labels": [[1, 2], [1, 0]]}, "`labels` must be 0 or 1.*2"),
        ({"labels": [[1, -2], [1, 1]]}, "`labels` must be 0 or 1.*-2"),
        ({"labels": [[1, -1], [1, 0]]}, "at least one 1.*column 1"),
        ({"labels": [1, 0]}, r"`labels`.*\(2,\)"),
        ({"probabilities": [[0.5, 0.5]]}, r"`probabilities`.*\(1, 2\)"),
        (
            {"probabilities": [[0.5, 1.5], [0.5, 0.5]]},
            r"`probabilities`.*\[0, 1\].*0\.5 to 1\.5",
        ),
        (
            {"probabilities": [[0.5, np.nan], [0.5, 0.5]]},
            r"`probabilities`.*nan",
        ),
        ({"folds": [1, 2, 3]}, r"`folds`.*\(2,\).*\(3,\)"),
        ({"conditional": [[1.0]]}, r"`conditional`.*\(2, 2\).*\(1, 1\)"),
        ({"conditional": [[1, -1], [0, 1]]}, r"`conditional`.*-1 to 1"),
    ],
)
def test_refuses(change, message):
    arguments = {
        "labels": [[1, 0], [0, 1]],
        "probabilities": [[0.5, 0.5], [0.5, 0.5]],
        "folds": [1, 2],
        "conditional": [[1, 0], [0, 1]],
        **change,
    }
    with pytest.raises(ValueError, match=message):
        fit_equation(**arguments)


def exclusive(photos, seed=0, apart=1.5):
    """Photos of exactly one of three styles, and scores of some signal."""
    rng = np.random.default_rng(seed)
    labels = np.eye(3, dtype=int)[rng.choice(3, photos, p=[0.7, 0.2, 0.1])]
    seen = rng.normal(size=labels.shape) + apart * (labels - 0.5)
    logits = apart * seen + np.log(labels.mean(axis=0))
    return labels, (1 / (1 + np.exp(-logits))).astype(np.float32)


@pytest.mark.parametrize("kind", ["sets", "stack", "both", "auto"])
def test_that_there_is_one_of_a_group_is_worth_much(kind):
    labels, probabilities = exclusive(1500)
    fit = relation_choice.fit(
        *(labels, probabilities, np.arange(1500) % 5, conditional(labels)),
        kind=kind,
    )
    table = fit.table
    assert table.loc["macro mean", "gain_low"] > 0.02
    if kind == "auto":
        assert set(fit.kinds) - {"none"}
        assert table["kept"][:3].tolist() == [
            f"yes: {of}" if of != "none" else kept
            for of, kept in zip(fit.kinds, table["kept"], strict=False)
        ]
    else:
        assert set(fit.kinds) <= {kind, "none"}
    # As much on photos of later, by what the product computes.
    labels, fresh = exclusive(4000, seed=1)
    fitted = rules.Rules(
        blend=None,
        **{
            name: getattr(fit, name)
            for name in ("first_thresholds", "alpha", "beta", "thresholds")
        },
        conditional=conditional(labels).astype(np.float32),
        least=0,
        most=3,
        kinds=fit.kinds,
        found=fit.found,
        stack=fit.stack,
    )
    alone = f2(labels, fresh >= fit.first_thresholds).mean()
    corrected = rules.correct(fitted, fresh).numpy()
    after = f2(labels, corrected >= fit.thresholds).mean()
    assert after - alone == pytest.approx(
        table.loc["macro mean", "gain"], abs=0.03
    )


@pytest.mark.parametrize("kind", relation_choice.KINDS)
def test_noise_has_no_relations(kind):
    labels, probabilities, folds = noise(1200, 4, 0)
    fit = relation_choice.fit(
        *(labels, probabilities, folds, conditional(labels)), kind=kind
    )
    assert fit.kinds == ["none"] * 4
    assert fit.stack is None
    assert (fit.thresholds == fit.first_thresholds).all()
    np.testing.assert_array_equal(fit.scores, probabilities)


def test_regressions_want_photos_and_positives():
    labels, probabilities = exclusive(900)
    fit = relation_choice.fit(
        *(labels, probabilities, np.arange(900) % 5, conditional(labels)),
        kind="both",
    )
    assert set(fit.table["kept"][:3]) == {"no: too few photos"}
    labels, probabilities = exclusive(1500)
    labels[19:, 2] = 0
    labels[:19, 2] = 1
    fit = relation_choice.fit(
        *(labels, probabilities, np.arange(1500) % 5, conditional(labels)),
        kind="both",
    )
    assert fit.table.loc[2, "kept"] == "no: too few positives"
    assert fit.kinds[:2] != ["none", "none"]


@pytest.mark.parametrize("kind", ["equation2", "both"])
def test_unknown_labels_teach_no_relation(kind):
    labels, probabilities = exclusive(1200)
    folds = np.arange(1200) % 5
    given = conditional(labels)
    alone = relation_choice.fit(labels, probabilities, folds, given, kind=kind)
    assert alone.table["tried_gain"].all()
    known, *more = hidden.insert(labels, probabilities, folds)
    fit = relation_choice.fit(*more, given, kind=kind)
    assert fit.kinds == alone.kinds
    np.testing.assert_allclose(fit.thresholds, alone.thresholds, rtol=1e-5)
    np.testing.assert_allclose(fit.scores[known], alone.scores, rtol=1e-5)
    np.testing.assert_allclose(fit.margins[known], alone.margins, atol=1e-6)
    pd.testing.assert_frame_equal(fit.table, alone.table)


def test_label_sets_want_photos_with_every_label_known():
    labels, probabilities = exclusive(1200)
    folds = np.arange(1200) % 5
    given = conditional(labels)
    labels[np.arange(1150), np.arange(1150) % 3] = -1
    fit = relation_choice.fit(labels, probabilities, folds, given, kind="sets")
    assert fit.found is None and fit.kinds == ["none"] * 3
    few = "no: too few photos with every label known"
    assert set(fit.table["kept"][:3]) == {few}
