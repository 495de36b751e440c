"""What a photo looks like, in a few bytes: to find copies of it by."""

import functools

import numpy as np
from PIL import Image

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
_FINEST = 128  # Pixels of the short side in which the thing is found.
_GROUND = 0.25  # Of the strongest difference from the photo's edge.
_REACH = 2.2  # Standard deviations of a thing to each side.
# Of a photo's sides: nothing smaller is looked at, nor larger things alone.
_LEAST_REACH = 0.15
_MOST_REACH = 0.3
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# `bits`: the signs of low frequencies, packed; few differ between copies.
# `centre`: of what is looked at, across and down, as shares of the sides.
# `mean`: mean colour, in gray levels.
# `cells`: a blurred thumbnail less the mean colour, scaled to -127 to 127.
# `spread`: root mean square of the cells before that scaling, in gray levels.
LOOK = np.dtype(
    [
        ("bits", np.uint8, 32),
        ("centre", np.float32, 2),
        ("mean", np.float32, 3),
        ("spread", np.float32),
        ("cells", np.int8, (SIDE, SIDE, 3)),
    ]
)


def look(image):
    """Describes what a photo looks like, whatever its size and brightness.

    Args:
        image: `PIL.Image.Image`, RGB.

    Returns:
        0-dimensional array of dtype `LOOK`, 3,128 bytes.
    """
    left, top, right, bottom = window = _find_window(image)
    fine = image.resize((_FINE, _FINE), Image.Resampling.BOX, box=window)
    fine = np.asarray(fine, np.float32)
    blur = _blurring()
    cells = np.einsum("yi,xj,ijc->yxc", blur, blur, fine, optimize=True)
    mean = cells.mean(axis=(0, 1))
    cells -= mean
    scale = 127 / max(np.abs(cells).max(), 1e-6)
    found = np.zeros((), LOOK)
    found["bits"] = np.packbits(perceptual_hash(fine @ _LUMA))
    found["centre"] = (
        (left + right) / 2 / image.width,
        (top + bottom) / 2 / image.height,
    )
    found["mean"] = mean
    found["spread"] = np.sqrt(np.mean(cells**2))
    found["cells"] = np.rint(cells * scale)
    return found


def _find_window(image):
    """Returns the box of a small thing on a plain ground, else of all.

    Of a ring on white paper, 32 cells across the paper show a dot, and all
    dots are alike. The window is as wide as the thing spreads, so a crop of the
    photo, or its brightness, hardly moves it.
    """
    small = image.reduce(max(min(image.size) // _FINEST, 1))
    values = np.asarray(small, np.int16)
    edge = np.concatenate(
        [values[0], values[-1], values[:, 0], values[:, -1]], axis=0
    )
    apart = np.abs(values - np.median(edge, axis=0)).max(axis=2)
    apart = np.maximum(apart - _GROUND * apart.max(), 0)
    total = apart.sum()
    box = (0, 0, image.width, image.height)
    if not total:
        return box
    window = []
    for axis, side in enumerate((image.width, image.height)):
        weights = apart.sum(axis=axis) / total
        places = (np.arange(len(weights)) + 0.5) / len(weights)
        centre = weights @ places
        reach = _REACH * np.sqrt(weights @ (places - centre) ** 2)
        window.append((centre, reach, side))
    reach = max(max(reach for _, reach, _ in window), _LEAST_REACH)
    if reach > _MOST_REACH:
        return box
    near = [max((c - reach) * side, 0) for c, _, side in window]
    far = [min((c + reach) * side, side) for c, _, side in window]
    return (*near, *far)


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
