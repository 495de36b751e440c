"""One photo file of any kind to a small upright RGB JPEG and its look."""

import contextlib
import io
import threading
import typing

import numpy as np
from PIL import Image

from jdstyle.photos import files
from jdstyle.photos import looks
from jdstyle.photos import sixteen_bits
from jdstyle.photos.files import MIN_SIDE
from jdstyle.photos.files import PhotoError

JPEG_QUALITY = 90
_MOST_OF_JPEG = 65_500  # Pixels of a side, of libjpeg.

# Photos that take more bytes than this come one by one, on however many cores.
_LARGE = 64_000_000
_one_large_photo = threading.Lock()

_EXIF_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Photo(typing.NamedTuple):
    """A photo as it is stored.

    Attributes:
        jpeg: bytes of a baseline JPEG, upright RGB, without metadata.
        width: int, pixels.
        height: int, pixels.
        look: what it looks like, see `looks.look`: nearly the same for
            copies of a photo.
    """

    jpeg: bytes
    width: int
    height: int
    look: np.ndarray


def normalise(data, short_side=320, box=None):
    """Turns the bytes of a photo file into what is stored.

    The content decides, not a name: JPEG, PNG, WebP, GIF (first frame), BMP,
    AVIF or HEIC (its main picture). Upright by EXIF (a malformed one counts as
    none) or by the container; what is transparent becomes white; values of more
    than 8 bits are scaled to 8; colour profiles are not applied. Safe to call
    from several threads at once.

    Args:
        data: bytes of the file.
        short_side: int >= `MIN_SIDE`, pixels; a photo whose short side is
            longer is scaled down to it, a smaller one keeps its size.
        box: None, or `(x1, y1, x2, y2)`, ints: the part to keep, in 1-based
            pixels of the picture as the file holds it (not yet upright), both
            ends inclusive; clipped to the picture.

    Returns:
        A `Photo`.

    Raises:
        PhotoError: if the file is empty, not a photo, broken, cut off, has a
            side under `MIN_SIDE`, claims more pixels than `photos.files` allows
            (refused before decoding) or is dark as `sixteen_bits` refuses it;
            likewise if the box misses it or leaves so little.
        ValueError: if `short_side` is too small.
    """
    if short_side < MIN_SIDE:
        raise ValueError(
            f"`short_side` must be at least {MIN_SIDE}. "
            f"Received: {short_side!r}."
        )
    image = files.open_photo(data)
    is_large = files.num_bytes_decoded(image) > _LARGE
    try:
        with _one_large_photo if is_large else contextlib.nullcontext():
            return _normalise(data, image, short_side, box)
    except PhotoError:
        raise
    # Broken files make decoders raise nearly anything, MemoryError included;
    # no single photo may end the work on the others.
    except Exception as error:
        raise files.broken(image.format, error) from error


def _normalise(data, image, short_side, box):
    # A box counts pixels of the full size. HEIC's draft would be the thumbnail
    # beside the photo, made by whatever wrote it.
    if box is None and image.format == "JPEG":
        image.draft("RGB", (short_side, short_side))  # Decode smaller.
    raw_mode = sixteen_bits.raw_mode(image)
    image.load()
    if image.format != "JPEG":
        files.require_size(image)  # Decoding HEIC may find another.
    turn = _read_turn(image)
    if raw_mode is not None:
        image = sixteen_bits.to_8_bits(image, raw_mode, data)
    image = _to_rgb(image)
    if box is not None:
        image = _crop(image, box)
    image = _shrink(image, short_side)
    if turn is not None:
        image = image.transpose(turn)
    if max(image.size) > _MOST_OF_JPEG:
        raise PhotoError(
            f"{image.width} x {image.height} pixels once it is small enough, "
            f"a side is over the {_MOST_OF_JPEG:,} of a JPEG"
        )
    image.info.clear()  # Saving would write its comment.
    file = io.BytesIO()
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return Photo(file.getvalue(), image.width, image.height, looks.look(image))


def _crop(image, box):
    left, top, right, bottom = box
    left, top = max(left - 1, 0), max(top - 1, 0)
    right, bottom = min(right, image.width), min(bottom, image.height)
    width, height = right - left, bottom - top
    if min(width, height) <= 0:
        raise PhotoError("box outside of the photo")
    if min(width, height) < MIN_SIDE:
        raise PhotoError(
            f"box of {width} x {height} pixels, a side is under {MIN_SIDE}"
        )
    return image.crop((left, top, right, bottom))


def _read_turn(image):
    try:
        return _TURNS.get(image.getexif().get(_EXIF_ORIENTATION))
    # EXIF comes from anybody's software, and Pillow's reader raises whatever
    # it stumbles over; the pixels are fine all the same.
    except Exception:
        return None


def _to_rgb(image):
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.mode != "RGBA":  # Converting would copy it even so.
        image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _shrink(image, short_side):
    scale = short_side / min(image.size)
    if scale >= 1:
        return image
    size = [max(round(side * scale), 1) for side in image.size]
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
