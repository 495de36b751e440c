"""The text files of a product: its styles, its members, its short side."""

import os
import re

from jdstyle import defaults
from jdstyle.photos import files

STYLES = "styles.txt"
MEMBERS = "members.txt"
SHORT_SIDE = "short_side.txt"
# In the order of their names. Until 0.1 there was no short side in a product.
NAMES = (MEMBERS, SHORT_SIDE, STYLES)
OLD_NAMES = (MEMBERS, STYLES)


def read_short_side(directory):
    """Returns the short side that a product's training photos had, in pixels.

    Args:
        directory: path of the SavedModel.

    Raises:
        ValueError: if the product says something else.
    """
    path = os.path.join(directory, "assets", SHORT_SIDE)
    if not os.path.exists(path):
        return defaults.SHORT_SIDE
    with open(path, encoding="utf-8") as file:
        text = file.read().strip()
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) < files.MIN_SIDE:
        raise ValueError(
            f"{path} must hold a number of pixels from {files.MIN_SIDE} to "
            f"99999, not {text[:20]!r}"
        )
    return int(text)


def read_styles(directory):
    """Returns the names of a product's styles, in the order of its outputs.

    Args:
        directory: path of the SavedModel.

    Raises:
        ValueError: if one is empty or occurs twice.
    """
    path = os.path.join(directory, "assets", STYLES)
    with open(path, encoding="utf-8") as file:
        # Not `splitlines`, which splits at more than a line's end.
        names = file.read().removesuffix("\n").split("\n")
    if not all(map(str.strip, names)) or len(set(names)) < len(names):
        raise ValueError(f"a line of {path} is empty or occurs twice")
    return names
