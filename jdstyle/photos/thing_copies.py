"""Whether two photos of a small thing on a plain ground are copies.

Little tells small things apart, so each difference must be one that copying
makes: at the same place it may be brighter, darker or scaled; elsewhere it must
be cropped, as much larger as it has moved, and of the same colours.
"""

import numpy as np

from jdstyle.photos import comparison
from jdstyle.photos import tones

_LEAST = 0.96  # Correlation of the aligned windows.
# In shares of the sides and of the size: what is still at its place.
_STILL = 0.0022
_SAME_SIZE = 0.04
# A crop of 5 % makes a thing 5 % larger and moves it by half of that at most.
MOST_GROWTH = 0.075
MOST_MOVED = 0.05
_MOVED_PER_GROWTH = 0.55
_MOVED = 0.004
# Between the pixels of a thing before and after a crop, and between sides of
# one length.
_SAME_PIXELS = 0.02
_SAME_SIDE = 0.003
_SAME_COLOUR = 9.0  # Gray levels.
# Of what a thing takes from its ground in all.
_MOST_LOST = 0.1
# A scaled copy: sides that differ by so much; thin lines are paler, and their
# colour is that of their surroundings in part.
_SCALED = np.log(1.25)
_LEAST_FADE, _MOST_FADE = np.log(0.8), np.log(2)
_LEAST_COSINE = 0.98
_MOST_LOST_SCALED = 0.18
_SAME_SIZE_SCALED = 0.02


def are_one_thing(first, second, distance):
    """Whether pairs of photos of small things are copies.

    Args:
        first: array of dtype `looks.LOOK`, shape `(n,)`, `size` above 0.
        second: likewise.
        distance: not used: hashes of so little differ by chance.

    Returns:
        bool array, shape `(n,)`.
    """
    del distance
    correlation, shift, _ = comparison.align(first["cells"], second["cells"])
    centres = [
        photo["window"].reshape(-1, 2, 2).mean(axis=1)
        for photo in (first, second)
    ]
    moved = np.abs(centres[0] - centres[1]).max(axis=1)
    growth = np.log(second["size"] / first["size"])
    still = (moved <= _STILL) & (np.abs(growth) <= _SAME_SIZE)
    lost = _lost(first, second)
    recoloured = (
        tones.curve_errors(first["colours"], second["colours"]) <= _SAME_COLOUR
    )
    scaled = (
        _may_be_scaled(first, second)
        & (lost <= _MOST_LOST_SCALED)
        & (np.abs(growth) <= _SAME_SIZE_SCALED)
    )
    cropped = (
        _may_be_cropped(first, second, growth)
        & (moved <= _MOVED_PER_GROWTH * np.abs(growth) + _MOVED)
        & (lost <= _MOST_LOST)
    )
    return (
        (correlation >= _LEAST)
        & (shift <= comparison.MAX_SHIFT)
        & ((still & (recoloured | scaled)) | cropped)
    )


def _may_be_cropped(first, second, growth):
    colours = np.abs(first["colours"] - second["colours"]).max(axis=(1, 2))
    longer = np.log(second["side"] / first["side"])
    # A crop leaves the thing its pixels, unless all are scaled to one side.
    return (
        (colours <= _SAME_COLOUR)
        & (np.abs(growth) <= MOST_GROWTH)
        & (
            (np.abs(growth + longer) <= _SAME_PIXELS)
            | (np.abs(longer) <= _SAME_SIDE)
        )
    )


def _may_be_scaled(first, second):
    longer = np.log(second["side"] / first["side"])
    grounds = np.abs(first["colours"][:, 0] - second["colours"][:, 0])
    things = [
        photo["colours"][:, 1] - photo["colours"][:, 0]
        for photo in (first, second)
    ]
    lengths = [
        np.maximum(np.linalg.norm(thing, axis=1), 1e-6) for thing in things
    ]
    fade = np.log(lengths[1] / lengths[0]) * np.sign(longer)
    cosine = np.sum(things[0] * things[1], axis=1) / (lengths[0] * lengths[1])
    return (
        (np.abs(longer) >= _SCALED)
        & (grounds.max(axis=1) <= comparison.SAME_COLOUR)
        & (fade >= _LEAST_FADE)
        & (fade <= _MOST_FADE)
        & (cosine >= _LEAST_COSINE)
    )


def _lost(first, second):
    """How much of what a thing takes from its ground differs, as a share.

    Scaling blurs a line and makes it paler, but not the sum over all of it.
    """
    one, other = _taken(first), _taken(second)
    whole = np.linalg.norm(one + other, axis=1) / 2
    return np.abs(one - other).max(axis=1) / np.maximum(whole, 1e-6)


def _taken(photos):
    """What a thing takes from its ground, for a thing of one size, `(n, 3)`."""
    cells = photos["cells"]
    edge = np.concatenate(
        [cells[:, 0], cells[:, -1], cells[:, :, 0], cells[:, :, -1]], axis=1
    ).mean(axis=1)
    sides = photos["window"][:, 2:] - photos["window"][:, :2]
    area = sides.prod(axis=1) / photos["size"] ** 2
    return edge * (comparison.scales(photos) * area)[:, np.newaxis]
