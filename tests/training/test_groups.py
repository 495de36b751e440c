import numpy as np
import pytest

from jdstyle.errors import InputError
from jdstyle.training import groups

STYLE_NAMES = ["bright", "rare", "Punk"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3", [[0, 1, 2]]),
        ("3, 1;rare", [[0, 2], [1]]),
        ("punk;2;BRIGHT", [[2], [1], [0]]),
    ],
)
def test_parses_numbers_and_names(text, expected):
    assert groups.parse(text, STYLE_NAMES) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1;2", "--groups .* Punk is there 0 times in '1;2'"),
        ("1,2;2,3", "--groups .* rare is there 2 times"),
        ("1;2;4", "--groups must be the number or the name .*: '4'"),
        ("1;;2,3", "--groups must be .*: ''"),
    ],
)
def test_each_style_is_in_one_group(text, message):
    with pytest.raises(InputError, match=message):
        groups.parse(text, STYLE_NAMES)


def test_styles_that_meet_are_one_group():
    # The first and the last are always together; -1 is unknown.
    labels = np.array([[1, 0, 1], [1, -1, 1], [0, 1, 0], [0, 1, -1]])
    assert groups.cluster(labels, 2) == [[0, 2], [1]]


def test_a_number_makes_so_many(tiny):
    assert groups.choose("2", tiny, fold=None) == [[0], [1]]
    assert groups.choose("1", tiny, fold=None) == [[0, 1]]
    assert groups.choose("rare;bright", tiny, fold=None) == [[1], [0]]


@pytest.mark.parametrize("text", ["0", "3"])
def test_refuses_other_numbers(tiny, text):
    with pytest.raises(InputError, match=f"from 1 to 2. Received: {text}"):
        groups.choose(text, tiny, fold=None)
