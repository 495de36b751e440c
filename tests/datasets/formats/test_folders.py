"""Tests for `folders`: a folder per class, with or without splits."""

import os

import pytest

from jdstyle.datasets import label_table
from jdstyle.errors import InputError


def make(folder, *files):
    """Writes files; each holds its number, or what stands after a colon."""
    for i, name in enumerate(files):
        name, _, content = name.partition(":")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or f"{i}")


def read(folder, *files, **kwargs):
    make(folder, *files)
    names, rows = label_table.read_label_table(None, folder, **kwargs)
    return names, {row.id: (row.labels, row.split) for row in rows}


def test_classes(tmp_path, log):
    names, rows = read(
        tmp_path,
        *("red/1.jpg", "blue/1.jpg", "blue/2.PNG"),
        *("blue/.hidden.jpg", ".git/1.jpg", "Readme.txt", "red/Thumbs.db"),
    )
    assert names == ["blue", "red"]
    assert rows == {
        "blue/1.jpg": ((1, 0), None),
        "blue/2.PNG": ((1, 0), None),
        "red/1.jpg": ((0, 1), None),
    }
    said = [record.getMessage() for record in log.records[:3]]
    assert said == [
        f"{tmp_path}: Read as a folder per class (--format=folders).",
        f"{tmp_path}: Ignored: 2 hidden files and folders.",
        f"{tmp_path}: Ignored: 2 files without a photo's suffix.",
    ]


def test_classes_of_splits(tmp_path):
    names, rows = read(
        tmp_path, "train/red/1.jpg", "VAL/blue/2.jpg", "test/red/1.jpg"
    )
    assert names == ["blue", "red"]
    assert rows == {
        "train/red/1.jpg": ((0, 1), "train"),
        "VAL/blue/2.jpg": ((1, 0), "validation"),
        "test/red/1.jpg": ((0, 1), "test"),
    }


def test_one_photo_in_several_classes_is_one_row(tmp_path, log):
    files = "red/1.jpg:x", "long/1.jpg:x", "blue/1.jpg:y", "blue/2.jpg:x"
    names, rows = read(tmp_path, *files)
    assert names == ["blue", "long", "red"]
    assert rows == {
        "blue/1.jpg": ((1, 0, 0), None),
        "blue/2.jpg": ((1, 0, 0), None),
        "long/1.jpg": ((0, 1, 1), None),
    }
    assert (
        "1 files have the name and the content" in log.records[1].getMessage()
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            (),
            ": expected a folder of photos for each of two classes .* got none",
        ),
        (("red/1.jpg",), ": expected a folder of photos .* got 'red'"),
        (("red/1.jpg", "blue/x.txt"), ": expected a folder .* got 'red'"),
        (("red/1.jpg", "blue/1.jpg", "x.jpg"), "/x.jpg: a photo in no folder"),
        (
            ("red/1.jpg", "blue/dark/2.jpg"),
            "/blue/dark: a folder in the folder",
        ),
        (
            ("red/1.jpg", "blue/dark/navy/2.jpg"),
            "/blue/dark: a folder in the folder of the class 'blue'",
        ),
        (
            ("train/red/1.jpg", "train/blue/1.jpg", "extra/2.jpg"),
            ": 'train' would be read as splits and 'extra' as classes",
        ),
        (("train/1.jpg", "test/2.jpg"), "/test/2.jpg: 'test' would be read as"),
        (
            ("train/red/1.jpg", "train/blue/1.jpg", "test/2.jpg"),
            "/test/2.jpg: 'test' would be read as a split",
        ),
        (
            ("red/1.jpg", "Red/2.jpg"),
            "/red/1.jpg: the style's name 'red' would",
        ),
        (("red/1.jpg", "all/2.jpg"), "/all/2.jpg: the style's name 'all' is"),
        (
            ("red/1.jpg", "blue/2.jpg", "metadata.jsonl"),
            "/metadata.jsonl: the labels may be there or in the names of fold",
        ),
        (
            ("red/1.jpg", "blue/2.jpg", "metadata.csv"),
            "/metadata.csv: the labels may be there or in the names of folders",
        ),
    ],
)
def test_faults(tmp_path, files, message):
    with pytest.raises(InputError, match=f"^{tmp_path}{message}"):
        read(tmp_path, *files)


def test_named_format_wins_over_metadata(tmp_path):
    files = "red/1.jpg", "blue/2.jpg", "metadata.jsonl"
    assert read(tmp_path, *files, format="folders")[0] == ["blue", "red"]


def test_links(tmp_path):
    photos = tmp_path / "photos"
    make(photos, "red/1.jpg", "blue/2.jpg")
    make(tmp_path, "other/3.jpg")
    os.symlink("../../other/3.jpg", photos / "red" / "3.jpg")
    with pytest.raises(
        InputError, match="3.jpg' leads out of .* --follow_links"
    ):
        read(photos)
    assert "red/3.jpg" in read(photos, follow_links=True)[1]
    os.remove(photos / "red" / "3.jpg")
    os.symlink("..", photos / "red" / "up")
    with pytest.raises(InputError, match="red/up: a folder in the folder of"):
        read(photos)
    os.remove(photos / "red" / "up")
    os.symlink("../other", photos / "green")
    with pytest.raises(InputError, match="green/3.jpg' leads out of"):
        read(photos)


def test_names_that_are_no_text(tmp_path):
    make(tmp_path, "red/1.jpg", "blue/2.jpg")
    odd = os.fsencode(tmp_path) + b"/red/\xff\n1.jpg"
    for name in (odd, f"{tmp_path}/red/\ufeff.jpg"):
        with open(name, "wb") as file:
            file.write(b"x")
        with pytest.raises(InputError, match="expected an image's") as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)
        os.remove(name)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match=r"No such file .* \(--images_dir\)"):
        read(tmp_path / "gone")
