import ast
import os
import re
import signal
import subprocess

import binaries
import pytest

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.runs import folder_names
from jdstyle.runs import provenance

SETTINGS = {
    "style": "--style=12",
    "xla": "--noxla",
    "fold": "",  # Not set.
    "workdir": "--workdir=a",
}
RECORD = {"fingerprint": "f" * 64, "seed": 0}


def test_writes_settings_before_training(tmp_path):
    assert directory.start(tmp_path / "run", SETTINGS, RECORD) is None
    flags = (tmp_path / "run" / "flags.cfg").read_text()
    assert flags == "--style=12\n--workdir=a\n--noxla\n"
    record = directory.read_json(tmp_path / "run" / "run.json")
    assert record["seed"] == 0
    assert record["versions"]["keras"].startswith("3.")
    assert record["command"]
    assert "commit" in record


def git(folder, *arguments):
    subprocess.run(["git", *arguments], cwd=folder, check=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a package, jdstyle or not, and a commit."""
    for name in ("jdstyle", "site-packages/jdstyle"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
    monkeypatch.setenv("HOME", str(tmp_path))  # Nobody's configuration.
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "jdstyle")
    git(tmp_path, "commit", "-q", "-m", "a")
    return tmp_path


@pytest.mark.parametrize(
    ("package", "is_its_own"),
    [("jdstyle", True), ("site-packages/jdstyle", False)],
)
def test_a_commit_is_told_of_the_packages_own_repository(
    package, is_its_own, repository, monkeypatch
):
    monkeypatch.setattr(provenance, "_ROOT", repository / package)
    assert bool(provenance._commit()) == is_its_own
    # As in a hook of a third repository.
    monkeypatch.setenv("GIT_DIR", str(binaries.ROOT / ".git"))
    assert bool(provenance._commit()) == is_its_own


def test_no_commit_of_what_was_copied_to_the_top(repository, monkeypatch):
    git(repository, "rm", "-q", "--cached", "jdstyle/__init__.py")
    monkeypatch.setattr(provenance, "_ROOT", repository / "jdstyle")
    assert provenance._commit() is None


def test_failed_start_does_not_claim_the_directory(tmp_path):
    directory.start(tmp_path, SETTINGS, RECORD)
    other = SETTINGS | {"style": "--style=3"}
    assert directory.start(tmp_path, other, RECORD) is None
    assert "--style=3" in (tmp_path / "flags.cfg").read_text()


@pytest.mark.long
@pytest.mark.parametrize("left", ["run.json", "flags.cfg"])
def test_start_that_was_killed_does_not_claim_the_directory(
    tmp_path, monkeypatch, left
):
    replace = os.replace

    def die_before(source, target):
        if target.endswith(left):
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    pid = os.fork()
    if pid == 0:
        monkeypatch.setattr(os, "replace", die_before)
        try:
            directory.start(str(tmp_path), SETTINGS, RECORD)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert any(
        name.startswith(left) and atomic.is_unfinished(name)
        for name in os.listdir(tmp_path)
    )
    (tmp_path / ".DS_Store").touch()
    assert directory.start(str(tmp_path), SETTINGS, RECORD) is None
    assert sorted(os.listdir(tmp_path)) == [
        ".DS_Store",
        "flags.cfg",
        "run.json",
    ]


def test_unfinished_run_begins_again(tmp_path):
    directory.start(tmp_path, SETTINGS, RECORD)
    (tmp_path / "history.csv").write_text("epoch\n1\n")
    (tmp_path / "tensorboard").mkdir()
    moved = SETTINGS | {"workdir": "--workdir=b"}
    assert directory.start(tmp_path, moved, RECORD) is None
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["flags.cfg", "run.json"]


def test_interrupted_run_keeps_what_it_has(tmp_path):
    directory.start(tmp_path, SETTINGS, RECORD)
    checkpoints.save(str(tmp_path / "checkpoints"), 3, [], {})
    (tmp_path / "history.csv").write_text("epoch\n1\n")
    faster = SETTINGS | {"checkpoint_minutes": "--checkpoint_minutes=1.0"}
    assert directory.start(tmp_path, faster, RECORD) is None
    assert (tmp_path / "history.csv").exists()
    assert checkpoints.find(str(tmp_path / "checkpoints"))


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("code", "training/losses.py", "training/losses.py has changed"),
        ("versions", "keras", "keras 3.0.0, now 3"),
    ],
)
def test_state_of_other_code_is_refused(tmp_path, kind, name, message):
    directory.start(tmp_path, SETTINGS, RECORD)
    checkpoints.save(str(tmp_path / "checkpoints"), 3, [], {})
    record = directory.read_json(tmp_path / "run.json")
    record[kind][name] = "3.0.0"
    directory.write_json(tmp_path / "run.json", record)
    with pytest.raises(InputError, match=f"{message}.*Remove .*checkpoints"):
        directory.start(tmp_path, SETTINGS, RECORD)
    # A finished run stays one, whatever has changed since.
    directory.write_json(tmp_path / "results.json", {"f2": 0.5})
    assert directory.start(tmp_path, SETTINGS, RECORD) == {"f2": 0.5}


def test_comments_do_not_change_the_meaning(tmp_path):
    digests = []
    for text in ("x = 1\n", "# Why.\nx = (1)\n", "x = 2\n"):
        (tmp_path / "losses.py").write_text(text)
        digests.append(provenance._digest(tmp_path / "losses.py"))
    assert digests[0] == digests[1] != digests[2]


# How a training is kept, stopped and told, not what it computes.
NO_MEANING = {
    "commands.py",
    "errors.py",
    "datasets/whole_records.py",
    "evaluation/calibration.py",  # Fitted after the training, to its logits.
    "evaluation/charts.py",
    "evaluation/lettering.py",
    "evaluation/parts.py",
    "evaluation/reliability.py",
    "files/atomic.py",
    "files/cells.py",
    "files/litter.py",
    "files/lock.py",
    "files/places.py",
    "files/sums.py",
    "files/swap.py",
    "files/terminal.py",
    "files/together.py",
    "runs/checkpoints.py",
    "runs/directory.py",
    "runs/provenance.py",
}


def imported(path):
    """The files of jdstyle that one imports, in its functions as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (node.module, f"{node.module}.{node.names[0].name}"):
                file = binaries.ROOT / (name.replace(".", "/") + ".py")
                if file.exists():
                    yield file


def test_every_file_of_a_training_has_a_meaning_or_none():
    package = binaries.ROOT / "jdstyle"
    reached, left = set(), {package / "training" / "trainer.py"}
    while left:
        path = left.pop()
        reached.add(path)
        left |= set(imported(path)) - reached
    reached = {path.relative_to(package).as_posix() for path in reached}
    meaning = set(provenance._code())
    assert reached - meaning == NO_MEANING
    # `train` takes from them what no flag in flags.cfg says.
    assert {"defaults.py", "styles.py"} <= meaning - reached


def test_another_licence_is_no_other_configuration(tmp_path):
    directory.start(tmp_path, SETTINGS, RECORD)
    directory.write_json(tmp_path / "results.json", {"f2": 0.5})
    given = SETTINGS | {"data_licence": "--data_licence=cc0-1.0"}
    assert directory.start(tmp_path, given, RECORD) == {"f2": 0.5}


def test_finished_run_gives_its_results(tmp_path):
    directory.start(tmp_path, SETTINGS, RECORD)
    directory.write_json(tmp_path / "results.json", {"f2": 0.5})
    assert directory.start(tmp_path, SETTINGS, RECORD) == {"f2": 0.5}


@pytest.mark.parametrize(
    ("settings", "record", "message"),
    [
        (
            SETTINGS | {"style": "--style=3"},
            RECORD,
            "--style=12, now --style=3",
        ),
        (SETTINGS | {"xla": "--xla"}, RECORD, "--noxla, now --xla"),
        (SETTINGS | {"fold": "--fold=2"}, RECORD, "not set, now --fold=2"),
        (SETTINGS, {"fingerprint": "a" * 64}, "data ffffffffffff, now aaaaaa"),
    ],
)
def test_refuses_another_configuration(tmp_path, settings, record, message):
    directory.start(tmp_path, SETTINGS, RECORD)
    (tmp_path / "history.csv").write_text("epoch\n1\n")
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(InputError, match=message):
        directory.start(tmp_path, settings, record)
    assert (tmp_path / "run.json").read_bytes() == before


def test_begins_again_where_asked(tmp_path):
    directory.start(tmp_path, SETTINGS, RECORD)
    directory.write_json(tmp_path / "results.json", {"f2": 0.5})
    before = (tmp_path / "run.json").read_bytes()
    (tmp_path / "new").mkdir()
    with pytest.raises(InputError, match="other settings"):
        directory.start(
            tmp_path,
            SETTINGS | {"style": "--style=2"},
            RECORD,
            into=tmp_path / "new",
        )
    assert not list((tmp_path / "new").iterdir())
    new = tmp_path / "new"
    assert directory.start(tmp_path, SETTINGS, RECORD, into=new) is None
    # The earlier result stays.
    assert directory.read_json(tmp_path / "results.json") == {"f2": 0.5}
    assert (tmp_path / "run.json").read_bytes() == before
    assert {p.name for p in new.iterdir()} == {"run.json", "flags.cfg"}


def test_what_stood_behind_the_flags_counts(tmp_path):
    record = RECORD | {"arguments": ["--epochs=5"]}
    directory.start(tmp_path, SETTINGS, record, flag="output_dir")
    (tmp_path / "plain").mkdir()
    assert directory.start(tmp_path, SETTINGS, record) is None
    (tmp_path / "plain").mkdir(exist_ok=True)
    message = "--output_dir=.*-- --epochs=5, now -- --epochs=9"
    with pytest.raises(InputError, match=message):
        directory.start(
            tmp_path,
            SETTINGS,
            RECORD | {"arguments": ["--epochs=9"]},
            flag="output_dir",
        )


def test_the_number_of_jobs_does_not(tmp_path):
    directory.start(tmp_path, SETTINGS | {"jobs": "--jobs=2"}, RECORD)
    directory.write_json(tmp_path / "results.json", {"f2": 0.5})
    there = directory.start(tmp_path, SETTINGS | {"jobs": "--jobs=1"}, RECORD)
    assert there == {"f2": 0.5}


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("label_table/x", "Office lady", "ResNet50"),
         "label_table-x-office_lady-resnet50"),
        (("demo", "Punk", "fold2"), "demo-punk-fold2"),
    ],
)  # fmt: skip
def test_directory_names(parts, name):
    assert folder_names.directory_name(*parts) == name


