"""Tests for `jdstyle.fusion.out_of_fold`."""

import re

import numpy as np
import pandas as pd
import pytest
import run_directories

from jdstyle.errors import InputError
from jdstyle.fusion import out_of_fold
from jdstyle.runs import directory
from jdstyle.runs import finished

ORDER = ["Sports", "Punk", "Girl"]


def find_and_join(folder, **kwargs):
    return out_of_fold.join(finished.find_runs(folder, **kwargs), ORDER)


def test_joins_folds_and_members_by_id(tmp_path):
    # Two folds, rows in any order; ids that pandas would take for numbers or
    # for missing values.
    run_directories.write(tmp_path, "a1", ["Punk"], [("NA", 1, 0.5)], fold=1)
    run_directories.write(
        tmp_path, "a2", ["Punk"], [("07", 0, 0.25), ("7", 1, 1)], fold=2
    )
    both = {"fold": 1, "sharing": "groups"}
    run_directories.write(
        tmp_path, "b1", ["Sports", "Punk"], [("NA", 1, 0, 1, 0.125)], **both
    )
    rows = [("7", 0, 0.75, 1, 0), ("07", 1, 0.1, 0, 0.0625)]
    run_directories.write(
        tmp_path, "b2", ["Sports", "Punk"], rows, **both | {"fold": 2}
    )
    joined = find_and_join(tmp_path)
    assert joined.members == ["resnet50", "resnet50-groups"]
    assert joined.style_names == ["Sports", "Punk"]  # Nobody has Girl.
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
    run_directories.write(
        tmp_path, "a", ["Punk"], [("x", 1, 0.5), ("y", 0, 0.5)]
    )
    joined = find_and_join(tmp_path)
    assert joined.folds.tolist() == [0, 0]
    assert joined.probabilities.shape == (2, 1, 1)


def test_reads_back_what_training_writes(tmp_path):
    path = run_directories.write(tmp_path, "a", ["Punk"], [])
    rng = np.random.default_rng(0)
    probabilities = rng.random(1000, np.float32) ** 8  # Down to 1e-20.
    ids = [f'a, "{i:04}".jpg' for i in range(1000)]
    directory.write_table(
        f"{path}/validation_probabilities.csv",
        pd.DataFrame(
            {"id": ids, "label Punk": 1, "probability Punk": probabilities}
        ),
    )
    joined = find_and_join(tmp_path)
    assert joined.ids.tolist() == ids
    assert (joined.probabilities[:, 0, 0] == probabilities).all()


def test_refuses_an_id_twice(tmp_path):
    run_directories.write(
        tmp_path, "a1", ["Punk"], [("x", 1, 0.5), ("y", 1, 0.5)], fold=1
    )
    run_directories.write(
        tmp_path, "a2", ["Punk"], [("z", 1, 0.5), ("y", 1, 0.5)], fold=2
    )
    with pytest.raises(
        InputError, match=r"a2/val.*\.csv:3: photo 'y' is in .*a1/val.*\.csv:3"
    ):
        find_and_join(tmp_path)


def test_refuses_a_missing_fold(tmp_path):
    run_directories.write(tmp_path, "a1", ["Punk"], [("x", 1, 0.5)], fold=1)
    run_directories.write(tmp_path, "a2", ["Punk"], [("y", 1, 0.5)], fold=2)
    run_directories.write(tmp_path, "b1", ["Girl"], [("x", 1, 0.5)], fold=1)
    with pytest.raises(
        InputError,
        match="resnet50 has no.*'Girl' and fold 2; .*a2 is.*--fold=2",
    ):
        find_and_join(tmp_path)


def test_refuses_other_photos(tmp_path):
    rows = [("x", 1, 0.5), ("y", 1, 0.5), ("z", 0, 0.5)]
    run_directories.write(tmp_path, "a1", ["Punk"], rows, fold=1)
    run_directories.write(tmp_path, "a2", ["Punk"], [("w", 1, 0.5)], fold=2)
    run_directories.write(
        tmp_path, "b1", ["Girl"], [("x", 1, 0.5), ("v", 1, 0)], fold=1
    )
    run_directories.write(tmp_path, "b2", ["Girl"], [("w", 1, 0.5)], fold=2)
    # Of the style that comes first in ORDER, Punk: x, y, z. Of Girl: x, v.
    with pytest.raises(
        InputError, match=r"b1/.* of .*a1/.*: 2 missing, 1 extra, such as 'y'"
    ):
        find_and_join(tmp_path)


def test_refuses_labels_that_contradict(tmp_path):
    run_directories.write(
        tmp_path, "a", ["Punk"], [("x", 1, 0.5), ("y", 0, 0.5)]
    )
    rows = [("y", 0, 0.5, 1, 0.5), ("x", 0, 0.5, 1, 0.5)]
    run_directories.write(tmp_path, "b", ["Girl", "Punk"], rows)
    with pytest.raises(
        InputError,
        match=r"b/.*\.csv:2: photo 'y' has label 1, but 0 in .*a/.*\.csv:3",
    ):
        find_and_join(tmp_path)


def test_refuses_folds_that_contradict(tmp_path):
    for member, order in [("ResNet50", (1, 2)), ("VGG16", (2, 1))]:
        for photo, fold in zip("xy", order, strict=True):
            run_directories.write(
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
    run_directories.write(tmp_path, "a", ["Punk"], [("x", 1, 0.5)])
    run_directories.write(tmp_path, "b", ["Girl"], [("x", 1, 0.5)], fold=1)
    with pytest.raises(InputError, match="/b validates on a fold, .*/a on"):
        find_and_join(tmp_path)


def test_refuses_a_style_of_other_data(tmp_path):
    run_directories.write(tmp_path, "a", ["Gothic"], [("x", 1, 0.5)])
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
        (HEADER + "x,2,0.5\n", ":2: .*'label Punk' 0, 1 or -1, got '2'"),
        (HEADER + "x,-2,0.5\n", ":2: .*'label Punk' 0, 1 or -1, got '-2'"),
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
    folder = run_directories.write(tmp_path, "a", ["Punk"], [])
    path = tmp_path / "a" / "validation_probabilities.csv"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(InputError, match=re.escape(folder) + ".*" + message):
        find_and_join(tmp_path)


def test_refuses_bytes_that_are_no_text(tmp_path):
    run_directories.write(tmp_path, "a", ["Punk"], [])
    path = tmp_path / "a" / "validation_probabilities.csv"
    path.write_bytes(HEADER.encode() + b"\xff,1,0.5\n")
    with pytest.raises(InputError, match="probabilities.csv:1: .*utf-8"):
        find_and_join(tmp_path)
