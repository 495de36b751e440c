"""Tests for `jdstyle.fusion.rules`."""

import numpy as np
import pytest

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.evaluation import thresholds
from jdstyle.fusion import evidence
from jdstyle.fusion import out_of_fold
from jdstyle.fusion import relations
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
    options = rules.Options(relations="none", least=0)
    fitted, blended, gains = rules.fit(gathered, options)
    assert gains is None
    assert (fitted.least, fitted.most) == (0, 2)
    assert (fitted.thresholds == fitted.first_thresholds).all()
    np.testing.assert_allclose(
        blended, gathered.joined.probabilities.mean(axis=1), rtol=1e-6
    )
    corrected = rules.correct(fitted, blended).numpy()
    np.testing.assert_array_equal(corrected, blended)
    for column, labels in enumerate(gathered.joined.labels.T):
        best, f2 = thresholds.best_threshold(labels, blended[:, column])
        decided = rules.decide(fitted, corrected).numpy()[:, column]
        np.testing.assert_array_equal(decided, blended[:, column] >= best)
        assert f2 > 0.7


@pytest.mark.parametrize("kind", ["shared", "full"])
def test_gains_have_a_row_per_style_name(gathered, kind):
    fitted, _, gains = rules.fit(gathered, rules.Options(relations=kind))
    assert gains.index.name == "style"
    assert gains.index.tolist() == ["Punk", "Girl", "macro mean"]
    assert (fitted.least, fitted.most) == gathered.limits
    assert gains["alpha"][:2].tolist() == fitted.alpha.tolist()


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
        rules.fit(gathered, rules.Options(**options))
