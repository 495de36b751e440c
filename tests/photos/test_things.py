"""Tests for `jdstyle.photos.things` and `jdstyle.photos.thing_copies`."""

import numpy as np
import pytest
from PIL import Image
from PIL import ImageDraw

from jdstyle.photos import looks
from jdstyle.photos import thing_copies
from jdstyle.photos import things


def ring(x=130, y=120, radius=16, colour=(150, 60, 40), width=4):
    image = Image.new("RGB", (256, 256), (250, 250, 250))
    box = [x - radius, y - radius, x + radius, y + radius]
    ImageDraw.Draw(image).ellipse(box, outline=colour, width=width)
    return image


def square(image, contrast):
    values = np.full((256, 256, 3), 250 - contrast)
    values[:100] = values[120:] = values[:, :160] = values[:, 180:] = 250
    return Image.fromarray(values.astype(np.uint8))


def test_where_a_thing_is_and_its_colours():
    window, size, colours = things.find(square(256, contrast=100))
    centre = np.reshape(window, (2, 2)).mean(axis=0)
    np.testing.assert_allclose(centre, [170 / 256, 110 / 256], atol=0.003)
    # The standard deviation of what is 20 pixels wide.
    assert size == pytest.approx(20 / 256 / np.sqrt(12), rel=0.1)
    np.testing.assert_allclose(colours[0], 250)
    np.testing.assert_allclose(colours[1], 150, atol=5)


@pytest.mark.parametrize("contrast", [0, 4])
def test_plain_photos_and_dust_have_no_thing(contrast):
    window, size, _ = things.find(square(256, contrast))
    assert window == things.WHOLE and size == 0


def test_what_fills_the_photo_is_no_thing():
    assert things.find(ring(radius=100))[0] == things.WHOLE


def are_one_thing(image, other):
    one, two = (np.stack([looks.look(i)]) for i in (image, other))
    assert one["size"][0] > 0 and two["size"][0] > 0
    return thing_copies.are_one_thing(one, two, None)[0]


def changed(function):
    values = function(np.asarray(ring(), np.float64))
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))


@pytest.mark.parametrize(
    "copy",
    [
        changed(lambda v: v * 0.7),
        changed(lambda v: v * 1.2),  # The ground stays white.
        changed(lambda v: 255 * (v / 255) ** 0.8),
        ring().resize((128, 128), Image.Resampling.BICUBIC),
        ring().crop((0, 5, 246, 251)),
        ring().crop((0, 5, 246, 251)).resize((256, 256)),
    ],
)
def test_copies_of_a_thing(copy):
    assert are_one_thing(ring(), copy)


@pytest.mark.parametrize(
    "other",
    [
        ring(colour=(150, 80, 10)),
        ring(x=136),  # As large, so not cropped.
        ring(radius=18),  # At its place, so not cropped.
        ring(x=136, radius=19),
        ring(width=7),
        changed(lambda v: v * [1, 1, 0.8]),
    ],
)
def test_other_things(other):
    assert not are_one_thing(ring(), other)
