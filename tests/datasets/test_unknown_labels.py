"""Tests for unknown labels of a table: `prepare --unknown`."""

import binaries
import numpy as np
import pytest
from PIL import Image

from jdstyle.datasets import label_table
from jdstyle.datasets import prepared
from jdstyle.datasets import prepared_labels
from jdstyle.errors import InputError


def read(folder, text, unknown, **kwargs):
    (folder / "t.csv").write_text(text)
    return label_table.read_label_table(
        folder / "t.csv", unknown=unknown, **kwargs
    )


def labels_of(*arguments, **kwargs):
    return [row.labels for row in read(*arguments, **kwargs)[1]]


@pytest.mark.parametrize(
    ("unknown", "cells"),
    [
        (["empty"], ["", " "]),
        (["-1"], ["-1", "-1.0"]),
        (["nan"], ["NaN", "nan"]),
        (["empty", "?"], ["", "?"]),
        (["Not seen"], ["not seen", " NOT SEEN "]),
    ],
)
def test_cells_that_mean_unknown(tmp_path, unknown, cells):
    text = f"image,a,b\nx.jpg,1,{cells[0]}\ny.jpg,{cells[1]},0\nz.jpg,0,1\n"
    values = labels_of(tmp_path, text, unknown)
    assert values == [(1, -1), (-1, 0), (0, 1)]


def test_a_photo_that_may_have_a_style_is_kept(tmp_path, log):
    text = "image,a,b,c\nx.jpg,0,,0\ny.jpg,,,\nz.jpg,1,0,1\n"
    values = labels_of(tmp_path, text, ["empty"])
    assert values == [(0, -1, 0), (-1, -1, -1), (1, 0, 1)]
    assert "'a' 1 (1 unknown), 'b' 0 (2 unknown), 'c' 1 (1 unkn" in log.text
    with pytest.raises(InputError, match=r"t.csv:2: no style is 1. Pass --al"):
        read(tmp_path, text.replace("0,,0", "0,0,0"), ["empty"])


def test_rows_of_a_photo_add_to_what_is_known(tmp_path):
    text = "image,a,b\nx.jpg,1,\ny.jpg,0,1\nx.jpg,,0\n"
    assert labels_of(tmp_path, text, ["empty"]) == [(1, 0), (0, 1)]
    with pytest.raises(InputError, match=r"t.csv:5: x.jpg is also at .*:2"):
        read(tmp_path, f"{text}x.jpg,0,\n", ["empty"])


def test_a_column_without_a_known_label_is_no_style(tmp_path, log):
    text = "image,a,notes,b\nx.jpg,1,,0\ny.jpg,,-1,1\nz.jpg,0,-1,1\n"
    names, _ = read(tmp_path, text, ["empty", "-1"])
    assert names == ["a", "b"]
    assert "'notes' (no label is known)" in log.text
    message = r"t.csv:1: no row has a known label of 'notes' \(--unknown=empty"
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, ["empty", "-1"], style_columns=["a:b"])


def test_columns_keep_their_meaning(tmp_path):
    # The image column is not taken for labels, nor labels for it.
    text = "a,name,fold\n-1,x,0\n1,y,1\n0,z,0\n"
    names, rows = read(tmp_path, text, ["-1"], allow_all_zero=True)
    assert names == ["a"]
    assert [(row.id, row.fold) for row in rows] == [
        ("x", 0),
        ("y", 1),
        ("z", 0),
    ]


def test_an_empty_cell_that_means_no_is_warned_of(tmp_path, log):
    read(tmp_path, "image,a,b\nx.jpg,1,0\ny.jpg,,1\n", ["empty"])
    assert "No row says 0 of a, and" in log.text


@pytest.mark.parametrize(
    ("unknown", "message"),
    [
        ([], "--unknown must name the cells .* Received: ''"),
        (["", "?"], "--unknown must name the cells .* Received: ',\\?'"),
        (["?", "0"], "--unknown must not name '0', which is a label"),
        (["1.0"], "--unknown must not name '1'"),
        (["No"], "--unknown must not name 'no'"),
        (
            ["-1"],
            "t.csv:3: label a must be 0 or 1, got ''. If the label is not",
        ),
    ],
)
def test_refuses(tmp_path, unknown, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, "image,a\nx.jpg,1\ny.jpg,\n", unknown)


def test_from_the_table_to_the_records(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["image,a,b"]
    for i in range(40):
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(
            tmp_path / f"{i}.png"
        )
        a, b = i % 2, (i // 2) % 2
        lines.append(f"{i}.png,{a},{b if i % 4 < 3 else ''}")
    lines[1:3] = ["0.png,,", "1.png,,"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    arguments = [
        "--dataset=label_table/gaps",
        f"--data_dir={tmp_path / 'data'}",
        f"--table={tmp_path / 't.csv'}",
        "--duplicates=off",
        "--allow_all_zero",
        "--test_fraction=0",
    ]
    said = binaries.call(tmp_path, "prepare", *arguments, code=2)
    assert "t.csv:2: label a must be 0 or 1" in said
    assert "pass --unknown=empty" in said
    table = binaries.call(
        tmp_path, "prepare", *arguments, "--unknown=empty", code=0
    )
    assert "2 rows left out, without a known label" in table
    assert "train known" in table
    opened = prepared.open_prepared("label_table/gaps", str(tmp_path / "data"))
    labels = prepared_labels.read(opened)
    every = np.concatenate(list(labels.labels.values()))
    assert len(every) == 38
    assert {of: int((every == of).sum()) for of in (-1, 0, 1)} == {
        -1: 10,
        0: 37,
        1: 29,
    }
    # What the table says now, by its labels.
    text = (tmp_path / "t.csv").read_text().replace("\n3.png,1,", "\n3.png,1,1")
    (tmp_path / "t.csv").write_text(text)
    said = binaries.call(
        tmp_path, "prepare", *arguments, "--unknown=empty", code=2
    )
    assert "3.png'" in said and "b 1, was ?" in said
