"""Blends the members' probabilities: a mean, a weighted mean or a stack."""

import typing

import numpy as np
import tensorflow as tf

from jdstyle.evaluation import parts
from jdstyle.evaluation import thresholds
from jdstyle.fusion import stacking

KINDS = ("mean", "weighted", "stack")

# What a member's weight may be, the others keeping their proportions.
_SHARES = np.arange(11) / 10
_MAX_ROUNDS = 10


class Blend(typing.NamedTuple):
    """How to blend. What its kind does not use is None.

    Attributes:
        kind: "mean", "weighted" or "stack".
        weights: float32 `(members, num_styles)` of a mean: 0 where the member
            lacks the style, the sum over members 1.
        kernel: float32 `(members * num_styles, num_styles)` of the stack; its
            rows are `(member, style)`, members outermost, and 0 where the
            member lacks the style.
        bias: float32 `(num_styles,)` of the stack.
    """

    kind: str
    weights: np.ndarray | None = None
    kernel: np.ndarray | None = None
    bias: np.ndarray | None = None


def fit(labels, probabilities, folds, kind, *, seed=0):
    """Fits a blend on out-of-fold probabilities.

    - "mean": every member that has the style counts equally.
    - "weighted": per style, the weights that give the highest F2 at its best
      threshold. From equal weights, each member in turn tries the shares 0,
      0.1, ..., 1, while the others keep their proportions; only a strictly
      higher F2 moves the weights, until a round moves none.
    - "stack": per style, a logistic regression over the logits of all members
      and all styles, standardised, with an L2 penalty (C = 0.1). The scaling
      is folded into the kernel. A style with less than ten photos of either
      label averages its members' logits instead (a logistic cannot average
      probabilities); a warning in the log says so.

    Args:
        labels: int or bool array, shape `(n, num_styles)`, n > 0: 1, 0, or -1
            where unknown.
        probabilities: float array in [0, 1], shape
            `(n, members, num_styles)`; NaN for every photo where a member
            lacks a style.
        folds: int array, shape `(n,)`. Where all are equal, parts by lot stand
            in, as `parts.of_folds` says.
        kind: "mean", "weighted" or "stack".
        seed: int >= 0, of these parts.

    Returns:
        `(blend, fused)`: the `Blend` fitted on all photos, and float32
        `(n, num_styles)` in [0, 1]: each photo's probabilities by a blend that
        was fitted on the other folds. Nothing about them depends on the
        photo's own labels.

    Raises:
        ValueError: if an argument has another shape or holds other values, or
            if a style has no member.

    Source: Wolpert, "Stacked Generalization" (1992); van der Laan, Polley and
    Hubbard, "Super Learner" (2007), for the cross-fitting.
    """
    if kind not in KINDS:
        raise ValueError(
            f"`kind` must be one of {', '.join(KINDS)}. Received: {kind!r}."
        )
    labels = _check_labels(labels)
    probabilities, present = _check_probabilities(probabilities, labels.shape)
    folds = parts.of_folds(_check_folds(folds, len(labels)), seed)

    blend = _fit(labels, probabilities, present, kind)
    if kind == "mean":
        return blend, apply(blend, probabilities).numpy()
    fused = np.empty(labels.shape, np.float32)
    for fold in np.unique(folds):
        held_out = folds == fold
        others = _fit(
            labels[~held_out], probabilities[~held_out], present, kind
        )
        fused[held_out] = apply(others, probabilities[held_out]).numpy()
    return blend, fused


def apply(blend, probabilities):
    """Blends the members' probabilities, eagerly or in a graph.

    Computed in float64, which costs nothing beside the networks: the result is
    the same on every device, to the last bits of float32.

    Args:
        blend: `Blend`.
        probabilities: float32 array or tensor in [0, 1], shape
            `(n, members, num_styles)`; n may be unknown or 0. What stands where
            `blend` uses no probability is ignored, NaN too.

    Returns:
        float32 tensor in [0, 1], shape `(n, num_styles)`.
    """
    probabilities = tf.cast(probabilities, tf.float32)
    if blend.kind == "stack":
        used = np.any(blend.kernel != 0, axis=1)
        columns = tf.reshape(probabilities, (-1, len(blend.kernel)))
        logits = stacking.logits(tf.where(used, columns, 0.5))
        fused = tf.sigmoid(
            tf.matmul(logits, tf.constant(blend.kernel, tf.float64))
            + tf.constant(blend.bias, tf.float64)
        )
    else:
        used = blend.weights != 0
        columns = tf.cast(tf.where(used, probabilities, 0.0), tf.float64)
        weights = tf.constant(blend.weights, tf.float64)
        # Weights that were rounded to float32 may add up to 1 + 1e-7.
        fused = tf.minimum(tf.reduce_sum(columns * weights, axis=1), 1.0)
    return tf.cast(fused, tf.float32)


