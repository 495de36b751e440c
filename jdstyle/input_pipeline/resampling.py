"""Rejection resampling on labels alone: which photos an epoch keeps.

Photo i is accepted for a style with a probability that depends on its label, by
stateless random numbers keyed by (seed, epoch). A photo that no style accepts
is never read or decoded; where it is accepted for some styles, the others are
masked in the loss. Two runs with one seed keep the same photos, and any epoch
can be drawn again without drawing those before it.
"""

import numpy as np
import tensorflow as tf


def acceptance_probabilities(labels, positive_rates):
    """Computes how likely an epoch keeps a photo, per style and label.

    With a wanted rate r and a share q of positives, all positives are kept, and
    negatives with probability (q / (1 - q)) * ((1 - r) / r), at most 1: a style
    that has its share already loses nothing.

    Args:
        labels: int array, shape `(n, num_styles)`: 1, 0, or -1 where unknown.
        positive_rates: one entry per style: the wanted share of positives, in
            (0, 1), or None to keep every photo.

    Returns:
        float32 array, shape `(num_styles, 2)`: the probability of keeping a
        photo with label 0 and with label 1.

    Raises:
        ValueError: if a rate is out of range, or if a style that is to be
            resampled has no positive or no negative photo.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.shape[1] != len(positive_rates):
        raise ValueError(
            "`labels` must have shape (n, num_styles) with one column per "
            f"entry of `positive_rates`. Received: shape {labels.shape} and "
            f"{len(positive_rates)} rates."
        )
    acceptance = np.ones((labels.shape[1], 2), "float32")
    for column, rate in enumerate(positive_rates):
        if rate is None:
            continue
        if not 0.0 < rate < 1.0:
            raise ValueError(
                f"`positive_rates` must lie in (0, 1). Received: {rate}."
            )
        positives = int(np.sum(labels[:, column] == 1))
        negatives = int(np.sum(labels[:, column] == 0))
        if positives == 0 or negatives == 0:
            raise ValueError(
                "Resampling needs at least one positive and one negative "
                f"photo. Received: {positives} positives in {len(labels)}."
            )
        wanted_negatives = positives * (1.0 - rate) / rate
        acceptance[column, 0] = min(1.0, wanted_negatives / negatives)
    return acceptance


def expected_kept(labels, acceptance):
    """Computes what an epoch keeps on average.

    Args:
        labels: int array, shape `(n, num_styles)`: 1, 0, or -1 where unknown.
        acceptance: of `acceptance_probabilities`.

    Returns:
        `(kept, shown)`: float64 array `(num_styles, 2)`, the negatives and the
        positives accepted for each style, and a float, the photos that at
        least one style accepts: those which are decoded.
    """
    labels = np.asarray(labels)
    counts = np.stack([(labels == value).sum(axis=0) for value in (0, 1)], 1)
    # In float64: 1 minus a small float32 would lose its digits.
    rejection = 1 - np.asarray(acceptance, np.float64)
    rejected = np.where(labels == 1, rejection[:, 1], rejection[:, 0])
    rejected = np.where(labels < 0, 1.0, rejected).prod(axis=1)
    return counts * acceptance, float(np.sum(1 - rejected))


def accepted(labels, acceptance, *, seed, epoch):
    """Draws for which styles an epoch accepts each photo.

    Args:
        labels: int tensor, shape `(n, num_styles)`: 1, 0, or -1 where unknown,
            which is never accepted.
        acceptance: float32, shape `(num_styles, 2)`, as
            `acceptance_probabilities` returns it.
        seed: int.
        epoch: int or int64 scalar tensor, from 0.

    Returns:
        bool tensor, shape `(n, num_styles)`.
    """
    labels = tf.convert_to_tensor(labels)
    probability = tf.where(labels == 1, acceptance[:, 1], acceptance[:, 0])
    # Uniform numbers lie in [0, 1): a probability of 1 keeps always.
    draws = tf.random.stateless_uniform(tf.shape(labels), _key(seed, epoch))
    return (draws < probability) & (labels >= 0)


def draw_epoch(labels, acceptance, *, seed, epoch):
    """Draws the photos of an epoch, in the order in which they are shown.

    Args: as `accepted`.

    Returns:
        `(indices, targets)`: int64 tensor `(kept,)` of distinct rows of
        `labels` that some style accepts, and their labels `(kept, num_styles)`,
        -1 for each style that does not.
    """
    mask = accepted(labels, acceptance, seed=seed, epoch=epoch)
    kept = tf.where(tf.reduce_any(mask, axis=1))[:, 0]
    shuffle_key = tf.random.experimental.stateless_fold_in(_key(seed, epoch), 1)
    kept = tf.random.experimental.stateless_shuffle(kept, shuffle_key)
    return kept, tf.gather(tf.where(mask, labels, -1), kept)


def _key(seed, epoch):
    return tf.stack([tf.cast(seed, tf.int64), tf.cast(epoch, tf.int64)])
