"""Tests for `text_columns`, `separated` and `choice`: tags and classes."""

import csv
import io

import binaries
import numpy as np
import pytest
from PIL import Image

from jdstyle.datasets import label_table
from jdstyle.errors import InputError


def write(folder, columns, header="image,labels"):
    """Writes a table: of a row's cells after the photo's, or of one cell."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for i, cells in enumerate(columns):
        cells = [cells] if isinstance(cells, str) else cells
        writer.writerow([f"{i}.jpg", *cells])
    path = folder / "t.csv"
    path.write_text(f"{header}\n{file.getvalue()}", encoding="utf-8")
    return path


def read(folder, columns, header="image,labels", **kwargs):
    """Returns the names and the styles of each photo."""
    path = write(folder, columns, header)
    names, rows = label_table.read_label_table(path, **kwargs)
    return names, [
        [n for n, label in zip(names, row.labels, strict=True) if label == 1]
        for row in rows
    ]


def fault(folder, columns, header="image,labels", **kwargs):
    with pytest.raises(InputError) as caught:
        read(folder, columns, header, **kwargs)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("cells", "kwargs", "expected"),
    [
        # The first of | ; , and blank that the column has.
        (["light blue, floral", "floral"] * 2, {}, "floral;light blue"),
        (["a|b c", "b c|d, e", "a"], {"tags": "labels"}, "a;b c;d, e"),
        (["a;b", "b;a;", ";a"], {}, "a;b"),
        (["a b", "b  c"], {"format": "tags"}, "a;b;c"),
        (["a b", "b  c"], {"tags": "LABELS"}, "a;b;c"),
        (["a b", "c d"], {"format": "class"}, "a b;c d"),
        (["x, y", "x, z"], {"format": "class", "tags": "labels"}, "x, y;x, z"),
        (["a", "b", "a", "b"], {}, "a;b"),
        (["Office lady", "Sports"] * 2, {}, "Office lady;Sports"),
        (["3", "12", "3"], {"format": "class"}, "12;3"),
        (['["a, b", "c"]', '["c"]'], {}, "a, b;c"),
        (["['a', 'b']", "['a']"], {}, "a;b"),
        # Names that columns have, and words for splits, are styles as well.
        (
            ["image|split", "split|fold", "test"] * 2,
            {},
            "fold;image;split;test",
        ),
    ],
)
def test_certain_readings(tmp_path, cells, kwargs, expected):
    names, _ = read(tmp_path, cells, **kwargs)
    assert names == expected.split(";")


def test_each_photo_has_its_tags_and_the_other_columns_hold(tmp_path):
    header = "image,size,Labels,is_valid,group"
    rows = [["L", "b|a", "0", "g"], ["M", "a", "1", ""], ["M", "", "0", ""]]
    rows.append(["L", "b|a", "0", "g"])
    path = write(tmp_path, rows, header)
    names, read_rows = label_table.read_label_table(path, allow_all_zero=True)
    assert names == ["a", "b"]
    assert [row[:1] + row[2:] for row in read_rows[:3]] == [
        ("0.jpg", (1, 1), "train", None, "g", f"{path}:2"),
        ("1.jpg", (1, 0), "validation", None, None, f"{path}:3"),
        ("2.jpg", (0, 0), "train", None, None, f"{path}:4"),
    ]


def test_named_tags_alone_are_styles(tmp_path):
    cells = ["a|b", "b|image", "a|image"]
    kwargs = {"style_columns": ["image", "a"], "allow_all_zero": True}
    assert read(tmp_path, cells, **kwargs)[1] == [
        ["a"],
        ["image"],
        ["image", "a"],
    ]
    said = fault(tmp_path, cells, tags="labels", style_columns=["labels"])
    assert (
        "no column 'labels' (--styles). There are: 'a', 'b', 'image'." in said
    )


def test_the_column_of_photos_may_be_named(tmp_path):
    rows = [[f"{i}x.jpg", "ab"[i % 2]] for i in range(4)]
    kwargs = {"image_column": "Other photo", "allow_all_zero": True}
    names, _ = read(tmp_path, rows, "first,other_photo,class", **kwargs)
    assert names == ["a", "b"]


def test_order_of_rows_makes_no_difference(tmp_path):
    cells = ["b|a", "c|a", "b|c"]
    assert read(tmp_path, cells)[0] == read(tmp_path, cells[::-1])[0]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["x", "light blue", "light red"],
            ":3: 'labels' holds 'light blue', which may be tags or a class. "
            "Pass --format=tags to read tags with blanks between them, 4 "
            "styles: 'blue', 'light', 'red', 'x'; or --format=class to read 3: "
            "'light blue', 'light red', 'x'.",
        ),
        # As the names of ImageNet's classes.
        (["tench, Tinca", "goldfish, Carassius"] * 2, ":2: 'labels' holds"),
        (["a red dress", "a blue one"], ":2: 'labels' holds 'a red dress'"),
        (["one", "two", "three"], ":2: 'labels' holds 'one', which may be"),
        (["['a' 'b']", "['a']"], ":2: 'labels' has brackets around each cell"),
        (["[a, b]", "[a]"], ":2: 'labels' has brackets around each cell"),
        (["['a']", f"['a'{'[' * 9999}]"], ":3: 'labels' has brackets around"),
    ],
)
def test_what_is_not_certain_is_refused_with_what_would_be_read(
    tmp_path, cells, message
):
    assert fault(tmp_path, cells).startswith(f"t.csv{message}")


@pytest.mark.parametrize(
    ("cells", "kwargs", "message"),
    [
        (
            ["a|b", "a", "a, b"],
            {"format": "tags"},
            ":4: 'labels' has commas in 'a, b', but bars at t.csv:2. It would "
            "be read as the one tag 'a, b'",
        ),
        (["", ""], {"tags": "labels"}, ":1: the column 'labels' is empty."),
        (["a", ""], {"format": "class"}, ":3: no style is 1. Pass --allow"),
        (["|", "a"], {"format": "tags"}, ":2: no style is 1."),
        (["|"], {"format": "tags"}, ":1: no label in 1 rows."),
        (["a", "A"], {"format": "class"}, ":2: the style's name 'a' would be"),
        (["b|a", "all"], {"format": "tags"}, ":3: the style's name 'all' is"),
        (["a"], {"tags": "label"}, ":1: no column 'label' (--tags). There are"),
        (["a"], {"tags": "image"}, ":1: --tags must not name 'image'"),
        ([["a", "b"]], {"format": "tags"}, ":2: expected 2 columns, got 3"),
        (["a"], {"format": "table"}, ":2: label labels must be 0 or 1, got"),
        (["a"], {"format": "jsonl"}, ":1: no JSON: Expecting value at column"),
        (["a"], {"format": "coco"}, ":1: no JSON: Expecting value at column"),
        (
            [f"n{i}" for i in range(3001)],
            {"format": "class"},
            ":1: 3,001 different labels, the first 'n0', 'n1'",
        ),
    ],
)
def test_faults(tmp_path, cells, kwargs, message):
    assert fault(tmp_path, cells, **kwargs).startswith(f"t.csv{message}")


def test_which_column_is_asked_where_several_may_be(tmp_path):
    rows = [["red", "silk"], ["blue", "wool"]] * 2
    said = fault(tmp_path, rows, "image,colour,cloth")
    assert said == (
        "t.csv:1: no column of 0s and 1s, and it is not certain which column "
        "holds the labels. Name it with --tags: 'colour' (as 'blue', 'red'), "
        "'cloth' (as 'silk', 'wool')."
    )
    assert read(tmp_path, rows, "image,colour,label")[0] == ["silk", "wool"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["TRUE", "False", "t"], "101"),
        (["yes", "No", "Y"], "101"),
        (["1.0", "0", "true"], "101"),
    ],
)
def test_cells_of_yes_and_no_are_read_and_said(tmp_path, log, cells, expected):
    names, found = read(tmp_path, cells, "image,red", allow_all_zero=True)
    assert names == ["red"]
    assert [len(styles) for styles in found] == list(map(int, expected))
    said = " ".join(record.getMessage() for record in log.records)
    assert "True and yes are read as 1, false and no as 0, in 'red'." in said


def test_says_how_it_reads_and_ten_rows(tmp_path, log):
    read(tmp_path, ["b|a", "a"] * 6)
    said = [record.getMessage() for record in log.records]
    path = f"{tmp_path}/t.csv"
    assert said[:2] == [
        f"{path}: The column 'labels' holds tags with bars between them, as by "
        "--format=tags --tags=labels.",
        f"The columns of {path}:",
    ]
    assert said[-13:-9] == [
        "Photos of each style, of 12:",
        "  'a' 12, 'b' 6",
        "10 of the rows:",
        "  '0.jpg': 'a', 'b'",
    ]
    assert said[-1] == "  '11.jpg': 'a'"


def test_prepares_what_it_has_said(tmp_path):
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 256, (40, 40, 3))
        Image.fromarray(pixels.astype("uint8")).save(tmp_path / f"{i}.JPG")
    text = write(tmp_path, ["a b", "b"] * 3).read_text()
    (tmp_path / "t.csv").write_text(text.replace(".jpg", ""))
    arguments = "--dataset=label_table/x", "--table=t.csv"
    said = binaries.call(tmp_path, "prepare", *arguments, code=2)
    assert "t.csv:2: 'labels' holds 'a b', which may be tags" in said
    arguments += ("--format=tags", "--tags=labels")
    said = binaries.call(tmp_path, "prepare", *arguments, code=2)
    assert "no file '0', but '0.JPG'. Pass --extension=.JPG" in said
    said = binaries.call(tmp_path, "prepare", *arguments, "--extension=.jpg")
    assert said.index("6 paths are written otherwise") < said.index("Checked 6")
    assert said.index("'a' 3, 'b' 6") < said.index("'0.JPG': 'a', 'b'")
    # The other formats' refusals of flags; `prepare` has nothing to read.
    for arguments, message in (
        (("--format=table", "--table=t.csv"), "label labels must be 0 or 1"),
        (("--format=class", "--table=t.csv"), "no file '0', but '0.JPG'"),
        (("--format=jsonl", "--table=t.csv"), "t.csv:1: no JSON"),
        (("--format=coco", "--table=t.csv"), "t.csv:1: no JSON"),
        (("--format=coco", "--table=t.csv", "--tags=x"), "--tags names a col"),
        (("--format=folders", "--table=t.csv"), "Received: --table=t.csv."),
        (("--format=folders",), "--format=folders needs --images_dir."),
        (("--format=tags", "--images_dir=."), "needs --table, or --images_dir"),
        ((), "needs --table, or --images_dir with a folder per class."),
        (("--images_dir=.",), "0.JPG: a photo in no folder of a class (6 such"),
        (("--table=data",), "data: a folder, expected a file (--table)."),
        (
            ("--table=t.csv", "--tags=labels", "--extension=jpg"),
            "--extension must be a dot and",
        ),
    ):
        said = binaries.call(
            tmp_path,
            "prepare",
            "--dataset=label_table/y",
            *arguments,
            code=2,
        )
        assert message in said, arguments
