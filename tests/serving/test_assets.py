"""The text files of a product."""

import pytest

from jdstyle.serving import assets


def write(folder, text):
    (folder / "assets").mkdir()
    (folder / "assets" / assets.STYLES).write_text(text, encoding="utf-8")


def test_a_style_is_a_line_whatever_its_name_holds(tmp_path):
    # Older versions prepared such names, and trained networks for them.
    write(tmp_path, "Office\u2028lady\nmini\x0bskirt\nlong\x85coat\n")
    names = ["Office\u2028lady", "mini\x0bskirt", "long\x85coat"]
    assert assets.read_styles(tmp_path) == names


@pytest.mark.parametrize("text", ["", "a\n\nb\n", "a\n \n", "a\nb\na\n"])
def test_refuses_empty_and_double_names(text, tmp_path):
    write(tmp_path, text)
    with pytest.raises(ValueError, match="a line of .* is empty or occurs"):
        assets.read_styles(tmp_path)
