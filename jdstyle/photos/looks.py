"""What a photo looks like, in a few bytes: to find copies of it by."""

import functools

import numpy as np
from PIL import Image

from jdstyle.photos import textures
from jdstyle.photos import things

SIDE = 32  # Cells per row and column.
_FINE = 2 * SIDE
_FREQUENCIES = 16  # Per direction.
NUM_BITS = _FREQUENCIES**2 - 1
# Of the spread of a photo's cells: frequencies below it are as good as none,
# and what JPEG leaves in them must not decide a bit.
_MARGIN = 0.067
# In cells. Blurred less, a crop of 4 % can no longer be told from another
# photo; blurred more, the print of a shirt is lost.
_BLUR = 1.0
# What repeats less often per side is slow; photos of which less than this share
# of the contrast is slow look the same all over.
_SLOW = 3
_MOST_SLOW = 0.3
_PROBES = 61  # Pixels per side; no stripes are likely to be in step with them.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# `bits`: the signs of low frequencies, packed; few differ between copies.
# `side`: the shorter one, in pixels.
# `window`, `size`: of a small thing, see `things.find`.
# `colours`: of a small thing and its ground, or of two threads of a texture.
# `mean`: mean colour, in gray levels.
# `cells`: a blurred thumbnail less the mean colour, scaled to -127 to 127.
# `spread`: root mean square of the cells before that scaling, in gray levels.
# `texture`: see `textures.describe`; 0 unless it looks the same all over.
LOOK = np.dtype(
    [
        ("bits", np.uint8, 32),
        ("side", np.float32),
        ("window", np.float32, 4),
        ("size", np.float32),
        ("colours", np.float32, (2, 3)),
        ("mean", np.float32, 3),
        ("spread", np.float32),
        ("cells", np.int8, (SIDE, SIDE, 3)),
        ("texture", np.uint8, textures.SHAPE),
    ]
)


def look(image):
    """Describes what a photo looks like, whatever its size and brightness.

    Args:
        image: `PIL.Image.Image`, RGB.

    Returns:
        0-dimensional array of dtype `LOOK`, 3,564 bytes.
    """
    window, size, colours = things.find(image)
    sides = (*image.size, *image.size)
    box = [share * side for share, side in zip(window, sides, strict=True)]
    fine = image.resize((_FINE, _FINE), Image.Resampling.BOX, box=box)
    fine = np.asarray(fine, np.float32)
    blur = _blurring()
    cells = np.einsum("yi,xj,ijc->yxc", blur, blur, fine, optimize=True)
    mean = cells.mean(axis=(0, 1))
    cells -= mean
    same_all_over = _looks_same_all_over(image, cells)
    scale = 127 / max(np.abs(cells).max(), 1e-6)
    found = np.zeros((), LOOK)
    found["bits"] = np.packbits(perceptual_hash(fine @ _LUMA))
    found["side"] = min(image.size)
    found["window"], found["size"] = window, size
    found["colours"] = colours
    found["mean"] = mean
    found["spread"] = np.sqrt(np.mean(cells**2))
    found["cells"] = np.rint(cells * scale)
    if same_all_over:
        found["texture"], found["colours"] = textures.describe(image)
    return found


def _looks_same_all_over(image, cells):
    """Whether hardly any of its contrast is in what is large."""
    waves = _cosines()[: 2 * _SLOW + 1]
    slow = waves @ cells.transpose(2, 0, 1) @ waves.T
    slow = np.sqrt(np.sum(slow**2, axis=(1, 2)).max()) / SIDE
    pixels = image.resize((_PROBES, _PROBES), Image.Resampling.NEAREST)
    return slow <= _MOST_SLOW * np.asarray(pixels).std(axis=(0, 1)).max()


def perceptual_hash(gray):
    """Hashes a picture: which of its low frequencies are clearly positive.

    The margin is a share of the picture's own contrast: with one in gray
    levels, all pictures of little contrast had the same hash.

    Args:
        gray: float array, shape `(64, 64)`.

    Returns:
        bool array, shape `(NUM_BITS,)`.

    Source: Krawetz (2011), "Looks Like It" (pHash); the margin is ours.
    """
    cells = gray.reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))
    waves = _cosines()
    frequencies = (waves @ cells @ waves.T).ravel()[1:]  # Without the mean.
    return frequencies > _MARGIN * cells.std()


@functools.cache
def _cosines():
    """The first rows of the orthonormal cosine transform (DCT-II)."""
    angles = np.outer(np.arange(_FREQUENCIES), np.arange(SIDE) + 0.5) * (
        np.pi / SIDE
    )
    rows = np.cos(angles) * np.sqrt(2 / SIDE)
    rows[0] /= np.sqrt(2)
    return rows


@functools.cache
def _blurring():
    """Weights of the fine cells in each blurred one, `(SIDE, 2 * SIDE)`."""
    centres = 2 * np.arange(SIDE) + 0.5
    distances = centres[:, np.newaxis] - np.arange(_FINE)
    weights = np.exp(-0.5 * (distances / (2 * _BLUR)) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
