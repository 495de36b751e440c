"""Which data set a product is tried on where no flag says it."""

import json

import binaries
import pytest
from absl import flags

from jdstyle.errors import InputError


@pytest.fixture(autouse=True)
def data_flags():
    """Imports the module, whose flags are gone after the test."""
    with binaries.own_flags():
        from jdstyle import data_flags

        flags.FLAGS(["evaluate"])
        yield data_flags


def write(folder, dataset):
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"dataset": dataset}))


def test_it_is_the_one_that_the_model_has_learned(data_flags, tmp_path, capsys):
    write(tmp_path, "label_table/mine/1.0.0")
    saved_model = tmp_path / "saved_model"
    assert data_flags.dataset_of(saved_model) == "label_table/mine"
    said = capsys.readouterr().out
    assert said.startswith("--dataset=label_table/mine, as ")
    assert str(tmp_path / "run.json") in said


def test_of_a_reproduction_it_is_one_folder_up(data_flags, tmp_path):
    write(tmp_path, "jd_fashion/1.0.0")
    saved_model = tmp_path / "fused" / "saved_model"
    assert data_flags.dataset_of(saved_model) == "jd_fashion"
    write(tmp_path / "fused", "demo/1.0.0")
    assert data_flags.dataset_of(saved_model) == "demo"


def test_what_is_given_wins(data_flags, tmp_path, capsys):
    write(tmp_path, "label_table/mine/1.0.0")
    flags.FLAGS(["evaluate", "--dataset=demo"])
    assert data_flags.dataset_of(tmp_path / "saved_model") == "demo"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '"demo"'])
def test_without_either_it_is_asked_for(data_flags, tmp_path, text):
    folder = tmp_path / "moved" / "elsewhere"
    folder.mkdir(parents=True)
    if text:
        (folder / "run.json").write_text(text)
    with pytest.raises(InputError, match="--dataset is required: .*run.json"):
        data_flags.dataset_of(folder / "saved_model")


def test_nothing_is_drawn_for_a_model_whose_data_is_not_here(tmp_path):
    """The default, the demo, takes minutes to draw."""
    write(tmp_path, "label_table/mine/1.0.0")
    assets = tmp_path / "saved_model" / "assets"
    assets.mkdir(parents=True)
    (assets / "styles.txt").write_text("red\nblue\n")
    flag = f"--saved_model={assets.parent}"
    said = binaries.call(tmp_path, "evaluate", flag, code=2)
    assert "label_table/mine is not prepared in --data_dir=data" in said
    assert not (tmp_path / "data").exists()
