"""What kind of file some bytes begin: content decides, never a name."""

import functools

from PIL import AvifImagePlugin
from PIL import BmpImagePlugin
from PIL import GifImagePlugin
from PIL import JpegImagePlugin
from PIL import PngImagePlugin
from PIL import WebPImagePlugin

START = 512  # Bytes of a file that tell its kind.
READ = "JPEG, PNG, WebP, GIF, BMP, AVIF or HEIC"

# The classes, not `Image.open`: it warns of photos well below our limits,
# and a warning cannot be caught safely in one thread of many.
_OPENERS = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    # Pictures that are not read.
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
)
# Brands of ISO 23000-22 (HEIC, with HEVC inside) and of the AVIF specification.
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"msf1", b"mif2"),
}

# All cores decode photos anyway, each its own.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


class PhotoError(Exception):
    """A photo that cannot be used; its text is the reason, in a few words."""


def recognise(start):
    """Tells the kind of picture.

    Args:
        start: bytes, the first `START` of a file, or all of it.

    Returns:
        "JPEG", "HEIC", "TIFF" and so on, also of kinds that are not read; None
        for what is no picture.
    """
    for magic, kind in _STARTS:
        if start.startswith(magic):
            return kind
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WebP"
    # A text may begin so as well.
    if start.startswith(b"BM") and b"\0" in start[:26]:
        return "BMP"
    if start[4:8] == b"ftyp":
        end = min(int.from_bytes(start[:4], "big"), START)
        brands = {start[i : i + 4] for i in (8, *range(16, end, 4))}
        if brands & _AVIF_BRANDS:
            return "AVIF"
        if brands & _HEIC_BRANDS:
            return "HEIC"
    return None


def describe(start):
    """Tells what no picture is: "text", "an HTML or XML page", "empty".

    Args:
        start: as of `recognise`, which returned None.

    Returns:
        String; None where it is something else.
    """
    if not start:
        return "empty"
    text = start[:256].removeprefix(b"\xef\xbb\xbf").strip()
    if text.startswith(b"<"):
        return "an HTML or XML page"
    if text.isascii() and b"\0" not in text:
        return "text"
    return None


def find_opener(data):
    """Returns the class that opens a photo.

    Args:
        data: bytes of the file.

    Returns:
        Subclass of `PIL.ImageFile.ImageFile`.

    Raises:
        PhotoError: if it is no photo, or one of a kind that is not read.
    """
    kind = recognise(data[:START])
    if kind == "HEIC":
        return _heic_opener()
    if kind == "AVIF" and not AvifImagePlugin.SUPPORTED:
        raise PhotoError(
            "an AVIF photo, which this Pillow was built without; pip install "
            "--force-reinstall pillow brings one that reads them"
        )
    if kind in _OPENERS:
        return _OPENERS[kind]
    if kind is not None:
        raise PhotoError(
            f"a {kind} file; read are {READ}: convert it to one of these"
        )
    what = describe(data)
    if what == "empty":
        raise PhotoError("empty file")
    if what is not None:
        raise PhotoError(f"{what}, not a photo")
    raise PhotoError(f"not a {READ} file")


@functools.cache
def _import_heic():
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        return None
    return HeifImageFile


def _heic_opener():
    opener = _import_heic()
    if opener is None:
        raise PhotoError(
            "a HEIC photo, which takes the extra heif: pip install pillow-heif"
        )
    return opener
