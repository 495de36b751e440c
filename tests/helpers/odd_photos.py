"""Odd and broken photo files, made here, and what becomes of each."""

import base64
import io
import pathlib
import struct
import typing
import zlib

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()  # To write HEIC.

# 40 x 32, by jpegtran -arithmetic (libjpeg-turbo 2.1.5).
_ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9"
    "PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhC"
    "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/yQAR"
    "CAAgACgDASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AHL8M8TLq8Ygs5Cc"
    "/p2wBE41vjcKlsNc3ngoCI4Wh259f/d2hSBsbw9tkTtcrjcdsZ2wwxzARqgp9kBnt+VKpR/n"
    "TqCZ/awzgyNWfoQ8k6xu/9k="
)

# Files of decoders' test suites, where they are.
REAL = pathlib.Path(__file__).parents[3] / "shared" / "data" / "bad_images"
# Of those, what the graph refuses: cut off, broken, GIFs.
REAL_REFUSED = ("02", "15", "16", "17", "18", "19", "20")


class Odd(typing.NamedTuple):
    """A file.

    Attributes:
        data: bytes.
        stored: `(width, height)` that `prepare` stores and `predict` scores,
            or how the reason begins why they refuse it.
        decoded: `(height, width)` that the graph decodes, or None where it
            refuses the file.
    """

    data: bytes
    stored: typing.Any
    decoded: typing.Any


def picture(size=(80, 60), mode="RGB"):
    """A smooth picture with an edge."""
    x, y = np.meshgrid(
        np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1])
    )
    pixels = np.stack([x, y, 255 * (x > y)], axis=-1).astype("uint8")
    return Image.fromarray(pixels).convert(mode)


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def animated(kind, mode="RGB", **options):
    second = picture(mode=mode).transpose(Image.Transpose.ROTATE_180)
    return encode(
        picture(mode=mode),
        kind,
        save_all=True,
        append_images=[second],
        **options,
    )


def png_chunk(name, body):
    crc = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + crc


