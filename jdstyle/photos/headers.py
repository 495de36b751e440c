"""What a photo file says of itself, checked in the graph before decoding.

A decoder believes it: a few bytes that claim 20,000 x 20,000 pixels would take
gigabytes, and an animated WebP file without transparency makes
`tf.io.decode_webp` of TensorFlow 2.21 write past the end of its buffer.
"""

import tensorflow as tf

# A large JPEG is decoded at 1/8 of its sides, the others are decoded whole.
MAX_JPEG_PIXELS = 100_000_000
MAX_PIXELS = 25_000_000
MAX_SCANS = 50  # As `effort` allows, which knows no TensorFlow.

_ANIMATED = 0x02  # Of the flags in an extended WebP header.


def check_jpeg(image_bytes, share=1):
    """Passes on a JPEG file whose header can be believed.

    Args:
        image_bytes: scalar string tensor.
        share: of the most pixels, how many are allowed.

    Returns:
        `(image_bytes, shape)`: the same bytes, to be decoded, and int32
        `[height, width]`.

    Raises:
        tf.errors.InvalidArgumentError: if it is not a JPEG file, is one that
            libjpeg does not know (12 bits), claims more than the share of
            `MAX_JPEG_PIXELS`, or has more than `MAX_SCANS` scans.
    """
    shape = tf.image.extract_jpeg_shape(image_bytes)[:2]
    checked = _require_pixels(image_bytes, shape, share * MAX_JPEG_PIXELS)
    return _require_few_scans(checked), shape


def _require_few_scans(image_bytes):
    content = tf.io.decode_raw(image_bytes, tf.uint8)
    starts = (content[:-1] == 0xFF) & (content[1:] == 0xDA)
    # Their places: a sum would first make four bytes of each byte.
    scans = tf.size(tf.where(starts))
    check = tf.debugging.Assert(
        scans <= MAX_SCANS, ["A JPEG of so many scans:", scans]
    )
    with tf.control_dependencies([check]):
        return tf.identity(image_bytes)


def check_png(image_bytes, share=1):
    """Passes on a PNG file that claims at most a share of `MAX_PIXELS`.

    Args, returns, raises: as `check_jpeg`, without the shape.
    """
    size = tf.reshape(
        tf.io.decode_raw(
            _part(image_bytes, 16, 8), tf.int32, little_endian=False
        ),
        [2],
    )
    return _require_pixels(image_bytes, size, share * MAX_PIXELS)


def png_depth(image_bytes):
    """Returns the bits per value of a PNG file: a scalar int64 tensor."""
    return _bytes(image_bytes, 24, 1)[0]


def check_webp(image_bytes, share=1):
    """Passes on a WebP file of one frame, at most a share of `MAX_PIXELS`.

    Args, returns, raises: as `check_jpeg`, without the shape.

    Source: RFC 9649, "WebP Image Format".
    """
    kind = _part(image_bytes, 12, 4)
    # The three ways to say a size all end within the 30th byte, or the 25th.
    head = _bytes(image_bytes, 20, 5)

    def read_lossy():
        size = _bytes(image_bytes, 26, 4)
        return [
            (size[0] + 256 * size[1]) % 2**14,
            (size[2] + 256 * size[3]) % 2**14,
        ]

    def read_lossless():
        bits = head[1] + 2**8 * head[2] + 2**16 * head[3] + 2**24 * head[4]
        return [1 + bits % 2**14, 1 + bits // 2**14 % 2**14]

    def read_extended():
        size = _bytes(image_bytes, 24, 6)
        return [
            1 + size[0] + 2**8 * size[1] + 2**16 * size[2],
            1 + size[3] + 2**8 * size[4] + 2**16 * size[5],
        ]

    readers = [
        (b"VP8 ", read_lossy),
        (b"VP8L", read_lossless),
        (b"VP8X", read_extended),
    ]
    is_known = tf.reduce_any([kind == name for name, _ in readers])
    is_animated = (kind == b"VP8X") & (head[0] // _ANIMATED % 2 == 1)
    checks = [
        tf.debugging.Assert(is_known, ["Not a WebP file."]),
        tf.debugging.Assert(~is_animated, ["An animated WebP file."]),
    ]
    with tf.control_dependencies(checks):
        size = tf.case(
            [(kind == name, reader) for name, reader in readers[:2]],
            default=read_extended,
        )
    return _require_pixels(image_bytes, tf.stack(size), share * MAX_PIXELS)


def _require_pixels(image_bytes, size, most):
    most = int(most)
    sides = tf.cast(size, tf.int64)
    check = tf.debugging.Assert(
        tf.reduce_all(sides > 0) & (tf.reduce_prod(sides) <= most),
        [f"Claims pixels without number, or more than {most:,}:", sides],
    )
    with tf.control_dependencies([check]):
        return tf.identity(image_bytes)


def _part(image_bytes, start, length):
    """Some bytes of a file; a shorter file raises InvalidArgumentError."""
    # `substr` would put the file into its message, which Python cannot decode.
    check = tf.debugging.Assert(
        tf.strings.length(image_bytes) >= start + length,
        ["The file ends in its header."],
    )
    with tf.control_dependencies([check]):
        return tf.strings.substr(image_bytes, start, length)


def _bytes(image_bytes, start, length):
    """Some bytes of a file as int64, shape `(length,)`."""
    part = tf.io.decode_raw(_part(image_bytes, start, length), tf.uint8)
    return tf.cast(tf.ensure_shape(part, [length]), tf.int64)
