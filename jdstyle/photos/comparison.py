"""Whether two photos are copies, from what they look like."""

import numpy as np

from jdstyle.photos import textures
from jdstyle.photos import tones
from jdstyle.photos.looks import SIDE

# Least correlation of two aligned thumbnails, chosen on real photos.
_LEAST = 0.9895
# Of the squared contrast: most that may differ in one place, a fifth of the
# sides across, as another print on the same shirt does; noise is all over.
_MOST_LOCAL = 0.004
_LOCAL_NOISE = 0.25
_PLACE = 6  # Cells.
# What JPEG and whole gray levels leave of a photo of little contrast: lost
# correlation is at most _NOISE / spread**2. Only near hashes are granted that.
_NOISE = 0.5
_MOST_NOISE = 0.1
_NEAR = 56
MAX_SHIFT = 2.5  # Cells.
_MAX_GAIN = 2.0
# Between the gain of a photo's contrast and that of its mean.
_MAX_GAIN_RATIO = 1.35
_MAX_FADED = 8.0  # Gray levels.
_MAX_TINT = 12.0  # Gray levels.
# Below this spread, in gray levels, noise is all there is to correlate.
FLAT = 1.0
# Photos with less than that are also copies where colours and cells are this
# near, in gray levels; nearer in dark photos.
NEARLY_FLAT = 4.0
SAME_COLOUR = 3.0
_SAME_CELL = 6.0
# Of textures, and what a third of the size leaves of their contrast.
LEAST_WEAVE = 0.7
_LEAST_SHADE = 0.35
_SAME_SHADE = 0.8
_SCALED = np.log(1.25)
_SAME_WEAVE = 6.0  # Gray levels of contrast.
SAME_THREADS = 8.0  # Gray levels.


def are_copies(first, second, distance):
    """Whether pairs of photos with some contrast are copies.

    Args:
        first: array of dtype `looks.LOOK`, shape `(n,)`.
        second: likewise.
        distance: int array, shape `(n,)`, bits in which they differ.

    Returns:
        bool array, shape `(n,)`.
    """
    correlation, shift, local = align(first["cells"], second["cells"])
    spread = first["spread"] * second["spread"]
    noise = np.where(
        distance <= _NEAR, np.minimum(_NOISE / spread, _MOST_NOISE), 0
    )
    gain = np.sqrt(second["spread"] / first["spread"])
    tints = [
        photo["mean"] - photo["mean"].mean(axis=1, keepdims=True)
        for photo in (first, second)
    ]
    # At one gain brighter colours are stronger too, by as much as the rest.
    tint = np.linalg.norm(
        tints[0] * gain[:, np.newaxis] - tints[1] / gain[:, np.newaxis], axis=1
    )
    means = [photo["mean"].mean(axis=1) for photo in (first, second)]
    scaled = np.abs(
        2 * np.log(gain) - np.log((means[1] + 1) / (means[0] + 1))
    ) <= np.log(_MAX_GAIN_RATIO)
    # Contrast is changed about the middle of the gray levels.
    middle = (1 - gain**2) * 127.5
    faded = np.abs(means[1] - gain**2 * means[0] - middle) <= _MAX_FADED
    return (
        (correlation >= _LEAST - noise)
        & (local <= _MOST_LOCAL + _LOCAL_NOISE * noise)
        & (scaled | faded)
        & (shift <= MAX_SHIFT)
        & (np.abs(np.log(gain)) <= np.log(_MAX_GAIN) / 2)
        & (tint <= np.minimum(2 + 0.35 * np.sqrt(spread), _MAX_TINT))
    )


def are_equal(first, second, distance):
    """Whether pairs of photos without contrast are equal, cell by cell."""
    del distance  # Of noise.
    pictures = [
        photo["mean"][:, np.newaxis, np.newaxis]
        + photo["cells"] * scales(photo)[:, np.newaxis, np.newaxis, np.newaxis]
        for photo in (first, second)
    ]
    apart = np.abs(pictures[0] - pictures[1]).max(axis=(1, 2, 3))
    # A dark photo's colours are near each other.
    level = np.maximum(first["mean"], second["mean"]).max(axis=1)
    weaves = first["texture"], second["texture"]
    shades = [textures.contrast(weave) for weave in weaves]
    woven_alike = (np.abs(shades[0] - shades[1]) <= _SAME_WEAVE) & (
        (np.minimum(*shades) < textures.LEAST_CONTRAST)
        | (textures.correlate(*weaves) >= LEAST_WEAVE)
    )
    return woven_alike & (apart <= _SAME_CELL * np.clip(level / 100, 0.1, 1))


