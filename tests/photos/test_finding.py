"""Tests for `jdstyle.photos.finding`: what a folder holds, and the ids."""

import io
import os
import random

import pytest
from PIL import Image

from jdstyle.errors import InputError
from jdstyle.photos import finding


def photo(kind="JPEG"):
    file = io.BytesIO()
    Image.new("RGB", (20, 20)).save(file, kind)
    return file.getvalue()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, data=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(photo() if data is None else data)


def ids(*paths):
    found = [photo_id for photo_id, _ in finding.find(list(map(str, paths)))]
    assert len(set(found)) == len(found)
    return found


NAMES = [
    *("IMG_1.JPG", "old.jpe", "chrome.jfif", "scraped", "8f3a.jpg?w=600"),
    *("thumb.jpg_480x480", "wget.jpg.1", "wrong.txt", "a b/c d.jpeg"),
]


def test_content_decides_whatever_the_name(here, log):
    for name in NAMES:
        write(here / "in" / name)
    for kind in ("PNG", "WEBP", "GIF", "BMP", "AVIF", "TIFF"):
        write(here / "in" / f"no suffix {kind}", photo(kind))
    found = ids("in")
    assert set(NAMES) < set(found) and len(found) == len(NAMES) + 6
    assert found == sorted(found)
    assert "Left out" not in log.text


def test_a_photos_name_is_not_left_out_whatever_it_holds(here):
    names = ["page.jpg", "page.jpg?w=600&h=1", "empty.HEIC", "scan.tif"]
    for name in names:
        write(here / "in" / name, b"<html>" if "page" in name else b"")
    os.symlink("gone", here / "in" / "link.png")
    os.mkfifo(here / "in" / "pipe.webp")
    assert set(ids("in")) == {*names, "link.png", "pipe.webp"}


