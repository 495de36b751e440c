"""Prints the installed versions of all that jdstyle needs, for constraints.txt.

    pip install --upgrade --upgrade-strategy=eager -e '.[test]'
    pytest
    python tools/tested_versions.py > constraints.txt

What its requirements require counts as well. Of extras, those that are
installed. Run it where jdstyle is installed and its tests have passed.
"""

import importlib.metadata
import sys

from packaging import requirements
from packaging import utils


def main():
    found = {}
    left = ["jdstyle"]
    while left:
        name = utils.canonicalize_name(left.pop())
        try:
            installed = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # Of an extra, or for another system.
        if name in found:
            continue
        found[name] = installed.version
        left += [
            requirements.Requirement(text).name
            for text in installed.requires or ()
        ]
    # A virtual environment has its own of the last three.
    for name in ("jdstyle", "pip", "setuptools", "wheel"):
        found.pop(name, None)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    print(f"# Tested together on Python {version}; tools/tested_versions.py.")
    for name in sorted(found):
        print(f"{name}=={found[name]}")


if __name__ == "__main__":
    main()
