"""Forward passes: logits of the photos that validate."""

import numpy as np
import tensorflow as tf


def make_forward(model):
    """Returns a compiled forward pass: images to float32 logits.

    On one device. Keras's `predict` would divide each batch among several, and
    fail where the last one has fewer photos than there are devices.

    Args:
        model: `keras.Model` from images to logits.
    """
    return tf.function(
        lambda images: tf.cast(model(images, training=False), tf.float32),
        autograph=False,
        reduce_retracing=True,
    )


def predict_logits(forward, dataset):
    """Returns the logits of every photo of an evaluation dataset.

    Args:
        forward: of `make_forward`.
        dataset: of `batches.make_eval_dataset`.

    Returns:
        float32 array, shape `(n, num_styles)`.
    """
    return np.concatenate([forward(images) for images in dataset])
