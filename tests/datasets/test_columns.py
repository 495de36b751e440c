"""Tests for `jdstyle.datasets.columns`, `column_roles` and `given_splits`."""

import pytest

from jdstyle.datasets import label_table
from jdstyle.errors import InputError

NAMES = ["a", "b"]


def read(folder, header, columns, **kwargs):
    """Reads a table of an image column, styles a and b, and more columns.

    `header` names the others, and `columns` has a list of cells for each.
    """
    lines = [",".join(["image", *NAMES, *header])]
    for i, cells in enumerate(zip(*columns, strict=True)):
        lines.append(",".join([f"{i}.jpg", "1", str(i % 2), *map(str, cells)]))
    path = folder / "t.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return label_table.read_label_table(path, **kwargs)


SPLITS = ["train", "validation", "test", None]


@pytest.mark.parametrize(
    "name", ["split", "Split ", "SPLIT", " split", "\uff53plit", "s\u200bplit"]
)
def test_split_in_any_writing(tmp_path, name):
    names, rows = read(tmp_path, [name], [["train", "Val", "TESTING", ""]])
    assert names == NAMES
    assert [row.split for row in rows] == SPLITS


@pytest.mark.parametrize("name", ["Fold", "FOLD ", "k_fold", "fold_id"])
def test_fold_in_any_writing(tmp_path, name):
    names, rows = read(tmp_path, [name], [[0, 1, 1, 0]])
    assert (names, [row.fold for row in rows]) == (NAMES, [0, 1, 1, 0])


def test_group_in_any_writing(tmp_path):
    names, rows = read(tmp_path, ["Group"], [[0, 1, 1, 0]])
    assert (names, [row.group for row in rows]) == (NAMES, ["0", "1", "1", "0"])


@pytest.mark.parametrize(
    "name", ["set", "Subset", "phase", "dataset", "usage", "partition", "what"]
)
def test_words_for_splits_are_a_split_whatever_the_name(tmp_path, name):
    cells = ["train", "valid", "test", ""]
    for kwargs in ({}, {"style_columns": NAMES}):
        names, rows = read(tmp_path, [name], [cells], **kwargs)
        assert (names, [row.split for row in rows]) == (NAMES, SPLITS)


@pytest.mark.parametrize(
    ("flags", "splits"),
    [
        ({"is_valid": "0110"}, "tvvt"),
        ({"Is Validation": "0110"}, "tvvt"),
        ({"IS_TEST": "0110"}, "-ee-"),  # What validates is left open.
        ({"is_train": "1001", "is_test": "0100"}, "tevt"),
        ({"is_train": "1001", "is_val": "0100"}, "tvet"),
        ({"is_valid": "0100", "is_test": "0010"}, "tvet"),
        ({"is_train": "1001", "in_val": "0100", "in_test": "0010"}, "tvet"),
        ({"is_train": "1111"}, "tttt"),
    ],
)
def test_columns_of_yes_and_no(tmp_path, flags, splits):
    names, rows = read(tmp_path, list(flags), list(flags.values()))
    letters = {"t": "train", "v": "validation", "e": "test", "-": None}
    assert names == NAMES
    assert [row.split for row in rows] == [letters[c] for c in splits]
    words = [[str(cell == "1") for cell in cells] for cells in flags.values()]
    assert read(tmp_path, list(flags), words)[1] == rows


