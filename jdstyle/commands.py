"""Commands that are printed for users to paste into their shell."""

import os
import shlex
import shutil
import sys


def line(program, *arguments, **flags):
    """Returns a command of jdstyle as a shell reads it.

    Args:
        program: string, a binary's name, or a tool's path: `tools/NAME.py`.
        *arguments: strings, what follows the flags.
        **flags: values by the flags' names; one that is True stands by its
            name alone, one that is None is left out.

    Returns:
        String of one command, in which every value is quoted that needs it.
    """
    start = (
        [program] if program.endswith(".py") else ["-m", f"jdstyle.{program}"]
    )
    named = [
        f"--{name}" if value is True else f"--{name}={value}"
        for name, value in flags.items()
        if value is not None
    ]
    return shlex.join([_python(), *start, *named, *arguments])


def evaluate(saved_model, dataset, data_dir, splits):
    """Returns the command that scores a product on photos kept for testing.

    Args:
        saved_model: directory of the SavedModel.
        dataset: string, as the flag.
        data_dir: string, as the flag.
        splits: the splits of this data set; without "test" it is scored on the
            validation photos.
    """
    return line(
        "evaluate",
        saved_model=saved_model,
        dataset=dataset,
        data_dir=data_dir,
        split="test" if "test" in splits else "validation",
    )


def predict(saved_model):
    """Returns the command that predicts photos with a product.

    Args:
        saved_model: directory of the SavedModel.
    """
    return line(
        "predict",
        "PHOTO_OR_FOLDER",
        saved_model=saved_model,
        output="predictions.csv",
    )


def _python():
    """Returns `python` where that is this Python, else this one's path."""
    found = shutil.which("python")
    # Not whether both are the same file: a virtual environment's is a link.
    if not sys.executable or (
        found and os.path.abspath(found) == os.path.abspath(sys.executable)
    ):
        return "python"
    return sys.executable
