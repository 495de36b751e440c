"""Whether colours differ as those of copies do: brighter, darker, paler."""

import functools

import numpy as np

# Of brightness, gamma and contrast: at most so many times as much.
_MOST_GAIN = 1.45
_MOST_POWER = 1.3
_MOST_CONTRAST = 1.3
_STEPS = 8  # To each side, of each.
_MIDDLE = 127.5


def curve_errors(first, second):
    """How far colours are from being those of a brighter or darker copy.

    One of the tone curves that an editor offers (brightness, gamma, contrast)
    must lead from all of a picture's colours to those of the other.

    Args:
        first: float array, shape `(n, colours, 3)`, gray levels.
        second: likewise.

    Returns:
        float array, shape `(n,)`: the largest error under the best curve.
    """
    levels = np.rint(first).clip(0, 255).astype(int)
    errors = np.abs(_curves()[:, levels] - second)
    return errors.max(axis=(2, 3)).min(axis=0)


def reach(colours):
    """Says between which gray levels the curves leave colours.

    Args:
        colours: float array of gray levels, any shape.

    Returns:
        `(low, high)`: two float32 arrays of that shape.
    """
    levels = np.rint(colours).clip(0, 255).astype(int)
    return _curves().min(axis=0)[levels], _curves().max(axis=0)[levels]


@functools.cache
def _curves():
    """What becomes of each gray level under each curve, `(curves, 256)`."""
    gray = np.arange(256.0)
    steps = np.arange(-_STEPS, _STEPS + 1)[:, np.newaxis] / _STEPS
    curves = [
        gray * _MOST_GAIN**steps,
        255 * (gray / 255) ** (_MOST_POWER**steps),
        _MIDDLE + (gray - _MIDDLE) * _MOST_CONTRAST**steps,
    ]
    return np.concatenate(curves).clip(0, 255).astype(np.float32)
