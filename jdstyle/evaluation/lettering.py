"""Names in pictures: in a font that can write them, or as numbers."""

import contextlib
import functools
import typing
import unicodedata

import matplotlib
from matplotlib import font_manager
from matplotlib import ft2font

# Of a legend; more would be larger than the picture.
_MOST_LINES = 40
_LONGEST = 60  # Characters.
# Families that answer every character with a box.
_PLACEHOLDERS = ("last resort", ".lastresort", "unicode bmp fallback")
# Looked into first, since opening all the fonts of a system takes seconds.
_LIKELY = (
    "cjk",
    "hei",
    "gothic",
    "ming",
    "song",
    "emoji",
    "symbola",
    "unicode",
)


class Lettering(typing.NamedTuple):
    """How names are written.

    Attributes:
        texts: list of strings, each a name, or its number where no font can
            write it.
        families: list of strings, the font families to write the texts in.
        legend: dict from such a number to its name.
    """

    texts: list
    families: list
    legend: dict

    def note(self):
        """Returns lines for below the picture: "" where all can be written.

        A number and its name, of which each character that no font has stands
        as what Unicode calls it.
        """
        if not self.legend:
            return ""
        known = _characters(self.families)
        lines = ["Names that no font of this machine can write:"]
        for number, name in list(self.legend.items())[:_MOST_LINES]:
            line = f"{number}: {_spell(name, known)}"
            # A line would make the picture as wide as itself.
            lines.append(line[:_LONGEST] + "..." * (len(line) > _LONGEST))
        more = len(self.legend) - _MOST_LINES
        if more > 0:
            lines.append(f"and {more} more, in the order of the styles")
        return "\n" + "\n".join(lines)


def choose(names, numbers=None):
    """Chooses fonts of this machine that can write names.

    Args:
        names: sequence of strings.
        numbers: sequence of ints, what stands for a name that no font can
            write; None for 1 to n.

    Returns:
        A `Lettering`.
    """
    families = _usual_families()
    missing = set().union(*names) - _characters(families)
    if missing:
        _add_new_fonts()
        for family, path in _other_fonts():
            found = missing & _characters_of(path)
            if found:
                families.append(family)
                missing -= found
            if not missing:
                break
    texts, legend = [], {}
    for number, name in zip(
        numbers or range(1, len(names) + 1), names, strict=True
    ):
        if missing & set(name):
            legend[number] = name
        texts.append(str(number) if number in legend else name)
    return Lettering(texts, families, legend)


def _usual_families():
    family = matplotlib.rcParams["font.family"]
    return [family] if isinstance(family, str) else list(family)


def _other_fonts():
    """Returns `(family, file)` of this machine's fonts, likely ones first."""
    return sorted(
        (
            font
            for font in _files().items()
            if not font[0].lower().startswith(_PLACEHOLDERS)
        ),
        key=lambda font: (
            not any(sign in font[0].lower() for sign in _LIKELY),
            font,
        ),
    )


def _files():
    """Returns each family's file, as upright and as near to normal as it has.

    Not by `findfont`, which warns of each family without a normal weight.
    """

    def oddness(font):
        weight = font.weight
        if isinstance(weight, str):
            weight = font_manager.weight_dict.get(weight, 400)
        return font.style != "normal", abs(weight - 400)

    fonts = sorted(font_manager.fontManager.ttflist, key=oddness, reverse=True)
    return {font.name: font.fname for font in fonts}


@functools.cache
def _add_new_fonts():
    """Adds what was installed after matplotlib listed this machine's fonts."""
    listed = {font.fname for font in font_manager.fontManager.ttflist}
    for path in set(font_manager.findSystemFonts()) - listed:
        # Fonts that it cannot read are not listed either.
        with contextlib.suppress(Exception):
            font_manager.fontManager.addfont(path)


def _characters(families):
    return frozenset().union(*(_characters_of(_file(f)) for f in families))


def _file(family):
    if family not in _usual_families():
        return _files()[family]
    # May also be "sans-serif" or its kin, which name others.
    properties = font_manager.FontProperties(family=[family])
    return str(font_manager.findfont(properties))


@functools.cache
def _characters_of(path):
    try:
        font = ft2font.FT2Font(path)
    except (OSError, RuntimeError):  # Coloured emoji are pictures, for one.
        return frozenset()
    if not font.scalable:
        return frozenset()
    return frozenset(map(chr, font.get_charmap()))


def _spell(name, known):
    return "".join(
        character if character in known else f"[{_describe(character)}]"
        for character in name
    )


def _describe(character):
    described = unicodedata.name(character, "")
    # Ideographs are called by their number.
    if not described or "IDEOGRAPH" in described:
        return f"U+{ord(character):04X}"
    return described
