"""The thirteen styles and what the recipe does for each of them.

Source: JD AI Fashion Challenge 2018, third place. Resampling, the cost of a
missed positive and the style whose network a rare style starts from are the
report's choices; `POSITIVE_RATE` is ours (it does not give the rate).
"""

import typing
import unicodedata

from jdstyle.errors import InputError
from jdstyle.errors import shown

# Share of positives after negatives were undersampled.
POSITIVE_RATE = 0.5


class Style(typing.NamedTuple):
    """One row of the table.

    Attributes:
        index: 1 to 13, the order of the label files' columns.
        name: English name.
        chinese: the challenge's own name.
        positive_rate: wanted share of positives in training, in (0, 1), or
            None where the style keeps its own proportion.
        false_negative_cost: what a missed positive costs; a false positive
            costs 1.
        start_from: index of the style whose trained network this one starts
            from, or None.
    """

    index: int
    name: str
    chinese: str
    positive_rate: float | None
    false_negative_cost: float
    start_from: int | None = None


STYLES = (
    Style(1, "Sports", "运动", POSITIVE_RATE, 1.5, start_from=2),
    Style(2, "Casual", "休闲", POSITIVE_RATE, 1.0),
    Style(3, "Office lady", "OL/通勤", None, 1.0),
    Style(4, "Japanese", "日系", POSITIVE_RATE, 1.5, start_from=8),
    Style(5, "Korean", "韩版", None, 1.0),
    Style(6, "Western", "欧美", None, 1.0),
    Style(7, "British", "英伦", POSITIVE_RATE, 1.5),
    Style(8, "Girl", "少女", POSITIVE_RATE, 1.5),
    Style(9, "Lady", "名媛/淑女", None, 1.0),
    Style(10, "Minimalist", "简约", POSITIVE_RATE, 1.0),
    Style(11, "Natural", "自然", POSITIVE_RATE, 1.5),
    Style(12, "Punk", "街头/朋克", POSITIVE_RATE, 1.5),
    Style(13, "Ethnic", "民族", POSITIVE_RATE, 1.5),
)

NAMES = tuple(style.name for style in STYLES)


# What --style and --styles understand besides the names of styles.
_WORDS = ("all", "together")
_MOST_LETTERS = 1000  # A longer name is a mistake, such as a quote left open.
# Formatting characters that are part of names: joiners, of emoji and of scripts
# such as Persian, and the letters of flags. Others are invisible.
_JOINERS = {0x200C, 0x200D, *range(0xE0020, 0xE0080)}


def plain(name):
    """Returns what is left of a name once small differences are taken away.

    The one rule of which names are taken for each other: those of which the
    same is left. Upper and lower case, blanks, `_`, `-` and `/`, their number,
    Unicode's forms of a character and what is invisible make no difference.

    Args:
        name: string.
    """
    # Twice: folding the case may bring forth what has another form.
    text = unicodedata.normalize("NFKC", name).casefold()
    text = unicodedata.normalize("NFKC", text)
    return " ".join("".join(map(_plain_letter, text)).split())


def match(name, names):
    """Returns the columns that a name means, a list of ints.

    The one that has exactly this name, else all that it may be taken for.

    Args:
        name: string.
        names: sequence of strings, in column order.
    """
    if name in names:
        return [list(names).index(name)]
    wanted = plain(name)
    return [
        column
        for column, there in enumerate(names)
        if wanted and plain(there) == wanted
    ]


def find(style, names=NAMES, *, flag="--style"):
    """Finds a style by number or name in the columns of a data set.

    Args:
        style: string: one of `names`, which wins; a number from 1 to
            `len(names)`; or what `match` takes for one of them.
        names: sequence of strings, the data set's styles in column order.
        flag: where the style was named, for the message.

    Returns:
        Index of the style's column, an int from 0.

    Raises:
        InputError: if no style has that number or name, or several may be
            meant.
    """
    number = style.isdecimal() and 1 <= int(style) <= len(names)
    if number and style not in names:
        return int(style) - 1
    columns = match(style, names)
    if len(columns) == 1:
        return columns[0]
    shown = columns or range(len(names))
    listed = ", ".join(f"{i + 1} {names[i]}" for i in shown)
    if columns:
        raise InputError(
            f"{flag}={style} may mean several of the data set's styles: "
            f"{listed}. Write the name as it is there, or the number."
        )
    raise InputError(
        f"{flag} must be the number or the name of one of the data set's "
        f"styles: {listed}. Received: {style!r}."
    )


def means(word, text, names=NAMES):
    """Returns whether a text is a word of ours, which no style is called.

    Args:
        word: "all" or "together".
        text: string.
        names: as in `find`.
    """
    return plain(text) == word and not match(word, names)


def means_all(style, names=NAMES):
    """Returns whether a text means all styles: "all", unless one is so named.

    Args:
        style: string.
        names: as in `find`.
    """
    return means("all", style, names)


def require_usable(names, where):
    """Refuses names of styles that files or users could not tell apart.

    Args:
        names: list of strings, in column order.
        where: "file:line" of the names, or a list of that of each.

    Raises:
        InputError: for the first that is empty, too long, a word of ours, that
            holds a control, separator or invisible character, or that would be
            taken for another.
    """
    seen = {}
    for column, name in enumerate(names):
        fault = _fault(name)
        other = seen.setdefault(plain(name), column)
        if not fault and other != column:
            fault = (
                f"would be taken for {shown(names[other])}: upper and lower "
                "case, blanks, _, - and / make no difference"
            )
        if fault:
            place = where if isinstance(where, str) else where[column]
            raise InputError(
                f"{place}: the style's name {shown(name)} {fault}. Rename it, "
                "or leave it out: --styles names the styles to take."
            )


def recipe_for(name):
    """Returns the `Style` row of that name, or None for another table's."""
    for style in STYLES:
        if style.name == name:
            return style
    return None


def _plain_letter(char):
    kind = unicodedata.category(char)
    if char in "_/" or char.isspace() or kind in ("Pc", "Pd"):
        return " "
    # Variation selectors choose between two pictures of one emoji.
    if kind in ("Cc", "Cf") or "\ufe00" <= char <= "\ufe0f":
        return ""
    return char


def _fault(name):
    """Says what is wrong with a name by itself; empty if nothing is."""
    for char in name:
        kind = unicodedata.category(char)
        if kind in ("Cc", "Zl", "Zp", "Cs"):
            return f"holds a line break or control character, {ascii(char)}"
        if kind == "Cf" and ord(char) not in _JOINERS:
            return f"holds an invisible character, {ascii(char)}"
    if not plain(name):
        return "is empty, or nothing but blanks, _, - and /"
    if plain(name) in _WORDS:
        return f"is what --style and --styles mean {plain(name)!r} by"
    if len(name) > _MOST_LETTERS:
        return f"has more than {_MOST_LETTERS:,} characters"
    return ""
