"""What the binary does with its paths; the model is a stand-in."""

import contextlib
import os
import stat

import binaries
import fake_models
import numpy as np
import pytest
from PIL import Image

from jdstyle.serving import loader

MODEL = fake_models.give_quarter, ["Punk"]
HEADER = "id,probability Punk,label Punk\n"


@pytest.fixture
def predict(tmp_path, monkeypatch):
    """A function of flags that predicts a.png, and b.png, which is none."""
    monkeypatch.setattr(loader, "load", lambda path: MODEL)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    pixels = np.zeros((20, 20, 3), "uint8")
    Image.fromarray(pixels).save(tmp_path / "home" / "a.png")
    (tmp_path / "home" / "b.png").write_text("no photo")

    def predict(*arguments, photos=("~/a.png", "~/b.png"), code=0):
        return binaries.call(
            tmp_path,
            "predict",
            "--saved_model=x",
            *arguments,
            *photos,
            code=code,
        )

    return predict


def test_paths_in_the_home_folder(tmp_path, predict):
    said = predict("--output=~/out/p.csv")
    home = tmp_path / "home"
    assert f"1 photos: {home}/out/p.csv" in said
    assert (home / "out" / "p.csv").read_text() == f"{HEADER}a.png,0.250000,0\n"
    errors = (home / "out" / "p.csv.errors.csv").read_text()
    assert errors == f'id,path,reason\nb.png,{home}/b.png,"text, not a photo"\n'
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("output", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_gets_the_lines_alone(tmp_path, predict, capfd, output):
    said = predict(f"--output={output}")
    assert capfd.readouterr().out == f"{HEADER}a.png,0.250000,0\n"
    assert "1 photos: /dev/" in said
    assert "b.png: text, not a photo" in said
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_devices_stay(tmp_path, predict):
    with contextlib.suppress(PermissionError):
        for name in ("one", "two"):
            os.mknod(tmp_path / name, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    if not (tmp_path / "two").exists():
        pytest.skip("No right to make a device node.")
    predict("--output=one", "--errors=two")
    predict("--output=one", "--errors=two", photos=["~/a.png"])
    for name in ("one", "two"):
        assert stat.S_ISCHR((tmp_path / name).stat().st_mode)
    assert len(list(tmp_path.iterdir())) == 3


def test_file_of_the_users_stays_where_nothing_failed(tmp_path, predict):
    (tmp_path / "notes.txt").write_text("mine")
    predict("--errors=notes.txt", photos=["~/a.png"])
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_name_of_the_errors_may_be_too_long(tmp_path, predict):
    said = predict(f"--output={'a' * 250}", code=2)
    assert f"--errors={'a' * 250}.errors.csv: a name may have" in said
    predict(f"--output={'a' * 250}", "--errors=errors.csv")
    assert (tmp_path / ("a" * 250)).exists()


def test_shares_that_are_not_there(tmp_path, predict):
    said = predict("--prevalence=~/no.csv", code=2)
    home = tmp_path / "home"
    assert f"{home}/no.csv: No such file or directory (--prevalence)" in said
    (home / "shop.csv").write_text("style,share\nPunk,0.1\nPnuk,0.1\n")
    said = predict("--prevalence=~/shop.csv", code=2)
    assert (
        f"{home}/shop.csv:3: the model has no style 'Pnuk'; it has Punk" in said
    )
    assert not list(tmp_path.glob("predictions*"))
