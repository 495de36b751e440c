import pathlib

import pytest

from jdstyle import defaults
from jdstyle import styles
from jdstyle.errors import InputError

FLAGS = pathlib.Path(__file__).parents[1] / "flags"


def test_table_says_the_recipe():
    assert [style.index for style in styles.STYLES] == list(range(1, 14))
    resampled = [s.index for s in styles.STYLES if s.positive_rate]
    assert resampled == [1, 2, 4, 7, 8, 10, 11, 12, 13]
    costly = [s.index for s in styles.STYLES if s.false_negative_cost == 1.5]
    assert costly == [1, 4, 7, 8, 11, 12, 13]
    starts = {s.index: s.start_from for s in styles.STYLES if s.start_from}
    assert starts == {1: 2, 4: 8}


@pytest.mark.parametrize(
    ("text", "column"),
    [("12", 11), ("Punk", 11), ("punk", 11), ("office_lady", 2), ("1", 0)],
)
def test_finds_by_number_or_name(text, column):
    assert styles.find(text) == column


def test_a_name_wins_over_a_number():
    assert styles.find("2", ["1", "3", "2"]) == 2


@pytest.mark.parametrize("text", ["0", "14", "-1", "Goth", ""])
def test_refuses_others_and_lists_what_there_is(text):
    with pytest.raises(InputError, match="1 Sports, 2 Casual.*13 Ethnic"):
        styles.find(text)


def test_defaults_come_with_data_set_and_style():
    demo = defaults.for_run("demo", "Punk")
    assert demo["init_from"] == "scratch"
    assert demo["positive_rate"] == 0.5
    assert demo["false_negative_cost"] == 1.5
    photos = defaults.for_run("jd_fashion", "Lady")
    assert (photos["backbone"], photos["image_size"]) == ("ResNet50", 224)
    assert photos["init_from"] == "imagenet"
    assert photos["positive_rate"] == 0.0  # Keeps its own proportion.
    assert photos["false_negative_cost"] == 1.0
    assert defaults.for_run("label_table/x", "hat")["positive_rate"] == 0.5


@pytest.mark.parametrize("path", sorted(FLAGS.glob("style_*.cfg")), ids=str)
def test_flagfiles_hold_the_recipe(path):
    lines = path.read_text().splitlines()
    assert f"--flagfile=flags/{path.name}" in lines[1]
    given = dict(
        line.removeprefix("--").split("=")
        for line in lines
        if line.startswith("--")
    )
    style = styles.STYLES[int(path.stem.removeprefix("style_")) - 1]
    assert int(given.pop("style")) == style.index
    expected = defaults.for_run(given.pop("dataset"), style.name)
    for name, value in given.items():
        assert type(expected[name])(value) == expected[name], name
