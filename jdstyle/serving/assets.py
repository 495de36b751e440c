"""The text files of a product: styles, shares, members, photos and so on."""

import os
import re

from jdstyle import defaults
from jdstyle.photos import files

STYLES = "styles.txt"
MEMBERS = "members.txt"
SHORT_SIDE = "short_side.txt"
SHARES = "shares.txt"
# Digests of photos, a line each, see `seen`.
TRAINED = "trained.txt"
CHOSE = "chose.txt"
NAMES = (CHOSE, MEMBERS, SHARES, SHORT_SIDE, STYLES, TRAINED)
# Until 0.1 there was no short side in a product, until 0.2 no shares, until 0.3
# no digests of photos.
ALWAYS = (MEMBERS, STYLES)


def lines(style_names, member_names, short_side, shares, seen):
    """Returns the lines of a product's files, a dict from name to list.

    Args:
        style_names: list of strings.
        member_names: list of strings.
        short_side: int, pixels.
        shares: a float in (0, 1) per style, or None.
        seen: pair of sets of digests, of `seen.Seen`, or None.
    """
    files = {
        STYLES: style_names,
        MEMBERS: member_names,
        SHORT_SIDE: [short_side],
    }
    if shares is not None:
        files[SHARES] = list(map(float, shares))
    if seen is not None:
        files[TRAINED], files[CHOSE] = map(sorted, seen)
    return files


def require_whole(directory, names, sizes):
    """Checks that the files of a product are there, and name its members.

    Args:
        directory: path of the SavedModel.
        names: list of the files that it says it has.
        sizes: list of the dimension that counts its members, or empty.

    Raises:
        ValueError: if one is missing, or names others.
    """
    paths = {n: os.path.join(directory, "assets", n) for n in names}
    for path in paths.values():
        if not os.path.isfile(path):
            raise ValueError(f"{path} is missing")
    with open(paths[MEMBERS], encoding="utf-8") as file:
        found = len(file.read().splitlines())
    for size in sizes:
        if size.size not in (-1, found):
            raise ValueError(
                f"{paths[MEMBERS]} names {found} members, it has {size.size}"
            )


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


def read_shares(directory):
    """Returns what shares of the training photos had a product's styles.

    Args:
        directory: path of the SavedModel.

    Returns:
        List of floats in (0, 1), in the order of the styles; None where the
        product does not say.

    Raises:
        ValueError: if the product says something else.
    """
    path = os.path.join(directory, "assets", SHARES)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    styles = read_styles(directory)
    if len(lines) != len(styles) or not all(map(_is_share, lines)):
        raise ValueError(
            f"{path} must hold a number between 0 and 1 for each of "
            f"{len(styles)} styles, a line each"
        )
    return list(map(float, lines))


def _is_share(text):
    # As Python writes it.
    number = re.fullmatch(r"[0-9](\.[0-9]{1,20})?(e-[0-9]{2,3})?", text)
    return number is not None and 0 < float(text) < 1
