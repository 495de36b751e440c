"""What is woven into a photo finer than its thumbnail shows.

A weave, a knit or fine stripes are told by which frequencies they repeat at, in
which directions, wherever they begin: a crop moves all threads.
"""

import functools

import numpy as np
import scipy.fft
from PIL import Image

_SIDE = 192  # Pixels in which frequencies are counted.
_SLOWEST, _FASTEST = 5.0, 90.0  # Repeats per side.
# A crop of 5 % makes a texture 0.07 octaves slower: less than one ring.
_RINGS_PER_OCTAVE = 8
_RINGS = round(np.log2(_FASTEST / _SLOWEST) * _RINGS_PER_OCTAVE)
_DIRECTIONS = 12
SHAPE = (_RINGS, _DIRECTIONS)
_UNITS = 2  # Per gray level.
# Of the frequencies that a photo's pixels can hold.
_HELD = 0.8
# Of the median power at a speed, in rings of half an octave: neither noise nor
# tweed, which repeats nowhere, reaches it often.
_NOISE = 14.0
_BAND = 4  # Rings.
_LEAST = 0.25  # Gray levels of amplitude.
# Photos with less, in gray levels, have no texture to compare.
LEAST_CONTRAST = 3.0


def describe(image):
    """Describes the texture of a picture that looks the same all over.

    Args:
        image: `PIL.Image.Image`, RGB.

    Returns:
        `(texture, colours)`: uint8 array of shape `SHAPE`, the amplitudes of
        what repeats, half gray levels, by how often it does per side and in
        which direction; float array, shape `(2, 3)`, the colours of two
        threads that would look like that, gray levels.
    """
    pixels = image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    pixels = np.asarray(pixels, np.float32).transpose(2, 0, 1)
    mean = pixels.mean(axis=(1, 2))
    window, ring, direction, speeds = _tables()
    waves = np.asarray(
        scipy.fft.rfft2((pixels - mean[:, np.newaxis, np.newaxis]) * window)
    )
    # The squares of what a sine wave adds up to that of its amplitude.
    waves = waves[:, ring >= 0] * (2 / _SIDE / np.linalg.norm(window))
    power = np.mean(waves.real**2 + waves.imag**2, axis=0)
    band = ring[ring >= 0].astype(int) // _BAND
    # Above, the resizing made what there is: it repeats in no direction.
    height, width = image.height, image.width
    held = (speeds < _HELD / 2 * np.array([[height], [width]])).all(axis=0)
    floor = np.full(band.max() + 1, np.inf)
    for i in np.unique(band[held]):
        floor[i] = np.median(power[held & (band == i)])
    repeats = held & (power > np.maximum(_NOISE * floor[band], _LEAST**2))
    texture = _bin(power * repeats, ring[ring >= 0], direction)
    return texture, mean + _threads(waves[:, repeats])


def _bin(power, ring, direction):
    """Adds up power by direction and ring, shared between the next two."""
    inner = ring.astype(int)
    share = ring - inner
    found = np.zeros((_RINGS + 1) * _DIRECTIONS)
    for rings, weight in ((inner, 1 - share), (inner + 1, share)):
        places = rings * _DIRECTIONS + direction
        found += np.bincount(places, power * weight, len(found))
    amplitudes = np.sqrt(found[: _RINGS * _DIRECTIONS]).reshape(SHAPE)
    return np.rint((_UNITS * amplitudes).clip(0, 255)).astype(np.uint8)


def _threads(waves):
    """How two threads differ from their mean colour, shape `(2, 3)`."""
    shared = (waves @ waves.conj().T).real / 2
    values, axes = np.linalg.eigh(shared)
    half = np.sqrt(max(values[-1], 0)) * axes[:, -1]
    return np.stack([-half, half])


@functools.cache
def _tables():
    """The Hann window; of frequencies the ring, -1 for none, and the rest."""
    sine = np.sin(np.pi * (np.arange(_SIDE) + 0.5) / _SIDE) ** 2
    window = np.outer(sine, sine).astype(np.float32)
    down = np.fft.fftfreq(_SIDE, 1 / _SIDE)[:, np.newaxis]
    across = np.fft.rfftfreq(_SIDE, 1 / _SIDE)
    radius = np.hypot(down, across)
    ring = np.log2(np.maximum(radius, 1e-6) / _SLOWEST) * _RINGS_PER_OCTAVE
    ring[(ring < 0) | (ring >= _RINGS)] = -1
    angle = np.arctan2(down, across) / np.pi * _DIRECTIONS
    direction = np.rint(angle).astype(int) % _DIRECTIONS
    speeds = np.stack(np.broadcast_arrays(np.abs(down), across))
    return window, ring, direction[ring >= 0], speeds[:, ring >= 0]


def contrast(textures):
    """Returns the amplitudes of textures, gray levels, shape `(n,)`."""
    textures = textures.reshape(len(textures), -1).astype(np.float32)
    return np.linalg.norm(textures, axis=1) / _UNITS


def correlate(first, second):
    """Correlates textures, one of which may be one ring slower.

    Args:
        first: uint8 array, shape `(n, *SHAPE)`.
        second: likewise.

    Returns:
        float array, shape `(n,)`; 0 where there is none.
    """
    return np.max(
        [np.einsum("nij,nij->n", *pair) for pair in _pairs(first, second)],
        axis=0,
    )


def correlate_all(first, second):
    """Correlates all textures of one array with all of another.

    Args:
        first: uint8 array, shape `(n, *SHAPE)`.
        second: uint8 array, shape `(m, *SHAPE)`.

    Returns:
        float array, shape `(n, m)`.
    """
    found = np.zeros((len(first), len(second)), np.float32)
    for one, other in _pairs(first, second):
        product = one.reshape(len(one), -1) @ other.reshape(len(other), -1).T
        np.maximum(found, product, out=found)
    return found


def _pairs(first, second):
    """Yields unit textures ring by ring, and each with the other's next."""
    one, other = (
        a / np.maximum(_UNITS * contrast(a), 1e-6)[:, np.newaxis, np.newaxis]
        for a in (first, second)
    )
    yield one, other
    yield one[:, 1:], other[:, :-1]
    yield one[:, :-1], other[:, 1:]
