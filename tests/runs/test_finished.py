"""Tests for `jdstyle.runs.finished`."""

import functools
import json
import os

import pytest
import run_directories

from jdstyle.errors import InputError
from jdstyle.runs import finished


def test_finds_finished_classifiers_sorted(tmp_path):
    two = run_directories.write(tmp_path, "b", ["Punk", "Girl"], [], fold=3)
    one = run_directories.write(tmp_path, "a", ["Punk"], [])
    run_directories.write(tmp_path, "c", ["Girl"], [], finished=False)
    run_directories.write(tmp_path, "d", ["lace"], [], task="pretrain")
    run_directories.write(tmp_path, "e", ["Punk"], [], task="fuse")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "results.json").write_text("{}")  # Of an evaluation.
    (tmp_path / "notes.txt").write_text("")
    runs = finished.find_runs(tmp_path)
    assert [run.directory for run in runs] == [one, two]
    assert runs[0] == finished.FinishedRun(
        directory=one,
        dataset="demo/1.0.0",
        fingerprint="f" * 64,
        style_names=["Punk"],
        backbone="ResNet50",
        image_size=224,
        sharing=None,
        fold=None,
        f2=0.25,
    )
    # Of several styles, the macro score.
    assert (runs[1].f2, runs[1].fold, runs[1].sharing) == (0.75, 3, "trunk")


def test_several_data_sets_need_a_fingerprint(tmp_path):
    one = run_directories.write(tmp_path, "a", ["Punk"], [])
    run_directories.write(tmp_path, "b", ["Punk"], [], fingerprint="e" * 64)
    with pytest.raises(
        InputError, match="ffffffffffff, 1 runs.*eeeeeeeeeeee, 1 runs.*--runs"
    ):
        finished.find_runs(tmp_path)
    (run,) = finished.find_runs(tmp_path, "f" * 64)
    assert run.directory == one
    with pytest.raises(InputError, match="no finished run of the data ddd"):
        finished.find_runs(tmp_path, "d" * 64)


def test_include_names_the_runs(tmp_path):
    run_directories.write(tmp_path, "punk-1", ["Punk"], [], fold=1)
    run_directories.write(tmp_path, "punk-2", ["Punk"], [], fold=2)
    run_directories.write(tmp_path, "girl-1", ["Girl"], [], fold=1)
    runs = finished.find_runs(tmp_path, include=["punk-*", "girl-1"])
    assert len(runs) == 3
    (run,) = finished.find_runs(tmp_path, include=["*-2"])
    assert run.fold == 2
    with pytest.raises(InputError, match="No finished run .* 'lady-\\*'"):
        finished.find_runs(tmp_path, include=["punk-*", "lady-*"])


@pytest.mark.parametrize(
    "styles, sharing", [(["Punk"], None), (["Girl", "Punk"], "trunk")]
)
def test_refuses_the_same_style_twice(tmp_path, styles, sharing):
    run_directories.write(tmp_path, "a", ["Punk"], [], fold=2, sharing=sharing)
    run_directories.write(tmp_path, "b", styles, [], fold=2, sharing=sharing)
    with pytest.raises(InputError, match="/a and .*/b are the same.*'Punk'"):
        finished.find_runs(tmp_path)
    assert len(finished.find_runs(tmp_path, include=["a"])) == 1


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("run.json", '{"task": "train"', "run.json is not JSON, perhaps cut"),
        ("run.json", '{"task": "train"}', "KeyError"),
        ("run.json", "[]", "AttributeError"),
        ("results.json", '{"thresholds": [0.5]}', "KeyError: 'validation'"),
    ],
)
def test_refuses_a_broken_record(tmp_path, name, text, message):
    directory = run_directories.write(tmp_path, "a", ["Punk"], [])
    (tmp_path / "a" / name).write_text(text)
    with pytest.raises(InputError, match=f"{directory}/{name}.*{message}"):
        finished.find_runs(tmp_path)


def test_refuses_folders_without_runs(tmp_path):
    with pytest.raises(InputError, match="No finished run"):
        finished.find_runs(tmp_path)
    with pytest.raises(InputError, match="No such folder"):
        finished.find_runs(tmp_path / "nowhere")


