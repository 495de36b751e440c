"""Tests for `jdstyle.photos.looks` and `jdstyle.photos.comparison`."""

import numpy as np
import pytest
from PIL import Image

from jdstyle.photos import comparison
from jdstyle.photos import looks


def scene(seed=0, size=(240, 320)):
    """Coloured blobs; no two seeds are alike."""
    cells = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def changed(image, function):
    values = function(np.asarray(image, np.float64))
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))


def are_copies(image, other):
    one, two = (np.stack([looks.look(i)]) for i in (image, other))
    apart = np.unpackbits(one["bits"] ^ two["bits"], axis=1).sum(axis=1)
    return comparison.are_copies(one, two, apart)[0]


def test_hash_bits_are_signs_of_cosine_coefficients():
    # A gray level of 128 + 50 cos(pi x / width): of all frequencies, only the
    # first horizontal one is there, which is bit 0 (the mean is left out).
    x = (np.arange(64) + 0.5) / 64
    wave = np.tile(128 + 50 * np.cos(np.pi * x), (64, 1))
    assert np.flatnonzero(looks.perceptual_hash(wave)).tolist() == [0]
    # Lighter to the right: the same frequency, negative.
    assert not looks.perceptual_hash(wave[:, ::-1]).any()
    # The first vertical one comes after 16 horizontal ones, bit 15 of those
    # without the mean.
    assert np.flatnonzero(looks.perceptual_hash(wave.T)).tolist() == [15]


@pytest.mark.parametrize("contrast", [1.0, 0.1, 0.01])
def test_hash_does_not_depend_on_contrast(contrast):
    gray = np.asarray(scene().convert("L").resize((64, 64)), np.float64)
    hashed = looks.perceptual_hash(gray)
    # Half of the bits of a busy picture are 1, whatever its contrast.
    assert 60 < hashed.sum() < 190
    again = looks.perceptual_hash(200 + contrast * gray)
    np.testing.assert_array_equal(again, hashed)


def test_look_by_hand():
    # Left half 50, right half 150, of red alone.
    values = np.zeros((64, 64, 3), np.uint8)
    values[:, :32, 0], values[:, 32:, 0] = 50, 150
    look = looks.look(Image.fromarray(values))
    np.testing.assert_allclose(look["mean"], [100, 0, 0], atol=1e-3)
    np.testing.assert_array_equal(look["window"], [0, 0, 1, 1])
    assert look["side"] == 64 and look["size"] == 0
    cells = look["cells"]
    assert (cells[:, 0, 0] == -127).all() and (cells[:, -1, 0] == 127).all()
    assert not cells[..., 1:].any()
    # 50 gray levels in a third of the values, less where the edge is blurred.
    assert 0.95 * 50 / np.sqrt(3) < look["spread"] < 50 / np.sqrt(3)
    np.testing.assert_allclose(
        comparison.scales(np.stack([look])), 50 / 127, rtol=0.01
    )


def test_what_is_small_on_plain_ground_is_looked_at_alone():
    values = np.full((256, 256, 3), 255, np.uint8)
    values[100:120, 160:180] = [200, 0, 0]
    values[100:120, 170:180] = [0, 0, 200]
    look = looks.look(Image.fromarray(values))
    # It takes a quarter of the width that is looked at, not a thirteenth.
    coloured = (look["cells"].min(axis=2) < -60).any(axis=0)
    assert 7 <= coloured.sum() <= 11


def test_only_what_looks_the_same_all_over_has_a_texture():
    y, x = np.mgrid[:240, :240]
    stripes = np.where((x // 4 % 2)[..., np.newaxis], 40, [200, 90, 150])
    assert looks.look(changed(scene(), lambda v: v))["texture"].max() == 0
    look = looks.look(Image.fromarray(stripes.astype(np.uint8)))
    assert look["texture"].max() > 100
    colours = look["colours"][np.argsort(look["colours"][:, 0])]
    np.testing.assert_allclose(colours, [[40, 40, 40], [200, 90, 150]], atol=15)
    # The same stripes where there is a dark and a bright half.
    halves = stripes // 3 + 120 * (y > 120)[..., np.newaxis]
    look = looks.look(Image.fromarray(halves.astype(np.uint8)))
    assert look["texture"].max() == 0


@pytest.mark.parametrize(
    "function",
    [
        lambda v: v * 0.7,
        lambda v: v * 0.8 + 25.6,
        lambda v: 255 * (v / 255) ** 0.8,
        lambda v: v + np.random.default_rng(0).normal(0, 3, v.shape),
        lambda v: v[3:-3, 2:-3],  # 2 % of each side.
    ],
)
def test_copies(function):
    assert are_copies(scene(), changed(scene(), function))


@pytest.mark.parametrize(
    "function",
    [
        lambda v: v[..., ::-1],  # Red for blue.
        lambda v: 255 - v,
        lambda v: v[:, ::-1],
        lambda v: v * 0.3,  # Too dark by far.
        lambda v: v * [1, 1, 0.5],
        lambda v: np.roll(v, 20, axis=1),
    ],
)
def test_others(function):
    assert not are_copies(scene(), changed(scene(), function))


def test_equal_colours_without_contrast():
    def look(colour, spot=0):
        values = np.full((64, 64, 3), colour, np.uint8)
        values[30:34, 30:34] += np.uint8(spot)
        return np.stack([looks.look(Image.fromarray(values))])

    def are_equal(*pictures):
        return comparison.are_equal(*pictures, None)[0]

    assert are_equal(look([150, 90, 60]), look([152, 89, 61]))
    assert not are_equal(look([150, 90, 60]), look([160, 90, 60]))
    # A spot of 2 x 2 cells.
    assert not are_equal(look([150, 90, 60]), look([150, 90, 60], 60))
    # Of black photos a gray level is much.
    assert not are_equal(look([4, 4, 4]), look([6, 4, 4]))
    assert are_equal(look([0, 0, 0]), look([0, 0, 0]))
