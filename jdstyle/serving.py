"""The product: one SavedModel that takes photos and needs TensorFlow alone."""

import os
import shutil

import numpy as np
import tensorflow as tf

from jdstyle import decoding
from jdstyle.errors import InputError

# How many photos of a batch are decoded at a time.
_PARALLEL_DECODES = 32

STYLES_ASSET = "styles.txt"


class StyleClassifier(tf.Module):
    """A network with its thresholds, behind two signatures.

    - `serving_default`: `image_bytes`, string `(n,)`: JPEG, PNG or WebP files.
    - `pixels`: `images`, float32 `(n, height, width, 3)`, RGB in [0, 255], of
      any size.

    Both return `probabilities`, float32 `(n, styles)`, and `labels`, int32
    `(n, styles)`: 1 where the probability reaches the style's threshold.

    Args:
        model: `keras.Model` from square images to logits `(n, styles)`.
        thresholds: one float per style.
        styles_file: path of the file with one style name per line; it becomes
            the asset `styles.txt`.
    """

    def __init__(self, model, thresholds, styles_file):
        super().__init__()
        self.model = model
        self.image_size = model.input_shape[1]
        self.thresholds = tf.constant(thresholds, tf.float32)
        self.styles_file = tf.saved_model.Asset(styles_file)

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")]
    )
    def classify_files(self, image_bytes):
        images = tf.map_fn(
            lambda photo: decoding.decode(photo, self.image_size),
            image_bytes,
            fn_output_signature=tf.TensorSpec(
                (self.image_size, self.image_size, 3), tf.uint8
            ),
            parallel_iterations=_PARALLEL_DECODES,
        )
        return self._classify(images)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.float32, name="images")
        ]
    )
    def classify_pixels(self, images):
        return self._classify(decoding.resize(images, self.image_size))

    def _classify(self, images):
        shape = (self.image_size, self.image_size, 3)
        num_photos = tf.shape(images)[0]
        # oneDNN's kernels refuse an empty batch.
        images = tf.cond(
            num_photos > 0,
            lambda: tf.cast(images, tf.float32),
            lambda: tf.zeros((1, *shape)),
        )
        images = tf.ensure_shape(images, (None, *shape))
        logits = self.model(images, training=False)[:num_photos]
        probabilities = tf.sigmoid(logits)
        labels = tf.cast(probabilities >= self.thresholds, tf.int32)
        return {"probabilities": probabilities, "labels": labels}


def export(model, thresholds, style_names, directory):
    """Writes a SavedModel, aside first, so that none is ever half there.

    Args:
        model: `keras.Model` from float32 images to float32 logits.
        thresholds: one float per style.
        style_names: one string per style.
        directory: path of the SavedModel; an older one is replaced.
    """
    unfinished = f"{directory}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    os.makedirs(unfinished)
    styles_file = os.path.join(unfinished, STYLES_ASSET)
    with open(styles_file, "w", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in style_names)
    classifier = StyleClassifier(model, thresholds, styles_file)
    tf.saved_model.save(
        classifier,
        unfinished,
        signatures={
            "serving_default": classifier.classify_files,
            "pixels": classifier.classify_pixels,
        },
    )
    os.remove(styles_file)  # The SavedModel has its own in assets/.
    shutil.rmtree(directory, ignore_errors=True)
    os.rename(unfinished, directory)


def load(directory):
    """Loads a SavedModel of `export`.

    Args:
        directory: path of the SavedModel.

    Returns:
        `(classify, style_names)`: a function of a string tensor `(n,)` that
        returns a dict as `StyleClassifier` says, and the list of styles.

    Raises:
        InputError: if there is none.
    """
    asset = os.path.join(directory, "assets", STYLES_ASSET)
    if not os.path.isfile(asset):
        raise InputError(
            "--saved_model must be the directory of a SavedModel that jdstyle "
            f"exported. Received: {directory!r}; missing: {asset}."
        )
    with open(asset, encoding="utf-8") as file:
        style_names = file.read().splitlines()
    loaded = tf.saved_model.load(directory)
    return _Signature(loaded, "serving_default"), style_names


class _Signature:
    """A signature that keeps its SavedModel, and so its weights, alive."""

    def __init__(self, loaded, name):
        self._loaded = loaded
        self._function = loaded.signatures[name]

    def __call__(self, image_bytes):
        return self._function(image_bytes=image_bytes)


def score(classify, batches):
    """Runs a loaded model over batches of photo bytes.

    Args:
        classify: of `load`.
        batches: iterable of string tensors `(batch,)`.

    Returns:
        `(probabilities, labels)`: float32 and int32 arrays `(n, styles)`.
    """
    outputs = [classify(batch) for batch in batches]
    return tuple(
        np.concatenate([output[name].numpy() for output in outputs])
        for name in ("probabilities", "labels")
    )