def claiming_png(width, height, num_bytes):
    """A PNG of noise that claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    noise = np.random.default_rng(0).bytes(num_bytes)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(noise))
        + png_chunk(b"IEND", b"")
    )


def twelve_bit_jpeg():
    """A gray 32 x 32 JPEG of 12 bits: every block is one code, "no change"."""

    def segment(marker, body):
        return b"\xff" + marker + struct.pack(">H", len(body) + 2) + body

    one_code = b"\x01" + bytes(15) + b"\x00"
    frame = struct.pack(">BHHB", 12, 32, 32, 1) + b"\x01\x11\x00"
    return b"".join(
        [
            b"\xff\xd8",
            segment(b"\xdb", b"\x00" + b"\x01" * 64),
            segment(b"\xc1", frame),
            segment(b"\xc4", b"\x00" + one_code),
            segment(b"\xc4", b"\x10" + one_code),
            segment(b"\xda", b"\x01\x01\x00\x00\x3f\x00"),
            bytes(4),  # 16 blocks of two codes of one bit.
            b"\xff\xd9",
        ]
    )


def flip_bits(data, num_bits, seed):
    """Flips bits anywhere behind the first 20 bytes."""
    rng = np.random.default_rng(seed)
    flipped = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(20, len(flipped), num_bits)
    flipped[places] ^= np.uint8(1) << rng.integers(0, 8, num_bits, np.uint8)
    return flipped.tobytes()


def good():
    """Returns a dict from a name to a file that all can read."""
    gray_16 = np.arange(80 * 60, dtype="uint16").reshape(60, 80) * 13
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "baseline JPEG": encode(picture(), "JPEG"),
        "progressive JPEG": encode(picture(), "JPEG", progressive=True),
        "JPEG with EXIF": encode(picture((60, 80)), "JPEG", exif=turned),
        "CMYK JPEG": encode(picture(mode="CMYK"), "JPEG"),
        "gray JPEG": encode(picture(mode="L"), "JPEG"),
        "PNG": encode(picture()),
        "PNG with transparency": encode(picture(mode="RGBA")),
        "palette PNG": encode(picture(mode="P"), transparency=3),
        "16-bit PNG": encode(Image.fromarray(gray_16)),
        "animated PNG": animated("PNG"),
        "lossy WebP named .jpg": encode(picture(), "WEBP"),
        "lossless WebP": encode(picture(), "WEBP", lossless=True),
        "WebP with transparency": encode(picture(mode="RGBA"), "WEBP"),
    }


def real_files():
    """Returns the sorted paths of the real files; none where they lack."""
    return sorted(REAL.glob("[0-9]*"))


def kinds():
    """Returns a dict from a name to an `Odd`."""
    halves = {
        f"{kind} cut at half": Odd(data[: len(data) // 2], why, None)
        for kind, why in [
            ("JPEG", "broken JPEG: image file is truncated"),
            ("PNG", "broken PNG: "),
            ("WEBP", "broken WEBP: "),
            ("AVIF", "broken AVIF: "),
            ("HEIF", "broken HEIF: "),
        ]
        for data in [encode(picture((400, 300)), kind)]
    }
    tiff = encode(picture(), "TIFF")
    gray_12 = np.arange(80 * 60, dtype="uint16").reshape(60, 80) % 4096
    return {
        **{n: Odd(data, (80, 60), (60, 80)) for n, data in good().items()},
        # Upright by EXIF for `prepare`, as the file holds it in the graph.
        "JPEG with EXIF": Odd(good()["JPEG with EXIF"], (80, 60), (80, 60)),
        "arithmetic-coded JPEG": Odd(_ARITHMETIC, (40, 32), (32, 40)),
        "12-bit JPEG": Odd(twelve_bit_jpeg(), "broken JPEG: ", None),
        "zero bytes": Odd(b"", "empty file", None),
        "HTML page": Odd(b"<!DOCTYPE html>\n<html>", "an HTML", None),
        "text": Odd(b"Not found\n", "text, not a photo", None),
        "TIFF": Odd(tiff, "a TIFF file; read are JPEG, PNG, WebP, GIF,", None),
        "film": Odd(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "not a JPEG, PNG", None),
        "AVIF": Odd(encode(picture(), "AVIF"), (80, 60), None),
        "animated AVIF": Odd(animated("AVIF"), (80, 60), None),
        "HEIC": Odd(encode(picture(), "HEIF"), (80, 60), None),
        "HEIC of two pictures": Odd(animated("HEIF"), (80, 60), None),
        "BMP": Odd(encode(picture(), "BMP"), (80, 60), None),
        "animated GIF": Odd(animated("GIF"), (80, 60), None),
        "animated WebP": Odd(animated("WEBP"), (80, 60), None),
        "animated WebP with transparency": Odd(
            animated("WEBP", "RGBA", lossless=True), (80, 60), None
        ),
        "1 x 1": Odd(encode(picture((1, 1))), "1 x 1 pixels", (1, 1)),
        "2000 x 3": Odd(
            encode(picture((2000, 3)), "JPEG"), "2000 x 3 pixels", (3, 2000)
        ),
        "16-bit PNG of 12 bits": Odd(
            encode(Image.fromarray(gray_12)), "a PNG of 16 bits of", None
        ),
        **halves,
        "PNG of a megabyte claiming 20,000 x 20,000": Odd(
            claiming_png(20_000, 20_000, 1_000_000), "claims 20000 x", None
        ),
        "PNG of 5,000 x 5,000 with transparency": Odd(
            encode(Image.new("RGBA", (5000, 5000), (9, 9, 9, 99))),
            (320, 320),
            (5000, 5000),
        ),
        "PNG of 5,001 x 5,000": Odd(
            encode(Image.new("L", (5001, 5000))), (320, 320), None
        ),
    }
