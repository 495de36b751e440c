"""Tests for `jdstyle.photos.sixteen_bits`: pictures that use fewer bits."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jdstyle.photos import normalise

# By the PNG specification: color type and channels.
TYPES = {"gray": (0, 1), "RGB": (2, 3), "gray-alpha": (4, 2), "RGBA": (6, 4)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4))
ADAM7 += ((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(values, kind, *chunks, interlaced=False):
    """A PNG of 16 bits of the values, shape `(height, width, channels)`."""

    def chunk(name, body):
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    values = np.asarray(values).astype(">u2")
    parts = [values]
    if interlaced:  # Start and step of columns, then of rows.
        parts = [values[y::v, x::h] for x, y, h, v in ADAM7]
    rows = b"".join(b"\0" + row.tobytes() for part in parts for row in part)
    header = struct.pack(
        ">IIBBBBB",
        *(values.shape[1], values.shape[0], 16),
        *(TYPES[kind][0], 0, 0, int(interlaced)),
    )
    named = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(name, body) for name, body in [*named, (b"IEND", b"")]
    )


def ramp(most, kind="gray", opaque=65535):
    """32 x 64, from 0 at the left to `most` at the right, in all colours."""
    row = np.linspace(0, most, 64).round()
    values = np.tile(row[None, :, None], (32, 1, TYPES[kind][1]))
    if kind.endswith(("alpha", "A")):
        values[..., -1] = opaque
    return values


def stored(data):
    """What is stored, as gray: all channels are alike."""
    photo = normalise.normalise(data)
    pixels = np.asarray(Image.open(io.BytesIO(photo.jpeg))).astype(int)
    assert np.ptp(pixels, axis=2).max() <= 2
    return pixels[16, :, 0]


def reason(data):
    with pytest.raises(normalise.PhotoError) as caught:
        normalise.normalise(data)
    return str(caught.value)


def states(bits, kind="gray"):
    return b"sBIT", bytes([bits] * TYPES[kind][1])


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("bits", "times"), [(10, 64), (12, 16), (14, 4)])
def test_fewer_bits_are_refused_with_the_way_out(kind, interlaced, bits, times):
    data = png(ramp(2**bits - 2, kind), kind, interlaced=interlaced)
    why = reason(data)
    assert f"{bits} are used (values up to {2**bits - 2:,} of 65,535)" in why
    assert f"Multiply its values by {times} or save" in why


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_bits_that_the_file_states_scale_it(kind, interlaced, bits):
    values = ramp(2**bits - 1, kind)
    data = png(values, kind, states(bits, kind), interlaced=interlaced)
    np.testing.assert_allclose(stored(data), np.linspace(0, 255, 64), atol=4)


@pytest.mark.parametrize("kind", ["gray-alpha", "RGBA"])
def test_opacity_has_the_bits_of_colours_or_its_own(kind):
    # Half opaque: 0.5 * 1 + 0.5 * (0 to 1) on white.
    half = np.linspace(127.5, 255, 64)
    for opacity in (4095 // 2, 65535 // 2):
        values = ramp(4095, kind, opaque=opacity)
        data = png(values, kind, states(12, kind))
        np.testing.assert_allclose(stored(data), half, atol=4)


@pytest.mark.parametrize("kind", TYPES)
def test_dark_pictures_of_8_bits_stay_dark(kind):
    # Programs scale 8 bits to 16 by 257, or by 256.
    for step in (257, 256):
        values = (ramp(30 * 256, kind) // 256 * step).clip(0, 65535)
        shown = stored(png(values, kind))
        np.testing.assert_allclose(shown, np.linspace(0, 30, 64), atol=4)
    black = ramp(0, kind)
    assert stored(png(black, kind)).max() <= 1


def test_dark_pictures_that_were_scaled_as_the_specification_asks():
    # 12 bits, times 16 and a bit, of which the picture uses a twentieth: not
    # the 12 bits alone, since all are multiples of 16.
    values = ramp(200) * 16
    dark = np.linspace(0, 200 * 16 / 257, 64)
    np.testing.assert_allclose(
        stored(png(values, "gray", states(12))), dark, atol=3
    )
    # A value of more than 12 bits cannot have been stored as it was.
    values = ramp(9001)
    dark = np.linspace(0, 9001 / 257, 64)
    np.testing.assert_allclose(
        stored(png(values, "gray", states(12))), dark, atol=3
    )
    # 16 stated bits say nothing.
    assert "12 are used" in reason(png(ramp(3000), "gray", states(16)))


@pytest.mark.parametrize("kind", TYPES)
def test_a_bright_value_anywhere_leaves_all_as_it_is(kind):
    values = ramp(3000, kind)
    values[:8, :, 0] = 16384  # Of 65,535: 64 of 255.
    photo = normalise.normalise(png(values, kind))
    assert (photo.width, photo.height) == (64, 32)
    values[:8, :, 0] = 16383
    assert "14 are used" in reason(png(values, kind))


def test_a_transparent_value_is_no_bright_one():
    values = ramp(3000)
    values[:, :8] = 65535
    data = png(values, "gray", (b"tRNS", b"\xff\xff"))
    assert "12 are used" in reason(data)
    data = png(values, "gray", states(12), (b"tRNS", b"\xff\xff"))
    pixels = stored(data)
    assert pixels[:6].min() > 250
    assert pixels[32] == pytest.approx(255 * values[0, 32, 0] / 4095, abs=6)
