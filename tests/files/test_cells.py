import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdstyle.files import cells


@given(st.text())
def test_every_text_is_read_back(text):
    cell = cells.write(text)
    assert cells.read(cell) == text
    assert cell[:1] not in tuple("=+-@")
    assert cells.visible(cell) == cell and "\n" not in cell


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1.jpg", "'=1+1.jpg"),
        ("-a\\b.jpg", "'-a\\\\b.jpg"),
        ("'a", "''a"),
        ("a\r\x1b[2J.jpg", "'a\\x0d\\x1b[2J.jpg"),
        ("a\u2028b", "'a\\u2028b"),
        ("照片 - b=c\\d.jpg", "照片 - b=c\\d.jpg"),
        ("\udcff.jpg", "\udcff.jpg"),
        ("", ""),
    ],
)
def test_only_what_is_odd_is_changed(text, cell):
    assert cells.write(text) == cell


def test_a_terminal_keeps_its_lines():
    said = cells.visible("a\tb\n\x1b]0;title\x07 \x9b31m\r")
    assert said == "a\tb\n\\x1b]0;title\\x07 \\x9b31m\\x0d"
