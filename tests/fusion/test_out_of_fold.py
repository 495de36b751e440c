"""Tests for `jdstyle.runs.finished` and `jdstyle.fusion.out_of_fold`."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from jdstyle.errors import InputError
from jdstyle.fusion import out_of_fold
from jdstyle.runs import directory as experiment
from jdstyle.runs import finished as run_sets

ORDER = ["Sports", "Punk", "Girl"]


def write_run(folder, name, styles, rows, *, finished=True, **changes):
    """Writes a run directory; rows are `(id, label, probability, ...)`."""
    directory = folder / name
    directory.mkdir()
    record = {
        "task": "train",
        "dataset": "demo/1.0.0",
        "fingerprint": "f" * 64,
        "styles": styles,
        "backbone": "ResNet50",
        "image_size": 224,
        "sharing": None if len(styles) == 1 else "trunk",
        "fold": None,
    }
    (directory / "run.json").write_text(json.dumps(record | changes))
    header = ["id"]
    for style in styles:
        header += [f"label {style}", f"probability {style}"]
    lines = [",".join(map(str, row)) for row in [header, *rows]]
    (directory / "validation_probabilities.csv").write_text(
        "".join(f"{line}\n" for line in lines)
    )
    if finished:
        validation = {"styles": {s: {"f2": 0.25} for s in styles}}
        if len(styles) > 1:
            validation["macro"] = {"f2": 0.75}
        results = {"thresholds": [0.5] * len(styles), "validation": validation}
        (directory / "results.json").write_text(json.dumps(results))
    return str(directory)


def find_and_join(folder, **kwargs):
    return out_of_fold.join(run_sets.find_runs(folder, **kwargs), ORDER)


def test_finds_finished_classifiers_sorted(tmp_path):
    two = write_run(tmp_path, "b", ["Punk", "Girl"], [], fold=3)
    one = write_run(tmp_path, "a", ["Punk"], [])
    write_run(tmp_path, "c", ["Girl"], [], finished=False)
    write_run(tmp_path, "d", ["lace"], [], task="pretrain")
    write_run(tmp_path, "e", ["Punk"], [], task="fuse")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "results.json").write_text("{}")  # Of an evaluation.
    (tmp_path / "notes.txt").write_text("")
    runs = run_sets.find_runs(tmp_path)
    assert [run.directory for run in runs] == [one, two]
    assert runs[0] == run_sets.Run(
        directory=one,
        dataset="demo/1.0.0",
        fingerprint="f" * 64,
        styles=["Punk"],
        backbone="ResNet50",
        image_size=224,
        sharing=None,
        fold=None,
        f2=0.25,
    )
    # Of several styles, the macro score.
    assert (runs[1].f2, runs[1].fold, runs[1].sharing) == (0.75, 3, "trunk")


def test_several_data_sets_need_a_fingerprint(tmp_path):
    one = write_run(tmp_path, "a", ["Punk"], [])
    write_run(tmp_path, "b", ["Punk"], [], fingerprint="e" * 64)
    with pytest.raises(
        InputError, match="ffffffffffff, 1 runs.*eeeeeeeeeeee, 1 runs.*--runs"
    ):
        run_sets.find_runs(tmp_path)
    (run,) = run_sets.find_runs(tmp_path, "f" * 64)
    assert run.directory == one
    with pytest.raises(InputError, match="no finished run of the data ddd"):
        run_sets.find_runs(tmp_path, "d" * 64)


def test_include_names_the_runs(tmp_path):
    write_run(tmp_path, "punk-1", ["Punk"], [], fold=1)
    write_run(tmp_path, "punk-2", ["Punk"], [], fold=2)
    write_run(tmp_path, "girl-1", ["Girl"], [], fold=1)
    runs = run_sets.find_runs(tmp_path, include=["punk-*", "girl-1"])
    assert len(runs) == 3
    (run,) = run_sets.find_runs(tmp_path, include=["*-2"])
    assert run.fold == 2
    with pytest.raises(InputError, match="No finished run .* 'lady-\\*'"):
        run_sets.find_runs(tmp_path, include=["punk-*", "lady-*"])


@pytest.mark.parametrize(
    "styles, sharing", [(["Punk"], None), (["Girl", "Punk"], "trunk")]
)
def test_refuses_the_same_style_twice(tmp_path, styles, sharing):
    write_run(tmp_path, "a", ["Punk"], [], fold=2, sharing=sharing)
    write_run(tmp_path, "b", styles, [], fold=2, sharing=sharing)
    with pytest.raises(InputError, match="/a and .*/b are the same.*'Punk'"):
        run_sets.find_runs(tmp_path)
    assert len(run_sets.find_runs(tmp_path, include=["a"])) == 1


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("run.json", '{"task": "train"', "JSONDecodeError"),
        ("run.json", '{"task": "train"}', "KeyError"),
        ("run.json", "[]", "AttributeError"),
        ("results.json", '{"thresholds": [0.5]}', "KeyError: 'validation'"),
    ],
)
def test_refuses_a_broken_record(tmp_path, name, text, message):
    directory = write_run(tmp_path, "a", ["Punk"], [])
    (tmp_path / "a" / name).write_text(text)
    with pytest.raises(InputError, match=f"{directory}/{name}.*{message}"):
        run_sets.find_runs(tmp_path)


def test_refuses_folders_without_runs(tmp_path):
    with pytest.raises(InputError, match="No finished run"):
        run_sets.find_runs(tmp_path)
    with pytest.raises(InputError, match="No such folder"):
        run_sets.find_runs(tmp_path / "nowhere")


def test_member_names(tmp_path):
    write_run(tmp_path, "a", ["Punk"], [])
    write_run(tmp_path, "b", ["Girl"], [])
    write_run(tmp_path, "c", ["Punk", "Girl"], [])
    write_run(tmp_path, "d", ["Punk"], [], backbone="DenseNet121")
    # The size is said only where it alone tells two members apart.
    write_run(
        tmp_path, "e", ["Punk"], [], backbone="DenseNet121", image_size=320
    )
    grouped = run_sets.members(run_sets.find_runs(tmp_path))
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


def test_joins_folds_and_members_by_id(tmp_path):
    # Two folds, rows in any order; ids that pandas would take for numbers or
    # for missing values.
    write_run(tmp_path, "a1", ["Punk"], [("NA", 1, 0.5)], fold=1)
    write_run(tmp_path, "a2", ["Punk"], [("07", 0, 0.25), ("7", 1, 1)], fold=2)
    both = {"fold": 1, "sharing": "groups"}
    write_run(
        tmp_path, "b1", ["Sports", "Punk"], [("NA", 1, 0, 1, 0.125)], **both
    )
    rows = [("7", 0, 0.75, 1, 0), ("07", 1, 0.1, 0, 0.0625)]
    write_run(tmp_path, "b2", ["Sports", "Punk"], rows, **both | {"fold": 2})
    joined = find_and_join(tmp_path)
    assert joined.members == ["resnet50", "resnet50-groups"]
    assert joined.styles == ["Sports", "Punk"]  # Nobody has Girl.
    assert joined.ids.tolist() == ["07", "7", "NA"]
    assert joined.folds.tolist() == [2, 2, 1]
    assert joined.labels.tolist() == [[1, 0], [0, 1], [1, 1]]
    nan = np.nan
    expected = [
        [[nan, 0.25], [0.1, 0.0625]],
        [[nan, 1], [0.75, 0]],
        [[nan, 0.5], [0, 0.125]],
    ]
    np.testing.assert_array_equal(joined.probabilities, np.float32(expected))
    assert joined.probabilities.dtype == np.float32
    assert joined.labels.dtype == np.int32


def test_runs_without_folds_are_fold_0(tmp_path):
    write_run(tmp_path, "a", ["Punk"], [("x", 1, 0.5), ("y", 0, 0.5)])
    joined = find_and_join(tmp_path)
    assert joined.folds.tolist() == [0, 0]
    assert joined.probabilities.shape == (2, 1, 1)


def test_reads_back_what_training_writes(tmp_path):
    directory = write_run(tmp_path, "a", ["Punk"], [])
    rng = np.random.default_rng(0)
    probabilities = rng.random(1000, np.float32) ** 8  # Down to 1e-20.
    ids = [f'a, "{i:04}".jpg' for i in range(1000)]
    experiment.write_table(
        f"{directory}/validation_probabilities.csv",
        pd.DataFrame(
            {"id": ids, "label Punk": 1, "probability Punk": probabilities}
        ),
    )
    joined = find_and_join(tmp_path)
    assert joined.ids.tolist() == ids
    assert (joined.probabilities[:, 0, 0] == probabilities).all()


def test_refuses_an_id_twice(tmp_path):
    write_run(tmp_path, "a1", ["Punk"], [("x", 1, 0.5), ("y", 1, 0.5)], fold=1)
    write_run(tmp_path, "a2", ["Punk"], [("z", 1, 0.5), ("y", 1, 0.5)], fold=2)
    with pytest.raises(
        InputError, match=r"a2/val.*\.csv:3: photo 'y' is in .*a1/val.*\.csv:3"
    ):
        find_and_join(tmp_path)


def test_refuses_a_missing_fold(tmp_path):
    write_run(tmp_path, "a1", ["Punk"], [("x", 1, 0.5)], fold=1)
    write_run(tmp_path, "a2", ["Punk"], [("y", 1, 0.5)], fold=2)
    write_run(tmp_path, "b1", ["Girl"], [("x", 1, 0.5)], fold=1)
    with pytest.raises(
        InputError,
        match="resnet50 has no.*'Girl' and fold 2; .*a2 is.*--fold=2",
    ):
        find_and_join(tmp_path)


def test_refuses_other_photos(tmp_path):
    rows = [("x", 1, 0.5), ("y", 1, 0.5), ("z", 0, 0.5)]
    write_run(tmp_path, "a1", ["Punk"], rows, fold=1)
    write_run(tmp_path, "a2", ["Punk"], [("w", 1, 0.5)], fold=2)
    write_run(tmp_path, "b1", ["Girl"], [("x", 1, 0.5), ("v", 1, 0)], fold=1)
    write_run(tmp_path, "b2", ["Girl"], [("w", 1, 0.5)], fold=2)
    # Of the style that comes first in ORDER, Punk: x, y, z. Of Girl: x, v.
    with pytest.raises(
        InputError, match=r"b1/.* of .*a1/.*: 2 missing, 1 extra, such as 'y'"
    ):
        find_and_join(tmp_path)


def test_refuses_labels_that_contradict(tmp_path):
    write_run(tmp_path, "a", ["Punk"], [("x", 1, 0.5), ("y", 0, 0.5)])
    rows = [("y", 0, 0.5, 1, 0.5), ("x", 0, 0.5, 1, 0.5)]
    write_run(tmp_path, "b", ["Girl", "Punk"], rows)
    with pytest.raises(
        InputError,
        match=r"b/.*\.csv:2: photo 'y' has label 1, but 0 in .*a/.*\.csv:3",
    ):
        find_and_join(tmp_path)


def test_refuses_folds_that_contradict(tmp_path):
    for member, order in [("ResNet50", (1, 2)), ("VGG16", (2, 1))]:
        for photo, fold in zip("xy", order, strict=True):
            write_run(
                tmp_path,
                f"{member}-{fold}",
                ["Punk"],
                [(photo, 1, 0.5)],
                backbone=member,
                fold=fold,
            )
    with pytest.raises(
        InputError, match=r"VGG16-2/.*:2: photo 'x' has fold 2, but 1 in .*50-1"
    ):
        find_and_join(tmp_path)


def test_refuses_runs_with_and_without_folds(tmp_path):
    write_run(tmp_path, "a", ["Punk"], [("x", 1, 0.5)])
    write_run(tmp_path, "b", ["Girl"], [("x", 1, 0.5)], fold=1)
    with pytest.raises(InputError, match="/b validates on a fold, .*/a on"):
        find_and_join(tmp_path)


def test_refuses_a_style_of_other_data(tmp_path):
    write_run(tmp_path, "a", ["Gothic"], [("x", 1, 0.5)])
    with pytest.raises(InputError, match=r"demo/1.0.0 has no style Gothic"):
        find_and_join(tmp_path)


HEADER = "id,label Punk,probability Punk\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("id,label,probability\nx,1,0.5\n", ":1: expected one column 'label P"),
        ("id,label Punk\nx,1\n", ":1: expected one column 'probability Punk'"),
        (
            "label Punk,probability Punk\n1,0.5\n",
            ":1: expected one column 'id'",
        ),
        (HEADER.replace("label Punk", "id") + "x,1,1\n", ":1: .*column 'id'"),
        (HEADER + "x,1,0.5\ny,1,high\n", ":3: .*bility Punk'.*got 'high'"),
        (HEADER + "x,1,0.5\ny,1,nan\n", ":3: .*in \\[0, 1\\], got 'nan'"),
        (HEADER + "x,1,0.5\ny,1,\n", ":3: .*in \\[0, 1\\], got ''"),
        (HEADER + "x,1,1.0001\n", ":2: .*in \\[0, 1\\], got '1.0001'"),
        (HEADER + "x,1,-1e-9\n", ":2: .*in \\[0, 1\\], got '-1e-9'"),
        (HEADER + "x,1,inf\n", ":2: .*in \\[0, 1\\], got 'inf'"),
        (HEADER + "x,2,0.5\n", ":2: .*'label Punk' 0 or 1, got '2'"),
        (HEADER + "x,-1,0.5\n", ":2: .*'label Punk' 0 or 1, got '-1'"),
        (HEADER + "x,1,0.5\ny,1\n", ":3: .*in \\[0, 1\\], got (nan|'')"),
        (HEADER + "x,1,0.5\n\ny,1,1\n", ":3: expected "),
        (HEADER + "x,1,0.5\ny,1,0.5,3\n", ":3: .*saw 4"),
        (HEADER + "x,1,0.5,3\n", ":2: .*saw 4"),
        (HEADER + "x,1,0.5\nx,1,0.5\n", ":3: photo 'x' is in .*:2 too"),
        (HEADER + "x,1,0.5\n,1,0.5\n", ":3: expected a photo's id"),
        (HEADER, ":2: expected a photo's id"),
        ("", ":1: No columns"),
        (None, ":1: .*No such file"),
    ],
)
def test_refuses_a_broken_table(tmp_path, text, message):
    directory = write_run(tmp_path, "a", ["Punk"], [])
    path = tmp_path / "a" / "validation_probabilities.csv"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(InputError, match=re.escape(directory) + ".*" + message):
        find_and_join(tmp_path)


def test_refuses_bytes_that_are_no_text(tmp_path):
    write_run(tmp_path, "a", ["Punk"], [])
    path = tmp_path / "a" / "validation_probabilities.csv"
    path.write_bytes(HEADER.encode() + b"\xff,1,0.5\n")
    with pytest.raises(InputError, match="probabilities.csv:1: .*utf-8"):
        find_and_join(tmp_path)


def find_donor(folder, **changes):
    wanted = {"fingerprint": "f" * 64, "backbone": "ResNet50", "fold": None}
    return run_sets.find_donor(str(folder), "Punk", **wanted | changes)


def test_donor_is_the_best_run_of_the_style(tmp_path):
    for name, f2 in [("a", 0.3), ("b", 0.5), ("c", 0.4)]:
        directory = write_run(tmp_path, name, ["Punk"], [])
        scores = {"styles": {"Punk": {"f2": f2}}}
        results = {"thresholds": [0.5], "validation": scores}
        with open(f"{directory}/results.json", "w") as file:
            json.dump(results, file)
    write_run(tmp_path, "other", ["Girl"], [])
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
    write_run(tmp_path, "a", styles, [], **changes)
    with pytest.raises(InputError, match="no finished run.*Train Punk first"):
        find_donor(tmp_path)


def test_no_donor_where_nothing_has_run(tmp_path):
    with pytest.raises(InputError, match="--init_from=style:Punk.*nowhere"):
        find_donor(tmp_path / "nowhere")


def test_donor_search_passes_over_what_it_cannot_read(tmp_path):
    write_run(tmp_path, "a", ["Punk"], [])
    old = tmp_path / "old"
    old.mkdir()
    for name in ("run.json", "results.json"):
        (old / name).write_text("{}")
    assert find_donor(tmp_path) == str(tmp_path / "a")
    with pytest.raises(InputError, match="--runs"):
        run_sets.find_runs(tmp_path)
