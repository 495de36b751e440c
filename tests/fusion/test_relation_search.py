"""Tests for `jdstyle.fusion.relation_search`; more in `test_relation_fit`."""

import numpy as np
import pytest

from jdstyle.fusion import crossed_f2
from jdstyle.fusion import relation_search


@pytest.mark.parametrize("full_matrix", [False, True])
def test_finds_the_style_that_implies_the_target(full_matrix):
    rng = np.random.default_rng(0)
    labels = np.stack([rng.random(300) < 0.3] * 2, axis=1)
    # Of the first nothing is seen, the second is seen well.
    probabilities = rng.random((300, 2)).astype(np.float32)
    probabilities[:, 1] = 0.2 + 0.6 * labels[:, 1]
    part = relation_search.make_part(
        labels, probabilities, np.arange(300) % 3, np.float32([0.5, 0.5])
    )
    conditional = np.float32([1, 1])
    alpha, beta = relation_search.search(part, 0, conditional, full_matrix)
    scores = relation_search.corrected(part, 0, conditional, alpha, beta)
    found = crossed_f2.score(labels[:, 0], scores, part.folds)
    # By itself the target scores 0.68, like everything positive. Where no other
    # style is seen its own score decides still.
    assert found > 0.98
    assert beta[0] == 0 and beta[1] > 0