@pytest.mark.parametrize(
    ("header", "columns", "message"),
    [
        # May be styles too.
        (["set"], ["0110"], "'set' may be a split.*holds 0, 1.*--styles"),
        (["Partition"], ["0120"], "'Partition' may be.*holds 0, 1, 2"),
        (["test"], ["0110"], "'test' may be"),
        (["fold1"], ["0110"], "'fold1' may be"),
        (["cv_split"], ["0110"], "'cv_split' may be"),
        (["My Split 2"], ["0110"], "'My Split 2' may be"),
        (["partition"], [["0.0", "2.0"]], "'partition' may be"),
        (["group_id"], ["0110"], "'group_id' may be"),
        # Do not say enough, or too much.
        (["is_train"], ["1001"], r":3: is_train does not say .* validation or"),
        (["is_val", "is_test"], ["0110"] * 2, ":3: is_val and .*more than one"),
        (["is_valid"], ["0129"], r":4: is_valid must be 0 or 1, got '2'"),
        (["set"], [["train", "extra"]], ":3: set must be one of .*'extra'"),
        (["Fold"], ["01x0"], ":4: fold must be an int >= 0, got 'x'"),
        (["fold", "Fold"], ["0110"] * 2, "'fold' and 'Fold' each say the fold"),
        (["split", "SPLIT"], [["test"]] * 2, "'split' and 'SPLIT' each say"),
        (["set", "phase"], [["test"]] * 2, "'set' and 'phase' each say the sp"),
        (["set", "is_test"], [["test"], "1"], "'set' and 'is_test' each say"),
        (["is_val", "is_valid"], ["0110"] * 2, "'is_val' and 'is_valid' each"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path, header, columns, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, header, columns)


def test_named_styles_are_styles(tmp_path):
    for name in ("set", "is_valid", "fold1"):
        names, rows = read(
            tmp_path, [name], ["0110"], style_columns=["A", "b", name]
        )
        assert names == [*NAMES, name]
        assert [row.split for row in rows] == [None] * 4
    # Of those within a run only what can be a style.
    args = tmp_path, ["set", "is_valid", "c"], ["0110"] * 3
    with pytest.raises(InputError, match="both sides of 'is_valid'"):
        read(*args, style_columns=["a:c"])
    assert read(*args, style_columns=["a:is_valid"])[0][-1] == "is_valid"


def test_garments_have_splits_and_folds_too(tmp_path):
    header = ["side split", "split hem", "Unfolded", "sets of two", "trains"]
    names, rows = read(tmp_path, header, ["0110"] * 5)
    assert names == [*NAMES, *header]


def test_split_wins_over_what_says_it_otherwise(tmp_path, log):
    columns = [["train", "test"], "10", ["1", "0"]]
    names, rows = read(tmp_path, ["split", "is_valid", "kfold"], columns)
    assert [row.split for row in rows] == ["train", "test"]
    assert [row.fold for row in rows] == [1, 0]


def write(folder, text):
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return label_table.read_label_table(folder / "t.csv")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (",image,a\n0,x.jpg,1\n1,y.jpg,1\n", ["x.jpg", "y.jpg"]),
        ("Unnamed: 0,file_name,a\n5,x.jpg,1\n3,y.jpg,1\n", ["x.jpg", "y.jpg"]),
        ("id,a,path\n1,1,x\n2,1,y\n", ["x", "y"]),
        ("a,Img\n1,x\n1,y\n", ["x", "y"]),
        ("a,what\n1,x.PNG\n1,y.png\n", ["x.PNG", "y.png"]),
        (",a\nx.jpg,1\ny.jpg,1\n", ["x.jpg", "y.jpg"]),  # pandas' index.
        ("id,a\n7,1\n8,1\n", ["7", "8"]),
        ("name,a\nx,1\ny,1\n", ["x", "y"]),
        ("image,a\n./x.jpg,1\nx.jpg,1\ns//y.jpg,1\n", ["x.jpg", "s/y.jpg"]),
    ],
)
def test_finds_the_column_of_the_photos(tmp_path, text, ids):
    names, rows = write(tmp_path, text)
    assert (names, [row.id for row in rows]) == (["a"], ids)


def test_a_column_may_be_named_as_it_is_alike(tmp_path):
    names, rows = read(
        tmp_path,
        ["My Photos", "x"],
        [["p", "q"], "11"],
        image_column="my_photos",
        style_columns=["B", "X"],
    )
    assert (names, [row.id for row in rows]) == (["b", "x"], ["p", "q"])


def test_logs_what_each_column_was_taken_for(tmp_path, log):
    header = ["", "is_valid", "Fold", "note"]
    columns = [range(4), "0110", "0122", ["x"] * 4]
    read(tmp_path, header, columns, style_columns=["a:b"])
    said = [record.getMessage() for record in log.records]
    assert said == [
        f"The columns of {tmp_path}/t.csv:",
        "  photos  'image' (4)",
        "  split   'is_valid' (2 train, 2 validation)",
        "  fold    'Fold' (3 different)",
        "  group   no column",
        "  styles  'a', 'b' (2)",
        "  ignored '' (numbers of the rows)",
        "  ignored 'note' (not named by --styles)",
        "Photos of each style, of 4:",
        "  'a' 4, 'b' 2",
        "4 of the rows:",
        "  '0.jpg': 'a'; split train; fold 0",
        "  '1.jpg': 'a', 'b'; split validation; fold 1",
        "  '2.jpg': 'a'; split validation; fold 2",
        "  '3.jpg': 'a', 'b'; split train; fold 2",
    ]
