"""What holds the project together: README, CI, Docker image, imports."""

import ast
import importlib.metadata
import os
import pathlib
import re
import runpy
import subprocess
import sys
import types

import binaries
import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BINARIES = set(binaries.NAMES)
MODULES = {
    path.stem: path
    for path in (ROOT / "jdstyle").glob("*.py")
    if path.stem != "__init__"
}


@pytest.fixture(scope="module")
def setup_arguments():
    """The arguments of setup.py's one call."""
    caught = {}
    fake = types.SimpleNamespace(
        setup=lambda **arguments: caught.update(arguments),
        find_packages=lambda include: ["jdstyle", "jdstyle.datasets"],
    )
    real = sys.modules.get("setuptools")
    sys.modules["setuptools"] = fake
    try:
        runpy.run_path(str(ROOT / "setup.py"))
    finally:
        del sys.modules["setuptools"]
        if real is not None:
            sys.modules["setuptools"] = real
    return caught


def test_every_requirement_has_a_tested_range(setup_arguments):
    for requirement in setup_arguments["install_requires"]:
        assert re.search(r"==|>=.*,<", requirement), requirement
        name = re.match(r"[a-z0-9_-]+", requirement).group()
        importlib.metadata.version(name)
    assert setup_arguments["python_requires"] == ">=3.11,<3.14"
    assert setup_arguments["extras_require"]["gpu"] == [
        "tensorflow[and-cuda]>=2.21,<2.22"
    ]
    assert "pytest" in " ".join(setup_arguments["extras_require"]["test"])


def test_package_data_exists(setup_arguments):
    for name in setup_arguments["package_data"]["jdstyle.datasets.demo"]:
        assert (ROOT / "jdstyle" / "datasets" / "demo" / name).is_file()


def test_ci_runs_the_commands_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if "venv" in line)
    assert len(lines[start:]) == 3
    for line in lines[start:]:
        assert line in README
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_dockerfile_installs_setup_py_and_runs_as_a_user():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    steps = [
        tuple(line.split(maxsplit=1))
        for line in lines
        if re.match("[A-Z]+ ", line)
    ]
    last = dict(steps)
    assert ("RUN", 'pip install --no-cache-dir ".[gpu]"') in steps
    for kind, arguments in steps:
        if kind == "COPY":
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists(), source
    assert last["USER"] not in ("root", "0")
    command = ast.literal_eval(last["ENTRYPOINT"])
    command += ast.literal_eval(last["CMD"])
    assert " ".join(command) == "python -m jdstyle.train --style=12"
    assert " ".join(command) in README
    version = re.search(r"python:3\.(\d+)", last["FROM"]).group(1)
    assert 11 <= int(version) <= 13
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not {"jdstyle", "flags", "setup.py"} & set(ignored)


def test_flags_in_the_readme_exist():
    commands = re.findall(
        r"-m jdstyle\.(\w+)((?:[^\n`]|\\\n)*)", README.replace("&&", "\n")
    )
    assert {module for module, _ in commands} == BINARIES
    for module, arguments in commands:
        source = MODULES[module].read_text(encoding="utf-8")
        # A sweep passes on what stands behind --.
        if module in ("train", "pretrain", "sweep", "reproduce"):
            source += MODULES["run_flags"].read_text(encoding="utf-8")
        if module in ("sweep", "reproduce"):
            source += MODULES["sweep_flags"].read_text(encoding="utf-8")
        for flag in re.findall(r"--(\w+)", arguments):
            known = f'"{flag.removeprefix("no")}"' in source
            assert (
                known
                or f'"{flag}"' in source
                or flag
                in (
                    "flagfile",
                    "help",
                )
            ), f"{module}: --{flag}"


def imports_of(path):
    """Names of the modules of jdstyle that a file imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "jdstyle":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package, _, rest = node.module.partition(".")
            if package == "jdstyle" and rest:
                names.add(rest.split(".")[0])
    return names


def test_imports_run_one_way():
    for name in (
        "resampling",
        "augment",
        "losses",
        "metrics",
        "thresholds",
        "relations",
        "plausibility",
        "inception_v4",
    ):
        assert imports_of(MODULES[name]) == set(), name
    for name, path in MODULES.items():
        assert not imports_of(path) & BINARIES, name
        if name not in BINARIES | {"cli", "run_flags", "sweep_flags"}:
            assert "absl import flags" not in path.read_text(), name


def test_only_augment_knows_keras_cv():
    users = [
        path.name
        for path in (ROOT / "jdstyle").rglob("*.py")
        if re.search(r"^\s*(import|from) keras_cv", path.read_text(), re.M)
    ]
    assert users == ["augment.py"]


def test_lint_and_format():
    for command in (["check"], ["format", "--check"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "-q", "."],
            cwd=ROOT,
            check=True,
        )
