import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from jdstyle.photos import decoding


def picture(width, height, mode="RGB"):
    """A smooth picture: red grows to the right, green downwards."""
    x = np.linspace(0, 255, width)[np.newaxis, :, np.newaxis]
    y = np.linspace(0, 255, height)[:, np.newaxis, np.newaxis]
    zeros = np.zeros((height, width, 1))
    pixels = np.concatenate([x + zeros, y + zeros, zeros + 128], axis=-1)
    return Image.fromarray(pixels.astype("uint8")).convert(mode)


def encoded(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return tf.constant(file.getvalue())


@pytest.mark.parametrize(
    ("width", "height"), [(32, 32), (100, 60), (300, 400), (37, 1000)]
)
@pytest.mark.parametrize(
    ("file_format", "options"),
    [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True})],
)
def test_decodes_the_whole_photo(width, height, file_format, options):
    image = picture(width, height)
    result = decoding.decode(encoded(image, file_format, **options), 32)
    assert result.shape == (32, 32, 3)
    assert result.dtype == tf.uint8
    expected = np.asarray(picture(32, 32)).astype(int)
    # Half a pixel at the edges, and the compression.
    assert np.abs(result.numpy() - expected).max() <= 10


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_transparent_becomes_white(file_format):
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 20, 40))
    result = decoding.decode(
        encoded(image, file_format, **lossless(file_format)), 40
    ).numpy()
    np.testing.assert_array_equal(result[5, 5], [0, 0, 255])
    np.testing.assert_array_equal(result[5, 35], [255, 255, 255])


@pytest.mark.parametrize("mode", ["L", "LA", "P"])
def test_gray_and_palette_become_rgb(mode):
    image = picture(40, 40, "RGB").convert(mode)
    result = decoding.decode(encoded(image, "PNG"), 40).numpy()
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(result - expected).max() <= 1


def lossless(file_format):
    return {"lossless": True} if file_format == "WEBP" else {}


def test_sixteen_bits_are_scaled():
    pixels = np.full((40, 40), 0x8000, "uint16")
    image = Image.fromarray(pixels)
    result = decoding.decode(encoded(image, "PNG"), 40)
    assert set(np.unique(result)) == {128}


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xd8\xff", b"RIFFx"])
def test_refuses_what_is_no_photo(data):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decoding.decode(tf.constant(data), 32)


def test_resize_agrees_with_decode():
    """`pixels` and `image_bytes` of one photo give nearly the same."""
    image = picture(300, 200)
    from_bytes = decoding.decode(encoded(image, "PNG"), 48)
    from_pixels = decoding.resize(np.asarray(image)[np.newaxis], 48)[0]
    assert np.abs(from_bytes.numpy() - from_pixels.numpy()).max() <= 0.5


def test_resize_keeps_photos_of_the_right_size():
    images = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 3))
    result = decoding.resize(images.astype("float32"), 48)
    np.testing.assert_allclose(result, images, atol=1e-4)


def crops(seeds, **options):
    data = encoded(picture(200, 300), "JPEG", quality=95)
    decode = tf.function(
        lambda seed: decoding.decode_random_crop(data, 48, seed=seed, **options)
    )
    return np.stack(
        [decode(tf.constant([0, seed], tf.int64)).numpy() for seed in seeds]
    )


def test_crops_lie_within_the_photo_and_span_it():
    images = crops(range(200)).astype(float)
    # Red tells the column, green the row: corners say where a window lies.
    left, right = images[:, 24, 0, 0] / 255, images[:, 24, -1, 0] / 255
    share = right - left
    assert 0.74 < share.min() < 0.85
    assert 0.92 < share.max() <= 1.0
    assert left.min() < 0.02
    assert right.max() > 0.98
    # Windows move: between full left and full right of what they leave.
    slack = left / (1 - share + 1e-9)
    assert slack[share < 0.9].std() > 0.2


def test_crop_keeps_proportions():
    images = crops(range(50)).astype(float)
    width = images[:, 24, -1, 0] - images[:, 24, 0, 0]
    height = images[:, -1, 24, 1] - images[:, 0, 24, 1]
    np.testing.assert_allclose(width, height, atol=12)


def test_same_seed_same_crop():
    images = crops([3, 3, 4])
    np.testing.assert_array_equal(images[0], images[1])
    assert (images[0] != images[2]).any()


def test_whole_photo_is_the_largest_crop():
    data = encoded(picture(200, 300), "JPEG", quality=95)
    whole = decoding.decode_random_crop(data, 48, seed=[0, 1], min_side=1.0)
    np.testing.assert_array_equal(whole, decoding.decode(data, 48))


@pytest.mark.parametrize("shape", [(640, 160), (2000, 2000), (50, 900)])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_fine_stripes_are_averaged_not_aliased(shape, file_format):
    """Rows of black and white, far finer than the output: all become gray."""
    height, width = shape
    rows = np.where(np.arange(height) % 2, 255, 0)[:, np.newaxis]
    columns = np.where(np.arange(width) % 2, 255, 0)[np.newaxis, :]
    stripes = rows if height > width else columns
    pixels = np.broadcast_to(stripes, shape).astype("uint8")
    result = decoding.decode(encoded(Image.fromarray(pixels), file_format), 48)
    assert np.std(result) < 30  # Aliased, it would be up to 127.
