"""Prints the lowest versions that setup.py allows, as constraints for pip.

    python tools/lowest_versions.py > lowest.txt
    pip install -e '.[test]' --constraint lowest.txt

Run it where jdstyle is installed.
"""

import importlib.metadata

from packaging import requirements


def main():
    for text in importlib.metadata.requires("jdstyle"):
        requirement = requirements.Requirement(text)
        # Of the extras only the tests' is installed.
        if not requirement.marker or requirement.marker.evaluate(
            {"extra": "test"}
        ):
            (lowest,) = (
                bound.version
                for bound in requirement.specifier
                if bound.operator in (">=", "==")
            )
            print(f"{requirement.name}=={lowest}")


if __name__ == "__main__":
    main()
