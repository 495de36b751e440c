"""What a photo file is, by its content, and what it claims to hold."""

import io
import os
import stat
import warnings

from jdstyle.photos import effort
from jdstyle.photos import kinds
from jdstyle.photos.kinds import PhotoError

# A larger file is an attack or a mistake, and so is a larger claim. A JPEG is
# decoded at 1/8 of its sides; a WebP of as many pixels would take 1.7 GB.
MAX_BYTES = 100_000_000
MAX_JPEG_PIXELS = 100_000_000
MAX_PIXELS = 50_000_000  # Of other kinds.
MIN_SIDE = 16  # Pixels; a smaller picture shows no garment.

# Bytes that a pixel may take while it is decoded: the coefficients of a
# progressive JPEG, which draft mode does not lessen; of other kinds up to three
# pictures at a time.
_BYTES_PER_PIXEL = {"JPEG": 0, "progressive JPEG": 6}
_OTHER_BYTES_PER_PIXEL = 13

# Pillow's complaints about metadata, which are not kept, of readable photos.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def read_file(path):
    """Reads a photo file.

    Args:
        path: path.

    Returns:
        `(data, status)`: bytes and `os.stat_result`.

    Raises:
        OSError: if it cannot be read, `FileNotFoundError` if it is not there.
        PhotoError: if it is not a file but a folder, or a pipe, which would
            never end, or has more than `MAX_BYTES`.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise PhotoError("not a file")
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_size > MAX_BYTES:
            raise PhotoError(
                f"{status.st_size:,} bytes, more than {MAX_BYTES:,}"
            )
        return file.read(), status


def open_photo(data):
    """Opens a photo of any kind without decoding it.

    Args:
        data: bytes of the file.

    Returns:
        `PIL.Image.Image` of at most `MAX_JPEG_PIXELS` or `MAX_PIXELS`, its
        sides at least `MIN_SIDE`.

    Raises:
        PhotoError: if it is something else, or as `effort.require_little`.
    """
    opener = kinds.find_opener(data)
    effort.require_little(data, opener.format)
    try:
        image = opener(io.BytesIO(data))
    except Exception as error:
        raise broken(opener.format, error) from error
    require_size(image)
    return image


def broken(kind, error):
    """Returns the `PhotoError` for what a decoder raised."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return PhotoError(f"broken {kind}: {reason}")


def num_bytes_decoded(image):
    """Returns about how many bytes a photo will take to decode and flatten."""
    kind = image.format
    if kind == "JPEG" and "progressive" in image.info:
        kind = "progressive JPEG"
    per_pixel = _BYTES_PER_PIXEL.get(kind, _OTHER_BYTES_PER_PIXEL)
    return image.width * image.height * per_pixel


def require_size(image):
    """Refuses a picture of too many pixels, or of too few on a side.

    Args:
        image: `PIL.Image.Image`; its size is what the file claims until it is
            loaded.

    Raises:
        PhotoError: with the size and the limit.
    """
    width, height = image.size
    most = MAX_JPEG_PIXELS if image.format == "JPEG" else MAX_PIXELS
    if width * height > most:
        raise PhotoError(
            f"claims {width} x {height} pixels, more than {most:,}"
        )
    if min(width, height) < MIN_SIDE:
        raise PhotoError(
            f"{width} x {height} pixels, a side is under {MIN_SIDE}"
        )
