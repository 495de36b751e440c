"""Tests for `other_spellings`: the one file that a path means."""

import os

import pytest

from jdstyle.datasets import photo_paths
from jdstyle.errors import InputError


@pytest.fixture
def folder(tmp_path):
    photos = tmp_path / "photos"
    for name in ("a/P0.JPG", "A.jpg", "a.jpg", "n.jpg", "sub/n.png", "d/d.jpg"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"x")
    return photos


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.jpg", "a.jpg"),  # Exactly so, whatever else is alike.
        ("A/p0.jpg", "a/P0.JPG"),
        ("a\\P0.JPG", "a/P0.JPG"),
        ("A\\p0.jpg", "a/P0.JPG"),
        (".\\n.jpg", "n.jpg"),
        ("./n.jpg", "n.jpg"),
        ("{}/n.jpg", "n.jpg"),
        ("{}/A/p0.jpg", "a/P0.JPG"),
        ("{}/../photos/n.jpg", "n.jpg"),
        # Nothing that is there: read as it is, and then missing.
        ("gone.jpg", "gone.jpg"),
        ("..\\n.jpg", "..\\n.jpg"),
        ("\\\\host\\n.jpg", "\\\\host\\n.jpg"),
        ("d", "d"),
    ],
)
def test_files_are_found(folder, name, found):
    place = photo_paths.Folder(str(folder))
    photo_id, path = place.locate(name.format(folder), "t:2")
    assert (photo_id, path) == (found, str(folder / found))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("n", "n.jpg"),
        ("N", "n.jpg"),
        ("n.jpg", "n.jpg"),
        ("sub/n", "sub/n"),
        ("d", "d"),  # A folder, and no d.jpg beside it.
        ("D\\d", "d/d.jpg"),
        ("a/P0", "a/P0.JPG"),
    ],
)
def test_an_extension_is_put_at_the_end(folder, name, found):
    place = photo_paths.Folder(str(folder), extension=".jpg")
    assert place.locate(name, "t:2")[0] == found


def test_the_folder_may_be_a_link(folder, tmp_path):
    os.symlink("photos", tmp_path / "link")
    place = photo_paths.Folder(str(tmp_path / "link"))
    for name in ("photos", "link"):
        found = place.locate(str(tmp_path / name / "n.jpg"), "t:2")
        assert found == ("n.jpg", str(tmp_path / "link" / "n.jpg"))
    with pytest.raises(InputError, match="expected an image's path inside"):
        place.locate(str(tmp_path / "photos2" / "n.jpg"), "t:2")


def test_what_may_be_several_is_refused(folder):
    place = photo_paths.Folder(str(folder))
    with pytest.raises(InputError, match=r"t:2: 'A.JPG' may be A.jpg or a.jpg"):
        place.locate("A.JPG", "t:2")
    with pytest.raises(InputError, match=r"t:2: .*'n.png'. Pass --ext.*=.png"):
        place.locate("sub/n", "t:2")


@pytest.mark.parametrize("extension", ["jpg", "./x", ".", ".j g"])
def test_extensions_that_are_none(folder, extension):
    with pytest.raises(
        InputError, match="--extension must be a dot and letters"
    ):
        photo_paths.Folder(str(folder), extension=extension)


def test_says_how_many_are_written_otherwise(folder):
    place = photo_paths.Folder(str(folder))
    place.locate("n.jpg", "t:2")
    assert place.describe() == []
    place.locate("N.JPG", "t:3")
    place.locate(".\\n.jpg", "t:4")
    assert place.describe() == [
        "2 paths are written otherwise than the files: 'N.JPG' is 'n.jpg'."
    ]
