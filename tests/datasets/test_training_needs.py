"""Tests for `jdstyle.datasets.training_needs` and the validating fold."""

import csv

import binaries
import numpy as np
import pytest
from PIL import Image

from jdstyle.datasets import labels
from jdstyle.datasets import prepared
from jdstyle.datasets import splits
from jdstyle.datasets import summary
from jdstyle.datasets import training_needs
from jdstyle.datasets import usable
from jdstyle.errors import InputError


def make_rows(*places, values=None):
    """Rows of `(split, fold, group)`."""
    return [
        labels.Row(
            id=f"p{i}",
            path=None,
            labels=values[i] if values else (1, 0),
            split=split,
            fold=fold,
            group=group,
            where=f"t.csv:{i + 2}",
        )
        for i, (split, fold, group) in enumerate(places)
    ]


def require(*places):
    rows = make_rows(*places)
    training_needs.require_two_places(rows, splits.given_groups(rows))


BARE = (None, None, None)


@pytest.mark.parametrize(
    "places, message",
    [
        ([BARE], "one photo to train and to validate on: p0"),
        ([BARE, ("test", None, None)], "one photo"),
        ([(None, 3, None)] * 4, "All 4 photos are in fold 3"),
        (
            [(None, 0, None)] * 4 + [("test", None, None)],
            "All 4 photos that do not test are in fold 0",
        ),
        ([(None, None, "a")] * 3, "All 3 photos are of one group"),
        ([("validation", None, None)] * 2, "marked validation"),
        ([("validation", 1, None), ("test", None, None)], "marked validation"),
    ],
)
def test_nothing_to_train_on(places, message):
    with pytest.raises(InputError, match=message):
        require(*places)


@pytest.mark.parametrize(
    "places",
    [
        [BARE] * 2,
        [(None, 0, None), (None, 1, None)],
        [(None, None, "a"), (None, None, "b")],
        # One fold, yet the file says who validates.
        [("train", 0, None), ("validation", 0, None)],
        # One group, yet the file divides it (which is then said to leak).
        [("train", None, "a"), ("validation", None, "a")],
        # A model can be evaluated on these.
        [("test", None, None)] * 3,
    ],
)
def test_enough_to_train_on(places):
    require(*places)


def assign(rows, **options):
    options = {"num_folds": 5, "test_fraction": 0.2, "seed": 0, **options}
    return splits.assign(rows, np.arange(len(rows)), **options)


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("test_fraction", [0.0, 0.2, 0.9])
def test_few_photos_train_and_validate_or_are_refused(number, test_fraction):
    rows = make_rows(*[BARE] * number)
    try:
        got = assign(rows, test_fraction=test_fraction)
    except InputError as error:
        assert "--test_fraction=0" in str(error)
        assert test_fraction == 0.9
    else:
        assert {"train", "validation"} <= set(got.splits)


