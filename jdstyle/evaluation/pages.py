"""Reports as one self-contained HTML page and as Markdown."""

import base64
import html
import itertools
import os
import re
import string
import typing
import urllib.parse

import pandas as pd

from jdstyle.files import atomic

_MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}
# A picture may be twice as wide as a phone: its text could not be read else.
_PAGE = string.Template("""\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title><style>
:root { color-scheme: light dark; color: #1b1b1b; background: #fff; }
body { max-width: 62rem; margin: 0 auto; padding: 1rem;
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
figure { margin: 1rem 0; }
figure, div, pre { overflow-x: auto; }
img { max-width: 100%; background: #fff; }
table { border-collapse: collapse; }
th, td { padding: 0.3rem 0.7rem; text-align: left; white-space: nowrap;
  border-bottom: 1px solid #8888; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
code { background: #8882; font-size: 0.9rem; }
pre code { display: block; width: max-content; padding: 0.7rem; }
@media (prefers-color-scheme: dark) {
  :root { color: #e4e4e4; background: #161616; } a { color: #8ec2f5; } }
@media (max-width: 40rem) { img { max-width: 200%; } }
</style></head><body><h1>$title</h1>
<nav><ul>$contents</ul></nav>
$body
</body></html>
""")
# `code` or **bold**, whichever begins first; in Markdown, characters that have
# a meaning there as well. Between letters `_` has none.
_MARKED = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*")
_MARKDOWN = re.compile(_MARKED.pattern + r"|[\\`*\[\]<>&$~]|\b_+|_+\b")
_LIST_START = re.compile(r"^(\d*)([#+.)-])(?=[\s#-]|$)")
# Bold, with its interval or missing as well.
_NUMBER = re.compile(r"[-+*\d.,% \u00b1\u2212\u2013]*( to [-+*\d.,% \u2212]*)?")


class Picture(typing.NamedTuple):
    """A PNG or JPEG file; the caption is its alternative text as well."""

    path: str
    caption: str


class Code(typing.NamedTuple):
    """Lines shown as they are: a command, a log."""

    text: str


def write(title, sections, html_path, markdown_path):
    """Writes a report twice: as an HTML page and as Markdown.

    The page needs no other file, no network and no script. The Markdown links
    the pictures by their path from its own folder.

    Args:
        title: string, without such marks as below.
        sections: list of `(heading, blocks)`. A block is a string (a
            paragraph), a `pandas.DataFrame` (cells as they are, no index), a
            `Picture` or a `Code`. Headings, paragraphs, cells and captions may
            hold `code` and **bold**; all else is shown as it stands.
        html_path: file to write.
        markdown_path: file to write.

    Raises:
        FileNotFoundError: if a picture does not exist; nothing is written.
        ValueError: if a block or a picture is of another kind.
    """
    anchors = _anchors([title, *(heading for heading, _ in sections)])[1:]
    folder = os.path.dirname(markdown_path)
    items, body, links, text = [], [], [], []
    for (heading, blocks), anchor in zip(sections, anchors, strict=True):
        items.append(f'<li><a href="#{anchor}">{_html(heading)}</a></li>')
        body.append(f'<h2 id="{anchor}">{_html(heading)}</h2>')
        body += [_html_block(block) for block in blocks]
        links.append(f"- [{_markdown(heading)}](#{anchor})")
        text.append(f"## {_markdown(heading)}")
        text += [_markdown_block(block, folder) for block in blocks]
    page = _PAGE.substitute(
        title=html.escape(title),
        contents="\n".join(items),
        body="\n".join(body),
    )
    text = [f"# {_markdown(title)}", "\n".join(links), *text]
    _write(html_path, page)
    _write(markdown_path, "\n\n".join(text) + "\n")


def _anchors(headings):
    """Returns distinct anchors, the same as GitHub makes of headings."""
    anchors = []
    for heading in headings:
        slug = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        names = (f"{slug}-{i}" if i else slug for i in itertools.count())
        anchors.append(next(name for name in names if name not in anchors))
    return anchors


def _html_block(block):
    if isinstance(block, str):
        return f"<p>{_html(block)}</p>"
    if isinstance(block, Code):
        return f"<pre><code>{html.escape(block.text)}</code></pre>"
    if isinstance(block, Picture):
        alt = html.escape(_MARKED.sub(r"\1\2", block.caption))
        image = f'<img src="{_data_uri(block.path)}" alt="{alt}">'
        caption = f"<figcaption>{_html(block.caption)}</figcaption>"
        return f"<figure>\n{image}\n{caption}\n</figure>"
    if not isinstance(block, pd.DataFrame):
        raise ValueError(
            "A block must be a string, a DataFrame, a Picture or a Code. "
            f"Received: {block!r}."
        )
    rows, numbers = _table(block)
    kinds = [' class="number"' if number else "" for number in numbers]
    lines = ['<div tabindex="0"><table>']
    for i, row in enumerate(rows):
        tag = "td" if i else 'th scope="col"'
        cells = zip(row, kinds, strict=True)
        cells = [f"<{tag}{kind}>{_html(c)}</{tag[:2]}>" for c, kind in cells]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table></div>"])


def _html(text):
    return _MARKED.sub(_html_mark, html.escape(" ".join(text.split())))


def _html_mark(match):
    if match[1]:
        return f"<code>{match[1]}</code>"
    return f"<strong>{_MARKED.sub(_html_mark, match[2])}</strong>"


def _data_uri(path):
    kind = _MEDIA_TYPES.get(os.path.splitext(path)[1].lower())
    if kind is None:
        raise ValueError(f"A picture must be .png or .jpg. Received: {path}.")
    with open(path, "rb") as file:
        return f"data:{kind};base64,{base64.b64encode(file.read()).decode()}"


def _markdown_block(block, folder):
    if isinstance(block, str):
        return _LIST_START.sub(r"\1\\\2", _markdown(block))
    if isinstance(block, Code):
        # Longer than any run of backticks inside.
        fence = max(["``", *re.findall("`+", block.text)], key=len) + "`"
        return f"{fence}\n{block.text.rstrip()}\n{fence}"
    if isinstance(block, Picture):
        path = os.path.relpath(block.path, folder).replace(os.sep, "/")
        caption = _markdown(block.caption)
        return f"![{caption}]({urllib.parse.quote(path)})\n\n{caption}"
    rows, numbers = _table(block)
    rows = [[_markdown(c).replace("|", "\\|") for c in row] for row in rows]
    rows.insert(1, ["---:" if number else "---" for number in numbers])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _markdown(text):
    return _MARKDOWN.sub(_markdown_mark, " ".join(text.split()))


def _markdown_mark(match):
    if match[1]:
        return match[0]
    if match[2]:
        return f"**{_markdown(match[2])}**"
    if match[0] in "<>&":
        return html.escape(match[0])
    return "".join(f"\\{character}" for character in match[0])


def _table(frame):
    """Returns rows of strings, the names first, and if columns are numbers."""
    rows = [frame.columns, *frame.itertuples(index=False, name=None)]
    rows = [["" if pd.isna(c) else str(c) for c in row] for row in rows]
    columns = zip(*rows, strict=True)
    return rows, [all(map(_NUMBER.fullmatch, cells[1:])) for cells in columns]


def _write(path, text):
    with atomic.aside(path) as file:
        file.write(text)
