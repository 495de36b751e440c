"""A small thing on a plain ground: where it is, and the colours of both."""

import numpy as np
from PIL import Image

_SIDE = 128  # Pixels in which the thing is found.
_GROUND = 0.25  # Of the strongest difference from the photo's edge.
_LEAST_CONTRAST = 6.0  # Gray levels; dust and noise have less.
_REACH = 2.2  # Standard deviations of a thing to each side.
# Of a photo's sides: nothing smaller is looked at, nor larger things alone.
_LEAST_REACH = 0.15
_MOST_REACH = 0.3
WHOLE = (0.0, 0.0, 1.0, 1.0)


def find(image):
    """Finds a small thing on a plain ground.

    Of a ring on white paper, 32 cells across the paper show a dot, and all
    dots are alike. The window is as wide as the thing spreads, so a crop of the
    photo, or its brightness, hardly moves it.

    Args:
        image: `PIL.Image.Image`, RGB.

    Returns:
        `(window, size, colours)`: left, top, right and bottom of what to look
        at, in shares of the sides, `WHOLE` if there is no such thing; its
        standard deviation, likewise, 0 if there is none; float array, shape
        `(2, 3)`, the colours of the ground and of the thing, gray levels.
    """
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    values = np.asarray(small, np.float32)
    edge = np.concatenate(
        [values[0], values[-1], values[:, 0], values[:, -1]], axis=0
    )
    ground = np.median(edge, axis=0)
    apart = np.abs(values - ground.astype(np.float32))
    apart = np.maximum(np.maximum(apart[..., 0], apart[..., 1]), apart[..., 2])
    apart = np.maximum(apart - _GROUND * apart.max(), 0)
    nothing = WHOLE, 0.0, np.zeros((2, 3))
    if apart.max() < _LEAST_CONTRAST:
        return nothing
    axes = []
    for axis in (0, 1):
        weights = apart.sum(axis=axis) / apart.sum()
        places = (np.arange(len(weights)) + 0.5) / len(weights)
        centre = weights @ places
        axes.append((centre, np.sqrt(weights @ (places - centre) ** 2)))
    size = max(spread for _, spread in axes)
    reach = max(_REACH * size, _LEAST_REACH)
    if reach > _MOST_REACH:
        return nothing
    near = [max(centre - reach, 0) for centre, _ in axes]
    far = [min(centre + reach, 1) for centre, _ in axes]
    # The middle of lines is purer than their blurred edges.
    weights = apart.ravel() ** 2
    thing = weights @ values.reshape(-1, 3) / weights.sum()
    return (*near, *far), size, np.stack([ground, thing])
