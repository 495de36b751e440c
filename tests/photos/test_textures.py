"""Tests for `jdstyle.photos.textures`."""

import numpy as np
import pytest
from PIL import Image
from PIL import ImageFilter

from jdstyle.photos import comparison
from jdstyle.photos import looks
from jdstyle.photos import textures


def waves(across, down, side=192, phase=0.0, colours=(60, 180)):
    """A sine wave of so many repeats per side."""
    y, x = np.mgrid[:side, :side] / side
    wave = (1 + np.sin(2 * np.pi * (across * x + down * y) + phase)) / 2
    dark, bright = np.broadcast_to(np.transpose([colours]), (2, 3))
    values = dark + (bright - dark) * wave[..., np.newaxis]
    return Image.fromarray(np.rint(values).astype(np.uint8))


def test_a_wave_is_found_by_its_frequency_and_direction():
    # 20 repeats per side: 2 octaves above 5, 8 rings each.
    texture, _ = textures.describe(waves(20, 0))
    ring, direction = np.unravel_index(texture.argmax(), texture.shape)
    assert (ring, direction) == (16, 0)
    # An amplitude of 60 gray levels.
    assert textures.contrast(texture[np.newaxis])[0] == pytest.approx(60, 0.03)
    texture, _ = textures.describe(waves(0, 40))
    assert np.unravel_index(texture.argmax(), texture.shape) == (24, 6)
    texture, _ = textures.describe(waves(20, 20))
    assert texture.argmax() % 12 == 3


@pytest.mark.parametrize("blur", [0, 1, 2])
def test_noise_and_tweed_are_no_textures(blur):
    noise = np.random.default_rng(0).normal(128, 40, (192, 192))
    noise = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
    noise = noise.filter(ImageFilter.GaussianBlur(blur)).convert("RGB")
    texture, _ = textures.describe(noise)
    assert textures.contrast(texture[np.newaxis])[0] < textures.LEAST_CONTRAST


def test_correlations():
    found = np.stack(
        [textures.describe(waves(n, 0))[0] for n in (20, 21, 27)]
        + [textures.describe(waves(0, 20))[0], np.zeros(textures.SHAPE, "u1")]
    )
    correlation = textures.correlate_all(found, found)
    np.testing.assert_allclose(np.diag(correlation)[:4], 1, atol=1e-5)
    # 5 % slower is a crop; 30 % slower, across or nothing is not.
    assert correlation[0, 1] > 0.7
    assert (correlation[0, 2:] < 0.3).all()
    for i in range(5):
        pairs = textures.correlate(found, np.roll(found, -i, axis=0))
        rolled = correlation[np.arange(5), (np.arange(5) + i) % 5]
        np.testing.assert_allclose(pairs, rolled, atol=1e-5)


@pytest.mark.parametrize(
    "other, are_alike",
    [
        (waves(30, 0, phase=2), True),  # Cropped.
        (waves(29, 0), True),
        (waves(30, 0, side=96), True),  # Half the size.
        (waves(30, 0, colours=(42, 126)), True),  # x 0.7
        (waves(30, 0, colours=(90, 150)), False),  # Of one mean, but paler.
        (waves(30, 0, colours=(100, 220)), False),
        (waves(22, 0), False),
        (waves(0, 30), False),
    ],
)
def test_copies_of_what_looks_the_same_all_over(other, are_alike):
    one, two = (np.stack([looks.look(i)]) for i in (waves(30, 0), other))
    assert comparison.are_woven_alike(one, two, None)[0] == are_alike
