"""What stands for a loaded SavedModel of one style, in no time."""

import tensorflow as tf


def give_quarter(photos):
    """Gives every photo the probability 0.25."""
    number = len(photos)
    return {
        "probabilities": tf.fill([number, 1], 0.25),
        "labels": tf.zeros([number, 1], tf.int32),
        "valid": tf.fill([number], True),
    }
