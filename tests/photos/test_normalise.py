"""Tests for `jdstyle.photos.normalise`."""

import concurrent.futures
import io
import os
import struct
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from PIL import ImageFile

from jdstyle.photos import files
from jdstyle.photos import kinds
from jdstyle.photos import looks
from jdstyle.photos import normalise

pillow_heif.register_heif_opener()  # To write HEIC.
BAD_IMAGES = Path(__file__).parents[3] / "shared" / "data" / "bad_images"
RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 160, 0), (0, 0, 255), (0, 0, 0)


def encode(image, kind="PNG", **kwargs):
    file = io.BytesIO()
    image.save(file, kind, **kwargs)
    return file.getvalue()


def pixels(photo):
    """Decodes what is stored, checking that it is what `Photo` says."""
    image = Image.open(io.BytesIO(photo.jpeg))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert image.size == (photo.width, photo.height)
    return np.asarray(image).astype(int)


def color_at(photo, x, y):
    """Mean color of 5 x 5 pixels around a place given in shares of the size."""
    row, column = int(y * photo.height), int(x * photo.width)
    around = pixels(photo)[row - 2 : row + 3, column - 2 : column + 3]
    return around.mean(axis=(0, 1))


def corners():
    """A 96 x 64 picture, its quarters red, green / blue, black."""
    image = Image.new("RGB", (96, 64))
    image.paste(RED, (0, 0, 48, 32))
    image.paste(GREEN, (48, 0, 96, 32))
    image.paste(BLUE, (0, 32, 48, 64))
    return image


def scene(seed=0, size=(600, 400)):
    """A made photo: rectangles of all kinds and some noise."""
    rng = np.random.default_rng(seed)
    values = np.full((size[1], size[0], 3), 200.0)
    for _ in range(25):
        x, y = rng.integers(0, size[0]), rng.integers(0, size[1])
        values[y : y + size[1] // 4, x : x + size[0] // 5] = rng.integers(
            0, 256, 3
        )
    values += rng.normal(0, 6, values.shape)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def reason(data):
    with pytest.raises(normalise.PhotoError) as caught:
        normalise.normalise(data)
    return str(caught.value)


def png(width, height, bits, color_type, rows=b"", chunks=()):
    """Writes a PNG by hand, with any claim in its header."""

    def chunk(name, body):
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(name, body) for name, body in [*parts, (b"IEND", b"")]
    )


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "HEIF"]
)
def test_any_format_by_its_content(kind):
    photo = normalise.normalise(encode(corners(), kind))
    assert (photo.width, photo.height) == (96, 64)
    # JPEG and GIF's palette move colors a little.
    np.testing.assert_allclose(color_at(photo, 0.25, 0.25), RED, atol=12)
    np.testing.assert_allclose(color_at(photo, 0.75, 0.25), GREEN, atol=12)
    np.testing.assert_allclose(color_at(photo, 0.25, 0.75), BLUE, atol=12)
    np.testing.assert_allclose(color_at(photo, 0.75, 0.75), BLACK, atol=12)


