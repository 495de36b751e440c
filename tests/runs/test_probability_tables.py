"""Scores that belong to a product, and those that do not."""

import pytest

from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.runs import directory
from jdstyle.runs import probability_tables

TABLE = "id,label a,probability a\n1.jpg,1,0.5\n2.jpg,-1,0\n"


@pytest.fixture
def folder(tmp_path):
    """A product and its scores, that say so."""
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "saved_model.pb").write_text("networks")
    sums.write(str(tmp_path / "saved_model"))
    (tmp_path / directory.VALIDATION_FILE).write_text(TABLE)
    probability_tables.bind(str(tmp_path), directory.VALIDATION_FILE)
    return tmp_path


def find(folder):
    return probability_tables.find(str(folder / "saved_model"))


def test_what_belongs_together_is_found(folder, monkeypatch):
    assert find(folder) == str(folder / directory.VALIDATION_FILE)
    # Also by a path without a folder.
    monkeypatch.chdir(folder)
    assert probability_tables.find("saved_model") == find(folder)


def test_more_than_the_validation_photos_come_first(folder):
    (folder / directory.OUT_OF_FOLD_FILE).write_text(TABLE)
    with pytest.raises(InputError, match="must say that .*out_of_fold"):
        find(folder)
    probability_tables.bind(str(folder), directory.OUT_OF_FOLD_FILE)
    assert find(folder) == str(folder / directory.OUT_OF_FOLD_FILE)


def test_no_scores_at_all(folder):
    (folder / directory.VALIDATION_FILE).unlink()
    with pytest.raises(InputError, match="must hold the scores.*Pass --split"):
        find(folder)


def test_scores_that_nothing_binds(folder):
    (folder / sums.FILE).unlink()
    with pytest.raises(InputError, match="an older jdstyle.*Pass --split"):
        find(folder)


def test_a_renamed_product_is_another(folder):
    (folder / "saved_model").rename(folder / "other")
    with pytest.raises(InputError, match="must say that"):
        probability_tables.find(str(folder / "other"))


@pytest.mark.parametrize("which", ["scores", "product"])
def test_scores_of_another_product(folder, which):
    if which == "scores":
        text = TABLE.replace("0.5", "0.25")
        (folder / directory.VALIDATION_FILE).write_text(text)
    else:
        (folder / "saved_model" / "saved_model.pb").write_text("others")
        sums.write(str(folder / "saved_model"))
    with pytest.raises(InputError, match="are of another product. Pass --sp"):
        find(folder)


def test_reads_what_was_written(folder):
    table = probability_tables.read(find(folder), ["a"])
    assert table.index.tolist() == ["1.jpg", "2.jpg"]
    assert table["label a"].tolist() == [1, -1]
    assert table["probability a"].tolist() == [0.5, 0]
    with pytest.raises(InputError, match=r"csv:1: expected one column 'label "):
        probability_tables.read(find(folder), ["b"])
