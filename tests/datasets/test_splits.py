"""Tests for `jdstyle.datasets.splits` and `jdstyle.datasets.checked_photos`."""

import csv
import errno
import hashlib
import io
import os

import numpy as np
import pytest
from PIL import Image

from jdstyle.datasets import checked_photos
from jdstyle.datasets import labels
from jdstyle.datasets import splits
from jdstyle.errors import InputError
from jdstyle.photos import looks
from jdstyle.photos import reader


def make_rows(num_rows, **columns):
    """Rows with two styles, every second and every fifth photo's.

    Each column is a function of the row's number.
    """
    rows = []
    for i in range(num_rows):
        given = {name: column(i) for name, column in columns.items()}
        given = {"split": None, "fold": None, "group": None, **given}
        rows.append(
            labels.Row(
                id=str(i),
                path=f"{i}.jpg",
                labels=(int(i % 2 == 0), int(i % 5 == 0)),
                where=f"t.csv:{i + 2}",
                **given,
            )
        )
    return rows


def assign(rows, duplicates=None, num_folds=5, test_fraction=0.2, seed=0):
    if duplicates is None:
        duplicates = np.arange(len(rows))
    return splits.assign(
        rows,
        duplicates,
        num_folds=num_folds,
        test_fraction=test_fraction,
        seed=seed,
    )


def count(assignment, split):
    return int(np.sum(assignment.splits == split))


def test_a_table_that_says_nothing_is_divided_fairly():
    got = assign(make_rows(1000))
    # A fifth of 1,000 tests; of the other 800 each of the five folds has 160,
    # and the last validates.
    assert [count(got, s) for s in ("train", "validation", "test")] == [
        640,
        160,
        200,
    ]
    test = got.splits == "test"
    assert (got.folds[test] == -1).all()
    assert np.bincount(got.folds[~test]).tolist() == [0] + [160] * 5
    assert set(got.folds[got.splits == "validation"]) == {5}
    # Styles of a half and a fifth of the photos: 100 and 40 of 200 test, 80
    # and 32 are in a fold of 160.
    positives = np.array([row.labels for row in make_rows(1000)])
    assert np.abs(positives[test].sum(axis=0) - (100, 40)).max() <= 1
    for fold in range(1, 6):
        there = positives[got.folds == fold].sum(axis=0)
        assert np.abs(there - (80, 32)).max() <= 1
    assert (got.num_grouped, got.num_leaking) == (0, 0)


def test_seed_decides():
    first, again, other = (assign(make_rows(300), seed=s) for s in (3, 3, 4))
    assert (first.splits == again.splits).all()
    assert (first.folds == again.folds).all()
    # Test parts of two seeds agree by chance: a fifth of 60.
    both = (first.splits == "test") & (other.splits == "test")
    assert both.sum() < 30


def test_no_test_photos_on_request():
    got = assign(make_rows(100), num_folds=4, test_fraction=0.0)
    assert (count(got, "test"), count(got, "validation")) == (0, 25)
    assert np.bincount(got.folds).tolist() == [0, 25, 25, 25, 25]


def test_rows_marked_test_alone_test():
    rows = make_rows(100, split=lambda i: "test" if i < 10 else None)
    got = assign(rows)
    assert np.flatnonzero(got.splits == "test").tolist() == list(range(10))
    assert (got.folds[:10] == -1).all()
    # 90 / 5.
    assert np.bincount(got.folds[10:]).tolist() == [0] + [18] * 5
    assert set(got.folds[got.splits == "validation"]) == {5}


def test_rows_marked_validation_alone_validate():
    rows = make_rows(100, split=lambda i: "validation" if i < 10 else "train")
    got = assign(rows)
    # No test photos are made up: the table knows its own division.
    assert [count(got, s) for s in ("train", "validation", "test")] == [
        90,
        10,
        0,
    ]
    assert (got.splits[:10] == "validation").all()
    # Folds hold all photos that do not test, 100 / 5.
    assert np.bincount(got.folds).tolist() == [0] + [20] * 5


def test_folds_of_the_file_stay():
    got = assign(make_rows(12, fold=lambda i: i % 4))
    assert got.folds.tolist() == [i % 4 for i in range(12)]
    # Folds but no test rows: none tests. Fold 3 has no positive, folds 0 and 2
    # have some of both styles: the last of those validates.
    assert got.splits.tolist() == ["train", "train", "validation", "train"] * 3
    assert got.validation_fold == 2


def test_folds_and_splits_of_the_file_together():
    marks = ["test", "validation", "train", None]
    rows = make_rows(
        12,
        split=lambda i: marks[i % 4],
        fold=lambda i: None if i % 4 == 0 else 1 + i % 3,
    )
    got = assign(rows)
    # The last fold, 3, does not validate: validation rows are marked.
    assert got.splits.tolist() == ["test", "validation", "train", "train"] * 3
    for i, fold in enumerate(got.folds):
        assert fold == (-1 if i % 4 == 0 else 1 + i % 3)


def test_fold_of_a_test_row_does_not_count():
    split = {4: "test"}
    got = assign(
        make_rows(5, split=split.get, fold=lambda i: [1, 2, 1, 2, 9][i])
    )
    # The last fold is 2, not 9.
    assert got.folds.tolist() == [1, 2, 1, 2, -1]
    assert got.splits.tolist() == [
        "train",
        "validation",
        "train",
        "validation",
        "test",
    ]


def test_fold_on_test_rows_alone_is_no_fold():
    rows = make_rows(
        40,
        split=lambda i: "test" if i < 10 else None,
        fold=lambda i: 7 if i < 10 else None,
    )
    got = assign(rows, num_folds=3)
    assert (got.folds[:10] == -1).all()
    assert np.bincount(got.folds[10:]).tolist() == [0, 10, 10, 10]