@pytest.mark.parametrize(
    "size, stored",
    [
        ((640, 640), (320, 320)),
        ((1000, 500), (640, 320)),  # 500 -> 320 is 0.64.
        ((500, 1000), (320, 640)),
        ((100, 80), (100, 80)),  # Never enlarged.
        ((319, 900), (319, 900)),
        ((16, 3000), (16, 3000)),
        ((5000, 321), (4984, 320)),  # 5000 * 320 / 321 = 4984.4.
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_short_side(kind, size, stored):
    photo = normalise.normalise(encode(Image.new("RGB", size), kind))
    assert (photo.width, photo.height) == stored


def test_another_short_side():
    data = encode(Image.new("RGB", (400, 200)), "JPEG")
    photo = normalise.normalise(data, short_side=50)
    assert (photo.width, photo.height) == (100, 50)
    with pytest.raises(ValueError, match="`short_side` must be at least 16"):
        normalise.normalise(data, short_side=15)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_scales_without_aliasing(kind):
    # Black and white columns, one pixel each: scaled to a third they are even
    # gray; taking every third pixel would leave them black and white.
    columns = np.zeros((960, 960), np.uint8)
    columns[:, ::2] = 255
    photo = normalise.normalise(encode(Image.fromarray(columns), kind))
    inner = pixels(photo)[10:-10, 10:-10]
    assert photo.width == 320
    assert abs(inner.mean() - 127.5) < 3 and inner.std() < 12


# What lies at the upper left, upper right, lower left and lower right after
# turning upright the picture whose stored quarters are red, green / blue,
# black. EXIF names where the stored first row and first column belong.
UPRIGHT = {
    1: (RED, GREEN, BLUE, BLACK),
    2: (GREEN, RED, BLACK, BLUE),  # First column is the right side.
    3: (BLACK, BLUE, GREEN, RED),  # First row the bottom, column the right.
    4: (BLUE, BLACK, RED, GREEN),  # First row the bottom.
    5: (RED, BLUE, GREEN, BLACK),  # First row the left side, column the top.
    6: (BLUE, RED, BLACK, GREEN),  # First row the right side, column the top.
    7: (BLACK, GREEN, BLUE, RED),  # First row right, first column bottom.
    8: (GREEN, BLACK, RED, BLUE),  # First row the left side, column the bottom.
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_turns_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Bytes: of an object the writer of HEIC does not read the orientation.
    data = encode(corners(), kind, exif=exif.tobytes())
    photo = normalise.normalise(data)
    turned = orientation >= 5
    assert (photo.width, photo.height) == ((64, 96) if turned else (96, 64))
    places = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]
    for place, color in zip(places, UPRIGHT[orientation], strict=True):
        np.testing.assert_allclose(color_at(photo, *place), color, atol=12)


def test_the_containers_orientation_counts_not_its_exif():
    """HEIC turns by a box of its own; EXIF only repeats it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(corners(), "HEIF", exif=exif)  # Writes no such box.
    assert b"irot" not in data
    photo = normalise.normalise(data)
    assert (photo.width, photo.height) == (96, 64)


# Pytest undoes the filter that photos.py sets.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage that is no TIFF",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        # One entry, orientation, of type text instead of a number.
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x02\0\0\0x\0\0\0\0\0\0\0",
        # Orientation 9, which does not exist.
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0\0\0\0\0",
    ],
)
def test_malformed_exif_counts_as_none(exif):
    photo = normalise.normalise(encode(corners(), "JPEG", exif=exif))
    assert (photo.width, photo.height) == (96, 64)
    np.testing.assert_allclose(color_at(photo, 0.25, 0.25), RED, atol=12)


def test_keeps_no_metadata():
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    data = encode(
        corners(), "JPEG", exif=exif, comment=b"secret word", progressive=True
    )
    assert b"secret" in data
    photo = normalise.normalise(data)
    assert b"secret" not in photo.jpeg and b"Exif" not in photo.jpeg
    # SOF0: baseline; SOF2 would be progressive.
    assert b"\xff\xc0" in photo.jpeg and b"\xff\xc2" not in photo.jpeg


def ramp_image(mode):
    """64 x 32, rising from 0 at the left to the mode's maximum."""
    maximum = 255 if mode == "L" else 65535
    values = np.linspace(0, maximum, 64).round()
    dtype = {"L": np.uint8, "I;16": np.uint16}[mode]
    return Image.fromarray(np.tile(values, (32, 1)).astype(dtype))


def test_scales_16_bit_gray():
    wide = pixels(normalise.normalise(encode(ramp_image("I;16"))))
    narrow = pixels(normalise.normalise(encode(ramp_image("L"))))
    # Clipped, all columns but the first would be white.
    assert np.abs(wide - narrow).max() <= 3
    np.testing.assert_allclose(wide[16, :, 0], np.linspace(0, 255, 64), atol=4)


def test_scales_16_bit_rgb():
    # 0x8000 of 0xffff is half: 128.
    row = b"\0" + struct.pack(">HHH", 0x8000, 0xFFFF, 0) * 20
    photo = normalise.normalise(png(20, 20, 16, 2, row * 20))
    np.testing.assert_allclose(color_at(photo, 0.5, 0.5), (128, 255, 0), atol=3)


@pytest.mark.parametrize("bits", [10, 12])
def test_scales_heic_of_more_bits(bits, monkeypatch):
    values = np.linspace(0, 65535, 64).round().astype(np.uint16)
    pixels_16 = np.broadcast_to(values[None, :, None], (64, 64, 3))
    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", bits == 12)
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (64, 64), pixels_16.tobytes()).save(
        file, quality=-1
    )
    photo = normalise.normalise(file.getvalue())
    row = pixels(photo)[16, :, 1]
    np.testing.assert_allclose(row, np.linspace(0, 255, 64), atol=5)


def test_takes_the_main_picture_of_a_heic_file():
    file = io.BytesIO()
    pictures = [Image.new("RGB", (32, 32), colour) for colour in (RED, BLUE)]
    pictures[0].save(
        file,
        "HEIF",
        save_all=True,
        append_images=pictures[1:],
        primary_index=1,
    )
    photo = normalise.normalise(file.getvalue())
    np.testing.assert_allclose(color_at(photo, 0.5, 0.5), BLUE, atol=6)


def test_a_thumbnail_in_a_heic_file_does_not_count(monkeypatch):
    """It may be of another picture; and it is coarse."""
    image = pillow_heif.from_pillow(scene(size=(320, 240)))
    image.info["thumbnails"] = [200]
    file = io.BytesIO()
    image.save(file)
    loaded = []
    real = pillow_heif.HeifImageFile.draft
    monkeypatch.setattr(
        pillow_heif.HeifImageFile,
        "draft",
        lambda *args: loaded.append(args) or real(*args),
    )
    photo = normalise.normalise(file.getvalue(), short_side=90)
    assert (photo.width, photo.height) == (120, 90) and not loaded


def test_without_its_extra_heic_says_what_to_install(monkeypatch):
    monkeypatch.setattr(kinds, "_import_heic", lambda: None)
    why = reason(encode(corners(), "HEIF"))
    assert why == (
        "a HEIC photo, which takes the extra heif: pip install pillow-heif"
    )
    monkeypatch.setattr(kinds.AvifImagePlugin, "SUPPORTED", False)
    assert "which this Pillow was built without" in reason(
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"
    )


def half_transparent(mode):
    """48 x 48, the left half black and opaque, the right transparent."""
    image = Image.new("RGBA", (48, 48), (0, 0, 0, 255))
    image.paste((90, 0, 0, 0), (24, 0, 48, 48))
    return image.convert(mode)


def transparent_files():
    black_and_gray = [b"\0" + b"\0" * 24 + b"\x64" * 24] * 48
    gray = b"".join(black_and_gray)
    gray_16 = b"".join([b"\0" + b"\0\0" * 24 + b"\x64\x64" * 24] * 48)
    rgb = b"".join([b"\0" + b"\0\0\0" * 24 + b"\x64\x64\x64" * 24] * 48)
    rgb_16 = b"".join([b"\0" + b"\0" * 6 * 24 + b"\x64\x64" * 3 * 24] * 48)
    one_bit = b"".join([b"\0" + b"\0" * 3 + b"\xff" * 3] * 48)
    yield "rgba", encode(half_transparent("RGBA"))
    yield "gray-alpha", encode(half_transparent("LA"))
    yield "webp", encode(half_transparent("RGBA"), "WEBP", lossless=True)
    palette = Image.new("P", (48, 48), 0)
    palette.putpalette([0, 0, 0, 90, 0, 0])
    palette.paste(1, (24, 0, 48, 48))
    yield "palette", encode(palette, transparency=1)
    yield "palette-alpha", encode(palette, transparency=b"\xff\x00")
    yield "gif", encode(palette, "GIF", transparency=1)
    for name, bits, kind, rows, key in [
        ("gray-key", 8, 0, gray, b"\0\x64"),
        ("gray-16-key", 16, 0, gray_16, b"\x64\x64"),
        ("one-bit-key", 1, 0, one_bit, b"\0\x01"),
        ("rgb-key", 8, 2, rgb, b"\0\x64" * 3),
        ("rgb-16-key", 16, 2, rgb_16, b"\x64\x64" * 3),
    ]:
        yield name, png(48, 48, bits, kind, rows, [(b"tRNS", key)])


@pytest.mark.parametrize(
    "data", [pytest.param(data, id=name) for name, data in transparent_files()]
)
def test_transparent_becomes_white(data):
    photo = normalise.normalise(data)
    np.testing.assert_allclose(color_at(photo, 0.25, 0.5), BLACK, atol=6)
    np.testing.assert_allclose(color_at(photo, 0.8, 0.5), [255] * 3, atol=6)


def test_half_opacity_mixes_with_white():
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 102))
    photo = normalise.normalise(encode(image))
    # 102 of 255 is 0.4: 0.4 * 0 + 0.6 * 255 = 153.
    np.testing.assert_allclose(color_at(photo, 0.5, 0.5), [153] * 3, atol=3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_modes_become_rgb(mode):
    image = Image.new("RGB", (32, 32), "white")
    image.paste(BLACK, (0, 0, 16, 32))
    kind = "JPEG" if mode == "CMYK" else "PNG"
    photo = normalise.normalise(encode(image.convert(mode), kind))
    np.testing.assert_allclose(color_at(photo, 0.25, 0.5), BLACK, atol=6)
    np.testing.assert_allclose(color_at(photo, 0.75, 0.5), [255] * 3, atol=6)


def test_cmyk_colors():
    data = encode(corners().convert("CMYK"), "JPEG")
    assert Image.open(io.BytesIO(data)).mode == "CMYK"
    np.testing.assert_allclose(
        color_at(normalise.normalise(data), 0.25, 0.25), RED, atol=12
    )


def test_first_frame_of_an_animation():
    first = Image.new("RGB", (32, 32), RED)
    second = Image.new("RGB", (32, 32), BLUE)
    for kind in ("GIF", "WEBP", "PNG", "AVIF", "HEIF"):
        data = encode(first, kind, save_all=True, append_images=[second])
        photo = normalise.normalise(data)
        np.testing.assert_allclose(color_at(photo, 0.5, 0.5), RED, atol=6)


def damaged(data):
    """Overwrites the middle of a file."""
    middle = len(data) // 2
    return data[:middle] + b"\xa5" * 40 + data[middle + 40 :]


@pytest.mark.parametrize(
    "data, why",
    [
        (b"", "empty file"),
        (b"<!DOCTYPE html><html>Not found</html>", "an HTML or XML page"),
        (b"\xef\xbb\xbf\n <html></html>", "an HTML or XML page"),
        (b"Access denied\n", "text, not a photo"),
        (b"\x00\x01\x02\x03" * 20, "not a JPEG, PNG, WebP, GIF, BMP, AVIF or"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "not a JPEG, PNG, WebP, GIF, BMP, AVIF or"),
        (
            encode(scene(), "TIFF"),
            "a TIFF file; read are JPEG, PNG, WebP, GIF,",
        ),
        (b"BMW and others\n", "text, not a photo"),
        (b"\xff\xd8\xff", "broken JPEG: "),
        (b"GIF89a", "broken GIF: "),
        (b"BM\0", "broken BMP: "),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "broken WEBP: "),
        (encode(scene(), "JPEG")[:-2000], "broken JPEG: image file is trunc"),
        (encode(scene(), "PNG")[:-2000], "broken PNG: image file is trunc"),
        (encode(scene(), "WEBP")[:-2000], "broken WEBP: "),
        (encode(scene(), "BMP")[:-2000], "broken BMP: image file is trunc"),
        (encode(scene(), "AVIF")[:-2000], "broken AVIF: "),
        (encode(scene(), "HEIF")[:-2000], "broken HEIF: "),
        (damaged(encode(scene(), "PNG")), "broken PNG: "),
        (encode(Image.new("RGB", (1, 1))), "1 x 1 pixels, a side is under 16"),
        (encode(Image.new("RGB", (2000, 3))), "2000 x 3 pixels, a side is un"),
        (encode(Image.new("RGB", (15, 90)), "JPEG"), "15 x 90 pixels, a side"),
    ],
)
def test_refuses(data, why):
    assert reason(data).startswith(why)
    assert "\n" not in reason(data)


