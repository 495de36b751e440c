"""How many styles a photo can have: at least one and at most five, say."""

import numpy as np
import tensorflow as tf

# Rows that are counted at a time: they stay in the processor's cache.
_BLOCK = 1 << 14
# Photos with every label known that limits are taken from, if others have not.
_LEAST_WHOLE = 100


def limits(labels):
    """Finds the least and the greatest number of styles of a photo.

    Photos with every label known say both. Where some have unknown ones and
    fewer than 100 have none, the limits are 0 and all styles. What is known of
    the others widens them: a photo has its known styles, and at most those that
    it is not known to lack.

    Args:
        labels: int or bool array, shape `(n, num_styles)`, n > 0: 1, 0, or -1
            where unknown.

    Returns:
        `(least, most)`, two ints with 0 <= least <= most <= num_styles.

    Raises:
        ValueError: if `labels` is not two-dimensional, is empty or holds other
            values.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or not labels.size:
        raise ValueError(
            "`labels` must have the shape (n, num_styles) and hold at least "
            f"one photo. Received: shape {labels.shape}."
        )
    # Exact up to 2**24.
    has, lacks = np.empty((2, len(labels)), np.float32)
    ones = np.ones(labels.shape[1], np.float32)
    for top in range(0, len(labels), _BLOCK):
        block = labels[top : top + _BLOCK]
        positive, negative = block == 1, block == 0
        rest = block[~(positive | negative)]
        # NumPy 2.2.0 crashes at times where unsigned numbers meet -1.
        if not (rest.astype(np.float64) == -1).all():
            raise ValueError(
                "`labels` must be 0 or 1, or -1 where unknown. "
                f"Received: {np.unique(labels)[:10]}."
            )
        for of_photo, found in ((has, positive), (lacks, negative)):
            of_photo[top : top + _BLOCK] = found.astype(np.float32) @ ones
    possible = labels.shape[1] - lacks
    whole = has == possible
    if not whole.all() and whole.sum() < _LEAST_WHOLE:
        return 0, labels.shape[1]
    least, most = has[whole].min(), has[whole].max()
    return int(min(least, possible.min())), int(max(most, has.max()))


def decide(probabilities, thresholds, least, most, adds=None, drops=None):
    """Decides each style by its threshold, within limits per photo.

    A style is on where its probability reaches its threshold. The margin is
    probability - threshold in float32. Where fewer than `least` styles are
    on, those with the `least` largest margins are; where more than `most`
    are, those with the `most` largest margins stay. Of equal margins, the
    lower column comes first. All styles are ranked; `adds` and `drops` say
    which of them the two limits may change.

    Args:
        probabilities: float32 array or tensor in [0, 1], `(n, num_styles)`; n
            may be unknown or 0.
        thresholds: float32, `(num_styles,)`.
        least: int >= 0.
        most: int from `least` to num_styles.
        adds: bool array `(num_styles,)`, where `least` may turn a style on;
            None for all styles.
        drops: the same, where `most` may turn a style off.

    Returns:
        int32 tensor of 0s and 1s, `(n, num_styles)`; where `adds` and `drops`
        are all True, in each row at least `least` and at most `most` 1s.

    Raises:
        ValueError: if the number of styles differs between the arguments, or
            the limits are out of range.
    """
    probabilities = tf.cast(probabilities, tf.float32)
    thresholds = tf.cast(thresholds, tf.float32)
    if thresholds.shape.rank != 1:
        raise ValueError(
            "`thresholds` must have the shape (num_styles,). "
            f"Received: shape {thresholds.shape}."
        )
    num_styles = thresholds.shape[0]
    if not probabilities.shape.is_compatible_with((None, num_styles)):
        raise ValueError(
            f"`probabilities` must have the shape (n, {num_styles}). "
            f"Received: shape {probabilities.shape}."
        )
    if not 0 <= least <= most <= num_styles:
        raise ValueError(
            "`least` and `most` must satisfy 0 <= least <= most <= "
            f"{num_styles}, the number of styles. "
            f"Received: least={least!r}, most={most!r}."
        )
    adds, drops = (
        np.ones(num_styles, bool) if of is None else np.asarray(of, bool)
        for of in (adds, drops)
    )
    # Every row is ranked. To rank only those that need it takes half the time,
    # but empties tensors, and LiteRT's calibration crashes on empty ones.
    margins = probabilities - thresholds
    on = probabilities >= thresholds
    if drops.any():
        on &= _largest(margins, most) | ~drops
    if adds.any():
        on |= _largest(margins, least) & adds
    return tf.cast(on, tf.int32)


def _largest(margins, number):
    """Marks the largest of each row; of equal ones, the lower columns."""
    if number == 0:
        return tf.zeros_like(margins, tf.bool)
    if number == margins.shape[1]:
        return tf.ones_like(margins, tf.bool)
    # By their columns: 8-bit runtimes round the values that `top_k` returns.
    # In float32: ONNX has no other one-hot that all of its runtimes take.
    _, columns = tf.math.top_k(margins, number)
    marks = tf.one_hot(columns, margins.shape[1])
    return tf.reduce_sum(marks, axis=1) > 0
