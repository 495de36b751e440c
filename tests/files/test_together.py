"""A result takes the place of an older one as a whole, or not at all."""

import errno
import os
import shutil

import pytest

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import together

NAMES = ("a", "b", "folder", "only old", "only new")


@pytest.fixture
def place(tmp_path):
    """A folder with an older result and with what is somebody else's."""
    write(tmp_path, "old", ("a", "b", "only old", "theirs"))
    return tmp_path


def write(folder, text, files):
    for name in files:
        (folder / name).write_text(text)
    (folder / "folder").mkdir()
    (folder / "folder" / text).write_text(text)


def write_new(folder):
    with together.replacing(str(folder), NAMES) as new:
        write(folder / os.path.basename(new), "new", ("a", "b", "only new"))


def read(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


OLD = dict.fromkeys(("a", "b", "only old", "theirs", "folder/old"), "old")
NEW = dict.fromkeys(("a", "b", "only new", "folder/new"), "new")
NEW["theirs"] = "old"


def test_takes_its_places(place, tmp_path):
    write_new(place)
    assert read(place) == NEW
    write_new(tmp_path / "made")
    assert not {"theirs", "only old"} & read(tmp_path / "made").keys()


@pytest.mark.parametrize("fault", [OSError(28, "No space"), KeyboardInterrupt])
def test_a_failed_result_changes_nothing(place, fault):
    with (
        pytest.raises(type(fault) if isinstance(fault, OSError) else fault),
        together.replacing(str(place), NAMES) as new,
    ):
        write(place / os.path.basename(new), "new", ("a",))
        raise fault
    assert read(place) == OLD


def test_a_killed_result_changes_nothing(place, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # As if killed.
        with (
            pytest.raises(KeyboardInterrupt),
            together.replacing(str(place), NAMES) as new,
        ):
            write(place / os.path.basename(new), "half", ("a",))
            raise KeyboardInterrupt
    left = {name: text for name, text in read(place).items() if text == "old"}
    assert left == OLD
    write_new(place)
    assert read(place) == NEW


@pytest.mark.parametrize("name", ["a", "folder"])
def test_other_kinds_in_its_places_are_refused_first(place, name):
    if name == "a":
        (place / "a").unlink()
        (place / "a").mkdir()
    else:
        shutil.rmtree(place / "folder")
        (place / "folder").write_text("old")
    before = read(place)
    with pytest.raises((IsADirectoryError, NotADirectoryError)):
        write_new(place)
    assert read(place) == before


def test_a_disk_that_is_full_at_its_end_changes_nothing(place, monkeypatch):
    def fail(path):
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(atomic, "aside", fail)
    with pytest.raises(OSError, match="No space"):
        write_new(place)
    assert read(place) == OLD


class Killed(BaseException):
    """Ends the process: nothing of it runs any more."""


def test_killed_moves_are_ended_by_the_next(tmp_path, monkeypatch):
    """Killed before each of the renames and removals that they consist of."""
    calls = ["rename", "replace", "remove"]
    steps = 0
    while True:
        place = tmp_path / str(steps)
        place.mkdir()
        write(place, "old", ("a", "b", "only old", "theirs"))
        left = [steps]

        def kill(*arguments, call, left=left, place=place):
            if (place / "incomplete.whole").exists():
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
            return call(*arguments)

        with monkeypatch.context() as patch:
            for name in calls:
                call = getattr(os, name)
                patch.setattr(
                    os, name, lambda *a, c=call, k=kill: k(*a, call=c)
                )
            try:
                write_new(place)
                break
            except Killed:
                pass
        together.finish(str(place), NAMES)
        assert read(place) == NEW
        steps += 1
    assert steps > 5


def test_a_damaged_list_is_told(place):
    (place / "incomplete.whole").mkdir()
    (place / "incomplete.whole" / "names.json").touch()
    with pytest.raises(InputError, match="names.json is damaged"):
        write_new(place)
