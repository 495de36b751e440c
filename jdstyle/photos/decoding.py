"""Photo bytes to pixels, as TensorFlow graphs: training, prediction and export.

A photo becomes a square by scaling both sides, so nothing of a tall dress is
cut off. A JPEG much larger than that is decoded at 1/2, 1/4 or 1/8 of its size,
which is cheap, and what is still too large on either side is averaged down by a
whole number. The one bilinear resize is left with a factor of less than two,
where it does not alias.
"""

import tensorflow as tf

from jdstyle.photos import headers

_RATIOS = (1, 2, 4, 8)  # What a JPEG's cosine transform can be decoded at.
_DARK = 64  # Of 256: a quarter, two bits unused.


def decode(image_bytes, image_size):
    """Decodes a whole photo to a square: for prediction and export.

    Args:
        image_bytes: as `read_pixels`.
        image_size: height and width of the output, in pixels.

    Returns:
        uint8 tensor, shape `(image_size, image_size, 3)`, RGB.

    Raises:
        tf.errors.InvalidArgumentError: if the bytes are not such a file.
    """
    return decode_sizes(image_bytes, [image_size])[0]


def decode_sizes(image_bytes, image_sizes, share=1):
    """Decodes a whole photo once, to several squares.

    Args:
        image_bytes: as `read_pixels`.
        image_sizes: list of ints, heights and widths in pixels.
        share: as `read_pixels`.

    Returns:
        List of uint8 tensors `(size, size, 3)`, RGB, in that order.
    """
    pixels = read_pixels(image_bytes, max(image_sizes), share)[tf.newaxis]
    return [to_uint8(resize(pixels, size))[0] for size in image_sizes]


def read_pixels(image_bytes, least_size, share=1):
    """Decodes a whole photo, for one or several `resize`s.

    The EXIF orientation is not applied: `prepare` and `predict` turn photos
    upright before.

    Args:
        image_bytes: scalar string tensor: a JPEG, PNG or WebP file. What is
            transparent becomes white; of an animated PNG file the still image
            counts.
        least_size: pixels; a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size
            as long as both sides keep so many.
        share: of the most pixels that `headers` allows, how many are allowed.

    Returns:
        uint8 tensor, shape `(height, width, 3)`, RGB.

    Raises:
        tf.errors.InvalidArgumentError: if the bytes are not such a file, one
            that `headers` refuses: too many pixels, an animated WebP; or a PNG
            of 16 bits whose highest value is below a quarter of them.
    """
    return tf.case(
        [
            (
                _starts_with(image_bytes, b"\x89PNG"),
                lambda: _on_white(_decode_png(image_bytes, share)),
            ),
            (
                _starts_with(image_bytes, b"RIFF"),
                lambda: _on_white(
                    tf.io.decode_webp(headers.check_webp(image_bytes, share))[0]
                ),
            ),
        ],
        default=lambda: _decode_scaled_jpeg(image_bytes, least_size, share),
    )


