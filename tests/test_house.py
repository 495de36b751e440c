"""Which room may know which, and what each kind of file may do."""

import ast
import pathlib
import re

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "jdstyle"
FLAG_MODULES = {
    "card_flags",
    "cli",
    "data_flags",
    "loss_flags",
    "path_flags",
    "prevalence_flags",
    "product_flags",
    "run_flags",
    "sweep_flags",
    "threshold_flags",
    "train_flags",
}
# What the modules of the root that are neither may know.
PLAIN_MODULES = {
    "errors": set(),
    "styles": {"errors"},
    "defaults": {"styles"},
    "commands": set(),
}
# Each row knows only rows above it: imports run one way.
ROOMS = {
    "files": {"errors"},
    "photos": {"errors", "files"},
    "input_pipeline": {"errors", "photos"},
    "evaluation": {"errors", "files"},
    "runs": {"errors", "files", "styles", "evaluation"},
    "datasets": {
        *("errors", "styles", "defaults", "commands"),
        *("files", "photos"),
    },
    "models": {"errors", "commands", "files", "runs"},
    "sweeps": {
        *("errors", "styles", "defaults"),
        *("files", "runs", "evaluation"),
    },
    "serving": {
        *("errors", "styles", "defaults", "files", "photos", "runs"),
        *("datasets", "evaluation", "models"),
    },
    "decisions": {
        *("errors", "files", "runs", "datasets", "evaluation", "serving"),
    },
    "runtimes": {
        *("errors", "files", "photos", "runs", "datasets", "evaluation"),
        "serving",
    },
    "fusion": {
        *("errors", "files", "runs", "datasets", "evaluation", "models"),
        *("sweeps", "serving"),
    },
    "training": {
        *("errors", "styles", "files", "runs", "datasets", "evaluation"),
        *("input_pipeline", "models", "serving", "fusion"),
    },
    "reproduction": {
        *("errors", "files", "runs", "datasets", "evaluation"),
        *("input_pipeline", "models", "sweeps", "serving", "fusion"),
    },
}
# Mathematics on arrays and tensors: they know neither files nor flags.
PURE = (
    "evaluation/bagging.py",
    "evaluation/metrics.py",
    "evaluation/thresholds.py",
    "fusion/plausibility.py",
    "fusion/relations.py",
    "input_pipeline/augment.py",
    "input_pipeline/resampling.py",
    "models/inception_v4.py",
    "training/focused_losses.py",
    "training/losses.py",
)


def modules():
    """Every file of the package, relative to it."""
    return sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def is_binary(path):
    return len(path.parts) == 1 and "cli.run(main" in read(path)


def read(path):
    return (PACKAGE / path).read_text(encoding="utf-8")


def imported(path):
    """Rooms, and modules of the root, that a file imports at any depth."""
    names = set()
    for node in ast.walk(ast.parse(read(path))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        first, *rest = node.module.split(".")
        if first == "jdstyle":
            names |= {rest[0]} if rest else {x.name for x in node.names}
    return names - {path.parts[0], "__version__"}


BINARIES = {path.stem for path in modules() if is_binary(path)}


def test_every_room_is_in_the_plan():
    rooms = {path.parts[0] for path in modules() if len(path.parts) > 1}
    assert rooms == set(ROOMS)
    of_root = {path.stem for path in modules() if len(path.parts) == 1}
    assert of_root == {
        *("__init__",),
        *BINARIES,
        *FLAG_MODULES,
        *PLAIN_MODULES,
    }


def test_rows_know_only_rows_above_them():
    known = set(PLAIN_MODULES)
    for room, may_know in ROOMS.items():
        assert may_know <= known, f"{room}: {may_know - known}"
        known.add(room)


@pytest.mark.parametrize("room", ROOMS)
def test_room_knows_what_it_may(room):
    for path in modules():
        if path.parts[0] == room:
            assert imported(path) <= ROOMS[room], path


def test_plain_modules_know_what_they_may():
    for name, may_know in PLAIN_MODULES.items():
        assert imported(pathlib.Path(f"{name}.py")) <= may_know


def test_nobody_imports_a_binary():
    for path in modules():
        assert not imported(path) & BINARIES, path


def test_flags_are_known_to_binaries_and_flag_modules_alone():
    for path in modules():
        if len(path.parts) == 1 and path.stem in BINARIES | FLAG_MODULES:
            continue
        assert not re.search(r"absl(\.flags| import flags)", read(path)), path


@pytest.mark.parametrize("name", PURE)
def test_mathematics_knows_nobody(name):
    assert not imported(pathlib.Path(name))


def test_only_augment_knows_keras_cv():
    users = [
        path.name
        for path in modules()
        if re.search(r"^\s*(import|from) keras_cv", read(path), re.M)
    ]
    assert users == ["augment.py"]


def test_rooms_open_with_their_purpose_and_hand_on_no_names():
    for path in modules():
        if path.name == "__init__.py" and len(path.parts) > 1:
            (node,) = ast.parse(read(path)).body
            assert isinstance(node.value.value, str), path


def test_files_stay_within_their_length():
    # Inception-v4 is one table of blocks.
    longest = {"inception_v4.py": 300}
    for path in modules():
        lines = len(read(path).splitlines())
        assert lines <= longest.get(path.name, 270), f"{path}: {lines}"


def test_no_module_goes_by_another_name():
    """One word for one thing: `from jdstyle.x import y as z` has two."""
    for path in modules():
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.ImportFrom) and (
                node.module or ""
            ).startswith("jdstyle"):
                for alias in node.names:
                    # Of two rooms that have a file of that name.
                    room = node.module.rsplit(".", 1)[-1]
                    is_of_room = alias.asname in (room, f"{room}_{alias.name}")
                    assert alias.asname is None or is_of_room, path
