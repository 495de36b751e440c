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

import pytest
from packaging import requirements
from packaging import utils

import jdstyle

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TESTS_README = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")


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


def test_constraints_are_of_all_requirements(setup_arguments):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line[0] != "#")
    assert list(pinned) == sorted(pinned)
    for text in (
        *setup_arguments["install_requires"],
        *setup_arguments["extras_require"]["test"],
    ):
        needed = requirements.Requirement(text)
        version = pinned[utils.canonicalize_name(needed.name)]
        assert version in needed.specifier, text


def test_tested_versions_are_those_installed(capsys):
    runpy.run_path(
        str(ROOT / "tools" / "tested_versions.py"), run_name="__main__"
    )
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("# Tested together on Python 3.")
    for line in lines:
        name, _, version = line.partition("==")
        assert importlib.metadata.version(name) == version
    assert f"keras=={importlib.metadata.version('keras')}" in lines


def test_metadata_say_version_licence_and_what_it_is(setup_arguments):
    assert setup_arguments["version"] == jdstyle.__version__
    assert setup_arguments["long_description"] == README
    assert setup_arguments["long_description_content_type"] == "text/markdown"
    assert setup_arguments["license"] == "Apache-2.0"
    (name,) = setup_arguments["license_files"]
    assert "Apache License" in (ROOT / name).read_text(encoding="utf-8")
    versions = {
        classifier.rpartition(" :: ")[2]
        for classifier in setup_arguments["classifiers"]
        if "Python :: 3." in classifier
    }
    assert versions == {"3.11", "3.12", "3.13"}
    assert not {"url", "project_urls"} & setup_arguments.keys()


def test_package_data_exists(setup_arguments):
    for name in setup_arguments["package_data"]["jdstyle.datasets.demo"]:
        assert (ROOT / "jdstyle" / "datasets" / "demo" / name).is_file()


def test_ci_runs_the_commands_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if "venv" in line)
    # What is installed last is downloaded while the tests run.
    extra = ("#", "{", "lowest=", "wait")
    commands = [line for line in lines[start:] if not line.startswith(extra)]
    assert len(commands) == 4
    for command in [" && ".join([commands[0], commands[2]]), *commands[1::2]]:
        assert command in README + TESTS_README
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_dockerfile_installs_setup_py_and_runs_as_a_user():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    steps = [
        tuple(line.split(maxsplit=1))
        for line in lines
        if re.match("[A-Z]+ ", line)
    ]
    last = dict(steps)
    install = 'pip install --no-cache-dir ".[gpu]" -c constraints.txt'
    assert ("RUN", install) in steps
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


def test_only_augment_knows_keras_cv():
    users = [
        path.name
        for path in (ROOT / "jdstyle").rglob("*.py")
        if re.search(r"^\s*(import|from) keras_cv", path.read_text(), re.M)
    ]
    assert users == ["augment.py"]


@pytest.mark.long
def test_lint_and_format():
    for command in (["check"], ["format", "--check"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "-q", "."],
            cwd=ROOT,
            check=True,
        )
