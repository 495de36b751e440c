"""Augmentation of a batch on the device, as KerasCV layers.

The layers run inside the training step and do nothing at inference. XLA
compiles their pixel work whether or not it compiles the step: a few loops over
the pixels instead of fifty, and the same pictures either way. The random crop
is not here: it happens while decoding (`decoding`). This is the one file that
imports keras_cv: the library is frozen, and a later swap shall touch one file.
"""

import math

import keras
import tensorflow as tf
from keras_cv.layers import VectorizedBaseImageAugmentationLayer


class _RandomLayer(VectorizedBaseImageAugmentationLayer):
    """KerasCV's vectorised base, seeded and absent at inference.

    All that it remembers is the state of its `tf.random.Generator`, a
    `tf.Variable`: `_random_generator.state`.

    Args:
        seed: int >= 0.
    """

    def __init__(self, seed, **kwargs):
        # float32 under every precision policy, since pixels are not
        # activations; and KerasCV takes a seed of 0 for none.
        super().__init__(seed=seed + 1, dtype="float32", **kwargs)

    @tf.autograph.experimental.do_not_convert
    def call(self, inputs, training=None):
        if not training:
            return tf.cast(inputs, tf.float32)
        return super().call(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def augment_labels(self, labels, transformations, **kwargs):
        return labels

    def _random_bits(self, shape):
        return self._random_generator.uniform_full_int(shape, tf.uint32)

    def _uniform(self, shape, low=0.0, high=1.0):
        # By hand: TensorFlow and XLA make other floats of the same bits.
        bits = self._random_bits(shape) & 0x7FFFFF
        return low + (high - low) * tf.cast(bits, tf.float32) * 2.0**-23


class RandomRotationFlip(_RandomLayer):
    """Turns each image by its own angle and mirrors half of them.

    One bilinear resampling serves both. KerasCV's own rotation cannot be
    compiled by XLA (`ImageProjectiveTransformV3`), which Keras may switch on;
    this one gathers pixels. What comes from beyond the edge is the image
    mirrored there.

    Args:
        max_angle: float in [0, 90], degrees; angles are uniform in
            [-max_angle, max_angle].
        seed: int >= 0.
        flip_probability: float in [0, 1].
    """

    def __init__(self, max_angle, seed, flip_probability=0.5, **kwargs):
        super().__init__(seed, **kwargs)
        self.max_angle = math.radians(max_angle)
        self.flip_probability = flip_probability

    def get_random_transformation_batch(self, batch_size, **kwargs):
        angle = self._uniform([batch_size], -self.max_angle, self.max_angle)
        flipped = self._uniform([batch_size]) < self.flip_probability
        return {"angle": angle, "mirror": tf.where(flipped, -1.0, 1.0)}

    def augment_images(self, images, transformations, **kwargs):
        return rotate_and_flip(images, **transformations)


class RandomErasing(_RandomLayer):
    """Random erasing: each image loses its own rectangle, or none.

    With probability `probability` a rectangle is filled with random values,
    each channel of each pixel its own, one of 0 to 255. As in algorithm 1
    of the paper, area, aspect and corner are drawn anew until the rectangle
    lies within the image. A graph cannot redraw without end: the first of
    `ATTEMPTS` draws that fits counts. Where none fits, the image stays whole.

    Args:
        seed: int >= 0.
        probability: float in [0, 1], the chance that an image loses any.
        area: smallest and largest share of the image's area, in (0, 1).
        aspect: smallest and largest height / width of the rectangle.

    Source: Zhong et al., "Random Erasing Data Augmentation" (2017), arXiv
    1708.04896, algorithm 1: p 0.5, s_l 0.02, s_h 0.4, r_1 0.3, r_2 1 / 0.3.
    """

    ATTEMPTS = 32

    def __init__(
        self,
        seed,
        probability=0.5,
        area=(0.02, 0.4),
        aspect=(0.3, 1 / 0.3),
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        self.probability = probability
        self.area = area
        self.aspect = aspect

    def get_random_transformation_batch(self, batch_size, images, **kwargs):
        """Draws a rectangle per image: int32 (n,) top, left, height, width.

        An image that keeps all its pixels has height and width 0.
        """
        height, width = tf.unstack(tf.cast(tf.shape(images)[1:3], tf.float32))
        draw = [batch_size, self.ATTEMPTS]
        area = self._uniform(draw, *self.area) * height * width
        aspect = self._uniform(draw, *self.aspect)
        # Whole pixels, before the test: a rounded rectangle must fit as well.
        box_height = tf.maximum(tf.round(tf.sqrt(area * aspect)), 1.0)
        box_width = tf.maximum(tf.round(tf.sqrt(area / aspect)), 1.0)
        top = tf.floor(self._uniform(draw) * height)
        left = tf.floor(self._uniform(draw) * width)
        fits = (top + box_height <= height) & (left + box_width <= width)
        first = tf.argmax(fits, axis=1, output_type=tf.int32)
        boxes = tf.stack([top, left, box_height, box_width], axis=-1)
        box = tf.gather(boxes, first, axis=1, batch_dims=1)
        erased = self._uniform([batch_size]) < self.probability
        erased &= tf.reduce_any(fits, axis=1)
        box = tf.where(erased[:, tf.newaxis], box, 0.0)
        top, left, height, width = tf.unstack(tf.cast(box, tf.int32), axis=1)
        return {"top": top, "left": left, "height": height, "width": width}

    def augment_images(self, images, transformations, **kwargs):
        # Four pixel values in each number.
        num_words = (tf.size(images) + 3) // 4
        noise = tf.bitcast(self._random_bits([num_words]), tf.uint8)
        return erase(images, noise, **transformations)


def build(seed):
    """Returns the recipe's augmentation: rotation, flip, random erasing.

    Args:
        seed: int >= 0.

    Returns:
        `keras.Sequential` from (n, height, width, 3) images, RGB in [0, 255],
        uint8 or float, to float32 images of the same shape and range.
    """
    return keras.Sequential(
        [
            RandomRotationFlip(max_angle=15.0, seed=seed, name="rotation_flip"),
            # After the rotation: an erased rectangle keeps straight edges.
            RandomErasing(seed=seed + 1, name="erasing"),
        ],
        name="augmentation",
    )


def random_states(network):
    """Returns the variables with the random state of a network's layers here.

    Keras does not know them: they are not among `network.variables`.

    Args:
        network: `keras.Model`.

    Returns:
        List of `tf.Variable`s.
    """
    return [
        layer._random_generator.state
        for layer in network._flatten_layers()
        if isinstance(layer, _RandomLayer)
    ]


def contact_sheet(images, augmentation):
    """Draws photos above what the augmentation makes of them.

    Args:
        images: uint8 tensor, shape `(n, height, width, 3)`.
        augmentation: of `build`.

    Returns:
        uint8 array, shape `(2 * height, n * width, 3)`.
    """
    augmented = augmentation(images, training=True)
    rows = [tf.cast(images, tf.float32), tf.clip_by_value(augmented, 0, 255)]
    sheet = tf.concat([tf.concat(tf.unstack(row), 1) for row in rows], 0)
    return tf.cast(tf.round(sheet), tf.uint8).numpy()


@tf.function(jit_compile=True, autograph=False)
def rotate_and_flip(images, angle, mirror):
    """Rotates about the centre, then mirrors left and right.

    Args:
        images: float32 tensor, shape `(n, height, width, channels)`.
        angle: float32, shape `(n,)`, radians, counter-clockwise.
        mirror: float32, shape `(n,)`, -1 to mirror, 1 not to.

    Returns:
        float32 tensor of the shape of `images`, bilinear; beyond the edge the
        image is continued by its mirror image.
    """
    shape = tf.shape(images)
    n, height, width, channels = tf.unstack(shape)
    y = tf.cast(tf.range(height), tf.float32)[:, tf.newaxis]
    x = tf.cast(tf.range(width), tf.float32)[tf.newaxis, :]
    y -= tf.cast(height - 1, tf.float32) / 2.0
    x -= tf.cast(width - 1, tf.float32) / 2.0
    cos = tf.cos(angle)[:, tf.newaxis, tf.newaxis]
    sin = tf.sin(angle)[:, tf.newaxis, tf.newaxis]
    x = mirror[:, tf.newaxis, tf.newaxis] * x
    top, bottom, down = _neighbours(cos * y + sin * x, height)
    left, right, across = _neighbours(cos * x - sin * y, width)

    pixels = tf.reshape(images, [n, height * width, channels])

    def at(row, column):
        index = tf.reshape(row * width + column, [n, height * width])
        return tf.reshape(tf.gather(pixels, index, batch_dims=1), shape)

    upper = at(top, left) * (1.0 - across) + at(top, right) * across
    lower = at(bottom, left) * (1.0 - across) + at(bottom, right) * across
    return upper * (1.0 - down) + lower * down


@tf.function(jit_compile=True, autograph=False)
def erase(images, noise, top, left, height, width):
    """Fills a rectangle of each image with noise.

    Args:
        images: float32 tensor, shape `(n, rows, columns, channels)`.
        noise: uint8 tensor of any shape that holds at least as many values.
        top: int32 tensor, shape `(n,)`, pixels.
        left: likewise.
        height: likewise.
        width: likewise.

    Returns:
        float32 tensor of the shape of `images`.
    """
    shape = tf.shape(images)
    rows, columns = tf.range(shape[1]), tf.range(shape[2])
    top, left = top[:, tf.newaxis], left[:, tf.newaxis]
    in_rows = (rows >= top) & (rows < top + height[:, tf.newaxis])
    in_columns = (columns >= left) & (columns < left + width[:, tf.newaxis])
    inside = in_rows[:, :, tf.newaxis] & in_columns[:, tf.newaxis, :]
    noise = tf.reshape(tf.reshape(noise, [-1])[: tf.size(images)], shape)
    return tf.where(inside[..., tf.newaxis], tf.cast(noise, tf.float32), images)


def _neighbours(centred, size):
    """Pixels on both sides of a coordinate, and the weight of the second."""
    last = tf.cast(size - 1, tf.float32)
    position = tf.abs(centred + last / 2.0)
    position = tf.clip_by_value(last - tf.abs(last - position), 0.0, last)
    before = tf.floor(position)
    after = tf.minimum(before + 1.0, last)
    weight = (position - before)[..., tf.newaxis]
    return tf.cast(before, tf.int32), tf.cast(after, tf.int32), weight
