"""How a path on a command line or in a flagfile becomes the path of a file."""

import os
import re

import binaries
import pytest
from absl import flags

from jdstyle import path_flags
from jdstyle.errors import InputError

SOURCES = [
    *(binaries.ROOT / "jdstyle").glob("*.py"),
    *(binaries.ROOT / "tools").rglob("*.py"),
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)


def parse(*arguments):
    """Returns the value of a flag --x of each kind, as given on its own."""
    values = []
    for define in (
        path_flags.DEFINE_path,
        path_flags.DEFINE_output,
        path_flags.DEFINE_folder,
    ):
        own = flags.FlagValues()
        define("x", "default", "A path.", flag_values=own)
        own(["program", *arguments])
        values.append(own.x)
        # What a flags.cfg records is the same place.
        text = own["x"].serialize()
        own(["program", text])
        assert own.x == values[-1]
    assert len(set(values)) == 1
    return values[0]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("~", "/home/me"),
        ("~/a", "/home/me/a"),
        ("~root/a", os.path.expanduser("~root/a")),
        ("./~", "./~"),
        ("./~/a", "./~/a"),
        ("a/~/b", "a/~/b"),
        ("a~", "a~"),
        ("imagenet", "imagenet"),
        ("style:Punk", "style:Punk"),
    ],
)
def test_home_folders_are_expanded(home, tmp_path, given, expected):
    assert parse(f"--x={given}") == expected
    (tmp_path / "x.cfg").write_text(f"--x={given}\n")
    assert parse("--flagfile=x.cfg") == expected
    assert path_flags.expand(["a", given]) == ["a", expected]


@pytest.mark.parametrize("given", ["", "a\nb", "a\u2028b", "~nobody-here/a"])
def test_what_is_no_path(home, given):
    with pytest.raises(flags.IllegalFlagValueError, match="path|home folder"):
        parse(f"--x={given}")
    if len(given.splitlines()) == 1:
        with pytest.raises(InputError, match="home folder"):
            path_flags.expand([given])


def test_file_that_begins_so_is_found(home, tmp_path):
    (tmp_path / "~draft.jpg").touch()
    assert parse("--x=~draft.jpg") == "./~draft.jpg"


def test_minus_is_standard_output_where_a_pipe_will_do():
    own = flags.FlagValues()
    path_flags.DEFINE_output("a", None, "", flag_values=own)
    path_flags.DEFINE_output("b", None, "", flag_values=own, stream=False)
    path_flags.DEFINE_path("c", None, "", flag_values=own)
    own(["program", "--a=-", "--b=-", "--c=-"])
    assert (own.a, own.b, own.c) == ("/dev/stdout", "-", "-")


def test_flags_belong_to_who_defines_them():
    with binaries.own_flags():
        from jdstyle import data_flags

        flag = flags.FLAGS["data_dir"]
        own = flags.FLAGS.get_key_flags_for_module(data_flags.__name__)
        assert flag in own


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_every_path_flag_is_one(path):
    """A path that another kind of flag holds keeps its ~."""
    found = re.findall(
        r"flags\.DEFINE_(?:string|list)\(\s*\"(\w+)\"",
        path.read_text(encoding="utf-8"),
    )
    paths = {"table", "test_table", "source", "output", "errors", "pretrained"}
    # `--init_from` of `reproduce` and `--files` are no paths.
    assert not [
        name
        for name in found
        if name in paths
        or name.endswith(("dir", "_file", "_model"))
        or (name == "init_from" and path.stem != "reproduce")
    ]
