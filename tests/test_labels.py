"""Tests for `jdstyle.datasets.labels`."""

import os
from pathlib import Path

import pytest

from jdstyle.datasets import labels
from jdstyle.errors import InputError

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the real label files in ../shared/data"
)

CASUAL = "0,1,0,0,0,0,0,0,0,0,0,0,0"  # Flags of JD style 2 alone.
LADY = "0,0,0,0,0,0,0,0,1,0,0,0,0"
NOTHING = "0,0,0,0,0,0,0,0,0,0,0,0,0"


def flags(text):
    return tuple(int(flag) for flag in text.split(","))


def read(tmp_path, text, **kwargs):
    """Writes a table, text or bytes, and reads it; images in its folder."""
    table = tmp_path / "t.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    return labels.read_label_table(table, tmp_path, **kwargs)


def fault(tmp_path, text, **kwargs):
    """Returns the error's message without the folder in front."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, **kwargs)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_reads_a_table(tmp_path):
    names, rows = read(
        tmp_path,
        "image,red,split,blue,fold,group\n"
        "a/1.jpg,1,train,0,0,g\n"
        "a/2.jpg,0,val,1,,\n",
    )
    assert names == ["red", "blue"]
    assert rows == [
        labels.Row(
            id="a/1.jpg",
            path=f"{tmp_path}/a/1.jpg",
            labels=(1, 0),
            split="train",
            fold=0,
            group="g",
            where=f"{tmp_path}/t.csv:2",
        ),
        labels.Row(
            id="a/2.jpg",
            path=f"{tmp_path}/a/2.jpg",
            labels=(0, 1),
            split="validation",
            fold=None,
            group=None,
            where=f"{tmp_path}/t.csv:3",
        ),
    ]


def test_images_dir_is_the_tables_folder_by_default(tmp_path):
    (tmp_path / "t.csv").write_text("image,red\na.jpg,1\n")
    _, rows = labels.read_label_table(tmp_path / "t.csv")
    assert rows[0].path == str(tmp_path / "a.jpg")


def test_byte_order_mark_crlf_blank_lines_and_decimals(tmp_path):
    names, rows = read(
        tmp_path,
        b"\xef\xbb\xbfimage,red,blue\r\n\r\na.jpg,1.0, 0.0\r\n,,\r\nb.jpg,0,1",
    )
    assert names == ["red", "blue"]
    assert [(row.id, row.labels) for row in rows] == [
        ("a.jpg", (1, 0)),
        ("b.jpg", (0, 1)),
    ]
    # Line 2 is blank, line 4 holds only commas.
    assert [row.where[-2:] for row in rows] == [":3", ":5"]


def test_line_numbers_count_newlines_in_quotes(tmp_path):
    text = 'image,red,group\na.jpg,1,"two\nlines"\nb.jpg,1,"x\ny"\nc.jpg,7,\n'
    # The header is line 1, a.jpg takes 2 and 3, b.jpg 4 and 5.
    assert fault(tmp_path, text).startswith("t.csv:6: ")
    _, rows = read(tmp_path, text.replace("7", "1"))
    assert [row.where[-2:] for row in rows] == [":2", ":4", ":6"]
    assert rows[0].group == "two\nlines"


@pytest.mark.parametrize(
    "text, split",
    [
        ("train", "train"),
        ("validation", "validation"),
        ("val", "validation"),
        ("valid", "validation"),
        ("dev", "validation"),
        ("Test", "test"),
        ("", None),
    ],
)
def test_names_of_splits(tmp_path, text, split):
    _, rows = read(tmp_path, f"image,red,split\na.jpg,1,{text}\n")
    assert rows[0].split == split


@pytest.mark.parametrize("text, fold", [("0", 0), ("12", 12), ("3.0", 3)])
def test_folds(tmp_path, text, fold):
    _, rows = read(tmp_path, f"image,red,fold\na.jpg,1,{text}\n")
    assert rows[0].fold == fold


@pytest.mark.parametrize(
    "chosen, names",
    [
        (["b"], ["b"]),
        (["b:d"], ["b", "c", "d"]),
        (["d", "a:b"], ["d", "a", "b"]),
        (["x:y"], ["x:y"]),
        (["c:c"], ["c"]),
    ],
)
def test_chosen_columns(tmp_path, chosen, names):
    got, rows = read(
        tmp_path,
        "size,a,b,c,d,x:y,file\n9,1,1,1,1,1,p.jpg\n",
        image_column="file",
        style_columns=chosen,
    )
    assert got == names
    assert rows[0].id == "p.jpg"
    assert rows[0].labels == (1,) * len(names)


def test_takes_the_columns_of_their_names(tmp_path):
    _, rows = read(
        tmp_path, "image,a,b,c\np.jpg,1,0,0\n", style_columns=["c", "a:b"]
    )
    assert rows[0].labels == (0, 1, 0)


def test_nameless_column_is_no_fault_until_used(tmp_path):
    # What pandas writes by default: its index, without a name.
    text = ",image,red\n0,a.jpg,1\n"
    names, rows = read(
        tmp_path, text, image_column="image", style_columns=["red"]
    )
    assert (names, rows[0].id) == (["red"], "a.jpg")
    assert fault(tmp_path, text).startswith("t.csv:1: no column ''")


def test_equal_rows_count_once(tmp_path):
    _, rows = read(tmp_path, "image,red\na.jpg,1\nb.jpg,1\na.jpg,1\n")
    assert [(row.id, row.where[-2:]) for row in rows] == [
        ("a.jpg", ":2"),
        ("b.jpg", ":3"),
    ]


def test_all_zero_rows_by_consent(tmp_path):
    text = "image,red\na.jpg,1\nb.jpg,0\n"
    assert "t.csv:3: no style is 1. Pass --allow_all_zero" in fault(
        tmp_path, text
    )
    _, rows = read(tmp_path, text, allow_all_zero=True)
    assert [row.labels for row in rows] == [(1,), (0,)]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "t.csv:1: empty, expected a header"),
        ("image,red\n", "t.csv:1: no row below the header"),
        ("image\na.jpg\n", "t.csv:1: --styles must name at least one column"),
        (
            "image,red,red\na.jpg,1,1\n",
            "t.csv:1: 2 columns have the name 'red'",
        ),
        ("image,red\na.jpg,2\n", "t.csv:2: label red must be 0 or 1, got '2'"),
        ("image,red\na.jpg,\n", "t.csv:2: label red must be 0 or 1, got ''"),
        ("image,red\na.jpg,yes\n", "got 'yes'. Name the styles with --styles"),
        ("image,red\na.jpg,1,1\n", "t.csv:2: expected 2 columns, got 3"),
        ("image,red\na.jpg\n", "t.csv:2: expected 2 columns, got 1"),
        ("image,red\n,1\n", "t.csv:2: expected an image's path inside "),
        ("image,red\n/etc/a.jpg,1\n", "got '/etc/a.jpg'"),
        ("image,red\nb.jpg,1\n../a.jpg,1\n", "t.csv:3: expected an image's"),
        ("image,red\nx/../../a.jpg,1\n", "got 'x/../../a.jpg'"),
        ("image,red\na\0.jpg,1\n", r"got 'a\x00.jpg'"),
        ("image,red\n.,1\n", "t.csv:2: '.' leads out of "),
        (
            "image,red,split\na.jpg,1,eval\n",
            "t.csv:2: split must be one of train, validation, val, valid, dev, "
            "test, got 'eval'",
        ),
        (
            "image,red,fold\na.jpg,1,-1\n",
            "t.csv:2: fold must be an int >= 0, got '-1'",
        ),
        ("image,red,fold\na.jpg,1,1.5\n", "got '1.5'"),
        ('image,red\na.jpg,"1\n', "t.csv:2: unexpected end of data"),
        (
            "image,red\na.jpg,1\nb.jpg,1\na.jpg,0\n",
            "t.csv:4: no style is 1",
        ),
    ],
)
def test_faults_of_a_table(tmp_path, text, message):
    assert message in fault(tmp_path, text)


@pytest.mark.parametrize(
    "second", ["0,1,train,1,g", "1,0,test,1,g", "1,0,train,2,g", "1,0,train,1,"]
)
def test_one_image_with_two_meanings(tmp_path, second):
    text = (
        "image,red,blue,split,fold,group\n"
        "a.jpg,1,0,train,1,g\n"
        "b.jpg,1,0,train,1,g\n"
        f"a.jpg,{second}\n"
    )
    message = fault(tmp_path, text)
    assert message.startswith("t.csv:4: a.jpg stands at t.csv:2 too")


def test_link_that_leaves_the_folder(tmp_path):
    inside = tmp_path / "images"
    inside.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"")
    os.symlink(tmp_path / "secret.jpg", inside / "a.jpg")
    os.symlink(tmp_path, inside / "up")
    # A neighbour whose path begins like the folder's.
    (tmp_path / "images2").mkdir()
    os.symlink(tmp_path / "images2", inside / "next")
    for name in ("a.jpg", "up/secret.jpg", "next/b.jpg"):
        table = tmp_path / "t.csv"
        table.write_text(f"image,red\n{name},1\n")
        with pytest.raises(InputError, match=f"t.csv:2: '{name}' leads out"):
            labels.read_label_table(table, inside)


def test_folder_that_is_a_link_itself(tmp_path):
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "images")
    (tmp_path / "t.csv").write_text("image,red\na.jpg,1\n")
    _, rows = labels.read_label_table(tmp_path / "t.csv", tmp_path / "images")
    assert rows[0].path == str(tmp_path / "images" / "a.jpg")


def test_names_the_line_that_is_not_utf8(tmp_path):
    # The second byte order mark moves offsets by 3 bytes.
    for start in (b"", b"\xef\xbb\xbf"):
        text = start + b"image,red\na.jpg,1\n\xe9.jpg,1\n"
        assert fault(tmp_path, text).startswith("t.csv:3: not UTF-8")


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"image_column": "photo"}, "no column 'photo' (--image_column)"),
        ({"style_columns": ["green"]}, "no column 'green' (--styles)"),
        ({"style_columns": ["red:green"]}, "no column 'green' (--styles)"),
        ({"style_columns": ["blue:red"]}, "at least one column"),
        ({"style_columns": ["red", "red:blue"]}, "none twice"),
        ({"style_columns": ["image:red"]}, "none of image, split"),
        ({"style_columns": ["split"]}, "none of image, split"),
    ],
)
def test_columns_that_do_not_fit(tmp_path, kwargs, message):
    text = "image,red,blue,split\na.jpg,1,1,train\n"
    got = fault(tmp_path, text, **kwargs)
    assert got.startswith("t.csv:1: ") and message in got
    if "no column" in message:
        assert "There are: image, red, blue, split." in got


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"t\.csv: No such file .*--table"):
        labels.read_label_table(tmp_path / "t.csv", tmp_path)
    (tmp_path / "t.csv").write_text("image,red\na.jpg,1\n")
    with pytest.raises(InputError, match="No such folder: .*--images_dir"):
        labels.read_label_table(tmp_path / "t.csv", tmp_path / "images")
    with pytest.raises(InputError, match="Is a directory"):
        labels.read_label_table(tmp_path, tmp_path)


def write_jd(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.txt").write_text(text)


def jd_fault(tmp_path, **files):
    write_jd(tmp_path, **files)
    with pytest.raises(InputError) as caught:
        labels.read_jd_fashion(tmp_path)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_reads_jd_fashion(tmp_path):
    write_jd(
        tmp_path,
        train=f"a,http://x/a.jpg,{CASUAL}\r\nb_1,u,{LADY}\r\nc,u,{LADY}\r\n",
        fold=f"2,b_1_{LADY.replace(',', '_')}.jpg\r\n"
        f"1,a_{CASUAL.replace(',', '_')}.jpg\r\n",
        test="t,http://x/t.jpg\n",
        result=f"t,{LADY}\n",
    )
    rows = labels.read_jd_fashion(tmp_path)
    # c is in no line of the fold file: the fold after its last, 2.
    assert [row[:6] for row in rows] == [
        ("a", f"{tmp_path}/images/a.jpg", flags(CASUAL), "train", 1, None),
        ("b_1", f"{tmp_path}/images/b_1.jpg", flags(LADY), "train", 2, None),
        ("c", f"{tmp_path}/images/c.jpg", flags(LADY), "train", 3, None),
        ("t", f"{tmp_path}/images/t.jpg", flags(LADY), "test", None, None),
    ]
    assert rows[1].where == f"{tmp_path}/train.txt:2"
    assert rows[3].where == f"{tmp_path}/result.txt:1"


def test_jd_needs_train_alone(tmp_path):
    write_jd(tmp_path, train=f"a,u,{CASUAL}\n")
    (row,) = labels.read_jd_fashion(str(tmp_path))
    assert (row.id, row.split, row.fold) == ("a", "train", None)


@pytest.mark.parametrize("file", ["test", "result"])
def test_jd_test_photos_need_both_files(tmp_path, file):
    write_jd(tmp_path, train=f"a,u,{CASUAL}\n", **{file: f"t,{LADY}\n"})
    assert [row.id for row in labels.read_jd_fashion(tmp_path)] == ["a"]


def test_jd_without_train_says_what_is_expected(tmp_path):
    with pytest.raises(InputError) as caught:
        labels.read_jd_fashion(tmp_path / "nowhere")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/nowhere/train.txt: ")
    for part in ("--manual_dir", "images/<id>.jpg", "fold.txt", "result.txt"):
        assert part in message


@pytest.mark.parametrize(
    "train, message",
    [
        ("", "train.txt:1: no rows"),
        (f"a,{CASUAL}\n", "train.txt:1: expected 15 columns, id, url and 13"),
        (f"a,u,{CASUAL},0\n", "got 16"),
        (f"a,u,{CASUAL[:-1]}2\n", "label Ethnic must be 0 or 1, got '2'"),
        (f"b,u,{LADY}\na,u,{NOTHING}\n", "train.txt:2: no style is 1"),
        (f"../a,u,{LADY}\n", "train.txt:1: not a photo's id: '../a'"),
        (f"..,u,{LADY}\n", "not a photo's id: '..'"),
        (f",u,{LADY}\n", "not a photo's id: ''"),
        (
            f"a,u,{LADY}\na,u,{CASUAL}\n",
            "train.txt:2: a stands at train.txt:1 too",
        ),
    ],
)
def test_faults_of_jd_train(tmp_path, train, message):
    assert message in jd_fault(tmp_path, train=train)


def test_jd_equal_lines_count_once(tmp_path):
    write_jd(tmp_path, train=f"a,u,{LADY}\na,another-url,{LADY}\n")
    (row,) = labels.read_jd_fashion(tmp_path)
    assert row.where.endswith("train.txt:1")


LADY_NAME = f"a_{LADY.replace(',', '_')}.jpg"


@pytest.mark.parametrize(
    "fold, message",
    [
        (f"1,b{LADY_NAME[1:]}", "fold.txt:1: b is not in train.txt"),
        (
            f"1,a_{CASUAL.replace(',', '_')}.jpg",
            "fold.txt:1: labels (0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) of a "
            "differ from (0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0) at "
            "train.txt:1",
        ),
        (f"0,{LADY_NAME}", "fold.txt:1: fold must be an int >= 1, got '0'"),
        (f"one,{LADY_NAME}", "fold must be an int >= 1, got 'one'"),
        (f",{LADY_NAME}", "fold.txt:1: expected fold,ID_0_1_..._0.jpg"),
        ("1,a_0_1.jpg", "expected fold,ID_0_1_..._0.jpg with 13 flags"),
        (f"1,{LADY_NAME[:-4]}", "expected fold,ID_0_1_..._0.jpg"),
        (f"1,{LADY_NAME},1", "expected fold,ID_0_1_..._0.jpg"),
        (f"1,{LADY_NAME.replace('_1', '_7')}", "label Lady must be 0 or 1"),
        (
            f"1,{LADY_NAME}\n1,{LADY_NAME}\n2,{LADY_NAME}",
            "fold.txt:3: a has fold 2, but 1 at fold.txt:1",
        ),
    ],
)
def test_faults_of_jd_folds(tmp_path, fold, message):
    got = jd_fault(tmp_path, train=f"a,u,{LADY}\n", fold=f"{fold}\n")
    assert message in got


@pytest.mark.parametrize(
    "test, result, message",
    [
        ("t,u\nv,u\n", f"t,{LADY}\n", "test.txt:2: v is not in result.txt"),
        (
            "t,u\n",
            f"t,{LADY}\nv,{LADY}\n",
            "result.txt:2: v is not in test.txt",
        ),
        ("t\n", f"t,{LADY}\n", "test.txt:1: expected id,url"),
        ("t,u\n", f"t,u,{LADY}\n", "result.txt:1: expected 14 columns, id and"),
        ("t,u\n", f"t,{NOTHING}\n", "result.txt:1: no style is 1"),
        (
            "a,u\n",
            f"a,{LADY}\n",
            "result.txt:1: a is a training photo too (train.txt:1)",
        ),
    ],
)
def test_faults_of_jd_test(tmp_path, test, result, message):
    got = jd_fault(tmp_path, train=f"a,u,{LADY}\n", test=test, result=result)
    assert message in got


@needs_shared
def test_real_jd_sample(tmp_path):
    sample = (SHARED / "jd" / "sample-train.txt").read_bytes()
    (tmp_path / "train.txt").write_bytes(sample)
    rows = labels.read_jd_fashion(tmp_path)
    assert len(rows) == 500
    assert rows[0].id == "58085ecdN8bb23aac"
    # Its line ends in 0,1,1,0,...: Casual and Office lady.
    assert rows[0].labels == (0, 1, 1) + (0,) * 10


@needs_shared
def test_real_jd_folds():
    path = SHARED / "jd" / "train-image-k-fold-1to4.txt"
    lines = path.read_text().splitlines()
    parsed = [
        labels.parse_fold_line(line.split(","), f"{path}:{number}")
        for number, line in enumerate(lines, start=1)
    ]
    # 43,926 of the 54,908 photos, each once, in four folds of 10,981 or 10,982.
    assert len({photo_id for photo_id, _, _ in parsed}) == 43926
    folds = [fold for _, fold, _ in parsed]
    assert [folds.count(fold) for fold in (1, 2, 3, 4)] == [
        10981,
        10982,
        10981,
        10982,
    ]
    assert all(1 <= sum(flags) <= 5 for _, _, flags in parsed)


@needs_shared
@pytest.mark.parametrize(
    "name, chosen, count, num_photos",
    [
        ("clothing", "dress:t-shirt", 10, 3409),
        ("deepfashion26", "floral:conventional", 26, 5000),
    ],
)
def test_real_tables(name, chosen, count, num_photos):
    names, rows = labels.read_label_table(
        SHARED / name / "index.csv", style_columns=[chosen]
    )
    assert (len(names), len(rows)) == (count, num_photos)
    assert all(os.path.exists(row.path) for row in rows[::100])