def test_half_a_jpeg_whatever_its_kind():
    for progressive in (False, True):
        data = encode(scene(), "JPEG", progressive=progressive)
        assert "truncated" in reason(data[: len(data) // 2])


def claiming_webp(width, height):
    # The frames of an animation may be smaller than its canvas.
    frames = {"save_all": True, "append_images": [scene(1)]}
    data = bytearray(encode(scene(), "WEBP", **frames))
    data[24:27] = (width - 1).to_bytes(3, "little")
    data[27:30] = (height - 1).to_bytes(3, "little")
    return bytes(data)


def claiming_bmp(width, height):
    data = bytearray(encode(scene(), "BMP"))
    struct.pack_into("<ii", data, 18, width, height)
    return bytes(data)


def claiming(kind, width, height):
    """AVIF and HEIC: `ispe` says how large a picture is."""
    data = bytearray(encode(Image.new("RGB", (64, 64)), kind))
    place = data.find(b"ispe")
    while place >= 0:
        struct.pack_into(">II", data, place + 8, width, height)
        place = data.find(b"ispe", place + 4)
    return bytes(data)


def claiming_gif(width, height):
    data = bytearray(encode(scene(), "GIF"))
    struct.pack_into("<HH", data, 6, width, height)
    return bytes(data)


def claiming_jpeg(width, height):
    data = bytearray(encode(scene(), "JPEG"))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


LARGE_CLAIMS = {
    "png": png(20_000, 20_000, 8, 2, bytes(1000)),
    # 5,000 pixels too many.
    "png-just-over": png(10_001, 5_000, 8, 2, bytes(1000)),
    "jpeg": claiming_jpeg(20_000, 20_000),
    "gif": claiming_gif(6_000, 10_000),
    "bmp": claiming_bmp(20_000, 20_000),
    "webp": claiming_webp(6_000, 10_000),
    "avif": claiming("AVIF", 6_000, 10_000),
    "heic": claiming("HEIF", 6_000, 10_000),
}


@pytest.mark.parametrize("data", LARGE_CLAIMS.values(), ids=LARGE_CLAIMS)
def test_refuses_large_claims_before_decoding(data, monkeypatch):
    decoded = []
    monkeypatch.setattr(
        ImageFile.ImageFile, "load", lambda image: decoded.append(image)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        why = reason(data)
    most = "100,000,000" if data[:1] == b"\xff" else "50,000,000"
    assert why.startswith("claims ") and why.endswith(f"more than {most}")
    assert not decoded


@pytest.mark.timed
@pytest.mark.parametrize("data", LARGE_CLAIMS.values(), ids=LARGE_CLAIMS)
def test_refuses_large_claims_fast(data):
    start = time.process_time()
    reason(data)
    assert time.process_time() - start < 0.2


@pytest.mark.long
def test_huge_claim_takes_no_memory():
    # In a process of its own: the peak of this one may be high already.
    program = (
        "import resource, sys\n"
        "from jdstyle.photos import normalise\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "try:\n"
        "    normalise.normalise(sys.stdin.buffer.read())\n"
        "except normalise.PhotoError as error:\n"
        "    print(peak() - before)\n"
    )
    for data in (
        png(20_000, 20_000, 8, 2, bytes(1000)),
        claiming_webp(12_000, 10_000),
    ):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            input=data,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            check=True,
        ).stdout
        # In KiB; decoded, they would take 1.2 GB and 480 MB.
        assert int(printed) < 50_000


def test_large_photo_under_the_limit_without_a_warning():
    # 9,500 x 10,000 = 95 megapixels, above Pillow's own limit of 89.
    data = encode(Image.new("L", (9500, 10_000), 128), "JPEG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        photo = normalise.normalise(data)
    # 10000 * 320 / 9500 = 336.8
    assert (photo.width, photo.height) == (320, 337)


def test_decoders_errors_become_reasons(monkeypatch):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", fail)
    assert reason(encode(scene(), "JPEG")) == "broken JPEG: MemoryError"


def test_random_damage_raises_nothing_else():
    rng = np.random.default_rng(1)
    image = scene(size=(80, 60))
    outcomes = {"stored": 0, "refused": 0}
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        whole = np.frombuffer(encode(image, kind), np.uint8)
        for _ in range(60):
            data = whole.copy()
            # Headers are where decoders trip.
            places = rng.integers(4, min(len(data), 400), 6)
            data[places] = rng.integers(0, 256, 6)
            try:
                normalise.normalise(data.tobytes())
                outcomes["stored"] += 1
            except normalise.PhotoError:
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 20


def test_threads_agree():
    photos = [encode(scene(seed), "JPEG") for seed in range(4)] * 5
    alone = [normalise.normalise(data) for data in photos]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(normalise.normalise, photos))
    assert [p.jpeg for p in together] == [p.jpeg for p in alone]


def test_large_photos_come_one_by_one(monkeypatch):
    inside, most = [], []
    real = normalise._normalise

    def watched(*args):
        inside.append(1)
        most.append(len(inside))
        photo = real(*args)
        inside.pop()
        return photo

    monkeypatch.setattr(normalise, "_normalise", watched)
    photos = [encode(scene(seed)) for seed in range(4)] * 5

    def most_at_a_time():
        most.clear()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(normalise.normalise, photos))
        return max(most)

    assert most_at_a_time() > 1
    # A PNG of 600 x 400 pixels takes 13 bytes for each: 3,120,000.
    monkeypatch.setattr(normalise, "_LARGE", 3_119_999)
    assert most_at_a_time() == 1


def test_files_that_are_too_large_or_no_files(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(encode(scene(), "JPEG"))
    data, status = files.read_file(tmp_path / "a.jpg")
    assert len(data) == status.st_size
    monkeypatch.setattr(files, "MAX_BYTES", len(data) - 1)
    with pytest.raises(
        normalise.PhotoError, match=f"^{len(data):,} bytes, more"
    ):
        files.read_file(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")  # Reading it would wait for a writer.
    for name in ("pipe.jpg", "."):
        with pytest.raises(normalise.PhotoError, match="not a file"):
            files.read_file(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        files.read_file(tmp_path / "b.jpg")


def distance(photo, other):
    bits = np.unpackbits(np.stack([photo.look["bits"], other.look["bits"]]), 1)
    return int(np.sum(bits[0] != bits[1]))


def test_hash_is_alike_for_copies_only():
    originals = [scene(seed) for seed in range(6)]
    hashed = [normalise.normalise(encode(image)) for image in originals]
    assert hashed[0].look.dtype == looks.LOOK and not hashed[0].look.shape
    for image, photo in zip(originals, hashed, strict=True):
        half = image.resize((300, 200), Image.Resampling.BICUBIC)
        for copy in (
            encode(image, "JPEG", quality=50),
            encode(half, "JPEG", quality=75),
            encode(image.point(lambda v: v * 0.95 + 5), "WEBP"),
        ):
            assert distance(photo, normalise.normalise(copy)) <= 24
    # Independent bits differ in 128 of 255, +- 8; low frequencies are not
    # quite independent.
    others = [distance(hashed[0], other) for other in hashed[1:]]
    assert min(others) > 60


def test_noise_does_not_change_the_hash_of_a_plain_background():
    rng = np.random.default_rng(0)
    values = np.full((400, 400, 3), 250.0)
    values[150:250, 150:250] = 40
    plain = normalise.normalise(
        encode(Image.fromarray(values.astype(np.uint8)))
    )
    noisy = (values + rng.normal(0, 3, values.shape)).clip(0, 255)
    noisy = Image.fromarray(noisy.astype(np.uint8))
    photo = normalise.normalise(encode(noisy, "JPEG", quality=60))
    assert distance(plain, photo) <= 6


@pytest.mark.timed
def test_speed():
    data = encode(scene(size=(800, 800)), "JPEG", quality=90)
    normalise.normalise(data)
    start = time.thread_time()
    for _ in range(20):
        normalise.normalise(data)
    # At least 80 photos per core-second; measured 230 to 390.
    assert 20 / (time.thread_time() - start) > 80


# What bad_images/README.md asks of a robust loader: the stored size, or why
# it is refused.
EXPECTED = {
    "01_cmyk.jpg": (100, 100),
    "02_truncated.jpg": "truncated",
    "03_exif_rot6.jpg": (128, 128),
    "04_exif_rot5.jpg": (128, 128),
    "05_gray.jpg": (128, 128),
    "06_bad_exif.jpg": (320, 320),  # 500 x 500.
    "07_exif_typeerror.jpg": (482, 320),  # 800 x 531: 800 * 320 / 531 = 482.1.
    "08_truncated_exif.jpg": (320, 427),  # 480 x 640.
    "09_junk_header.jpg": (427, 320),  # 1024 x 768.
    "10_ff00_header.jpg": (300, 225),
    "11_16bit_rgb.png": (128, 64),
    "12_rgba.png": (162, 150),
    "13_palette_trns.png": (64, 64),
    "14_gray_alpha.png": (128, 128),
    "15_truncated.png": "truncated",
    "16_broken_stream.png": "unrecognized data stream",
    "17_broken.png": "broken PNG file",
    "18_animated.gif": (100, 100),
    "19_bomb.gif": "4364696535 pixels",
    "20_zero_width.gif": "broken GIF",
}
needs_bad_images = pytest.mark.skipif(
    not BAD_IMAGES.is_dir(),
    reason="needs the real odd files in ../shared/data/bad_images",
)


# Pytest undoes the filter that photos.py sets.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@needs_bad_images
@pytest.mark.parametrize("name", EXPECTED)
def test_real_odd_files(name):
    data = (BAD_IMAGES / name).read_bytes()
    if isinstance(EXPECTED[name], str):
        assert EXPECTED[name] in reason(data)
    else:
        photo = normalise.normalise(data)
        assert pixels(photo).shape == (*EXPECTED[name][::-1], 3)


@needs_bad_images
def test_real_turned_photos_are_upright():
    # Both show the same face, once turned, once turned and mirrored.
    upright, mirrored, gray = (
        pixels(normalise.normalise((BAD_IMAGES / name).read_bytes()))
        for name in ("03_exif_rot6.jpg", "04_exif_rot5.jpg", "05_gray.jpg")
    )
    assert np.abs(upright - mirrored).mean() < 3
    # And so does the gray photo, which was never turned.
    shades = upright.mean(axis=2).ravel()
    assert np.corrcoef(shades, gray[..., 0].ravel())[0, 1] > 0.95


def test_a_picture_too_long_for_a_jpeg():
    """A PNG may be as long; what is stored may not."""
    file = io.BytesIO()
    Image.new("L", (65_501, 16)).save(file, "PNG")
    with pytest.raises(
        files.PhotoError, match="65501 x 16 .* over the 65,500 of a"
    ):
        normalise.normalise(file.getvalue())
    # Scaled down, it is no longer too long.
    assert normalise.normalise(file.getvalue(), box=(1, 1, 65_500, 16))
    file = io.BytesIO()
    Image.new("L", (65_502, 32)).save(file, "PNG")
    assert normalise.normalise(file.getvalue(), short_side=16).width == 32_751
