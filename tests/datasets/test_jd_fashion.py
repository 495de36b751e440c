"""Tests for `jdstyle.datasets.jd_fashion`."""

import os
from pathlib import Path

import pytest

from jdstyle.datasets import jd_fashion
from jdstyle.errors import InputError

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the real label files in ../shared/data"
)

CASUAL = "0,1,0,0,0,0,0,0,0,0,0,0,0"  # Flags of JD style 2 alone.
LADY = "0,0,0,0,0,0,0,0,1,0,0,0,0"
NOTHING = "0,0,0,0,0,0,0,0,0,0,0,0,0"
NAME = f"a_{LADY.replace(',', '_')}.jpg"  # Of photo a in a fold file.
# Photos per style in the fold file, by cut and awk from its names.
POSITIVES = [
    *[81, 3460, 39_903, 211, 15_036, 7049, 157],
    *[1089, 39_504, 5633, 2978, 1008, 286],
]


def read_jd(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return jd_fashion.read_jd_fashion(folder)


def fault(folder, **files):
    """Returns the error's message without the folder in front."""
    with pytest.raises(InputError) as caught:
        read_jd(folder, **files)
    return str(caught.value).replace(f"{folder}/", "")


def test_no_training_file(tmp_path):
    got = fault(tmp_path)
    assert got.startswith("train.txt: No such file") and "--manual_dir" in got


def test_reads_jd_fashion(tmp_path):
    rows = read_jd(
        tmp_path,
        train=f"a,http://x,{LADY}\r\nb_1,u,{CASUAL}\r\na,v,{LADY}\n",
        fold=f"2,{NAME}\r\n",
        test="t,http://x/t.jpg\n",
        result=f"t,{LADY}\n",
    )
    lady, casual = (0,) * 8 + (1,) + (0,) * 4, (0, 1) + (0,) * 11
    photo = f"{tmp_path}/images/%s.jpg"
    # The fold file does not list b_1: the fold after its last, 2.
    assert rows == [
        ("a", photo % "a", lady, "train", 2, None, f"{tmp_path}/train.txt:1"),
        ("b_1", photo % "b_1", casual, "train", 3, None, rows[1].where),
        (
            "t",
            photo % "t",
            lady,
            "test",
            None,
            None,
            f"{tmp_path}/result.txt:1",
        ),
    ]
    # Both files of test photos are needed, or none; so is no fold file.
    for name in ("test", "fold"):
        os.remove(tmp_path / f"{name}.txt")
    assert [row[3:5] for row in read_jd(tmp_path)] == [("train", None)] * 2


A, T = f"a,u,{LADY}\n", f"t,{LADY}\n"


@pytest.mark.parametrize(
    "files, message",
    [
        ({"train": "\n"}, "train.txt:1: no rows"),
        ({"train": f"a,{LADY}"}, "train.txt:1: expected 15 columns, id, url"),
        ({"train": f"{A}b,u,{NOTHING}"}, "train.txt:2: no style is 1"),
        (
            {"train": f"{A}b,u,{LADY[:-1]}2"},
            "train.txt:2: label Ethnic must be",
        ),
        ({"train": f"../a,u,{LADY}"}, "train.txt:1: not a photo's id: '../a'"),
        ({"train": f"..,u,{LADY}"}, "train.txt:1: not a photo's id: '..'"),
        (
            {"train": f"{A}a,u,{CASUAL}"},
            "train.txt:2: a is also at train.txt:1",
        ),
        ({"fold": f"1,b{NAME[1:]}"}, "fold.txt:1: b is not in train.txt"),
        ({"fold": f"1,{NAME.replace('_0.', '_1.')}"}, "fold.txt:1: labels (0,"),
        (
            {"fold": f"0,{NAME}"},
            "fold.txt:1: fold must be an int >= 1, got '0'",
        ),
        ({"fold": f",{NAME}"}, "fold.txt:1: expected fold,ID_0_1_..._0.jpg"),
        (
            {"fold": f"1,{NAME[2:]}"},
            "fold.txt:1: expected fold,ID_0_1_..._0.jpg",
        ),
        ({"fold": f"1,{NAME}\n2,{NAME}"}, "fold.txt:2: a has fold 2, but 1 at"),
        (
            {"test": "t,u\nv,u", "result": T},
            "test.txt:2: v is not in result.txt",
        ),
        ({"test": "t\n", "result": T}, "test.txt:1: expected id,url"),
        ({"test": "", "result": T}, "result.txt:1: t is not in test.txt"),
        (
            {"test": "", "result": A},
            "result.txt:1: expected 14 columns, id and",
        ),
        (
            {"test": "a,u", "result": f"a,{LADY}"},
            "result.txt:1: a is also a training",
        ),
    ],
)
def test_faults_of_jd(tmp_path, files, message):
    got = fault(tmp_path, **{"train": A, **files})
    assert got.startswith(message)


@needs_shared
def test_real_jd_files(tmp_path):
    sample = (SHARED / "jd" / "sample-train.txt").read_text()
    rows = read_jd(tmp_path, train=sample)
    assert (len(rows), rows[0].id) == (500, "58085ecdN8bb23aac")
    assert rows[0].labels == (0, 1, 1) + (0,) * 10  # The file: ...,0,1,1,0,...
    text = (SHARED / "jd" / "train-image-k-fold-1to4.txt").read_text()
    parsed = [
        jd_fashion.parse_fold_line(line.split(","), "f:1")
        for line in text.splitlines()
    ]
    ids, folds, flags = zip(*parsed, strict=True)
    assert len(set(ids)) == len(ids) == 43_926
    assert [folds.count(f) for f in (1, 2, 3, 4)] == [10981, 10982] * 2
    assert [sum(column) for column in zip(*flags, strict=True)] == POSITIVES
