"""Files that cost far more than their size says, found without decoding.

Decoders do as they are told: thousands of scans over one picture, a hundred
million segments of metadata, rows of pixels that no data stands for. A photo
has a few of each.
"""

import contextlib
import struct

from jdstyle.photos.kinds import PhotoError

# Encoders write at most some twenty scans; each goes over the whole picture.
MAX_SCANS = 50
# Pillow reads what stands before the first scan piece by piece, in Python, and
# joins the pieces of one kind. A colour profile has up to 255 of 64 kB.
_MAX_PIECES = 5_000
_MAX_METADATA = 32_000_000
# Chunks of a PNG: encoders fill them with 8 kB and more.
_MAX_CHUNKS = 50_000
# What a byte of a run-length code can stand for.
_PIXELS_PER_BYTE = 255


def require_little(data, kind):
    """Refuses a photo that would take long for its size.

    Args:
        data: bytes of the file.
        kind: Pillow's name of its format.

    Raises:
        PhotoError: with what there is too much of.
    """
    check = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "BMP": _bmp}.get(kind)
    if check is None:
        return
    # Of a file that is cut off the decoder says so.
    with contextlib.suppress(IndexError, struct.error):
        check(data)


def _jpeg(data):
    # Data of a scan has no byte FF without a 00 behind it, metadata may.
    if (scans := data.count(b"\xff\xda")) > MAX_SCANS:
        raise PhotoError(f"{scans:,} scans, more than {MAX_SCANS}")
    place = 2
    for _ in range(_MAX_PIECES):
        if place > _MAX_METADATA:
            raise PhotoError(
                f"more than {_MAX_METADATA:,} bytes before its picture"
            )
        marker = data[place + 1]
        if data[place] != 0xFF or marker == 0xFF:
            place += 1  # What decoders skip, byte by byte.
        elif marker == 0xDA:
            return
        elif marker == 0x01 or 0xD0 <= marker <= 0xD9:
            place += 2  # A marker without a length.
        else:
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    raise PhotoError(f"more than {_MAX_PIECES:,} pieces before its picture")


def _png(data):
    place = 8
    for _ in range(_MAX_CHUNKS):
        if data[place + 4 : place + 8] in (b"IEND", b""):
            return
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    raise PhotoError(f"more than {_MAX_CHUNKS:,} chunks")


def _gif(data):
    place = 13
    if data[10] & 0x80:  # A table of colours.
        place += 3 << (1 + (data[10] & 7))
    for _ in range(_MAX_PIECES):
        if data[place] == 0x2C:  # The first picture.
            return
        if data[place] == 0x21:
            place += 2
            continue
        # Blocks of an extension, the last one empty; else what is skipped.
        place += 1 + data[place]
    raise PhotoError(f"more than {_MAX_PIECES:,} pieces before its picture")


def _bmp(data):
    size, width, height, _, _, compression = struct.unpack_from(
        "<IiiHHI", data, 14
    )
    # Run lengths: what no data stands for is filled in all the same.
    if size >= 40 and compression in (1, 2):
        pixels = abs(width * height)
        if pixels > _PIXELS_PER_BYTE * len(data):
            raise PhotoError(
                f"claims {pixels:,} pixels, more than {len(data):,} bytes hold"
            )
