"""A report as Markdown and, converted from it, as one HTML page."""

import base64
import html
import itertools
import os
import re
import string
import types
import typing
import urllib.parse

import markdown
import pandas as pd

from jdstyle.files import atomic

_MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
}
# On a phone a picture is twice as wide as the screen, or its text could not be
# read.
_PAGE = string.Template("""\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title><style>
:root { color-scheme: light dark; color: #1b1b1b; background: #fff; }
body { max-width: 62rem; margin: 0 auto; padding: 1rem;
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
div, pre, p:has(> img) { overflow-x: auto; }
img { max-width: 100%; background: #fff; }
table { border-collapse: collapse; }
th, td { padding: 0.3rem 0.7rem; text-align: left; white-space: nowrap;
  border-bottom: 1px solid #8888; font-variant-numeric: tabular-nums; }
code { background: #8882; font-size: 0.9rem; }
pre code { display: block; width: max-content; padding: 0.7rem; }
@media (prefers-color-scheme: dark) {
  :root { color: #e4e4e4; background: #161616; } a { color: #8ec2f5; } }
@media (max-width: 40rem) { img { max-width: 200%; } }
</style></head><body>
$body
</body></html>
""")
# A paragraph's `code`, or a character that has a meaning in Markdown. Between
# letters `_` has none.
_MARKED = re.compile(r"`([^`]+)`")
_MEANINGFUL = re.compile(r"[\\`*\[\]<>&$~|#]|\b_+|_+\b")
_LIST_START = re.compile(r"^(\d*)([+.)=-])(?=[\s=-]|$)")
_NUMBER = re.compile(r"[-+\d.,% \u00b1\u2212\u2013]*( to [-+\d.,% \u2212]*)?")
_IMAGE = re.compile(r'(<img alt="[^"]*" src=")([^"]*)"')


class Picture(typing.NamedTuple):
    """A PNG, JPEG or SVG file; the caption is its alternative text as well.

    The legend, a dict from a number to the name that it stands for in the
    picture, is listed below it.
    """

    path: str
    caption: str
    legend: typing.Mapping = types.MappingProxyType({})


class Code(typing.NamedTuple):
    """Lines shown as they are: a command, a log."""

    text: str


def write(title, sections, html_path, markdown_path=None):
    """Writes a report as Markdown and as an HTML page.

    The page needs no other file, no network and no script. The Markdown links
    the pictures by their path from its own folder.

    Args:
        title: string.
        sections: list of `(heading, blocks)`. A block is a string (a
            paragraph), a `pandas.DataFrame` (cells as they are, no index), a
            `Picture` or a `Code`. Headings and paragraphs may hold `code`;
            all else is shown as it stands.
        html_path: file to write.
        markdown_path: file to write; None for the page alone.

    Raises:
        FileNotFoundError: if a picture does not exist; nothing is written.
        ValueError: if a block or a picture is of another kind.
    """
    anchors = _anchors([title, *(heading for heading, _ in sections)])
    folder = os.path.dirname(markdown_path or html_path)
    links, parts = [], []
    for (heading, blocks), anchor in zip(sections, anchors[1:], strict=True):
        links.append(f"- [{_prose(heading)}](#{anchor})")
        parts.append(f"## {_prose(heading)}")
        parts += [format_block(block, folder) for block in blocks]
    parts = [f"# {escape(title)}", "\n".join(links), *parts]
    text = "\n\n".join(parts) + "\n"
    page = _PAGE.substitute(
        title=html.escape(title), body=_convert(text, anchors, folder)
    )
    for path, content in [(html_path, page), (markdown_path, text)]:
        if path is not None:
            with atomic.aside(path) as file:
                file.write(content)


def escape(text):
    """Returns Markdown that shows a text as it stands, on one line."""
    return _MEANINGFUL.sub(_escape_match, " ".join(text.split()))


def _escape_match(match):
    if match[0] in "<>&":
        return html.escape(match[0])
    return "".join(f"\\{character}" for character in match[0])


