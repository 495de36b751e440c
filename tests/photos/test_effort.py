"""Files that would take minutes, and ordinary ones that look like them."""

import io
import struct
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from jdstyle.photos import decoding
from jdstyle.photos import effort
from jdstyle.photos import headers
from jdstyle.photos import normalise


def encode(kind, size=(64, 48), **options):
    pixels = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3))
    file = io.BytesIO()
    Image.fromarray(pixels.astype("uint8")).save(file, kind, **options)
    return file.getvalue()


def many_scans(number):
    """A progressive JPEG whose last scan is there again and again."""
    file = io.BytesIO()
    gray = Image.new("RGB", (640, 480), "gray")
    gray.save(file, "JPEG", progressive=True)
    data = file.getvalue()
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    return data[:start] + scan * number + data[-2:]


def behind_start(data, more):
    return data[:2] + more + data[2:]


def rle_bmp(width, height, rows=b""):
    palette = bytes(range(256)) * 4
    header = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, 8, 1, 4, 0, 0, 0, 0
    )
    start = 14 + len(header) + len(palette)
    data = rows + b"\x00\x01"  # The end of all.
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start)
    return head + header + palette + data


def gif_of_comments(number):
    data = encode("GIF")
    table = 13 + (3 << (1 + (data[10] & 7)))
    return data[:table] + b"\x21\xfe" + b"\x01c" * number + b"\0" + data[table:]


PROFILE = b"\xff\xe2\xff\xff" + b"x" * 65533  # A segment of one.
BOMBS = {
    "scans": (many_scans(5_000), "5,009 scans, more than 50"),
    "segments": (
        behind_start(encode("JPEG"), b"\xff\xe1\x00\x02" * 1_000_000),
        "more than 5,000 pieces before its picture",
    ),
    "fill bytes": (
        behind_start(encode("JPEG"), b"\xff" * 5_000_000),
        "more than 5,000 pieces before its picture",
    ),
    "junk": (
        behind_start(encode("JPEG"), b"\xff\xd9" + b"x" * 5_000_000),
        "more than 5,000 pieces before its picture",
    ),
    "metadata": (
        behind_start(encode("JPEG"), PROFILE * 600),
        "more than 32,000,000 bytes before its picture",
    ),
    "chunks": (
        encode("PNG")[:8] + (b"\0\0\0\0teSt" + b"\0" * 4) * 1_000_000,
        "more than 50,000 chunks",
    ),
    "comments": (
        gif_of_comments(1_000_000),
        "more than 5,000 pieces before its picture",
    ),
    "run lengths": (
        rle_bmp(7_000, 7_000),
        "claims 49,000,000 pixels, more than 1,080 bytes hold",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_refused_at_once_with_the_reason(name):
    data, reason = BOMBS[name]
    start = time.process_time()
    with pytest.raises(normalise.PhotoError, match=f"^{reason}"):
        normalise.normalise(data)
    assert time.process_time() - start < 1


def test_the_graph_refuses_scans_without_number():
    start = time.process_time()
    with pytest.raises(tf.errors.InvalidArgumentError, match="so many scans"):
        decoding.read_pixels(BOMBS["scans"][0], 32)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("number", [1, 40])
def test_as_many_scans_as_encoders_write_are_read(number):
    data = many_scans(number)
    assert data.count(b"\xff\xda") <= effort.MAX_SCANS == headers.MAX_SCANS
    photo = normalise.normalise(data)
    assert (photo.width, photo.height) == (427, 320)
    assert decoding.read_pixels(data, 640).shape == (480, 640, 3)


@pytest.mark.parametrize(
    "data",
    [
        behind_start(
            encode("JPEG"), (b"\xff\xe2\xff\xff" + b"x" * 65533) * 255
        ),
        behind_start(encode("JPEG"), b"\xff" * 100),
        gif_of_comments(1_000),
        # Runs of 255 and 45 pixels, the end of a line.
        rle_bmp(300, 200, b"\xff\x07\x2d\x08\x00\x00" * 200),
    ],
    ids=["colour profile", "fill bytes", "comments", "run lengths"],
)
def test_ordinary_files_are_read(data):
    assert normalise.normalise(data).width > 16


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_a_file_that_is_cut_off_is_left_to_its_decoder(kind):
    data = encode(kind)
    for end in range(0, min(len(data), 400), 7):
        effort.require_little(data[:end], kind)
