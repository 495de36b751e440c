"""Tests for `jdstyle.datasets.photo_paths`."""

import os
import unicodedata

import binaries
import numpy as np
import pytest
from PIL import Image

from jdstyle.datasets import photo_paths
from jdstyle.errors import InputError

NFD = unicodedata.normalize("NFD", "Übergröße 1.jpg")


@pytest.fixture
def folder(tmp_path):
    """A folder of photos: two, one in a sub-folder, and a text."""
    photos = tmp_path / "photos"
    (photos / "Summer").mkdir(parents=True)
    for name in ("p0.jpg", "Summer/p1.PNG", NFD, "notes.txt"):
        (photos / name).write_bytes(b"x")
    return photos


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("P0.JPG", "p0.jpg"),
        ("p0", "p0.jpg"),
        ("p0 .jpg", "p0.jpg"),
        ("summer/p1_.png", "Summer/p1.PNG"),
        ("übergröße_1.JPG", NFD),
        ("p0.png", "p0.jpg"),
        ("p0.jpg.jpg", "p0.jpg"),
        ("Übergröße 1.jpg", NFD),
        ("%C3%9Cbergr%C3%B6%C3%9Fe%201.jpg", NFD),
        ("photos\\p0.jpg", "p0.jpg"),
        ("C:\\data\\summer\\p1.png", "Summer/p1.PNG"),
        ("old/place/p0.jpg", "p0.jpg"),
        ("summer/p1.png", "Summer/p1.PNG"),
        ("p1.PNG", "Summer/p1.PNG"),  # Of the folder in it.
        ("notes", None),  # No photo.
        ("p2.jpg", None),
        ("Summer", None),
    ],
)
def test_missing_photos_show_what_is_there(folder, name, there):
    path = str(folder / name)
    said = photo_paths.describe_missing(path)
    if there is None:
        assert said == path
    else:
        assert said.startswith(f"{path} (there is {folder / there}")
    assert ("Unicode form" in said) == (name == "Übergröße 1.jpg")


@pytest.mark.parametrize(
    "name",
    ["file://{}/p0.jpg", "file:///x/p0.jpg", "../photos/p0.jpg"]
    + ["/elsewhere/p0.jpg", "https://x.org/y/p0.jpg"],
)
def test_paths_from_elsewhere_show_what_is_there(folder, name):
    place = photo_paths.Folder(str(folder))
    with pytest.raises(InputError, match=r"t:2: .* There is p0.jpg: write it"):
        place.locate(name.format(folder), "t:2")


def test_an_absolute_path_of_another_folder(folder, tmp_path):
    (tmp_path / "other.jpg").write_bytes(b"x")
    place = photo_paths.Folder(str(folder))
    with pytest.raises(InputError, match="exists, but not .* --images_dir"):
        place.locate(str(tmp_path / "other.jpg"), "t:2")


def test_links_are_followed_on_request(folder, tmp_path):
    (tmp_path / "blob").write_bytes(b"x")
    os.symlink("../blob", folder / "link.jpg")
    os.symlink("../gone", folder / "broken.jpg")
    with pytest.raises(InputError, match="leads out of .* --follow_links"):
        photo_paths.Folder(str(folder)).locate("link.jpg", "t:2")
    place = photo_paths.Folder(str(folder), follow_links=True)
    found = place.locate("./link.jpg", "t:2")
    assert found == ("link.jpg", str(folder / "link.jpg"))
    for name in ("../blob", str(tmp_path / "blob"), ".", ""):
        with pytest.raises(InputError):
            place.locate(name, "t:2")
    _, path = place.locate("broken.jpg", "t:2")
    said = photo_paths.describe_missing(path)
    assert said == f"{path} (a link to ../gone, which is not there)"


def test_a_folder_that_is_not_there(tmp_path):
    path = str(tmp_path / "a" / "b" / "c.jpg")
    assert photo_paths.describe_missing(path) == path


def test_prepares_links_after_it_has_said_what_the_columns_are(tmp_path):
    lines = ["image,a,b,is_valid"]
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 256, (40, 40, 3))
        Image.fromarray(pixels.astype("uint8")).save(
            tmp_path / "blobs" / f"{i:08x}", "PNG"
        )
        os.symlink(f"../blobs/{i:08x}", tmp_path / "snapshot" / f"{i}.png")
        lines.append(f"{i}.png,1,{i % 2},{i % 2}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    arguments = "--dataset=label_table/x", "--table=t.csv"
    arguments += ("--images_dir=snapshot",)
    said = binaries.call(tmp_path, "prepare", *arguments, code=2)
    assert "t.csv:2: '0.png' leads out of snapshot. Pass --follow" in said
    said = binaries.call(tmp_path, "prepare", *arguments, "--follow_links")
    assert said.index("'is_valid' (3 train, 3 validation)") < said.index(
        "Checked 6 of 6 photos, 0 rejected"
    )
