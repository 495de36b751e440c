import base64
import html.parser
import os
import re
import urllib.parse

import pandas as pd
import pytest
from PIL import Image

from jdstyle.evaluation import pages

VOID = {"meta", "img"}


class Parser(html.parser.HTMLParser):
    """Keeps tags, attributes and text; a tag out of place fails."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def find(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def picture(tmp_path):
    (tmp_path / "my charts").mkdir()
    path = tmp_path / "my charts" / "f2.png"
    Image.new("RGB", (3, 2), "red").save(path)
    return path


@pytest.fixture
def write(tmp_path):
    """Writes the blocks of one section; returns the parsed page, the texts."""

    def write(*blocks, title="Report", headings=("Section",)):
        (tmp_path / "docs").mkdir(exist_ok=True)
        page = tmp_path / "report.html"
        markdown = tmp_path / "docs" / "report.md"
        sections = [(heading, list(blocks)) for heading in headings]
        pages.write(title, sections, str(page), str(markdown))
        text = page.read_text("utf-8")
        return Parser(text), text, markdown.read_text("utf-8")

    return write


def test_page_is_complete_and_loads_nothing(write, picture):
    table = pd.DataFrame({"style": ["Punk"], "F2": ["0.5"]})
    parsed, text, _ = write(
        "See https://example.org/data.",
        table,
        pages.Picture(str(picture), "A chart"),
        pages.Code("python -m jdstyle.train"),
    )
    assert text.startswith("<!DOCTYPE html>")
    assert parsed.find("html") == [{"lang": "en"}]
    assert parsed.find("meta")[0] == {"charset": "utf-8"}
    assert parsed.find("meta")[1]["name"] == "viewport"
    assert "prefers-color-scheme: dark" in text
    for tag in ("script", "link", "iframe", "object"):
        assert not parsed.find(tag)
    loads = [a["src"] for _, a in parsed.tags if "src" in a]
    assert [load[:5] for load in loads] == ["data:"]
    assert not re.search(r"url\(|@import", text)
    links = [a["href"] for a in parsed.find("a")]
    assert links == ["#section"]
    assert not list(picture.parents[1].rglob("*.tmp"))


def test_picture_is_embedded_and_linked(write, picture, tmp_path):
    parsed, _, markdown = write(pages.Picture(str(picture), "F2 **per** style"))
    (image,) = parsed.find("img")
    kind, payload = image["src"].split(";base64,")
    assert kind == "data:image/png"
    assert base64.b64decode(payload) == picture.read_bytes()
    assert image["alt"] == "F2 **per** style"
    (link,) = re.findall(r"!\[F2 .*per.* style\]\((.+)\)", markdown)
    assert link == "../my%20charts/f2.png"
    assert os.path.samefile(
        tmp_path / "docs" / urllib.parse.unquote(link), picture
    )


def test_a_legend_is_listed_below_its_picture(write, picture):
    legend = {3: "連衣裙 *x*", 12: "👗 <b>"}
    parsed, _, markdown = write(pages.Picture(str(picture), "F2", legend))
    assert markdown.endswith("F2\n\n- 3: 連衣裙 \\*x\\*\n- 12: 👗 &lt;b&gt;\n")
    assert "3: 連衣裙 *x*" in parsed.text and "12: 👗 <b>" in parsed.text
    # Beside the one of the contents.
    assert len(parsed.find("ul")) == 2 and len(parsed.find("li")) == 3


def test_missing_picture_is_named_and_nothing_written(tmp_path):
    picture = pages.Picture(str(tmp_path / "gone.png"), "")
    outputs = str(tmp_path / "a.html"), str(tmp_path / "a.md")
    with pytest.raises(FileNotFoundError, match="gone.png"):
        pages.write("Report", [("Section", [picture])], *outputs)
    assert not list(tmp_path.iterdir())


def test_text_is_escaped_everywhere(write, picture):
    evil = "<script>alert('1')</script> & \"x\""
    table = pd.DataFrame({evil: [evil]})
    shown = pages.Picture(str(picture), evil)
    parsed, text, markdown = write(
        evil, table, shown, pages.Code(evil), title=evil, headings=[evil]
    )
    assert not parsed.find("script")
    # Title and its heading, contents, heading, paragraph, two cells, caption
    # and code; the ninth time it is the picture's alternative text.
    assert parsed.text.count(evil) == 9
    assert parsed.find("img")[0]["alt"] == evil
    fenced = f"```\n{evil}\n```"
    assert fenced in markdown
    assert "<" not in markdown.replace(fenced, "")
    assert "&lt;script&gt;" in markdown


def test_marks_become_code(write):
    _, text, markdown = write(
        "Run `a < b` or **never `x|y` again**, `2 ** 3 ** 4`, and half `a b."
    )
    assert (
        "<p>Run <code>a &lt; b</code> or **never <code>x|y</code> again**, "
        "<code>2 ** 3 ** 4</code>, and half `a b.</p>"
    ) in text
    assert "Run `a < b` or \\*\\*never `x|y` again\\*\\*" in markdown
    assert markdown.endswith("and half \\`a b.\n")


@pytest.mark.parametrize(
    "name",
    [
        "<b>R&B</b> &amp; &#60;script&#62;",
        "a|b \\| c\\",
        "`code` ``two`` and ` one",
        "**bold** __bold__ *it* _it_ ~~del~~ $x$ $$y$$",
        "[click](javascript:alert(1))",
        "<javascript:alert(1)> <https://example.org>",
        "![x](https://example.org/x.png)",
        "[x]: https://example.org",
        "# heading #",
        "+ item",
        "===",
        "|---|",
        '"><img src=x onerror=alert(1)>',
        "<!-- comment --> <?php ?> <![CDATA[x]]>",
        "{: .class #id }",
        "wzxhzdk:0 klzzwxh:0000",
        "[TOC]",
        "*[HTML]: x",
    ],
)
def test_names_are_shown_as_they_stand(write, picture, name):
    table = pd.DataFrame({"style": ["x", name], name: [1, 2]})
    parsed, text, _ = write(
        table, pages.Picture(str(picture), name), title=name
    )
    # The page's title, its heading, two cells and the caption.
    assert parsed.text.count(name) == 5
    (image,) = parsed.find("img")
    assert image["alt"] == name
    assert len(parsed.find("a")) == len(parsed.find("h2")) == 1
    allowed = "html head meta title style body h1 h2 ul li a p img div table"
    allowed = {*allowed.split(), "thead", "tbody", "tr", "th", "td"}
    assert {tag for tag, _ in parsed.tags} == allowed


def test_name_of_several_lines_stays_in_its_cell(write):
    parsed, _, markdown = write(pd.DataFrame({"a\nb": ["c\n\n# d\n| e |"]}))
    assert "c # d | e |" in parsed.text
    assert len(parsed.find("td")) == 1
    assert markdown.endswith("| a b |\n| --- |\n| c \\# d \\| e \\| |\n")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a * b * c", r"a \* b \* c"),
        ("_x_ of jd_fashion", r"\_x\_ of jd_fashion"),
        ("__x__", r"\_\_x\_\_"),
        ("[x](y)", r"\[x\](y)"),
        ("# 1", r"\# 1"),
        ("- 1", r"\- 1"),
        ("---", r"\---"),
        ("2. x", r"2\. x"),
        ("2.5 x", "2.5 x"),
        ("-0.5 x", "-0.5 x"),
        ("$x$", r"\$x\$"),
        ("one\n\n    two", "one two"),
    ],
)
def test_text_stays_text_in_markdown(write, text, expected):
    parsed, _, markdown = write(text)
    assert markdown.endswith(f"\n\n{expected}\n")
    assert " ".join(text.split()) in parsed.text


def test_table(write):
    table = pd.DataFrame(
        {
            "style": ["a|b", "**Punk**"],
            "F2": ["0.512", "0.6"],
            "95 % interval": ["0.41 to 0.60", "-"],
            "positives": [1249, 7],
            "date": ["2018 May", "2018"],
            "none": [None, "12 %"],
        },
        index=["hidden", "hidden"],
    )
    parsed, text, markdown = write(table)
    numbers = ["right" in a.get("style", "") for a in parsed.find("td")]
    assert numbers == 2 * [False, True, True, True, False, True]
    heads = ["right" in a.get("style", "") for a in parsed.find("th")]
    assert heads == numbers[:6]
    assert "<td>**Punk**</td>" in text
    assert "hidden" not in text + markdown
    assert markdown.endswith(
        "| style | F2 | 95 % interval | positives | date | none |\n"
        "| --- | ---: | ---: | ---: | --- | ---: |\n"
        "| a\\|b | 0.512 | 0.41 to 0.60 | 1249 | 2018 May |  |\n"
        "| \\*\\*Punk\\*\\* | 0.6 | - | 7 | 2018 | 12 % |\n"
    )


def test_table_without_rows(write):
    parsed, _, markdown = write(pd.DataFrame({"style": []}))
    assert len(parsed.find("th")) == 1
    assert "| style |\n" in markdown


def test_contents_link_to_each_section(write):
    parsed, _, markdown = write(
        title="Styles", headings=["Styles", "F2 `per` style!", "Styles"]
    )
    ids = [attributes["id"] for attributes in parsed.find("h2")]
    # As GitHub names them; the first is the title's own.
    assert ids == ["styles-1", "f2-per-style", "styles-2"]
    assert [a["href"] for a in parsed.find("a")] == [f"#{i}" for i in ids]
    assert "- [F2 `per` style!](#f2-per-style)\n" in markdown
    assert markdown.startswith("# Styles\n\n- [Styles](#styles-1)\n")


def test_code_is_kept_letter_by_letter(write):
    code = "a  <b>\n\n```\n  $c **d** |"
    parsed, _, markdown = write(pages.Code(code))
    assert code in parsed.text
    # A longer fence, or the code's own would end it.
    assert f"````\n{code}\n````\n" in markdown


def test_rejects_other_blocks_and_pictures(tmp_path):
    outputs = str(tmp_path / "a.html"), str(tmp_path / "a.md")
    with pytest.raises(ValueError, match="Received: 3"):
        pages.write("Report", [("Section", [3])], *outputs)
    with pytest.raises(ValueError, match="Received: a.gif"):
        pages.write("Report", [("", [pages.Picture("a.gif", "")])], *outputs)
