"""What flags ask of each style, and what they are refused for."""

import pytest

from jdstyle.decisions import wishes
from jdstyle.decisions.floors import Wish
from jdstyle.errors import InputError

# A name may hold colons, or be a number.
STYLES = ["floral", "a:b", "5"]


def read(**options):
    return wishes.read(STYLES, **options)


def test_one_for_all():
    assert read(precision_floor=["0.6"]) == [Wish(precision_floor=0.6)] * 3
    assert read(recall_floor=["1"]) == [Wish(recall_floor=1.0)] * 3
    assert read(cost=["5:1"]) == [Wish(cost=(5.0, 1.0))] * 3
    assert read(beta=1.0) == [Wish(beta=1.0)] * 3


def test_styles_of_which_nothing_is_asked_stay():
    assert read(precision_floor=["a:b:0.8"]) == [
        *(None, Wish(precision_floor=0.8), None)
    ]
    assert read(cost=["5:2:1"]) == [None, None, Wish(cost=(2.0, 1.0))]


def test_one_for_all_and_others_for_some():
    found = read(
        precision_floor=["0.6", "floral:0"],
        recall_floor=["5:0.5"],
        cost=["a:b:2:3"],
        beta=0.5,
    )
    assert found == [
        Wish(precision_floor=0.0, beta=0.5),
        Wish(precision_floor=0.6, cost=(2.0, 3.0), beta=0.5),
        Wish(precision_floor=0.6, recall_floor=0.5, beta=0.5),
    ]


def test_files(tmp_path):
    (tmp_path / "hand.csv").write_text("style,threshold\nfloral,0.25\n")
    (tmp_path / "shop.csv").write_text("style,share\na:b,0.1\n")
    found = read(
        thresholds_path=str(tmp_path / "hand.csv"),
        prevalence_path=str(tmp_path / "shop.csv"),
    )
    assert found == [Wish(threshold=0.25), Wish(share=0.1), None]
    found = read(
        thresholds_path=str(tmp_path / "hand.csv"), precision_floor=["0.5"]
    )
    assert [wish.threshold for wish in found] == [0.25, None, None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Say how to choose: --precision_floor"),
        ({"precision_floor": ["1.5"]}, "--precision_floor: .* got '1.5'"),
        ({"precision_floor": ["nan"]}, "from 0 to 1"),
        ({"recall_floor": ["floral"]}, "--recall_floor: .* got 'floral'"),
        ({"recall_floor": ["floral:"]}, "got ''"),
        ({"recall_floor": ["Floral:0.5"]}, "no style 'Floral'; it has floral"),
        ({"recall_floor": ["0.5", "0.6"]}, "for all styles twice"),
        ({"recall_floor": ["5:0.5", "5:0.6"]}, "'5' has a value already"),
        ({"cost": ["5"]}, "a miss and a false alarm cost.* got '5'"),
        ({"cost": ["0:1"]}, "got '0:1'"),
        ({"cost": ["-1:1"]}, "got '-1:1'"),
        ({"cost": ["inf:1"]}, "got 'inf:1'"),
        ({"cost": ["hat:5:1"]}, "no style 'hat'"),
        ({"beta": 0.0}, "--beta must be a number above 0"),
        ({"beta": float("nan")}, "--beta must be"),
        ({"beta": float("inf")}, "--beta must be"),
        ({"beta": 1.0, "cost": ["5:1"]}, "--beta and --cost are two"),
    ],
)
def test_faults(options, message):
    with pytest.raises(InputError, match=message):
        read(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("style,share\n", "hand.csv:1: the header must be style,threshold"),
        ("style,threshold\n", "no style has a threshold \\(--thresholds"),
        ("style,threshold\nhat,0.5\n", "hand.csv:2: .* no style 'hat'"),
        ("style,threshold\n5,1.01\n", "hand.csv:2: a threshold must be"),
        ("style,threshold\n5,nan\n", "hand.csv:2: a threshold must be"),
        ("style,threshold\n5,.1\n5,.1\n", "hand.csv:3: '5' has a threshold"),
        ("style,threshold\n5,.1\n", "--thresholds gives '5' a threshold by "),
    ],
)
def test_faults_of_thresholds_by_hand(text, message, tmp_path):
    (tmp_path / "hand.csv").write_text(text)
    path = str(tmp_path / "hand.csv")
    with pytest.raises(InputError, match=message):
        read(thresholds_path=path, cost=["5:5:1"])
