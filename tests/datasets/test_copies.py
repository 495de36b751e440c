"""Tests for `jdstyle.datasets.copies`."""

import numpy as np
import pytest

from jdstyle.datasets import copies
from jdstyle.datasets import labels
from jdstyle.errors import InputError

STYLES = ["red", "dress", "long"]


def make_rows(*values):
    return [
        labels.Row(f"p{i}", None, of, None, None, None, f"t.csv:{i + 2}")
        for i, of in enumerate(values)
    ]


def report(rows, duplicates, given=None):
    if given is None:
        given = np.arange(len(rows))
    return copies.report(rows, np.array(duplicates), np.array(given), STYLES)


def test_no_near_duplicates():
    found = report(make_rows((1, 0, 0), (0, 1, 0)), [5, 3])
    assert found == copies.Report(0, 0, [], 0, 0, [])
    assert found.sentences() == []


def test_groups_are_counted_and_the_largest_named():
    rows = make_rows(*[(1, 0, 0)] * 9)
    found = report(rows, [7, 7, 2, 1, 1, 1, 1, 2, 0])
    assert (found.num_photos, found.num_groups) == (8, 3)
    assert (found.largest, found.largest_size) == (["p3", "p4", "p5"], 4)
    assert found.sentences() == [
        "8 photos are near-duplicates, in 3 groups. The largest has 4: p3, p4, "
        "p5, ...."
    ]


def test_what_the_file_groups_does_not_count():
    rows = make_rows(*[(1, 0, 0)] * 6)
    # 0 and 1 are of one group of the file, 2 to 4 are not all.
    found = report(rows, [0, 0, 1, 1, 1, 2], given=[0, 0, 1, 1, 2, 3])
    assert (found.num_photos, found.num_groups) == (3, 1)
    assert found.largest == ["p2", "p3", "p4"]


def test_contradicting_labels_are_named_in_the_order_of_the_file():
    rows = make_rows(
        (1, 0, 0),  # p0 and p1: red and long.
        (0, 0, 1),
        (1, 1, 1),  # p2 and p3 agree.
        (1, 1, 1),
        (1, 0, -1),  # p4 and p5: where one is unknown, nothing contradicts.
        (1, -1, 1),
        (0, 1, 0),  # p6, p7, p8: the last differs.
        (0, 1, 0),
        (0, 0, 0),
    )
    found = report(rows, [9, 9, 2, 2, 3, 3, 1, 1, 1])
    assert found.num_contradicting == 2
    assert found.contradictions == [
        "p0 and p1 (red 1 and 0, long 0 and 1)",
        "p6 and p8 (dress 1 and 0)",
    ]
    assert (
        "In 2 groups of near-duplicates labels contradict"
        in (found.sentences()[1])
    )
    # Whoever groups them: the labels contradict all the same.
    assert report(rows[:2], [0, 0], given=[0, 0]).num_contradicting == 1


def pairs(number, total):
    """A report on photos of which the first few are pairs of copies."""
    numbers = np.arange(total)
    numbers[1 : 2 * number : 2] -= 1
    return report(make_rows(*[(1, 0, 0)] * total), numbers)


@pytest.mark.parametrize(
    "number, mode, warns",
    [(2, None, False), (3, None, True), (10, None, True), (50, "group", True)],
)
def test_few_are_told_and_more_than_5_percent_warned_of(
    log, number, mode, warns
):
    copies.require_few(pairs(number, 100), 100, mode)
    share = f"That is {2 * number}% of the photos"
    assert (share in log.text) == warns


@pytest.mark.parametrize("mode", [None, "group", "warn"])
def test_more_than_20_percent_are_refused_unless_told(mode):
    found = pairs(11, 100)
    if mode:
        copies.require_few(found, 100, mode)
        return
    with pytest.raises(InputError) as caught:
        copies.require_few(found, 100, mode)
    message = str(caught.value)
    assert "The largest has 2: p0, p1. That is 22%" in message
    assert "--duplicates=group" in message and "--duplicates=off" in message