def decode_random_crop(image_bytes, image_size, *, seed, min_side=0.8):
    """Decodes a random window of a photo to a square: for training.

    The window has the photo's proportions and between `min_side` and all of
    its height and width; only that window is decoded.

    Args:
        image_bytes: scalar string tensor, a JPEG file.
        image_size: height and width of the output, in pixels.
        seed: int64 tensor, shape `(2,)`: the same seed gives the same window.
        min_side: smallest side of the window as a share of the photo's, in
            (0, 1]; 1 takes the whole photo.

    Returns:
        uint8 tensor, shape `(image_size, image_size, 3)`, RGB.
    """
    draws = tf.random.stateless_uniform([3], seed)
    share = min_side + (1.0 - min_side) * draws[0]
    shape = tf.image.extract_jpeg_shape(image_bytes)[:2]
    index = _ratio_index(
        tf.cast(share * tf.cast(shape, tf.float32), tf.int32), image_size
    )
    # The window is counted in the pixels of the scaled photo. It is found out
    # here, since every op costs in each of the branches, taken or not.
    ratio = tf.gather(_RATIOS, index)
    full = tf.cast((shape + ratio - 1) // ratio, tf.float32)
    size = tf.maximum(tf.floor(share * full), 1.0)
    offset = tf.floor(draws[1:] * (full - size + 1.0))
    window = tf.cast(tf.concat([offset, size], axis=0), tf.int32)
    image = _at_ratio(
        lambda ratio: tf.io.decode_and_crop_jpeg(
            image_bytes, window, channels=3, ratio=ratio
        ),
        index,
    )
    return to_uint8(resize(image[tf.newaxis], image_size))[0]


def resize(images, image_size):
    """Scales RGB images of any size to squares.

    Args:
        images: uint8 or float32 tensor, shape `(n, height, width, 3)`.
        image_size: height and width of the output, in pixels.

    Returns:
        float32 tensor, shape `(n, image_size, image_size, 3)`.
    """
    shape = tf.shape(images)[1:3]
    smaller = shape // tf.maximum(shape // image_size, 1)
    images = tf.cond(
        tf.reduce_all(smaller == shape),
        lambda: tf.cast(images, tf.float32),
        lambda: tf.image.resize(images, smaller, method="area"),
    )
    return tf.image.resize(images, [image_size, image_size])


def to_uint8(images):
    """Rounds float pixels in [0, 255] to uint8."""
    return tf.cast(tf.round(images), tf.uint8)


def _starts_with(image_bytes, magic):
    return tf.strings.substr(image_bytes, 0, len(magic)) == magic


def _ratio_index(shape, image_size):
    """Index of the largest ratio that leaves both sides `image_size`."""
    enough = [
        tf.reduce_all(shape >= image_size * ratio) for ratio in _RATIOS[1:]
    ]
    return tf.reduce_sum(tf.cast(enough, tf.int32))


def _at_ratio(decode_at, index):
    """Runs `decode_at(_RATIOS[index])`; an op's ratio is fixed in the graph."""
    return tf.switch_case(
        index, [lambda ratio=ratio: decode_at(ratio) for ratio in _RATIOS]
    )


def _decode_scaled_jpeg(image_bytes, image_size, share):
    checked, shape = headers.check_jpeg(image_bytes, share)
    return _at_ratio(
        lambda ratio: tf.io.decode_jpeg(checked, channels=3, ratio=ratio),
        _ratio_index(shape, image_size),
    )


def _decode_png(image_bytes, share):
    image = tf.io.decode_png(headers.check_png(image_bytes, share))

    def is_bright():
        channels = tf.shape(image)[-1]
        color = image[..., : channels - 1 + tf.math.floormod(channels, 2)]
        return tf.reduce_max(color) >= _DARK

    # Of 16 bits these are the high ones. What `sixteen_bits` looks into, values
    # of 12 bits for instance, would come out black.
    is_meant = tf.cond(
        headers.png_depth(image_bytes) == 16, is_bright, lambda: True
    )
    check = tf.debugging.Assert(
        is_meant, ["A PNG of 16 bits that uses fewer than 15."]
    )
    with tf.control_dependencies([check]):
        return tf.identity(image)


def _on_white(image):
    """RGB of a gray, gray-alpha, RGB or RGBA image, transparency on white."""
    channels = tf.shape(image)[-1]
    color = tf.cond(
        tf.math.floormod(channels, 2) == 0,
        lambda: _blend_on_white(image),
        lambda: image,
    )
    color = tf.cond(
        tf.shape(color)[-1] == 1,
        lambda: tf.tile(color, [1, 1, 3]),
        lambda: color,
    )
    return tf.ensure_shape(color, [None, None, 3])


def _blend_on_white(image):
    # Integers of 16 bits: 25 million pixels in floats would take a gigabyte.
    # 255 * 255 + 127 is the most; adding half of 255 rounds.
    color = tf.cast(image[..., :-1], tf.uint16)
    alpha = tf.cast(image[..., -1:], tf.uint16)
    white = (255 - alpha) * 255 + 127
    return tf.cast((color * alpha + white) // 255, tf.uint8)