@pytest.mark.parametrize(
    "values, expected",
    [
        # Fold 1 has the only positives of style 1: as validation it takes them
        # from training. Fold 2 leaves style 1 without any in validation. Fold 0
        # lacks both styles.
        ([(0, 0), (0, 0), (1, 0), (0, 1), (1, 0), (1, 0)], 2),
        # The last has none; 0 and 1 have both styles: the last of those.
        ([(1, 1), (0, 0), (1, 1), (0, 0), (0, 0), (0, 0)], 1),
        # All alike: the last.
        ([(1, 0), (0, 1), (1, 0), (0, 1), (1, 0), (0, 1)], 2),
        # Unknown, -1, is no positive.
        ([(1, 1), (0, 0), (1, 1), (0, 0), (-1, -1), (-1, -1)], 1),
    ],
)
def test_the_fold_that_validates_leaves_the_fewest_without(values, expected):
    places = [(None, i // 2, None) for i in range(6)]
    got = assign(make_rows(*places, values=values))
    assert got.validation_fold == expected
    assert set(got.folds[got.splits == "validation"]) == {expected}


def test_a_given_validation_split_needs_no_fold():
    places = [("train", 0, None), ("train", 1, None), ("validation", 1, None)]
    assert assign(make_rows(*places)).validation_fold is None


def test_styles_that_can_be_trained():
    values = [(1, 1, 0, 1), (0, 1, 0, 0), (1, 1, 1, 1), (0, 0, 0, -1)]
    rows = make_rows(*[BARE] * 4, values=values)
    places = np.array(["train", "train", "validation", "validation"])
    # The second has no negative in training, the third no positive, the
    # fourth no negative in validation.
    assert usable.trainable(rows, places) == [1]


@pytest.fixture
def photos(tmp_path):
    """20 different photos; a function that writes their table and prepares."""
    rng = np.random.default_rng(0)
    for i in range(20):
        pixels = rng.integers(0, 256, (8, 6, 3), np.uint8)
        Image.fromarray(pixels).resize((48, 64)).save(tmp_path / f"{i}.png")

    def prepare(header, cell, *flags, code=0, copies=0):
        for i in range(copies):
            with Image.open(tmp_path / f"{i}.png") as image:
                image.save(tmp_path / f"{i + 10}.png", compress_level=1)
        with open(tmp_path / "t.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "a", "b", *header])
            for i in range(20):
                row = [f"{i}.png", i % 2, int(i % 3 == 0)]
                writer.writerow([*row, *cell(i)])
        return binaries.call(
            tmp_path,
            "prepare",
            "--dataset=label_table/x",
            "--table=t.csv",
            "--allow_all_zero",
            *flags,
            code=code,
        )

    prepare.folder = tmp_path
    return prepare


def test_prepare_says_so_before_it_reads_a_photo(photos):
    (photos.folder / "3.png").unlink()
    said = photos(["fold"], lambda i: [0], code=2)
    assert "All 20 photos are in fold 0" in said and "missing" not in said


def test_prepare_says_that_test_photos_are_for_evaluation(photos):
    said = photos(["split"], lambda i: ["test"])
    assert "All photos are test photos" in said
    assert "Next: python -m jdstyle.evaluate" in said
    assert "jdstyle.train" not in said


def test_prepare_tells_the_fold_and_a_style_that_can_be_trained(photos):
    # Style a is in fold 0 alone, b in both, more of it in the first.
    said = photos(["fold"], lambda i: [int(i % 2 == 0)])
    assert "Fold 1 validates." in said
    assert "1 of 2 styles lack photos" in said
    assert said.rstrip().endswith("--style=2")


def metadata(folder):
    opened = prepared.open_prepared("label_table/x", str(folder / "data"))
    return opened.info.metadata


def test_prepare_groups_warns_or_does_not_look(photos):
    said = photos([], lambda i: [], code=2, copies=6)
    assert "12 photos are near-duplicates, in 6 groups." in said
    assert "The largest has 2: 0.png, 10.png." in said and "60%" in said
    assert not (photos.folder / "data" / "label_table" / "x" / "1.0.0").exists()

    photos([], lambda i: [], "--duplicates=group")
    found = metadata(photos.folder)
    assert found["near_duplicates"]["num_photos"] == 12
    assert found["num_leaking"] == 0
    assert found["settings"]["duplicates"] == "group"
    # The default is the same, once it is there.
    photos([], lambda i: [])

    said = photos([], lambda i: [], "--duplicates=warn", code=2)
    assert "duplicates 'group', now 'warn'" in said
    said = photos([], lambda i: [], "--duplicates=warn", "--overwrite")
    assert "Near-duplicates were not kept together" in said
    assert "lie on both sides" in said
    assert metadata(photos.folder)["num_leaking"] > 0
    photos([], lambda i: [], "--duplicates=warn")  # Leaks are told, as before.

    said = photos([], lambda i: [], "--duplicates=off", "--overwrite")
    assert "Near-duplicates were not looked for." in said
    assert "0 have a near-duplicate or a group" in said


def test_given_splits_and_near_duplicates(photos):
    def split(i):
        return ["test" if i >= 10 else ["train", "validation"][i % 2]]

    said = photos(["split"], split, "--duplicates=group", code=2, copies=6)
    assert "6 groups of near-duplicate photos lie on both sides" in said
    photos(["split"], split, "--duplicates=group", "--allow_leaks")
    assert metadata(photos.folder)["num_leaking"] == 6
    photos(["split"], split, "--duplicates=off", "--overwrite")
    assert metadata(photos.folder)["num_leaking"] == 0


def test_groups_of_the_file_are_kept_without_looking(photos):
    said = photos(["group"], lambda i: [i % 10], "--duplicates=off", copies=6)
    assert "20 have a near-duplicate or a group" in said
    # Nor do its groups count as near-duplicates.
    said = photos(["group"], lambda i: [i % 10], "--overwrite")
    assert "are near-duplicates" not in said


def test_copies_with_contradicting_labels_are_told(photos):
    # 0 and 10 agree on a; 0 has b, 10 not.
    said = photos([], lambda i: [], copies=1)
    assert "In 1 groups of near-duplicates labels contradict" in said
    assert "0.png and 10.png (b 1 and 0)" in said


def test_the_demo_is_not_searched(small_demo, tmp_path):
    said = summary.summarise("demo", small_demo)
    assert "Near-duplicates were not looked for." in said
    said = binaries.call(
        tmp_path, "prepare", "--dataset=demo", "--duplicates=off", code=2
    )
    assert "--duplicates does not apply to --dataset=demo" in said
