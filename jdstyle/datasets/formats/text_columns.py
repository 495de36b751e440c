"""Tables of which one column names the labels, as tags or as a class."""

import re

from jdstyle import styles
from jdstyle.datasets import column_roles
from jdstyle.datasets import labels
from jdstyle.datasets import unknown_labels
from jdstyle.datasets.formats import separated
from jdstyle.datasets.formats import tables
from jdstyle.errors import InputError
from jdstyle.errors import shown

# What the column of the labels is called, as `styles.plain` leaves it.
NAMED = re.compile(
    "(.* )?(labels?|tags?|class(es)?|class names?|categor(y|ies)|styles?"
    "|attributes?|targets?)"
)
_NUMBER = re.compile(
    r"([+-]?\d*\.?\d+(e[+-]?\d+)?|na|n/a|nan|null|none|\?|)", re.IGNORECASE
)
_PAIRS = ({"0", "1"}, {"0.0", "1.0"}, {"false", "true"}, {"no", "yes"})


def resolve(table, *, kind, tags, image_column, style_columns, unknown):
    """Turns a column of tags or classes into columns of 0s and 1s.

    Args:
        table: `tables.Table`.
        kind: "table", "tags", "class", or None to guess.
        tags: string, the name of the column; None to look for it.
        image_column: string or None, as in `columns.choose`.
        style_columns: as in `columns.choose`.
        unknown: of `unknown_labels.parse`.

    Returns:
        `tables.Table`; the same where it has a column for each style.

    Raises:
        InputError: if it is not certain which column names the labels, or how.
    """
    header, width = table.header, len(table.header)
    contents = [
        unknown_labels.blank(content, unknown)
        for content in column_roles.survey(_whole_rows(table), width)
    ]
    table = table._replace(contents=contents)
    if kind == "table":
        return table
    if tags is not None:
        column = _find(tags, table)
        if _is_photos(contents[column]):
            raise InputError(
                f"{table.where}: --tags must not name {shown(header[column])}, "
                "the column of the photos."
            )
    else:
        image = column_roles.guess_image(header, contents, [])
        for found in styles.match(image_column, header) if image_column else []:
            image = found
        free = [
            i
            for i in range(width)
            if i != image
            and column_roles.role(header[i], contents[i]) is None
            and not _is_photos(contents[i])
        ]
        if kind is None and _has_styles(header, contents, free, style_columns):
            return table
        column = _guess(table, contents, free, kind)
        if column is None:
            return table
    rows, texts = [], []
    for where, values in table.lines():
        texts.append(values[column].strip())
        rows.append((where, [*values[:column], *values[column + 1 :]]))
    places = [where for where, _ in rows]
    name = shown(header[column])
    if not any(texts):
        raise InputError(f"{table.where}: the column {name} is empty.")
    chosen = kind or separated.choose(texts, places, name)
    if chosen == "class":
        found, what = [(text,) if text else () for text in texts], "a class"
    else:
        reading = separated.split(texts, places, name)
        separated.require_one_separator(reading, texts, places, name)
        found, what = reading.tags, reading.describe()
    flag = f"--format={chosen} --tags={header[column]}"
    told = "" if kind and tags is not None else f", as by {flag}"
    rest = table._replace(
        header=[*header[:column], *header[column + 1 :]], contents=None
    )
    return tables.with_tags(
        rest, rows, found, [f"The column {name} holds {what}{told}."]
    )


def _whole_rows(table):
    for where, values in table.lines():
        tables.require_width(values, table.header, where)
        yield where, values


def _find(name, table):
    found = styles.match(name, table.header)
    if len(found) != 1:
        several = f"{len(found)} columns like" if found else "no column"
        raise InputError(
            f"{table.where}: {several} {shown(name)} (--tags). There are: "
            f"{tables.sample(table.header, 50)}."
        )
    return found[0]


def _has_styles(header, contents, free, style_columns):
    """Whether a table has a column for a style, or --styles names columns."""
    named = [
        item
        for item in style_columns or ()
        if {*styles.match(item, header)} & {*free}
        or {*styles.match(item.partition(":")[0], header)} & {*free}
    ]
    return named or any(_is_style(contents[i]) for i in free)


def _is_style(content):
    """Whether a column holds yes and no, be it beside other words."""
    values = {text.lower() for text in content.values} - {""}
    others = values - {*labels.LABELS}
    return bool(values) and (
        not others
        or (
            any(pair <= values for pair in _PAIRS)
            and not any(map(str.isdecimal, others))
        )
    )


def _guess(table, contents, free, kind):
    """Returns the column of the labels; None where there is no text at all."""
    header = table.header
    texts = [
        i
        for i in free
        if contents[i].values - {""}
        and (kind == "class" or not _is_numbers(contents[i]))
    ]
    named = [i for i in texts if NAMED.fullmatch(styles.plain(header[i]))]
    if len(named) == 1:
        return named[0]
    if len(free) == 1 and texts == free:
        return free[0]
    if not texts and kind is None:
        return None
    offers = [
        f"{shown(header[i])} (as {tables.sample(sorted(contents[i].values), 2)}"
        ")"
        for i in named or texts or free
    ]
    raise InputError(
        f"{table.where}: no column of 0s and 1s, and it is not certain which "
        f"column holds the labels. Name it with --tags: "
        f"{', '.join(offers[:10]) or 'there is none'}."
    )


def _is_photos(content):
    """Whether a column holds nothing but names of photos."""
    values = content.values - {""}
    return bool(values) and all(map(column_roles.PHOTO.search, values))


def _is_numbers(content):
    """Whether a column holds nothing but numbers and what is unknown."""
    return all(map(_NUMBER.fullmatch, content.values))