def test_member_names(tmp_path):
    run_directories.write(tmp_path, "a", ["Punk"], [])
    run_directories.write(tmp_path, "b", ["Girl"], [])
    run_directories.write(tmp_path, "c", ["Punk", "Girl"], [])
    run_directories.write(tmp_path, "d", ["Punk"], [], backbone="DenseNet121")
    # The size is said only where it alone tells two members apart.
    run_directories.write(
        tmp_path, "e", ["Punk"], [], backbone="DenseNet121", image_size=320
    )
    grouped = finished.members(finished.find_runs(tmp_path))
    names = {
        name: [run.directory[-1] for run in grouped[name]] for name in grouped
    }
    assert names == {
        "densenet121-224": ["d"],
        "densenet121-320": ["e"],
        "resnet50": ["a", "b"],
        "resnet50-trunk": ["c"],
    }
    assert list(names) == sorted(names)


def test_a_student_is_a_run_where_it_is_named(tmp_path):
    """Beside its teachers it would say twice what they say."""
    run_directories.write(tmp_path, "a", ["Punk", "Girl"], [])
    run_directories.write(tmp_path, "b", ["Punk", "Girl"], [], task="distill")
    (run,) = finished.find_runs(tmp_path)
    assert run.directory[-1] == "a" and not run.distilled
    found = finished.find_runs(tmp_path, None, ["?"])
    assert list(finished.members(found)) == [
        "resnet50-distilled-trunk",
        "resnet50-trunk",
    ]


def find_donor(folder, **changes):
    wanted = {"fingerprint": "f" * 64, "backbone": "ResNet50", "fold": None}
    return finished.find_donor(str(folder), "Punk", **wanted | changes)


def test_donor_is_the_best_run_of_the_style(tmp_path):
    for name, f2 in [("a", 0.3), ("b", 0.5), ("c", 0.4)]:
        directory = run_directories.write(tmp_path, name, ["Punk"], [])
        scores = {"styles": {"Punk": {"f2": f2}}}
        results = {"thresholds": [0.5], "validation": scores}
        with open(f"{directory}/results.json", "w") as file:
            json.dump(results, file)
    run_directories.write(tmp_path, "other", ["Girl"], [])
    assert find_donor(tmp_path) == str(tmp_path / "b")


@pytest.mark.parametrize(
    "changes",
    [
        # It has trained on the photos that will validate.
        {"fold": 2},
        {"backbone": "DenseNet121"},
        {"fingerprint": "e" * 64},
        {"styles": ["Punk", "Girl"]},
        {"finished": False},
        {"task": "pretrain"},
    ],
    ids=str,
)
def test_donor_has_the_same_photos_fold_and_backbone(tmp_path, changes):
    styles = changes.pop("styles", ["Punk"])
    run_directories.write(tmp_path, "a", styles, [], **changes)
    with pytest.raises(InputError, match="no finished run.*Train Punk first"):
        find_donor(tmp_path)


def test_no_donor_where_nothing_has_run(tmp_path):
    with pytest.raises(InputError, match="--init_from=style:Punk.*nowhere"):
        find_donor(tmp_path / "nowhere")


def test_donor_search_passes_over_what_it_cannot_read(tmp_path):
    run_directories.write(tmp_path, "a", ["Punk"], [])
    old = tmp_path / "old"
    old.mkdir()
    for name in ("run.json", "results.json"):
        (old / name).write_text("{}")
    assert find_donor(tmp_path) == str(tmp_path / "a")
    with pytest.raises(InputError, match="--runs"):
        finished.find_runs(tmp_path)


def test_start_stands_beside_the_run_and_is_another_style(tmp_path):
    run_directories.write(tmp_path, "a", ["Punk"], [])
    wanted = {"fingerprint": "f" * 64, "backbone": "ResNet50", "fold": None}
    workdir = str(tmp_path / "new")
    found = finished.find_start(workdir, "Punk", ["Girl"], **wanted)
    assert found == str(tmp_path / "a")
    with pytest.raises(InputError, match="style:Punk is the very style that"):
        finished.find_start(workdir, "Punk", ["Punk"], **wanted)


def test_a_run_without_permission_is_not_passed_over(tmp_path, monkeypatch):
    run_directories.write(tmp_path, "a", ["Punk"], [])
    run_directories.write(tmp_path, "b", ["Girl"], [])
    stat = os.stat

    def refusing(path, *rest, **options):
        if str(path).startswith(str(tmp_path / "a" / "r")):
            raise PermissionError(13, "Permission denied", path)
        return stat(path, *rest, **options)

    monkeypatch.setattr(os, "stat", refusing)
    with pytest.raises(PermissionError):
        finished.find_runs(tmp_path)
    find = functools.partial(
        finished.find_donor, backbone="ResNet50", fold=None
    )
    # A start comes from one run; another need not be readable.
    assert find(tmp_path, "Girl", fingerprint="f" * 64).endswith("/b")
