"""What predicting leaves when it fails."""

import resource

import binaries
import fake_models
import numpy as np
import pytest
from PIL import Image

from jdstyle.errors import InputError
from jdstyle.errors import Stopped
from jdstyle.serving import loader
from jdstyle.serving import prediction


@pytest.fixture
def predict(tmp_path, monkeypatch):
    """Predicts 300 files that are no photos, into out.csv and errors.csv."""
    monkeypatch.setattr(loader, "load", lambda path: (None, ["Punk"]))
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(300):
        (photos / f"{i:060}.jpg").write_bytes(b"no photo")

    def predict():
        return prediction.predict(
            "model",
            [str(photos)],
            str(tmp_path / "out.csv"),
            str(tmp_path / "errors.csv"),
        )

    return predict


@pytest.fixture
def no_large_files():
    """Lets no file grow over 16 kB, as a disk that is almost full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 14, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_failure_leaves_the_older_list_of_errors(
    tmp_path, predict, no_large_files
):
    (tmp_path / "errors.csv").write_text("old")
    with pytest.raises(OSError, match="File too large"):
        predict()
    assert (tmp_path / "errors.csv").read_text() == "old"
    assert not list(tmp_path.glob("*.tmp"))


def test_list_of_errors(tmp_path, predict):
    assert predict() == (0, 300)
    lines = (tmp_path / "errors.csv").read_text().splitlines()
    assert lines[0] == "id,path,reason" and len(lines) == 301


class Stop:
    """A model that gives every photo of a call 0.25, and stops after some."""

    def __init__(self, calls):
        self.calls = calls

    def __call__(self, photos):
        if self.calls == 0:
            raise KeyboardInterrupt
        self.calls -= 1
        return fake_models.give_quarter(photos)


@pytest.fixture
def stoppable(tmp_path, monkeypatch):
    """Predicts ten photos, two a call, of which the fourth is broken."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(10):
        pixels = np.full((20, 20, 3), 10 * i, "uint8")
        Image.fromarray(pixels).save(photos / f"{i}.png")
    (photos / "3.png").write_bytes(b"no photo")

    def predict(calls, output="out.csv", **options):
        model = Stop(calls), ["Punk"]
        monkeypatch.setattr(loader, "load", lambda path: model)
        return prediction.predict(
            str(tmp_path),
            [str(photos)],
            str(tmp_path / output),
            str(tmp_path / "errors.csv"),
            **{"batch_size": 2} | options,
        )

    return predict


READABLE = [f"{i}.png" for i in range(10) if i != 3]


def ids(path):
    lines = path.read_text().splitlines()
    assert lines[0] == "id,probability Punk,label Punk"
    return [line.partition(",")[0] for line in lines[1:]]


def test_stopped_run_goes_on(tmp_path, stoppable):
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(Stopped, match=r"of 10 photos; their lines are in"):
        stoppable(3)
    (part,) = tmp_path.glob("out.csv.*.part")
    kept = ids(part)
    assert 0 < len(kept) < 6 and kept == READABLE[: len(kept)]
    assert (tmp_path / "out.csv").read_text() == "old"
    assert stoppable(99) == (9, 1)
    assert ids(tmp_path / "out.csv") == READABLE
    # Also of what was found before the stop.
    assert "\n3.png," in (tmp_path / "errors.csv").read_text()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("options", [{"short_side": 16}, {"submission": True}])
def test_other_settings_begin_anew(tmp_path, stoppable, options):
    with pytest.raises(Stopped):
        stoppable(3)
    assert stoppable(99, **options) == (9, 1)
    assert len((tmp_path / "out.csv").read_text().splitlines()) in (9, 10)


def test_photo_is_not_written_over(tmp_path, stoppable):
    (tmp_path / "link.csv").symlink_to("photos/1.png")
    before = (tmp_path / "photos" / "1.png").read_bytes()
    for output in ("photos/1.png", "link.csv"):
        with pytest.raises(InputError, match="1.png is a photo to predict"):
            stoppable(99, output)
    assert (tmp_path / "photos" / "1.png").read_bytes() == before


def test_two_outputs_are_two_files(tmp_path, stoppable):
    with pytest.raises(InputError, match="must be two files"):
        stoppable(99, "./errors.csv")
    assert not (tmp_path / "errors.csv").exists()


def test_a_run_that_predicted_nothing_is_bad_input(tmp_path, monkeypatch):
    monkeypatch.setattr(loader, "load", lambda path: (None, ["Punk"]))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").write_bytes(b"no photo")
    arguments = ("predict", "--saved_model=model", "photos")
    said = binaries.call(tmp_path, *arguments, "--short_side=32", code=2)
    assert "None of the 1 photos could be read" in said
    assert "predictions.csv.errors.csv says why" in said
    (tmp_path / "photos" / "1.jpg").unlink()
    (tmp_path / "photos" / "notes.txt").write_text("hello")
    said = binaries.call(tmp_path, *arguments, code=2)
    assert "No photo in photos" in said and "text files: 1 (notes.txt)" in said
