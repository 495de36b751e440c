"""Tests for `jdstyle.datasets.labels`."""

import csv
import io
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from jdstyle.datasets import label_table
from jdstyle.errors import InputError


def read(folder, text, **kwargs):
    """Writes a table, text or bytes, and reads it; images in its folder."""
    text = text if isinstance(text, bytes) else text.encode()
    (folder / "t.csv").write_bytes(text)
    return label_table.read_label_table(folder / "t.csv", **kwargs)


def fault(folder, function, *args, **kwargs):
    """Returns the error's message without the folder in front."""
    with pytest.raises(InputError) as caught:
        function(*args, **kwargs)
    return str(caught.value).replace(f"{folder}/", "")


def test_reads_a_table(tmp_path):
    text = "image,red,split,blue,fold,group\na/1.jpg,1,train,0,3.0,g\n"
    names, rows = read(tmp_path, f"{text}a/2.jpg,0,,1,,\na/1.jpg,1,train,0,3,g")
    assert names == ["red", "blue"]  # And row 4 says the same as row 2.
    table, photo = f"{tmp_path}/t.csv", f"{tmp_path}/a/%d.jpg"
    assert rows == [
        ("a/1.jpg", photo % 1, (1, 0), "train", 3, "g", f"{table}:2"),
        ("a/2.jpg", photo % 2, (0, 1), None, None, None, f"{table}:3"),
    ]


def test_mark_crlf_blank_lines_and_quoted_newlines(tmp_path):
    text = b'\xef\xbb\xbfimage,red,group\r\n\r\na.jpg,1.0,"x\r\ny"\r\n,,\r\n'
    names, rows = read(tmp_path, text + b"b.jpg, 1,\r\nc.jpg,1,")
    assert (names, rows[0].group) == (["red"], "x\r\ny")
    # Line 2 is blank, a.jpg takes lines 3 and 4, line 5 holds only commas.
    assert [row.where[-2:] for row in rows] == [":3", ":6", ":7"]
    got = fault(tmp_path, read, tmp_path, text + b"b.jpg,7,\r\n")
    assert got.startswith("t.csv:6: label red must be 0 or 1, got '7'")
    # Bytes of the mark count as none of the line's.
    for start in (b"", b"\xef\xbb\xbf"):
        text = start + b"image,red\na.jpg,1\n\xe9.jpg,1\n"
        assert "t.csv:3: not UTF-8" in fault(tmp_path, read, tmp_path, text)


def test_names_of_splits(tmp_path):
    names = ["train", "validation", "val", "valid", "dev", "Test", ""]
    text = "".join(f"{i}.jpg,1,{name}\n" for i, name in enumerate(names))
    _, rows = read(tmp_path, f"image,red,split\n{text}")
    splits = ["train", *["validation"] * 4, "test", None]
    assert [row.split for row in rows] == splits


def test_chosen_columns(tmp_path):
    text = ",size,a,b,c,d,x:y,file\n0,9,1,0,1,0,1,p.jpg\n"
    for chosen, names, values in [
        (["d", "a:c"], ["d", "a", "b", "c"], (0, 1, 0, 1)),
        (["x:y", "c:c"], ["x:y", "c"], (1, 1)),  # A name may hold a colon.
    ]:
        kwargs = {"image_column": "file", "style_columns": chosen}
        got, rows = read(tmp_path, text, **kwargs)
        assert (got, rows[0].id, rows[0].labels) == (names, "p.jpg", values)


def test_all_zero_rows_by_consent(tmp_path):
    text = "image,red\na.jpg,1\nb.jpg,0\n"
    got = fault(tmp_path, read, tmp_path, text)
    assert got.startswith("t.csv:3: no style is 1. Pass --allow_all_zero")
    assert read(tmp_path, text, allow_all_zero=True)[1][1].labels == (0,)


