"""Rejection resampling on labels alone: which photos an epoch keeps.

Photo i is kept with a probability that depends on its label, by stateless
random numbers keyed by (seed, epoch). Nothing that is rejected is ever read or
decoded, two runs with one seed keep the same photos, and any epoch can be drawn
again without drawing those before it.
"""

import numpy as np
import tensorflow as tf


def acceptance_probabilities(labels, positive_rates):
    """Computes how likely an epoch keeps a photo, per style and label.

    With rate r wanted and a share q of positives, positives are kept always and
    negatives with probability (q / (1 - q)) * ((1 - r) / r), at most 1: a style
    that has its share already loses nothing.

    Args:
        labels: int array of 0s and 1s, shape `(n, styles)`.
        positive_rates: one entry per style: the wanted share of positives, in
            (0, 1), or None to keep every photo.

    Returns:
        float32 array, shape `(styles, 2)`: the probability to keep a photo with
        label 0 and with label 1.

    Raises:
        ValueError: if a rate is out of range, or if a style that is to be
            resampled has no positive or no negative photo.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.shape[1] != len(positive_rates):
        raise ValueError(
            "`labels` must have shape (n, styles) with one column per entry of "
            f"`positive_rates`. Received: shape {labels.shape} and "
            f"{len(positive_rates)} rates."
        )
    acceptance = np.ones((labels.shape[1], 2), "float32")
    for style, rate in enumerate(positive_rates):
        if rate is None:
            continue
        if not 0.0 < rate < 1.0:
            raise ValueError(
                f"`positive_rates` must lie in (0, 1). Received: {rate}."
            )
        positives = int(np.sum(labels[:, style]))
        negatives = len(labels) - positives
        if positives == 0 or negatives == 0:
            raise ValueError(
                "Resampling needs at least one positive and one negative "
                f"photo. Received: {positives} positives in {len(labels)}."
            )
        wanted_negatives = positives * (1.0 - rate) / rate
        acceptance[style, 0] = min(1.0, wanted_negatives / negatives)
    return acceptance


def accepted(labels, acceptance, *, seed, epoch):
    """Draws which photos an epoch keeps.

    Args:
        labels: int tensor of 0s and 1s, shape `(n,)`.
        acceptance: float32, shape `(2,)`: probability to keep a photo with
            label 0 and with label 1.
        seed: int.
        epoch: int or int64 scalar tensor, from 0.

    Returns:
        bool tensor, shape `(n,)`.
    """
    probability = tf.gather(acceptance, labels)
    # Uniform numbers lie in [0, 1): a probability of 1 keeps always.
    draws = tf.random.stateless_uniform(tf.shape(labels), _key(seed, epoch))
    return draws < probability


def kept_indices(labels, acceptance, *, seed, epoch):
    """Draws the photos of an epoch, in the order in which they are shown.

    Args: as `accepted`.

    Returns:
        int64 tensor of distinct indices into `labels`, shape `(kept,)`.
    """
    kept = tf.where(accepted(labels, acceptance, seed=seed, epoch=epoch))[:, 0]
    shuffle_key = tf.random.experimental.stateless_fold_in(_key(seed, epoch), 1)
    return tf.random.experimental.stateless_shuffle(kept, shuffle_key)


def _key(seed, epoch):
    return tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
