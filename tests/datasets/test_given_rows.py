"""Tests for `jdstyle.datasets.given_rows`."""

from jdstyle.datasets import given_rows
from jdstyle.datasets import labels

ROWS = [
    labels.Row("a.jpg", "x/a.jpg", (1, 0), "train", 1, "g", "t:2"),
    labels.Row("b.jpg", "x/b.jpg", (0, -1), None, None, None, "t:3"),
    labels.Row("ü,\n.jpg", "x/c.jpg", (1, 1), "test", None, None, "t:4"),
]
NAMES = ["red", "blue"]


def changes(tmp_path, rows):
    given_rows.write(tmp_path / "labels.csv", ROWS)
    return given_rows.describe_changes(tmp_path / "labels.csv", rows, NAMES)


def test_digest_is_of_what_is_said_of_photos():
    moved = [row._replace(path=f"/y/{row.id}", where="u:9") for row in ROWS]
    assert given_rows.digest(moved[::-1]) == given_rows.digest(ROWS)
    others = {given_rows.digest(ROWS), given_rows.digest(ROWS[:2])}
    for change in (
        {"id": "c.jpg"},
        {"labels": (1, 1)},
        {"labels": (1, -1)},
        {"split": None},
        {"split": "test"},
        {"fold": 2},
        {"fold": None},
        {"group": None},
    ):
        others.add(given_rows.digest([ROWS[0]._replace(**change), *ROWS[1:]]))
    assert len(others) == 10


def test_names_the_first_rows_that_differ(tmp_path):
    assert changes(tmp_path, ROWS).startswith("0 rows differ")
    rows = [
        ROWS[0]._replace(labels=(0, 0), fold=2, group=None),
        ROWS[1]._replace(labels=(1, 1)),
        ROWS[2]._replace(id="new.jpg", where="t:9"),
    ]
    assert changes(tmp_path, rows) == (
        "4 rows differ. The first: t:2: 'a.jpg': fold 2, was 1, group empty, "
        "was g, red 0, was 1; t:3: 'b.jpg': red 1, was 0, blue 1, was ?; t:9: "
        "'new.jpg' is new"
    )
    assert changes(tmp_path, ROWS[:2]) == (
        "1 row differs. The first: 'ü,\\n.jpg' is gone"
    )
    said = changes(
        tmp_path,
        [ROWS[0]._replace(labels=(0, 1), split=None, fold=None), *ROWS[1:]],
    )
    assert said.endswith("split empty, was train, fold empty, was 1, red 0, "
                         "was 1, and 1 more")  # fmt: skip
