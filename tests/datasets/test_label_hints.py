"""Tests for `jdstyle.datasets.label_hints`: what helps, and nothing else."""

import gzip
import shlex

import pytest

from jdstyle.datasets import label_hints
from jdstyle.datasets import label_table
from jdstyle.datasets import names
from jdstyle.errors import InputError


def fault(folder, text, **kwargs):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "t.csv").write_bytes(data)
    with pytest.raises(InputError) as caught:
        label_table.read_label_table(folder / "t.csv", **kwargs)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("f,a b,size\na.jpg,x,1\n", "pass '--tags=a b' and --format=tags or"),
        ("f,tag,size\na.jpg,x,1\n", "named after it: image,striped,floral"),
        (
            "f,x\na.jpg,\n",
            "got ''. If the label is not known, pass --unknown=em",
        ),
        ("f,x,y\na.jpg,-1,\n", "pass --unknown=-1, else write 0 or 1."),
        ("f,x\na.jpg,0.5\n", "Decide from which value on"),
        ("f,size,x,y\na.jpg,L,1,0\n", ", or name the styles: --styles=x,y."),
        ("f,size,x,y,z\na.jpg,7,1,0,1\n", "name the styles: --styles=x:z."),
    ],
)
def test_labels_that_are_none(tmp_path, text, hint):
    said = fault(tmp_path, text)
    assert said.startswith("t.csv:2: label ") and hint in said
    # Naming styles helps only where there are some.
    assert ("--styles" in said) == ("size" in text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p0.jpg,0,0,0,0\np1.jpg,1,0,0,0\n", "expected a header with the sty"),
        ("p0,0,0,0,train\n", "expected a header with the styles' names"),
        ("p0.jpg,haze\np1.jpg,haze\n", "expected a header with the styles'"),
        ("image,x,x\na.jpg,1,1\n", "2 columns have the name 'x'"),
        ("image\tx\na.jpg\t1\n", "tabs between the cells"),
        ("p0.jpg\t0,1\np1.jpg\t0,1\n", "tabs between the cells"),
        ("image;x\na.jpg;1\n", "semicolons between the cells"),
        ("image|x\na.jpg|1\n", "bars between the cells"),
        (
            gzip.compress(b"image,x\n", mtime=0),
            "compressed by gzip, expected a CSV",
        ),
        (b"PK\x03\x04\x00", "an Excel file or a ZIP archive, expected a CSV"),
    ],
)
def test_files_that_are_something_else(tmp_path, text, message):
    assert fault(tmp_path, text).startswith(f"t.csv:1: {message}")


@pytest.mark.parametrize("text", ['{"file_name": "a.jpg"}\n', "[1]\n"])
def test_json_that_is_called_a_table(tmp_path, text):
    said = fault(tmp_path, text, format="table")
    assert said.startswith("t.csv:1: JSON, expected a CSV")
    assert "--format=jsonl, of COCO's annotations --format=coco." in said


def test_what_is_shown_is_short(tmp_path):
    for text in (f"image,a\nx.jpg,{'y' * 10**6}\n", f"i,a\n{'y/' * 9999},1\n"):
        said = fault(tmp_path, text)
        assert "characters)" in said and len(said) < 700


def test_long_cells_that_nobody_reads_do_not_matter(tmp_path):
    text = f"image,note,a\nx.jpg,{'y' * 200_000},1\n"
    (tmp_path / "t.csv").write_text(text)
    _, rows = label_table.read_label_table(
        tmp_path / "t.csv", style_columns=["a"]
    )
    assert rows[0].labels == (1,)


def test_flags_can_be_pasted():
    said = label_hints.as_flag([1, 3], ["f", "a,b", "x", "Women's"])
    assert shlex.split(said) == ['--styles="a,b",Women\'s']


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("label_table", "needs a name .*--dataset=label_table/mine"),
        ("label_table/", "needs a name .*--dataset=label_table/mine"),
        ("label_table/a b", "--dataset must be"),
        ("deepfashion", "--dataset must be deepfashion/coarse"),
        (f"label_table/{'x' * 101}", "at most 100 bytes"),
        (f"label_table/{'韩' * 34}", "at most 100 bytes"),
    ],
)
def test_names_of_data_sets(name, message):
    with pytest.raises(InputError, match=message):
        names.require(name)
    names.require(f"label_table/{'x' * 100}")
