"""The types of the package hold together, as Pyright sees them."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.mark.long
def test_package_is_clean():
    # basedpyright is Pyright in one wheel, which brings its own Node.js.
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright"]
        + ["--project", str(ROOT / "pyproject.toml")]
        + ["--pythonpath", sys.executable],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
