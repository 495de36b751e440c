"""What the label sets that photos have say about a photo's styles.

A photo has one of the label sets that training photos have. Which one, its
probabilities say, and how often each set occurs:

    P(S | photo) ~ count(S) * product over styles k in S of odds_k ** tau

where odds_k are those of the photo's probability by those of the style among
all photos. What is never together, always together or one of a group comes out
by itself.
"""

import typing

import numpy as np
import tensorflow as tf

from jdstyle.evaluation import calibration
from jdstyle.fusion import stacking

# Label sets that are remembered, the most frequent ones.
_MOST = 1024
# How far the styles' odds are believed: 1 if their errors had nothing in
# common, less the more they have.
_TAUS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4)
# About how many photos choose tau; more say the same.
_CHOOSING = 8192
# Photos at a time: what is computed for them stays in the processor's cache.
_PHOTOS = 1 << 11
# Photos with no label unknown: of fewer, where there are others, the sets say
# too little.
_LEAST_WHOLE = 100
# What is added to a count of photos that may be 0.
_LITTLE = 0.5
_CLIP = np.float32(1e-6)  # Of probabilities, as in `stacking`.


class LabelSets(typing.NamedTuple):
    """The label sets of some photos.

    Attributes:
        sets: float32 `(num_sets, num_styles)` of 0s and 1s, the most frequent
            first.
        log_counts: float32 `(num_sets,)`, of how many photos have the set.
        prior: float32 `(num_styles,)`, logits of the styles' shares.
        tau: float32, > 0.
    """

    sets: np.ndarray
    log_counts: np.ndarray
    prior: np.ndarray
    tau: np.float32


def are_enough(labels, others=None):
    """Returns whether the label sets of photos can be relied on.

    They can where every label is known, and else from 100 photos on of which
    all are.

    Args:
        labels: as in `fit`.
        others: as in `fit`.
    """
    whole = _whole(_join(labels, others))
    return bool(whole.all() or whole.sum() >= _LEAST_WHOLE)


def prior(labels, others=None):
    """Returns logits of the styles' shares of the known labels.

    Args:
        labels: as in `fit`.
        others: as in `fit`.

    Returns:
        float32 array, shape `(num_styles,)`.
    """
    every = _join(labels, others)
    positives, known = (
        of.sum(axis=0, dtype=np.float64) for of in (every == 1, every >= 0)
    )
    odds = np.log(positives + _LITTLE) - np.log(known - positives + _LITTLE)
    return odds.astype(np.float32)


def fit(labels, probabilities, others=None):
    """Counts label sets and chooses how far the odds are believed.

    Only a photo of which every label is known has a label set. Chosen is the
    tau of the least log loss, each photo by the sets of the others: its own
    label set has one photo less.

    Args:
        labels: int or bool array, shape `(n, num_styles)`, n > 0: 1, 0, or -1
            where unknown.
        probabilities: float32 array in [0, 1], shape `(n, num_styles)`,
            calibrated, of networks that were not trained on these photos.
        others: None, or the labels of photos without probabilities, shape
            `(m, num_styles)`.

    Returns:
        `(found, marginals)`: `LabelSets`, and float32 `(n, num_styles)`: what
        `marginals` returns, but each photo by the sets of the others.
    """
    labels = np.asarray(labels).astype(np.int8)
    every = _join(labels, others)
    whole = _whole(every)
    sets, places, counts = np.unique(
        # Without a whole one, the empty set stands in: nobody relies on it.
        every[whole] if whole.any() else np.zeros_like(every[:1]),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    order = np.argsort(-counts, kind="stable")[:_MOST]
    rank = np.full(len(sets), -1)
    rank[order] = np.arange(len(order))
    own = np.full(len(every), -1)
    own[whole] = rank[places.reshape(-1)[: whole.sum()]]
    own = own[: len(labels)]
    found = LabelSets(
        sets[order].astype(np.float32),
        np.log(counts[order]).astype(np.float32),
        prior(labels, others),
        np.float32(1),
    )
    some = slice(None, None, max(1, len(labels) // _CHOOSING))

    def loss(tau):
        scores = _without_own(
            found._replace(tau=np.float32(tau)), probabilities[some], own[some]
        )
        logits = stacking.logits(scores).numpy()
        losses = calibration.log_losses(labels[some] == 1, logits)
        return losses.mean(where=labels[some] >= 0)

    found = found._replace(tau=np.float32(min(_TAUS, key=loss)))
    return found, _without_own(found, probabilities, own)


def marginals(found, probabilities):
    """Returns the probability of each style, by the label sets of all photos.

    Args:
        found: `LabelSets`.
        probabilities: float32 array or tensor in [0, 1], `(n, num_styles)`.

    Returns:
        float32 tensor in [0, 1], shape `(n, num_styles)`.
    """
    evidence = _evidence(found, probabilities)
    weights = tf.exp(evidence - tf.reduce_max(evidence, axis=1, keepdims=True))
    # With their sum as one more style: fewer passes than a softmax.
    every = np.ones((len(found.sets), 1), np.float32)
    sums = tf.matmul(weights, np.concatenate([found.sets, every], axis=1))
    # Rounding may leave a share above 1.
    return tf.clip_by_value(sums[:, :-1] / sums[:, -1:], 0.0, 1.0)


def most_probable(found, probabilities):
    """Returns the most probable label set of each photo.

    Args:
        found: `LabelSets`.
        probabilities: float32 array or tensor in [0, 1], `(n, num_styles)`.

    Returns:
        int32 tensor of 0s and 1s, shape `(n, num_styles)`; of equally probable
        sets, the more frequent one.
    """
    best = tf.argmax(_evidence(found, probabilities), axis=1)
    return tf.gather(tf.cast(found.sets, tf.int32), best)


def _join(labels, others):
    """Returns the labels of all photos, int8 `(n + m, num_styles)`."""
    labels = np.asarray(labels).astype(np.int8)
    return labels if others is None else np.concatenate([labels, others])


def _whole(labels):
    """Returns of which photos every label is known, bool `(n,)`."""
    return (labels >= 0).all(axis=1)


def _evidence(found, probabilities):
    """Returns the logarithm of what is proportional to P(S | photo).

    In float32: float64 takes twice as long, and sums of some styles need none.
    """
    clipped = tf.clip_by_value(probabilities, _CLIP, 1 - _CLIP)
    logits = tf.math.log(clipped) - tf.math.log1p(-clipped)
    odds = found.tau * (logits - found.prior)
    return tf.matmul(odds, found.sets, transpose_b=True) + found.log_counts


def _without_own(found, probabilities, own):
    """Returns marginals by the sets of the other photos.

    Args:
        found: `LabelSets`.
        probabilities: float32 array, shape `(n, num_styles)`.
        own: int array, shape `(n,)`: each photo's label set, -1 for one that is
            not in `found`.

    Returns:
        float32 array in [0, 1], shape `(n, num_styles)`.
    """
    counts = np.exp(found.log_counts.astype(np.float64))
    left = ((counts - 1) / counts).astype(np.float32)
    result = np.empty(probabilities.shape, np.float32)
    for top in range(0, len(result), _PHOTOS):
        block = slice(top, top + _PHOTOS)
        evidence = _evidence(found, probabilities[block]).numpy()
        evidence -= evidence.max(axis=1, keepdims=True)
        weights = np.exp(evidence)
        known = np.flatnonzero(own[block] >= 0)
        of_known = own[block][known]
        weights[known, of_known] *= left[of_known]
        total = weights.sum(axis=1, keepdims=True)
        result[block] = weights @ found.sets / np.maximum(total, 1e-30)
    return result.clip(0, 1)
