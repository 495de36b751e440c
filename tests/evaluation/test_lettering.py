"""Tests for `jdstyle.evaluation.lettering`, with a font made here."""

import logging
import warnings

import numpy as np
import pytest
from fontTools import fontBuilder
from fontTools.pens import ttGlyphPen
from matplotlib import font_manager
from PIL import Image

from jdstyle.evaluation import charts
from jdstyle.evaluation import lettering

# Of private use: no font of any machine has them.
UNKNOWN = "\U0010e8f3"
DRESS, COAT = "\U0010f8a1", "\U0010f8a2"  # The fonts made below do.


def make_font(path, family, characters):
    """Writes a font whose every character is a black square."""
    pen = ttGlyphPen.TTGlyphPen(None)
    pen.moveTo((50, 0))
    for corner in ((50, 900), (950, 900), (950, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder = fontBuilder.FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(c): "square" for c in characters})
    builder.setupGlyf({".notdef": square, "square": square})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def fonts(tmp_path, monkeypatch):
    """Adds fonts for the length of a test."""
    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", list(manager.ttflist))

    def add(family, characters):
        path = tmp_path / f"{family}.ttf"
        make_font(path, family, characters)
        manager.addfont(path)

    yield add
    manager._findfont_cached.cache_clear()


@pytest.fixture
def no_warnings(log):
    """Fails where matplotlib misses a glyph or a family."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    said = [r for r in log.records if r.levelno >= logging.WARNING]
    assert not said


def test_names_that_the_usual_font_has():
    chosen = lettering.choose(["Punk", "Été", "Ретро", "$x^2$", "a_b", ""])
    assert chosen.texts == ["Punk", "Été", "Ретро", "$x^2$", "a_b", ""]
    assert chosen.families == ["sans-serif"] and chosen.legend == {}
    assert chosen.note() == ""
    assert lettering.choose([]).texts == []


def test_a_font_that_is_there_is_found(fonts):
    fonts("Test Dresses", DRESS)
    fonts("Test Coats", COAT)
    names = ["Punk", f"{DRESS}{COAT} long", DRESS]
    chosen = lettering.choose(names)
    assert chosen.texts == names and not chosen.legend
    assert set(chosen.families) == {"sans-serif", "Test Dresses", "Test Coats"}
    # None is looked for in vain, and none more than is needed.
    assert lettering.choose([COAT]).families == ["sans-serif", "Test Coats"]


def test_else_the_number_and_a_legend():
    chosen = lettering.choose(["Punk", f"summer {UNKNOWN}", UNKNOWN])
    assert chosen.texts == ["Punk", "2", "3"]
    assert chosen.legend == {2: f"summer {UNKNOWN}", 3: UNKNOWN}
    assert chosen.note() == (
        "\nNames that no font of this machine can write:"
        "\n2: summer [U+10E8F3]\n3: [U+10E8F3]"
    )
    given = lettering.choose([UNKNOWN, "Punk"], numbers=[12, 7])
    assert given.texts == ["12", "Punk"] and given.legend == {12: UNKNOWN}
    assert "12: [U+10E8F3]" in given.note()


def test_the_legend_says_what_unicode_calls_a_character():
    assert lettering._spell("a 👗裙ド", set("a ")) == (
        "a [DRESS][U+88D9][KATAKANA LETTER DO]"
    )


def test_a_long_legend_is_cut():
    lines = lettering.choose([UNKNOWN] * 300).note().splitlines()
    assert len(lines) == 43  # Beside 40 names: nothing, title, how many more.
    assert lines[-1] == "and 260 more, in the order of the styles"
    (line,) = lettering.choose([UNKNOWN * 50]).note().splitlines()[2:]
    assert len(line) == 63 and line.endswith("...")


def test_fonts_that_are_no_fonts_are_passed_over(fonts, tmp_path, monkeypatch):
    """The one of boxes for all characters; one that cannot be read."""
    fonts("Last Resort Test", DRESS)
    assert lettering.choose([DRESS]).texts == ["1"]
    fonts("Test Broken", DRESS)
    (tmp_path / "Test Broken.ttf").write_bytes(b"no font")
    assert lettering.choose([DRESS]).texts == ["1"]


def draw_all(names, folder):
    n = len(names)
    counts = np.arange(1, n + 1)
    charts.mutual_table(names, np.full((n, n), 0.5), counts, folder / "m.png")
    charts.class_distribution(
        names,
        {"train": counts, "test": counts},
        {"train": n, "test": n},
        folder / "c.png",
    )
    charts.grouped_bars(names, {"F2": counts}, folder / "g.png", ylabel="F2")


@pytest.mark.parametrize(
    "names",
    [
        ["連衣裙", "ドレス", "👗", "👩‍🦰🧥", "☀️", "Punk"],
        [UNKNOWN, f"$x^{UNKNOWN}", "$\\frac$", "a$b$c", "%s {}", "\\n"],
        ["مرحبا", "שלום", "हिन्दी", "ไทย", "한국어", "\U0010fffd"],
    ],
)
def test_pictures_without_warnings(names, tmp_path, no_warnings):
    draw_all(names, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_name_is_drawn_in_the_font_that_has_it(fonts, tmp_path, no_warnings):
    """The squares of the made font are darker than any letters."""
    fonts("Test Dresses", DRESS)
    for name, is_there in ((DRESS * 6, True), ("l" * 6, False)):
        charts.class_distribution([name], [5], 9, tmp_path / "a.png")
        ink = np.asarray(Image.open(tmp_path / "a.png").convert("L")) < 64
        # A square of 10 points at 150 dots per inch: 21 dots of 0.9 sides.
        runs = (ink[:, :-15].cumsum(axis=1)[:, 15:] > 0).any()
        solid = np.lib.stride_tricks.sliding_window_view(ink, (12, 12))
        assert solid.all(axis=(2, 3)).any() == is_there and runs


def test_the_picture_has_the_legend_below(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(charts, "save", lambda fig, path: figures.append(fig))
    draw_all(["Punk", f"red {UNKNOWN}"], tmp_path)
    for figure in figures:
        assert "2: red [U+10E8F3]" in figure.axes[0].get_xlabel()
    texts = [t.get_text() for t in figures[0].axes[0].get_xticklabels()]
    assert texts == ["Punk (1)", "2 (2)"]
