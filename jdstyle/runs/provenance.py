"""By which code and on which machine a run was made."""

import ast
import datetime
import hashlib
import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys

_PACKAGES = (
    "jdstyle",
    "tensorflow",
    "keras",
    "keras-cv",
    "tensorflow-datasets",
    "numpy",
    "pandas",
    "scikit-learn",
    "absl-py",
)

_ROOT = pathlib.Path(__file__).resolve().parents[1]

# Packages and files that what a training computes depends on.
_MEANING = (
    "training",
    "models",
    "input_pipeline",
    "photos/decoding.py",
    "photos/headers.py",
    "datasets/records.py",  # Which photos, and in which order.
    "evaluation/bagging.py",
    "evaluation/metrics.py",
    "evaluation/thresholds.py",
    "evaluation/scores.py",
    "fusion/relations.py",  # The groups of --groups=NUMBER.
    "styles.py",
    "defaults.py",  # Rates and costs of each style of --style=all.
)
_COMPUTING = ("tensorflow", "keras", "keras-cv", "numpy")


def differing(there, here):
    """Says how two `environment`s differ in what a training computes.

    Args:
        there: dict of `environment`.
        here: likewise.

    Returns:
        List of strings; empty if they mean the same.
    """
    changed = [
        f"{name} has changed"
        for name, digest in here["code"].items()
        if there["code"].get(name) != digest
    ]
    versions = [record["versions"] for record in (there, here)]
    return changed + [
        f"{name} {versions[0][name]}, now {versions[1][name]}"
        for name in _COMPUTING
        if versions[0][name] != versions[1][name]
    ]


def environment():
    """Returns a dict of JSON values: command, time, machine, versions, code."""
    return {
        "command": [sys.executable, *sys.argv],
        "started": datetime.datetime.now(datetime.UTC).isoformat(),
        "commit": _commit(),
        "python": platform.python_version(),
        "machine": f"{platform.node()}, {platform.platform()}",
        "versions": {name: _version(name) for name in _PACKAGES},
        "code": {name: _digest(path) for name, path in _code().items()},
    }


def _code():
    """The files of `_MEANING`: names such as training/losses.py to paths."""
    files = {}
    for name in _MEANING:
        path = _ROOT / name
        for file in [path] if path.suffix else sorted(path.glob("*.py")):
            files[file.relative_to(_ROOT).as_posix()] = file
    return files


def _digest(path):
    """A sum of a file's code, whatever its comments and layout."""
    with open(path, encoding="utf-8") as file:
        tree = ast.dump(ast.parse(file.read()))
    return hashlib.sha256(tree.encode()).hexdigest()[:12]


def _commit():
    """The commit of the code, "-dirty" after it if changed, else None.

    None where the package is installed, be it below somebody else's repository.
    """
    try:
        if pathlib.Path(_git("rev-parse", "--show-toplevel")) != _ROOT.parent:
            return None
        _git("ls-files", "--error-unmatch", str(_ROOT / "__init__.py"))
        return _git("describe", "--always", "--dirty", "--abbrev=40")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments):
    """Returns what git prints in the folder of the package."""
    # A hook of another repository says by these that it is meant.
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_")
    }
    return subprocess.run(
        ["git", *arguments],
        cwd=_ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