def _prose(text):
    """Escapes all but `code`."""
    pieces = _MARKED.split(" ".join(text.split()))
    # Every second piece is what the pattern's group caught.
    pieces[::2] = [_MEANINGFUL.sub(_escape_match, p) for p in pieces[::2]]
    pieces[1::2] = [f"`{code}`" for code in pieces[1::2]]
    return "".join(pieces)


def _anchors(headings):
    """Returns distinct anchors, the same as GitHub makes of headings."""
    anchors = []
    for heading in headings:
        slug = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        names = (f"{slug}-{i}" if i else slug for i in itertools.count())
        anchors.append(next(name for name in names if name not in anchors))
    return anchors


def format_block(block, folder):
    """Returns a block of `write` as Markdown for a file in that folder."""
    if isinstance(block, str):
        return _paragraph(_prose(block))
    if isinstance(block, Code):
        # Longer than any run of backticks inside.
        fence = max(["``", *re.findall("`+", block.text)], key=len) + "`"
        return f"{fence}\n{block.text.rstrip()}\n{fence}"
    if isinstance(block, Picture):
        _media_type(block.path)
        path = os.path.relpath(block.path, folder).replace(os.sep, "/")
        caption = escape(block.caption)
        parts = [f"![{caption}]({urllib.parse.quote(path)})"]
        parts.append(_paragraph(caption))
        if block.legend:
            rows = [f"- {i}: {escape(n)}" for i, n in block.legend.items()]
            parts.append("\n".join(rows))
        return "\n\n".join(parts)
    if isinstance(block, pd.DataFrame):
        return _format_table(block)
    raise ValueError(
        "A block must be a string, a DataFrame, a Picture or a Code. "
        f"Received: {block!r}."
    )


def _paragraph(text):
    """Keeps Markdown that begins like a list or a rule a paragraph."""
    return _LIST_START.sub(r"\1\\\2", text)


def _format_table(frame):
    """Returns a table whose columns of numbers are aligned to the right."""
    rows = [frame.columns, *frame.itertuples(index=False, name=None)]
    rows = [["" if pd.isna(c) else str(c) for c in row] for row in rows]
    rules = [
        "---:" if all(map(_NUMBER.fullmatch, cells[1:])) else "---"
        for cells in zip(*rows, strict=True)
    ]
    rows = [[escape(cell) for cell in row] for row in rows]
    rows.insert(1, rules)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _convert(text, anchors, folder):
    """Converts what `write` made to HTML that holds its pictures."""
    names = iter(anchors)
    converter = markdown.Markdown(
        extensions=["fenced_code", "tables", "toc"],
        # Called for each heading in turn.
        extension_configs={"toc": {"slugify": lambda *_: next(names)}},
        output_format="html",
    )
    # All text is escaped; should some not be, it is no HTML either.
    converter.preprocessors.deregister("html_block")
    converter.inlinePatterns.deregister("html")
    # GitHub gives these a meaning, `markdown` none, and keeps the backslash.
    converter.ESCAPED_CHARS += ["$", "~"]
    page = converter.convert(text)
    page = page.replace("<table>", '<div tabindex="0"><table>')
    page = page.replace("</table>", "</table></div>")
    return _IMAGE.sub(lambda m: f'{m[1]}{_data_uri(m[2], folder)}"', page)


def _data_uri(link, folder):
    # Not by way of the file system, where `..` may leave a symbolic link.
    path = os.path.normpath(os.path.join(folder, urllib.parse.unquote(link)))
    with open(path, "rb") as file:
        content = base64.b64encode(file.read()).decode()
    return f"data:{_media_type(path)};base64,{content}"


def _media_type(path):
    kind = _MEDIA_TYPES.get(os.path.splitext(path)[1].lower())
    if kind is None:
        raise ValueError(
            f"A picture must be one of {', '.join(_MEDIA_TYPES)}. "
            f"Received: {path}."
        )
    return kind
