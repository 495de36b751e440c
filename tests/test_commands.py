"""Printed commands, split as a shell does, are the arguments again."""

import pathlib
import re
import shlex
import sys

import binaries
import pytest

from jdstyle import commands

PACKAGE = pathlib.Path(commands.__file__).parent
FOLDERS = [
    *("runs/demo", "my runs/a b", "it's", 'say "x"', "$HOME/`x`", "a;b|c&d"),
    *("-x", "~/runs", "*?[1]", "back\\slash", "two\nlines", "連衣裙 👗", "#1"),
    *("a=b", "!x", "\udce9", "", " "),
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_pasted_line_gives_the_arguments_back(folder):
    line = commands.line("fuse", runs_dir=folder, jobs=2)
    assert shlex.split(line) == [
        *("python", "-m", "jdstyle.fuse"),
        *(f"--runs_dir={folder}", "--jobs=2"),
    ]
    line = commands.line("predict", folder, saved_model=f"{folder}/saved_model")
    assert shlex.split(line)[3:] == [
        f"--saved_model={folder}/saved_model",
        folder,
    ]


@pytest.mark.parametrize(
    "splits, split",
    [({"train", "validation", "test"}, "test"), ({"train"}, "validation")],
)
def test_a_product_is_scored_on_test_photos_if_there_are_any(splits, split):
    line = commands.evaluate("a b/saved_model", "demo", "data", splits)
    assert shlex.split(line)[1:] == [
        *("-m", "jdstyle.evaluate", "--saved_model=a b/saved_model"),
        *("--dataset=demo", "--data_dir=data", f"--split={split}"),
    ]


def test_flags_that_stand_alone_and_that_are_not_given():
    line = commands.line("prepare", allow_missing=True, table=None)
    assert line == "python -m jdstyle.prepare --allow_missing"
    assert commands.line("tools/x.py", help=True) == "python tools/x.py --help"


def test_python_that_is_not_the_shells_is_named_by_its_path(
    monkeypatch, tmp_path
):
    other = tmp_path / "my python"
    monkeypatch.setattr(sys, "executable", str(other))
    line = commands.line("train", style="1")
    assert shlex.split(line)[:3] == [str(other), "-m", "jdstyle.train"]
    monkeypatch.setenv("PATH", str(tmp_path))  # There is no `python` at all.
    assert shlex.split(commands.line("train"))[0] == str(other)
    monkeypatch.setattr(sys, "executable", "")
    assert shlex.split(commands.line("train"))[0] == "python"


@pytest.mark.parametrize("folder", ['it\'s my "$HOME"', "-a; b"])
def test_what_to_prepare_can_be_pasted(folder, tmp_path):
    said = binaries.call(
        tmp_path,
        *("train", "--style=1", "--dataset=jd_fashion"),
        *(f"--data_dir={folder}", f"--workdir={folder}/run"),
        code=2,
    )
    assert shlex.split(said.partition("Prepare it: ")[2]) == [
        *("python", "-m", "jdstyle.prepare", "--dataset=jd_fashion"),
        f"--data_dir={folder}",
    ]


def test_every_command_is_printed_by_this_module():
    tools = PACKAGE.parent / "tools"
    for path in [*PACKAGE.rglob("*.py"), *tools.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if path.name == "card_sections.py":
            continue  # A card is read where this Python is not.
        # Docstrings show commands to type, in lines of their own.
        assert not re.search(r"[\"'].*python (-m |tools/)", text), path