HEAD, ALL = "image,red\n", "image,red,blue,split,fold,group\n"
TWO = f"{ALL}a.jpg,1,0,train,1,g\nb.jpg,1,1,test,2,h\n"
TABLE_FAULTS = [
    ("", {}, ":1: empty, expected a header"),
    (HEAD, {}, ":1: no row below the header"),
    ("image\na.jpg\n", {}, ":1: no column of a style besides 'image'"),
    ("image,red,red\na.jpg,1,1\n", {}, ":1: 2 columns have the name 'red'"),
    (f"{HEAD}a.jpg,2\n", {}, ":2: label red must be 0 or 1, got '2'"),
    (f"{HEAD}a.jpg,\n", {}, ":2: label red must be 0 or 1, got ''. If"),
    (f"{HEAD}a.jpg,1,1\n", {}, ":2: expected 2 columns, got 3"),
    (f"{HEAD}b.jpg,1\na.jpg\n", {}, ":3: expected 2 columns, got 1"),
    (f"{HEAD},1\n", {}, ":2: expected an image's path inside "),
    (f"{HEAD}/etc/a.jpg,1\n", {}, ":2: expected an image's path inside "),
    (f"{HEAD}b.jpg,1\n../a.jpg,1\n", {}, ":3: expected an image's path"),
    (f"{HEAD}x/../../a.jpg,1\n", {}, ":2: expected an image's path"),
    (f"{HEAD}a\0.jpg,1\n", {}, ":2: a NUL or a byte order mark among"),
    (f"{HEAD}a.jpg,1\n\ufeffb.jpg,1\n", {}, ":3: a NUL or a byte order mark"),
    ("a.jpg,1,0\nb.jpg,0,1\n", {}, ":1: expected a header with the styles"),
    ("image,red,\na.jpg,1,\n", {}, ":1: the style's name '' is empty"),
    (f"{HEAD}a.jpg,1,\n", {}, ":2: expected 2 columns, got 3: ['a.jpg', '1'"),
    ("image;red\na.jpg;1\n", {}, ":1: semicolons between the cells"),
    (f"{HEAD}a.jpg,ja\n", {}, ":2: 'red' holds 'ja', which may be tags or"),
    (f"{HEAD}a.jpg,1\nb.jpg,0\nc.jpg,ja\n", {}, ":3: no style is 1. Pass"),
    (f"{HEAD}a.jpg,\uff11\n", {}, ":2: label red must be 0 or 1, got"),
    (f"{HEAD}.,1\n", {}, ":2: '.' leads out of "),
    (f'{HEAD}a.jpg,"1\n', {}, ":2: unexpected end of data"),
    (f"{ALL}a.jpg,1,1,eval,1,\n", {}, ":2: split must be one of train, train"),
    (f"{ALL}a.jpg,1,1,,-1,\n", {}, ":2: fold must be an int >= 0, got '-1'"),
    (f"{ALL}a.jpg,1,1,,1.5,\n", {}, ":2: fold must be an int >= 0, got '1.5'"),
    (f"{ALL}a.jpg,1,1,,{10**9},\n", {}, ":2: fold must be an int >= 0, got '1"),
    (f"{TWO}a.jpg,0,1,train,1,g", {}, ":4: a.jpg is also at t.csv:2, with"),
    (f"{TWO}a.jpg,1,0,test,1,g", {}, ":4: a.jpg is also at t.csv:2"),
    (f"{TWO}a.jpg,1,0,train,2,g", {}, ":4: a.jpg is also at t.csv:2"),
    (f"{TWO}b.jpg,1,1,test,2,", {}, ":4: b.jpg is also at t.csv:3"),
    (TWO, {"image_column": "x"}, ":1: no column 'x' (--image_column). There"),
    (TWO, {"style_columns": ["x"]}, ":1: no column 'x' (--styles). There are"),
    (TWO, {"style_columns": ["blue:red"]}, ":1: --styles=blue:red: 'blue' st"),
    (
        TWO,
        {"style_columns": ["red", "red:blue"]},
        ":1: --styles names 'red' t",
    ),
    (
        TWO,
        {"style_columns": ["image:red"]},
        ":1: --styles must not name 'i",
    ),
    (TWO, {"style_columns": ["Fold"]}, ":1: --styles must not name 'fold'"),
    (TWO, {"style_columns": []}, ":1: --styles must name at least one column"),
]


@pytest.mark.parametrize("text, kwargs, message", TABLE_FAULTS)
def test_faults_of_a_table(tmp_path, text, kwargs, message):
    got = fault(tmp_path, read, tmp_path, text, **kwargs)
    assert got.startswith(f"t.csv{message}")


def test_links(tmp_path):
    for name in ("images", "images2"):  # The second begins like the first.
        (tmp_path / name).mkdir()
    for name, target in {"a.jpg": "t.csv", "up": "", "next": "images2"}.items():
        os.symlink(tmp_path / target, tmp_path / "images" / name)
    for name in ("a.jpg", "up/secret.jpg", "next/b.jpg"):
        args = tmp_path, f"{HEAD}{name},1\n"
        got = fault(tmp_path, read, *args, images_dir=tmp_path / "images")
        assert got.startswith(f"t.csv:2: '{name}' leads out of images.")


def test_files_that_are_not_there(tmp_path):
    assert "(--table)." in fault(
        tmp_path, label_table.read_label_table, tmp_path
    )
    got = fault(tmp_path, read, tmp_path, HEAD, images_dir=tmp_path / "x")
    assert got == "No such folder: x (--images_dir)."


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0/\ufeff"))
TEXTS = TEXTS.map(str.strip).filter(lambda t: t not in ("", ".", ".."))
LABELS = st.tuples(*[st.integers(0, 1)] * 3)
SPLITS = st.sampled_from(["train", "validation", "test", None])
CELLS = st.tuples(
    LABELS, SPLITS, st.none() | st.integers(0, 999), st.none() | TEXTS
)


@given(st.dictionaries(TEXTS, CELLS, min_size=1))
@settings(max_examples=40, deadline=None)
def test_any_table_comes_back(table):
    with tempfile.TemporaryDirectory() as folder:
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        writer.writerow(["x", "y", "z", "image", "split", "fold", "group"])
        for image, (values, *others) in table.items():
            writer.writerow([*values, image, *others])
        kwargs = {"image_column": "image", "allow_all_zero": True}
        names, rows = read(Path(folder), file.getvalue(), **kwargs)
    assert names == ["x", "y", "z"]
    assert {row.id: row[2:6] for row in rows} == table