STYLE_NAMES = [
    *("a b", "a[b]", "a(b)", "a{b}", "a*b", "a.b", ".a b", "..", ".", "a\nb"),
    *(
        "x" * 300,
        "x" * 301,
        "韩" * 100,
        "韩" * 100 + "版",
        "x" * 100,
        "..a b",
        "-x",
        "~",
    ),
]


def test_directories_of_styles_are_short_and_different():
    names = [
        folder_names.directory_name(
            "label_table/" + "n" * 100, style, "ResNet50"
        )
        for style in STYLE_NAMES
    ]
    assert len(set(names)) == len(names)
    for name in names:
        assert len(name.encode()) <= 220
        assert not re.search(r"[/\[\]{}*?\n]", name)
        assert name.endswith("-resnet50")
    alone = [folder_names.directory_name(style) for style in STYLE_NAMES]
    assert not [name for name in alone if name[0] in ".-~"]
    # What needs no care keeps the name that it always had.
    assert folder_names.directory_name("x" * 100, "a(b)") == f"{'x' * 100}-a(b)"
    assert re.fullmatch(
        r"a_b_-[0-9a-f]{8}", folder_names.directory_name("A[b]")
    )


def test_names_with_line_ends_do_not_look_like_other_settings(tmp_path):
    settings = SETTINGS | {"style": "--style=Office\u2028lady\x0b"}
    directory.start(tmp_path, settings, RECORD)
    directory.write_json(tmp_path / "results.json", {"f2": 0.5})
    assert directory.start(tmp_path, settings, RECORD) == {"f2": 0.5}


def test_refuses_a_folder_that_is_no_run(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(InputError, match="no run of jdstyle"):
        directory.start(tmp_path, SETTINGS, RECORD)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