@pytest.mark.parametrize("bare", [0, 2])
def test_some_rows_without_a_fold(bare):
    rows = make_rows(3, fold=lambda i: None if i == bare else 1)
    with pytest.raises(InputError, match=f"^t.csv:{bare + 2}: no fold, though"):
        assign(rows)


def test_groups_and_near_duplicates_stay_together():
    # 0 to 9 are near-duplicates of each other; the table groups 9, 10 and 11,
    # so 0 to 11 are one; rows without a group stay alone.
    duplicates = np.where(np.arange(200) < 10, 0, np.arange(200))
    rows = make_rows(200, group=lambda i: "g" if 9 <= i <= 11 else None)
    for seed in range(5):
        got = assign(rows, duplicates, seed=seed)
        assert len(set(got.folds[:12])) == len(set(got.splits[:12])) == 1
        assert (got.num_grouped, got.num_leaking) == (12, 0)


def test_counts_groups_that_the_file_tears_apart():
    # Pairs (0, 1), (2, 3), (4, 5), (6, 7) of near-duplicates.
    duplicates = np.arange(8) // 2
    marks = ["train", "test", "train", "validation"] + ["train"] * 4
    fold = [1, None, 1, 1, 1, 2, 2, 2]
    rows = make_rows(8, split=marks.__getitem__, fold=fold.__getitem__)
    got = assign(rows, duplicates)
    # The first lies in two splits, the second too, the third in two folds.
    assert (got.num_grouped, got.num_leaking) == (8, 3)


def jpeg(shade):
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (shade, 90, 30)).save(file, "JPEG")
    return file.getvalue()


def check(num_rows, faults, **kwargs):
    """Checks photos, some of which `faults` (a dict) replaces."""
    spool, looked = io.BytesIO(), io.BytesIO()

    def read(row):
        content = faults.get(row.id, jpeg(int(row.id) % 250))
        if isinstance(content, Exception):
            raise content
        return content

    rows = make_rows(num_rows)
    got = checked_photos.check_photos(
        rows, read, spool, looked, short_side=24, **kwargs
    )
    assert len(looked.getvalue()) == len(got[0]) * looks.LOOK.itemsize
    return rows, spool.getvalue(), *got


def test_photos_lie_in_the_spool_in_order():
    # More than the window holds, and than there are threads.
    rows, spool, checked, rejected = check(600, {})
    assert [photo.row for photo in checked] == rows and rejected == []
    position = 0
    for photo in checked:
        assert photo.offset == position
        position += photo.length
        stored = spool[photo.offset : position]
        assert hashlib.sha256(stored).hexdigest() == photo.sha256
        image = Image.open(io.BytesIO(stored))
        # 40 x 30 with a short side of 24.
        assert image.size == (32, 24)
        shade = int(photo.row.id) % 250
        assert abs(image.getpixel((16, 12))[0] - shade) <= 6
    assert position == len(spool)


def test_unusable_photos_have_a_reason(tmp_path):
    rows, _, checked, rejected = check(
        6,
        {
            "1": FileNotFoundError(errno.ENOENT, "No such file"),
            "2": b"",
            "3": PermissionError(errno.EACCES, "Permission denied"),
            "4": b"<html>",
        },
    )
    assert [photo.row.id for photo in checked] == ["0", "5"]
    assert rejected == [
        (rows[1], reader.MISSING),
        (rows[2], "empty file"),
        (rows[3], "cannot be read: Permission denied"),
        (rows[4], "an HTML or XML page, not a photo"),
    ]
    checked_photos.write_report(rejected, tmp_path / "r.csv")
    with open(tmp_path / "r.csv", newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[:3] == [
        ["id", "path", "named_in", "reason"],
        ["1", "1.jpg", "t.csv:3", "no such file"],
        ["2", "2.jpg", "t.csv:4", "empty file"],
    ]
    assert len(lines) == 5 and os.listdir(tmp_path) == ["r.csv"]


def require(missing, bad, total, *, fraction=0.01, allow_missing=False):
    rows = make_rows(total)
    reasons = [reader.MISSING] * missing + ["empty file"] * bad
    checked_photos.require_enough(
        list(zip(rows, reasons, strict=False)),
        total,
        "out/r.csv",
        max_bad_fraction=fraction,
        allow_missing=allow_missing,
    )
    return "enough"


@pytest.mark.parametrize(
    "given, parts",
    [
        ((1, 0, 100), ["1 of 100 photos are missing", "0.jpg", "out/r.csv"]),
        ((5, 0, 100), ["0.jpg, 1.jpg, 2.jpg. All", "--allow_missing"]),
        ((0, 2, 100), ["2 of 100 photos cannot", "--max_bad_fraction=0.01"]),
        ((0, 2, 100), ["0.jpg: empty file; 1.jpg: empty file", "out/r.csv"]),
        ((0, 1, 99), ["1 of 99 photos cannot be used"]),
    ],
)
def test_too_many_unusable_photos(given, parts):
    with pytest.raises(InputError) as caught:
        require(*given)
    for part in parts:
        assert part in str(caught.value)


def test_enough_photos():
    # Exactly 1 %, and missing ones do not count as bad.
    assert require(0, 1, 100) == require(0, 0, 100) == "enough"
    assert require(50, 1, 100, allow_missing=True) == "enough"
    assert require(0, 99, 100, fraction=0.99) == "enough"


@pytest.mark.parametrize("missing, bad", [(4, 0), (0, 4), (2, 2)])
def test_no_photo_left(missing, bad):
    with pytest.raises(
        InputError, match="None of 4 photos can be used.*out/r.csv"
    ):
        require(missing, bad, 4, fraction=1.0, allow_missing=True)
