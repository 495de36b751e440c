"""Tests for `jdstyle.photos.tones`."""

import numpy as np
import pytest

from jdstyle.photos import tones

COLOURS = np.array([[[40, 90, 200], [230, 250, 120]]], np.float32)


@pytest.mark.parametrize(
    "curve",
    [
        lambda v: v,
        lambda v: v * 0.7,
        lambda v: np.minimum(v * 1.3, 255),
        lambda v: 255 * (v / 255) ** 0.8,
        lambda v: 127.5 + (v - 127.5) * 0.8,
    ],
)
def test_what_an_editor_does_is_a_curve(curve):
    assert tones.curve_errors(COLOURS, curve(COLOURS))[0] <= 5


def test_what_no_editor_does_is_none():
    def error(other):
        return tones.curve_errors(COLOURS, np.float32(other))[0]

    # Half as bright is more than any copy: at 1 / 1.45, 250 becomes 172.
    assert error(COLOURS / 2) == pytest.approx(250 / 1.45 - 125, abs=0.1)
    assert error(COLOURS[..., ::-1]) > 50
    # One colour brighter, the other not.
    assert error(COLOURS + [[[40], [0]]]) > 20
