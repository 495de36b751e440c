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


def test_shares_are_those_that_were_written(tmp_path):
    write(tmp_path, "a\nb\n")
    assert assets.read_shares(tmp_path) is None
    shares = [1e-05, 0.02198697068403909]
    text = "".join(f"{share}\n" for share in shares)
    (tmp_path / "assets" / assets.SHARES).write_text(text)
    assert assets.read_shares(tmp_path) == shares


@pytest.mark.parametrize(
    "text",
    ["", "0.5\n", "0.5\n1.0\n", "0\n0.5\n", "0.5\nnan\n", "0.5\n\n0.5\n"],
)
def test_refuses_other_shares(text, tmp_path):
    write(tmp_path, "a\nb\n")
    (tmp_path / "assets" / assets.SHARES).write_text(text)
    with pytest.raises(
        ValueError, match="a number between 0 and 1 for each of"
    ):
        assets.read_shares(tmp_path)
