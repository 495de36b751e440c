"""Relations that look at all styles of a photo at once.

- "sets": the probability by the label sets that photos have, `label_sets`.
- "stack": a logistic regression on the logits of all styles, `stacking`.
- "both": a logistic regression on the logits of all styles and of all that
  "sets" says.
"""

import typing

import numpy as np

from jdstyle.fusion import blending
from jdstyle.fusion import gates
from jdstyle.fusion import label_sets
from jdstyle.fusion import relation_search
from jdstyle.fusion import stacking

KINDS = ("sets", "stack", "both")

# Regressions with more columns take minutes; with fewer rows or positives they
# learn the rows by heart.
_MOST_STYLES = 64
_LEAST_ROWS = 1000
_LEAST_EXAMPLES = 20


class Joint(typing.NamedTuple):
    """What all styles of a photo say about each.

    Attributes:
        found: `label_sets.LabelSets`.
        blends: dict from "stack" and "both", if they were fitted, to a
            `blending.Blend` of two: the probabilities and the marginals of
            `found`.
    """

    found: label_sets.LabelSets
    blends: dict[str, blending.Blend]


def fit(labels, probabilities, kinds, others):
    """Fits relations on photos that the networks were not trained on.

    Args:
        labels: int or bool array, shape `(n, num_styles)`, a 1 in each column:
            1, 0, or -1 where unknown.
        probabilities: float32 array in [0, 1], shape `(n, num_styles)`,
            calibrated.
        kinds: those of `KINDS` that are wanted.
        others: labels of photos without probabilities, `(m, num_styles)`.

    Returns:
        `(joint, scores)`: `Joint`, and a dict from kind to float32
        `(n, num_styles)`: what the photos are given; marginals are those of the
        label sets of the other photos.
    """
    found, marginals = label_sets.fit(labels, probabilities, others)
    joint, scores = Joint(found, {}), {"sets": marginals}
    columns = [i for i, why in enumerate(_refusals(labels)) if not why]
    num_styles = labels.shape[1]
    inputs = np.stack([probabilities, marginals], axis=1)
    logits = stacking.logits(inputs.reshape(len(labels), -1)).numpy()
    for kind in [kind for kind in kinds if kind != "sets"]:
        used = slice(num_styles if kind == "stack" else 2 * num_styles)
        kernel = np.zeros((2 * num_styles, num_styles), np.float32)
        bias = np.zeros(num_styles, np.float32)
        if columns:
            kernel[used, columns], bias[columns] = stacking.regressions(
                labels[:, columns], logits[:, used]
            )
        stack = blending.Blend("stack", kernel=kernel, bias=bias)
        joint.blends[kind] = stack
        scores[kind] = blending.apply(stack, inputs).numpy()
    return joint, {kind: scores[kind] for kind in kinds}


def apply(joint, kind, probabilities):
    """Returns float32 `(n, num_styles)`, of photos that fitted nothing."""
    marginals = label_sets.marginals(joint.found, probabilities).numpy()
    if kind == "sets":
        return marginals
    inputs = np.stack([probabilities, marginals], axis=1)
    return blending.apply(joint.blends[kind], inputs).numpy()


def blend(joint, kinds):
    """Returns the `blending.Blend` of the styles' kinds, None if none stacks.

    Args:
        joint: `Joint`.
        kinds: list of a string per style; what is not "stack" or "both" gets
            columns of 0.
    """
    if not set(kinds) & joint.blends.keys():
        return None
    num_styles = len(kinds)
    kernel = np.zeros((2 * num_styles, num_styles), np.float32)
    bias = np.zeros(num_styles, np.float32)
    for column, kind in enumerate(kinds):
        if kind in joint.blends:
            kernel[:, column] = joint.blends[kind].kernel[:, column]
            bias[column] = joint.blends[kind].bias[column]
    return blending.Blend("stack", kernel=kernel, bias=bias)


def cross_fit(labels, probabilities, folds, kinds, others, choose):
    """Tries kinds of relations, each fold by what the others taught.

    Args:
        labels: as in `fit`.
        probabilities: as in `fit`.
        folds: int array, shape `(n,)`, at least two different.
        kinds: as in `fit`.
        others: as in `fit`.
        choose: as in `relation_search.first_thresholds`.

    Returns:
        `(joint, tried)`: `Joint` of all photos, and a dict from kind to
        `gates.Tried`.
    """
    refused = _refusals(labels)
    joint, _ = fit(labels, probabilities, kinds, others)
    scores = {kind: np.empty_like(probabilities) for kind in kinds}
    margins = {kind: np.empty_like(probabilities) for kind in kinds}
    for fold in np.unique(folds) if kinds else []:
        held = folds == fold
        of_rest, seen = fit(labels[~held], probabilities[~held], kinds, others)
        for kind in kinds:
            unseen = apply(of_rest, kind, probabilities[held])
            scores[kind][held] = unseen
            margins[kind][held] = unseen - relation_search.first_thresholds(
                labels[~held], seen[kind], choose
            )
    if not label_sets.are_enough(labels, others):
        few = ["too few photos with every label known"] * len(refused)
        of_kind = {"sets": few, "stack": refused, "both": few}
    else:
        of_kind = {
            "sets": [""] * len(refused),
            "stack": refused,
            "both": refused,
        }
    return joint, {
        kind: gates.Tried(
            margins[kind],
            scores[kind],
            relation_search.first_thresholds(labels, scores[kind], choose),
            of_kind[kind],
        )
        for kind in kinds
    }


def _refusals(labels):
    """Returns why a regression is not to be trusted, "" where it is."""
    num_styles = labels.shape[1]
    if num_styles > _MOST_STYLES:
        return ["too many styles"] * num_styles
    return [_refusal(of_style) for of_style in labels.T]


def _refusal(labels):
    """Returns the same of one style, whose labels are known of some photos."""
    positives, negatives = ((labels == of).sum() for of in (1, 0))
    if positives + negatives < _LEAST_ROWS:
        return "too few photos"
    few = min(positives, negatives) < _LEAST_EXAMPLES
    return "too few positives" if few else ""