def are_woven_alike(first, second, distance):
    """Whether pairs of photos that look the same all over are copies.

    Args:
        first: array of dtype `looks.LOOK`, shape `(n,)`, with `texture`.
        second: likewise.
        distance: not used: a crop moves all threads.

    Returns:
        bool array, shape `(n,)`.
    """
    del distance
    weaves = first["texture"], second["texture"]
    shades = [textures.contrast(weave) for weave in weaves]
    # Scaled down, fine threads are paler.
    gain = np.log(shades[1] / shades[0])
    longer = np.log(second["side"] / first["side"])
    scaled = (np.abs(longer) >= _SCALED) & (gain * longer > 0)
    least = np.where(scaled, _LEAST_SHADE, _SAME_SHADE)
    paler = np.abs(gain) <= -np.log(least)
    paler &= np.abs(first["mean"] - second["mean"]).max(axis=1) <= SAME_COLOUR
    # Which thread is the first is chance.
    errors = np.minimum(
        tones.curve_errors(first["colours"], second["colours"]),
        tones.curve_errors(first["colours"], second["colours"][:, ::-1]),
    )
    return (textures.correlate(*weaves) >= LEAST_WEAVE) & (
        paler | (errors <= SAME_THREADS)
    )


def scales(photos):
    """Returns the gray levels of a cell's unit, shape `(n,)`."""
    cells = photos["cells"].astype(np.float32)
    rms = np.sqrt(np.mean(cells**2, axis=(1, 2, 3)))
    return photos["spread"] / np.maximum(rms, 1e-6)


def align(first, second):
    """Shifts and stretches thumbnails onto each other and correlates them.

    Both are moved half the way: one linear step, least squares.

    Args:
        first: array, shape `(n, side, side, 3)`.
        second: likewise.

    Returns:
        `(correlation, shift, local)`: float arrays of shape `(n,)`; the largest
        of the shifts and stretches, in cells; the most that differs in one
        place, as a share of the squared contrast.

    Source: Lucas and Kanade, "An Iterative Image Registration Technique"
    (1981).
    """
    x, y = _unit_length(first), _unit_length(second)
    downwards, across = np.gradient((x + y) / 2, axis=(1, 2))
    place = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE - 0.5
    moves = np.stack(
        [
            across,
            downwards,
            across * place[:, np.newaxis],
            downwards * place[:, np.newaxis, np.newaxis],
        ],
        axis=-1,
    )
    # At the border differences are one-sided.
    x, y, moves = (a[:, 1:-1, 1:-1] for a in (x, y, moves))
    n = len(x)
    x, y, moves = x.reshape(n, -1), y.reshape(n, -1), moves.reshape(n, -1, 4)
    turned = moves.transpose(0, 2, 1)
    products = turned @ moves
    trace = np.trace(products, axis1=1, axis2=2)[:, np.newaxis, np.newaxis]
    # Where nothing changes along a direction, nothing moves along it.
    products += (1e-4 * trace + 1e-9) * np.eye(4, dtype=np.float32)
    steps = np.linalg.solve(products, turned @ (y - x)[..., np.newaxis])
    half = (moves @ steps)[..., 0] / 2
    x, y = x + half, y - half
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    length = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    correlation = np.sum(x * y, axis=1) / np.maximum(length, 1e-9)
    apart = np.sum(((x - y) ** 2).reshape(n, SIDE - 2, SIDE - 2, 3), axis=3)
    return correlation, np.abs(steps[..., 0]).max(axis=1), _largest_sum(apart)


def _largest_sum(values):
    """Returns the largest sum over a square place, `(n, side, side)` to n."""
    sums = np.cumsum(np.cumsum(values, axis=1), axis=2)
    sums = np.pad(sums, ((0, 0), (1, 0), (1, 0)))
    over = sums[:, _PLACE:] - sums[:, :-_PLACE]
    over = over[:, :, _PLACE:] - over[:, :, :-_PLACE]
    return over.max(axis=(1, 2))


def _unit_length(cells):
    cells = cells.astype(np.float32)
    norm = np.linalg.norm(cells.reshape(len(cells), -1), axis=1)
    return cells / np.maximum(norm, 1)[:, np.newaxis, np.newaxis, np.newaxis]
