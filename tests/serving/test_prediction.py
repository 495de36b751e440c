"""What predicting leaves when it fails."""

import resource

import binaries
import pytest

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


def test_list_of_errors_is_of_the_last_run(tmp_path, predict):
    assert predict() == (0, 300)
    lines = (tmp_path / "errors.csv").read_text().splitlines()
    assert lines[0] == "id,path,reason" and len(lines) == 301
    prediction._write_errors(str(tmp_path / "errors.csv"), [])
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
