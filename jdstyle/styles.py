"""The thirteen styles and what the recipe does for each of them.

Source: JD AI Fashion Challenge 2018, third place. Resampling, the cost of a
missed positive and the style whose network a rare style starts from are the
report's choices; `POSITIVE_RATE` is ours (it does not give the rate).
"""

import typing

from jdstyle.errors import InputError

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


def find(style, names=NAMES, *, flag="--style"):
    """Finds a style by number or name in the columns of a data set.

    Args:
        style: string, a number from 1 to `len(names)` or one of `names`; upper
            and lower case, spaces, `_` and `-` count as equal.
        names: sequence of strings, the data set's styles in column order.
        flag: where the style was named, for the message.

    Returns:
        Index of the style's column, an int from 0.

    Raises:
        InputError: if no style has that number or name.
    """
    plain_names = [_plain(name) for name in names]
    if _plain(style) in plain_names:
        return plain_names.index(_plain(style))
    if style.isdecimal() and 1 <= int(style) <= len(names):
        return int(style) - 1
    listed = ", ".join(f"{i} {name}" for i, name in enumerate(names, start=1))
    raise InputError(
        f"{flag} must be the number or the name of one of the data set's "
        f"styles: {listed}. Received: {style!r}."
    )


def means_all(style, names=NAMES):
    """Returns whether a text means all styles: "all", unless one is so named.

    Args:
        style: string.
        names: as in `find`.
    """
    return _plain(style) == "all" and "all" not in map(_plain, names)


def recipe_for(name):
    """Returns the `Style` row of that name, or None for another table's."""
    for style in STYLES:
        if style.name == name:
            return style
    return None


def _plain(name):
    return name.casefold().replace("_", " ").replace("-", " ").strip()
