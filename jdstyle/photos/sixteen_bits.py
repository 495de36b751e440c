"""PNG files of 16 bits per value, which may hold fewer, to 8 bits.

Values of 10, 12 or 14 bits that were stored as they are would come out black,
or nearly so: cameras, scanners and tomographs write such files. What a file
says of itself (sBIT) decides; where it says nothing it is refused, since nobody
can tell such a picture from a dark one.
"""

import functools
import io

import numpy as np
from PIL import Image
from PIL import PngImagePlugin

from jdstyle.photos.kinds import PhotoError

# A picture whose highest value uses at most 14 bits, a quarter of the range.
# Above, it is taken as it is: of a picture that bright nothing is lost.
_MAX_DARK = 2**14 - 1

# Of several channels Pillow keeps the high bytes; these modes read the others.
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}


def raw_mode(image):
    """Returns how Pillow reads a picture of 16 bits.

    Args:
        image: `PIL.Image.Image`, opened and not loaded yet.

    Returns:
        "I;16B", "LA;16B", "RGB;16B" or "RGBA;16B"; None for another picture.
    """
    if image.format != "PNG" or not image.tile:
        return None
    mode = str(image.tile[0].args)
    return mode if mode.endswith(";16B") else None


def to_8_bits(image, mode, data):
    """Scales the values of a picture of 16 bits.

    Args:
        image: `PIL.Image.Image`, loaded.
        mode: what `raw_mode` returned before it was loaded.
        data: bytes of its file.

    Returns:
        `PIL.Image.Image`: L, the transparent value being white, RGB or RGBA.

    Raises:
        PhotoError: if the picture is so dark that its values must have fewer
            bits, and the file does not say how many.
    """
    is_gray = image.mode == "I;16"
    if not is_gray:
        most = max(high for _, high in image.getextrema()[:3])
        if most > _MAX_DARK >> 8:
            return image  # The high bytes, and what is transparent.
    bands = _bands(image, mode, data)
    key = image.info.get("transparency")
    num_bits = _num_bits(bands[:3], key, data)
    if num_bits == 16 and not is_gray:
        return image
    scaled = [
        _scale(band(), num_bits, key if is_gray else None) for band in bands
    ]
    return scaled[0] if is_gray else Image.merge(image.mode, scaled)


def _bands(image, mode, data):
    """Returns functions that return a channel each, uint16 `(height, width)`.

    Not the channels themselves, which would take twice what the picture takes.
    """
    if mode == "I;16B":
        return [lambda: np.asarray(image)]
    if mode == "LA;16B":
        # As large as a pixel of four bytes: gray high, low, alpha high, low.
        both = _reread(data, "RGBA").split()
        pairs = [both[:2], both[:2], both[:2], both[2:]]
    else:
        low = _reread(data, _LOW_BYTES[mode])
        pairs = list(zip(image.split(), low.split(), strict=True))
    return [functools.partial(_join, high, low) for high, low in pairs]


def _join(high, low):
    return np.asarray(high).astype(np.uint16) << 8 | np.asarray(low)


def _reread(data, mode):
    """Reads a PNG as if its pixels were of another kind, of the same size."""
    image = PngImagePlugin.PngImageFile(io.BytesIO(data))
    image.tile = [image.tile[0]._replace(args=mode)]
    image.load()
    return image


def _num_bits(bands, key, data):
    """Returns how many bits the values of colours have; refuses doubt."""
    most, steps = 0, {256, 257}
    stated = _stated_bits(data)
    if stated < 16:
        steps.add(2 ** (16 - stated))
    for band in bands:
        values = band()
        if key is not None and len(bands) == 1:
            values = values[values != key]
        most = max(most, int(values.max(initial=0)))
        if most > _MAX_DARK:
            return 16
        steps = {step for step in steps if not np.any(values % step)}
    # Multiples of 256 or 257 had 8 bits and were scaled, dark as they are. So
    # were multiples of 16 of a file that states 12 bits: the PNG specification
    # asks for it, though not all writers comply.
    if steps or most >= 2**stated:
        return 16
    if stated < 16 and (key is None or len(bands) == 1):
        return stated
    used = most.bit_length()
    raise PhotoError(
        f"a PNG of 16 bits of which {used} are used (values up to {most:,} of "
        f"65,535): it would come out nearly black. Multiply its values by "
        f"{2 ** (16 - used):,} or save it with 8 bits"
    )


def _stated_bits(data):
    """Returns the most significant bits that sBIT states, 16 without it."""
    position = 8
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        if name == b"sBIT":
            stated = max(data[position + 8 : position + 8 + length], default=16)
            return stated if 0 < stated <= 16 else 16
        if name == b"IDAT":
            break
        position += 12 + length
    return 16


def _scale(values, num_bits, key):
    opaque = values if key is None else values[values != key]
    if int(opaque.max(initial=0)) >= 2**num_bits:
        num_bits = 16  # A channel of opacity may have more than the colours.
    # Pillow itself would clip: nearly all of a photo would turn white.
    levels = np.arange(65536) * 255 / (2**num_bits - 1)
    levels = np.round(levels.clip(0, 255)).astype(np.uint8)
    if key is not None:
        levels[key] = 255
    return Image.fromarray(levels[values])