def test_counts_what_is_left_out_by_kind(here, log):
    folder = here / "in"
    write(folder / "1.jpg")
    write(folder / "._1.jpg")
    write(folder / ".DS_Store", b"\0\0\0\1Bud1")
    write(folder / ".thumbnails" / "1.jpg")
    write(folder / "notes.txt", b"hello")
    write(folder / "index", b"<!DOCTYPE html>")
    write(folder / "shirt.jpg.txt", b"BMW red, 1.jpg")
    write(folder / "Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    write(folder / "film.mov", b"\0\0\0\x14ftypqt  \0\0\0\0qt  ")
    write(folder / "_SUCCESS", b"")
    os.symlink("gone", folder / "broken")
    os.symlink("loop", folder / "loop")
    os.mkfifo(folder / "pipe")
    assert ids("in") == ["1.jpg"]
    (said,) = [r.getMessage() for r in log.records if "Left" in r.getMessage()]
    for kind in (
        *("hidden files and folders: 3 (.DS_Store ...)", "empty files: 1 (_S"),
        *("text files: 3 (index ...)", "other files: 2 (Thumbs.db ...)"),
        *("broken links: 1 (broken)", "pipes or devices: 1 (pipe)"),
        "unreadable files: 1 (loop)",
    ):
        assert kind in said


def test_nothing_found_tells_what_there_is(here):
    write(here / "in" / "notes.txt", b"hello")
    (here / "empty").mkdir()
    with pytest.raises(InputError, match=r"No photo in in\b.*text files: 1 \("):
        finding.find(["in"])
    with pytest.raises(InputError, match="No photo in empty.*Left out: nothi"):
        finding.find(["empty"])
    for path in ("gone", "", "empty/gone.jpg"):
        with pytest.raises(InputError, match="No such photo or folder: '"):
            finding.find([path])
    with pytest.raises(InputError, match=r"index' \(Not a directory\)\."):
        finding.find(["in/notes.txt/index"])


def test_follows_links_to_folders_once_each(here, log):
    write(here / "elsewhere" / "3.jpg")
    write(here / "in" / "zz" / "1.jpg")
    os.symlink(here / "elsewhere", here / "in" / "more")
    os.symlink(here / "elsewhere", here / "in" / "more too")
    os.symlink("zz", here / "in" / "aa")  # What is there itself comes first.
    os.symlink("..", here / "in" / "zz" / "up")
    os.symlink(here / "elsewhere", here / "elsewhere" / "self")
    os.symlink(here / "elsewhere" / "3.jpg", here / "in" / "2.jpg")
    assert ids("in") == ["2.jpg", "more/3.jpg", "zz/1.jpg"]
    assert "links to folders that are read already: 4 (aa ...)" in log.text


def test_ids_are_as_in_a_label_table(here):
    write(here / "in" / "dress.jpg")
    write(here / "in" / "dress.png", photo("PNG"))
    write(here / "in" / "dress")
    write(here / "in" / "summer" / "dress.jpg")
    expected = ["dress", "dress.jpg", "dress.png", "summer/dress.jpg"]
    for folder in (
        "in",
        "in/",
        "./in",
        here / "in",
        "in/../in",
        "in/summer/..",
    ):
        assert ids(folder) == expected
    assert ids("in/dress.jpg") == ["dress.jpg"]
    assert ids("in/dress.jpg", "in/dress.png") == ["dress.jpg", "dress.png"]


def test_paths_are_ids_where_two_photos_have_one_name(here, log):
    write(here / "a" / "1.jpg")
    write(here / "a" / "2.jpg")
    write(here / "b" / "1.jpg")
    assert ids("a", "b/") == ["a/1.jpg", "a/2.jpg", "b/1.jpg"]
    assert "Several photos are called 1.jpg, as a/1.jpg and b/1.jpg" in log.text
    assert ids("a/1.jpg", "b/1.jpg") == ["a/1.jpg", "b/1.jpg"]
    absolute = str(here / "b" / "1.jpg")
    assert ids("a/1.jpg", absolute) == ["a/1.jpg", absolute]
    # A name that is another's path.
    write(here / "a" / "b" / "1.jpg")
    assert ids("a", "b/1.jpg", "b") == [
        *("a/1.jpg", "a/2.jpg", "a/b/1.jpg", "b/1.jpg"),
    ]


def test_a_photo_that_is_named_twice_counts_once(here):
    write(here / "a" / "1.jpg")
    write(here / "a" / "2.jpg")
    os.symlink("a", here / "link")
    for paths in (
        *(("a", "a"), ("a", "./a/"), ("a", here / "a"), ("a", "link")),
        *(("a", "a/1.jpg"), ("link/1.jpg", "a")),
    ):
        assert set(ids(*paths)) == {"1.jpg", "2.jpg"}
    assert ids(".", "a") == ["a/1.jpg", "a/2.jpg"]


def test_ids_differ_whatever_is_named(here):
    rng = random.Random(0)
    names = ["1.jpg", "2.jpg", "a", "b", "a/1.jpg", "a/a/1.jpg", "b/a/1.jpg"]
    for name in ["1.jpg", "a/1.jpg", "a/2.jpg", "a/a/1.jpg", "b/a/1.jpg"]:
        write(here / name)
    write(here / "2.jpg")
    names += [".", "./a", "a/", "a//a", str(here), str(here / "a"), "b/../a"]
    for _ in range(200):
        ids(*rng.choices(names, k=rng.randint(1, 5)))


def test_the_challenges_ids_have_no_suffix(here):
    write(here / "images" / "12.jpg")
    write(here / "images" / "x.y")
    write(here / "images" / "13.jpg?w=600")
    found = finding.find([str(here)])
    named = [name for name, _ in finding.name_as_challenge(found)]
    assert named == ["12", "13", "x.y"]
    write(here / "12.png", photo("PNG"))
    with pytest.raises(
        InputError, match="two photos '12': .*12.png and .*12.j"
    ):
        finding.name_as_challenge(finding.find([str(here)]))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_counted(here, log):
    write(here / "in" / "1.jpg")
    write(here / "in" / "secret")
    write(here / "in" / "closed" / "2.jpg")
    (here / "in" / "secret").chmod(0)
    (here / "in" / "closed").chmod(0)
    assert ids("in") == ["1.jpg"]
    (here / "in" / "closed").chmod(0o700)
    assert "unreadable files: 1 (secret)" in log.text
    assert "unreadable folders: 1 (closed)" in log.text


def test_a_name_that_is_no_utf_8(here):
    write(here / "in" / "1.jpg")
    os.rename(b"in/1.jpg", b"in/\xe9.jpg")
    assert ids("in") == ["\udce9.jpg"]
