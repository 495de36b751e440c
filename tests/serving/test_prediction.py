"""What predicting leaves when it fails."""

import csv
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
from jdstyle.serving import prevalence


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
    """A model that answers some calls and then stops."""

    def __init__(self, calls, answer=fake_models.give_quarter):
        self.calls = calls
        self.answer = answer

    def __call__(self, photos):
        if self.calls == 0:
            raise KeyboardInterrupt
        self.calls -= 1
        return self.answer(photos)


READABLE = [f"{i}.png" for i in range(10) if i != 3]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Predicts ten photos for a shop with other shares, in batches of two."""
    (tmp_path / "photos").mkdir()
    for i in range(10):
        pixels = np.full((20, 20, 3), 2 * i, "uint8")
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{i}.png")
    (tmp_path / "photos" / "3.png").write_bytes(b"no photo")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "styles.txt").write_text("bright\nrare\n")
    (tmp_path / "assets" / "shares.txt").write_text("0.05\n0.1\n")
    (tmp_path / "shop.csv").write_text("style,share\nbright,0.5\n")

    def predict(calls=99, output="out.csv", **options):
        model = Stop(calls, fake_models.give_brightness), ["bright", "rare"]
        monkeypatch.setattr(loader, "load", lambda path: model)
        return prediction.predict(
            str(tmp_path),
            [str(tmp_path / "photos")],
            str(tmp_path / output),
            str(tmp_path / "errors.csv"),
            **{"batch_size": 2, "shares": str(tmp_path / "shop.csv")} | options,
        )

    return predict


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_other_shares_decide_once_all_photos_are_scored(tmp_path, shop):
    with pytest.raises(Stopped, match="their lines are in"):
        shop(3)
    assert not (tmp_path / "out.csv").exists()
    assert shop() == (9, 1)
    assert shop(output="plain.csv", shares=None) == (9, 1)
    plain, rows = (read(tmp_path / name) for name in ("plain.csv", "out.csv"))
    assert [row["id"] for row in rows] == READABLE
    # 1 to 1 by 1 to 19.
    moved = prevalence.move([float(r["probability bright"]) for r in plain], 19)
    np.testing.assert_allclose(
        [float(row["probability bright"]) for row in rows], moved, atol=2e-5
    )
    cut = prevalence.best_cut(moved)
    expected = (moved >= cut).astype(int)
    assert 0 < expected.sum() < 9
    assert [int(row["label bright"]) for row in rows] == expected.tolist()
    # Nobody gave another share of the other style.
    for row in rows:
        assert (row["probability rare"], row["label rare"]) == ("0.250000", "1")
    assert not list(tmp_path.glob("*.part"))
    shop(output="lines.txt", submission=True)
    lines = (tmp_path / "lines.txt").read_text().splitlines()
    assert lines == [
        f"{name.removesuffix('.png')},{flag},1"
        for name, flag in zip(READABLE, expected, strict=True)
    ]


def test_failure_to_decide_leaves_the_scores(tmp_path, shop, monkeypatch):
    (tmp_path / "out.csv").write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(prevalence, "apply", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            shop()
    assert (tmp_path / "out.csv").read_text() == "old"
    # No photo is scored again, though other shares are wanted.
    (tmp_path / "shop.csv").write_text("style,share\nbright,0.4\n")
    assert shop(0) == (9, 1)
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 10


def test_none_readable_leaves_a_header(tmp_path, shop):
    for path in (tmp_path / "photos").iterdir():
        path.write_bytes(b"no photo")
    assert shop() == (0, 10)
    assert (tmp_path / "out.csv").read_text().count("\n") == 1


def test_other_shares_want_a_file_of_their_own(tmp_path, shop):
    with pytest.raises(InputError, match="shop.csv would be written over"):
        shop(output="shop.csv")
    (tmp_path / "link.csv").symlink_to("shop.csv")
    with pytest.raises(InputError, match="shop.csv would be written over"):
        shop(output="link.csv")
    with pytest.raises(InputError, match="decides once all photos are scored"):
        shop(output="/dev/null")


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
