"""What stands for a loaded SavedModel, in no time."""

import tensorflow as tf


def give_quarter(photos):
    """Gives every photo the probability 0.25."""
    number = len(photos)
    return {
        "probabilities": tf.fill([number, 1], 0.25),
        "labels": tf.zeros([number, 1], tf.int32),
        "valid": tf.fill([number], True),
    }


def give_brightness(photos):
    """Gives every photo two styles: its mean brightness, and 0.25."""
    bright = [
        tf.reduce_mean(tf.cast(tf.io.decode_image(photo), tf.float32)) / 255
        for photo in photos
    ]
    probabilities = tf.stack(
        [tf.stack(bright), tf.fill([len(bright)], 0.25)], 1
    )
    return {
        "probabilities": probabilities,
        "labels": tf.cast(probabilities >= 0.25, tf.int32),
        "valid": tf.fill([len(bright)], True),
    }
