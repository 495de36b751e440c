"""What the READMEs say of files, of each other and of the commands."""

import ast
import pathlib
import re

import binaries
import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "jdstyle"
README = ROOT / "README.md"
READMES = [
    README,
    *sorted(PACKAGE.glob("*/README.md")),
    *(ROOT / name / "README.md" for name in ("flags", "tests", "tools/bench")),
]
# The rooms that a user may ask about.
ROOMS = ("datasets", "training", "serving", "runtimes", "fusion")


def relative(path):
    return str(path.relative_to(ROOT))


def read(path):
    return path.read_text(encoding="utf-8")


def prose(path):
    """A README without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", read(path), flags=re.M | re.S)


def anchors(path):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def links(path):
    return re.findall(r"\]\(([^)\s]+)\)", prose(path))


def commands(path):
    """Yields `(program, arguments)` of each command, code or in a line.

    A program is "train" for jdstyle.train, "tools/mutate.py" for a tool.
    """
    text = read(path).replace("\\\n", " ").replace("&&", "\n")
    text = re.sub(r"#.*", "", text.replace("](#", "]("))
    yield from re.findall(r"-m jdstyle\.(\w+)([^\n`]*)", text)
    yield from re.findall(r"python (tools/[\w/]+\.py)([^\n`]*)", text)


def source(program):
    """The file of a program that `commands` names."""
    if program.startswith("tools/"):
        return ROOT / program
    return PACKAGE / f"{program}.py"


def flags_of(file):
    """Names of the flags that a file defines, or a flag module it imports."""
    tree = ast.parse(read(file))
    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr.startswith("DEFINE_")
        ):
            found.add(ast.literal_eval(node.args[0]))
        elif isinstance(node, ast.ImportFrom) and node.module == "jdstyle":
            for alias in node.names:
                if alias.name.endswith("_flags"):
                    found |= flags_of(PACKAGE / f"{alias.name}.py")
    return found


@pytest.mark.parametrize("path", READMES, ids=relative)
def test_relative_links_lead_somewhere(path):
    for link in links(path):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("path", READMES, ids=relative)
def test_tests_and_tools_that_are_named_exist(path):
    for name in re.findall(r"\b((?:tests|tools)/[\w/]+\.py)\b", read(path)):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("path", READMES, ids=relative)
def test_flags_of_commands_exist(path):
    for program, arguments in commands(path):
        own, _, passed_on = arguments.partition(" -- ")
        known = flags_of(source(program)) | {"flagfile", "help"}
        # What stands after -- goes to `train`, as does each --variant.
        variants = re.findall(r"--variant=('[^']*'|\S+)", own)
        own = re.sub(r"--variant=('[^']*'|\S+)", "--variant", own)
        passed_on = " ".join([passed_on, *variants])
        for text, names in [
            (own, known),
            (passed_on, flags_of(source("train"))),
        ]:
            for flag in re.findall(r"--(\w+)", text):
                assert {flag, flag.removeprefix("no")} & names, (
                    f"{program}: --{flag}"
                )


@pytest.mark.parametrize("path", READMES, ids=relative)
def test_opens_with_what_it_is_for(path):
    title, blank, first = read(path).split("\n")[:3]
    assert title.startswith("# ")
    assert not blank
    assert re.match(r"[A-Z]", first), first


@pytest.mark.parametrize("path", READMES, ids=relative)
def test_tables_are_whole(path):
    """Every row of a table has as many cells as its head."""
    head = None
    for line in prose(path).splitlines():
        if not line.startswith("|"):
            head = None
            continue
        num_cells = len(re.findall(r"(?<!\\)\|", line))
        head = head or num_cells
        assert num_cells == head, line


def test_readme_shows_every_binary():
    assert {
        program
        for program, _ in commands(README)
        if not program.startswith("tools/")
    } == set(binaries.NAMES)


def test_readme_is_short():
    assert len(read(README).splitlines()) <= 220


def test_contents_name_every_section():
    text = prose(README)
    contents, _, rest = text.partition("\n## ")
    listed = re.findall(r"\[([^]]+)\]\(#", contents)
    assert listed == re.findall(r"^## (.+)$", f"## {rest}", re.M)


def test_readme_leads_to_every_other():
    found = {
        (ROOT / link.partition("#")[0]).resolve()
        for link in links(README)
        if not link.startswith("http")
    }
    assert set(READMES) - {README} <= found
    assert {PACKAGE / room / "README.md" for room in ROOMS} <= set(READMES)


def test_picture_is_small():
    assert (ROOT / "tools" / "prediction.png").stat().st_size < 100_000