def _fit(labels, probabilities, present, kind):
    """Fits a `Blend` on the given photos, which may be none."""
    weights = present / present.sum(axis=0)
    if kind == "stack":
        kernel, bias = stacking.fit(labels, probabilities, present)
        return Blend(kind, kernel=kernel, bias=bias)
    if kind == "weighted":
        for column in range(labels.shape[1]):
            members = present[:, column]
            weights[members, column] = _best_weights(
                labels[:, column], probabilities[:, members, column]
            )
    return Blend(kind, weights=weights.astype(np.float32))


def _best_weights(labels, probabilities):
    """Finds the weights of the highest F2 for one style.

    Args:
        labels: int array, shape `(n,)`: 1, 0, or -1 where unknown; n may be 0.
        probabilities: float32 array in [0, 1], shape `(n, members)`.

    Returns:
        float64 array, shape `(members,)`, whose sum is 1.
    """
    columns = probabilities.T.astype(np.float64)
    weights = np.full(len(columns), 1 / len(columns))
    if len(columns) == 1 or not (labels == 1).any():
        return weights
    # Equal fractions of integers are equal floats: only a real gain moves.
    best = _best_f2(labels, columns, weights)
    for _ in range(_MAX_ROUNDS):
        before = best
        for member in range(len(columns)):
            for candidate in _candidates(weights, member):
                f2 = _best_f2(labels, columns, candidate)
                if f2 > best:
                    best, weights = f2, candidate
        if best == before:
            break
    return weights


def _candidates(weights, member):
    """Returns weights with other shares of a member, nearest share first."""
    others = np.delete(weights, member)
    if others.sum() > 0:
        others = others / others.sum()
    else:
        others = np.full(len(others), 1 / len(others))
    # Of shares with the same F2, the search keeps the one it meets first.
    shares = sorted(_SHARES, key=lambda share: abs(share - weights[member]))
    return [np.insert((1 - share) * others, member, share) for share in shares]


def _best_f2(labels, columns, weights):
    """Returns the highest F2 over thresholds of `(n,)` members' mean."""
    mixed = sum(w * column for w, column in zip(weights, columns, strict=True))
    # As `apply` returns it: float64's last bits would break ties by rounding.
    mixed = np.minimum(mixed, 1.0).astype(np.float32)
    return thresholds.best_threshold(labels, mixed)[1]


def _check_folds(folds, photos):
    """Returns an int array, shape `(photos,)`."""
    folds = np.asarray(folds)
    if folds.shape != (photos,):
        raise ValueError(
            f"`folds` must have the shape ({photos},). "
            f"Received: shape {folds.shape}."
        )
    return folds


def _check_labels(labels):
    """Returns an int array, shape `(n, num_styles)`."""
    labels = np.asarray(labels)
    accepted = np.isin(labels, (-1, 0, 1)).all()
    if labels.ndim != 2 or not labels.size or not accepted:
        raise ValueError(
            "`labels` must be 0 or 1, or -1 where unknown, have the shape "
            "(n, num_styles) and not "
            f"be empty. Received: {np.unique(labels)[:10]}, "
            f"shape {labels.shape}."
        )
    return labels.astype(int)


def _check_probabilities(probabilities, shape):
    """Checks the members' probabilities against the shape of the labels.

    Returns:
        `(probabilities, present)`: float32 `(n, members, num_styles)`, and
        bool `(members, num_styles)`, which member has which style.
    """
    probabilities = np.asarray(probabilities, np.float32)
    if probabilities.ndim != 3 or probabilities.shape[::2] != shape:
        raise ValueError(
            f"`probabilities` must have the shape ({shape[0]}, members, "
            f"{shape[1]}). Received: shape {probabilities.shape}."
        )
    present = ~np.isnan(probabilities).all(axis=0)
    if not present.any(axis=0).all():
        raise ValueError(
            "`probabilities` must have a member for every style. Received: "
            f"none for column {int(np.argmin(present.any(axis=0)))}."
        )
    # Written so that a NaN, which makes each comparison false, is refused.
    accepted = (probabilities >= 0) & (probabilities <= 1) | ~present
    if not accepted.all():
        place = tuple(np.argwhere(~accepted)[0].tolist())
        raise ValueError(
            "`probabilities` must be numbers in [0, 1], or NaN for every photo "
            "where a member lacks a style. "
            f"Received: {probabilities[place]} at index {place}."
        )
    return probabilities, present
