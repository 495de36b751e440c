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


def test_says_which_flag_named_it():
    with pytest.raises(InputError, match="--groups must be"):
        styles.find("Goth", flag="--groups")


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
    own = defaults.for_run("label_table/x", "hat")
    assert (own["backbone"], own["image_size"]) == ("EfficientNetLite0", 224)
    assert (own["init_from"], own["positive_rate"]) == ("imagenet", 0.5)
    assert "10 for label_table; 20 for jd_fash" in defaults.describe("epochs")


def read_flagfile(path):
    """Returns the command in the first lines, and the flags as a dict."""
    lines = path.read_text().splitlines()
    commands = [
        line for line in lines if f"--flagfile=flags/{path.name}" in line
    ]
    given = dict(
        line.removeprefix("--").split("=")
        for line in lines
        if line.startswith("--")
    )
    return commands[0], given


def test_every_style_has_its_flagfile():
    expected = {f"style_{i:02}.cfg" for i in range(1, 14)}
    expected |= {"pretrain.cfg", "fuse.cfg", "multi_label.cfg"}
    assert {path.name for path in FLAGS.glob("*.cfg")} == expected


@pytest.mark.parametrize("index", range(1, 14))
def test_flagfiles_hold_the_recipe(index):
    command, given = read_flagfile(FLAGS / f"style_{index:02}.cfg")
    assert "python -m jdstyle.train --flagfile" in command
    style = styles.STYLES[index - 1]
    assert int(given.pop("style")) == style.index
    expected = defaults.for_run(given.pop("dataset"), style.name)
    assert {"init_from", "positive_rate", "false_negative_cost"} <= set(given)
    for name, value in given.items():
        assert type(expected[name])(value) == expected[name], name


@pytest.mark.parametrize("index", [1, 4])
def test_rare_styles_start_from_another(index):
    _, given = read_flagfile(FLAGS / f"style_{index:02}.cfg")
    donor = styles.find(given["init_from"].removeprefix("style:"))
    assert donor + 1 == styles.STYLES[index - 1].start_from
    # Other data sets need not have the donor.
    other = defaults.for_run("label_table/x", styles.STYLES[index - 1].name)
    assert other["init_from"] == "imagenet"


@pytest.mark.parametrize("binary", ["pretrain", "fuse", "multi_label"])
def test_other_flagfiles_name_flags_of_their_binary(binary):
    command, given = read_flagfile(FLAGS / f"{binary}.cfg")
    module = "train" if binary == "multi_label" else binary
    assert f"python -m jdstyle.{module} " in command
    folder = FLAGS.parent / "jdstyle"
    source = (folder / f"{module}.py").read_text()
    for name in ("run_flags", "data_flags"):
        source += (folder / f"{name}.py").read_text()
    for name in given:
        assert f'"{name}"' in source, name
    if binary != "fuse":
        expected = defaults.for_run(given["dataset"], "all")
        for name in ("backbone", "image_size", "init_from"):
            assert str(expected[name]) == given[name]


def test_all_means_every_style_unless_one_is_so_named():
    assert styles.means_all("all") and styles.means_all("All")
    assert not styles.means_all("1")
    assert not styles.means_all("all", ["none", "all"])


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Red", "red"),
        ("T-Shirt", "T Shirt"),
        ("a_b", "a  b"),
        ("a/b", "a-b"),
        ("Straße", "STRASSE"),
        ("\u00dcber", "U\u0308ber"),  # One character, and two.
        ("\uff32\uff45\uff44", "Red"),  # As Chinese keyboards write it.
        ("\ufb01t", "fit"),
        ("mini\u2013skirt", "mini skirt"),
        ("a\u00a0b", "a\u3000b"),
        ("\u2764\ufe0f", "\u2764"),
        ("soft\u00adly", "softly"),
    ],
)
def test_names_that_are_taken_for_each_other(name, other):
    assert styles.plain(name) == styles.plain(other)
    # What is written exactly so wins, wherever it stands.
    for names in ([name, other], [other, name]):
        assert names[styles.find(name, names)] == name
        assert names[styles.find(other, names)] == other
    assert styles.find(other, ["x", name]) == 1
    with pytest.raises(InputError, match="would be taken|an invisible"):
        styles.require_usable(["x", name, other], "t.csv:1")


def test_a_name_that_may_mean_two_styles_is_refused():
    with pytest.raises(InputError, match="several .*: 1 T-Shirt, 3 T Shirt"):
        styles.find("t_shirt", ["T-Shirt", "Coat", "T Shirt"])


def test_a_number_wins_over_what_is_only_alike():
    assert styles.find("2", ["-2", "x"]) == 1
    assert styles.find("-2", ["-2", "x"]) == 0


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("-/_", "is empty"),
        ("Office\nlady", r"control character, '\\n'"),
        ("a\tb", r"control character, '\\t'"),
        ("a\0b", r"control character, '\\x00'"),
        ("a\x1bb", r"control character, '\\x1b'"),
        ("a\u200bb", r"invisible character, '\\u200b'"),
        ("a\u202eb", r"invisible character, '\\u202e'"),
        ("x" * 1001, r"x... .1003 characters. has more than 1,000"),
        ("All", "'all'"),
        ("together", "'together'"),
    ],
)
def test_names_that_no_style_may_have(name, fault):
    with pytest.raises(InputError, match=fault):
        styles.require_usable(["x", name], "t.csv:1")


def test_whatever_lines_end_at_is_refused():
    """A product's styles.txt has a name per line."""
    ends = [
        chr(i) for i in range(0x3000) if len(f"a{chr(i)}b".splitlines()) > 1
    ]
    assert len(ends) == 10
    for end in ends:
        with pytest.raises(InputError, match="line break"):
            styles.require_usable([f"a{end}b"], "t.csv:1")


def test_other_names_may_be_as_they_are():
    names = ["..", "1:2", "-x", "a,b", "12", "50% off; sale", "Women's (tops)"]
    names += ["x" * 300, "*", "韩版", "👩\u200d👧", "$x$", "a[b]"]
    styles.require_usable(names, "t.csv:1")
    assert [styles.find(name, names) for name in names] == list(range(13))
