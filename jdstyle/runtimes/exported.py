"""A product as a file for another runtime: written, checked and loaded."""

import contextlib
import os

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import sums
from jdstyle.runtimes import formats
from jdstyle.runtimes import litert
from jdstyle.runtimes import onnx
from jdstyle.runtimes import openvino

_RUNTIMES = {"onnx": onnx, "openvino": openvino, "litert": litert}


def write(*arguments):
    """Writes a frozen graph as a file, and its sums; as `written`."""
    with written(*arguments):
        pass


@contextlib.contextmanager
def written(frozen, file_format, precision, output, calibration=None):
    """Writes a frozen graph as a file, which gets its name after the body.

    Where that or the body fails, an older file stays and nothing is left of the
    new one.

    Args:
        frozen: `frozen_graph.Frozen`.
        file_format: a key of `formats.FORMATS`.
        precision: one of its precisions.
        output: path of the file; one of OpenVINO has a .bin beside it.
        calibration: list of photos, each a list of float32 arrays
            `(1, size, size, 3)`, one per size; for int8.

    Yields:
        Function of images that runs the new file, as `load` returns it.
    """
    folder = os.path.dirname(output) or "."
    os.makedirs(folder, exist_ok=True)
    suffix = os.path.splitext(output)[1]
    # Of both files of OpenVINO, which find each other by it.
    stem = atomic.beside(output, suffix).removesuffix(suffix)
    if precision != "int8":
        calibration = None
    with contextlib.ExitStack() as stack:
        # The last in is renamed first, the .bin: without a sum of its own, an
        # older .xml is refused.
        for path in formats.parts(output):
            unfinished = stem + os.path.splitext(path)[1]
            stack.enter_context(atomic.renamed(unfinished, path))
        _RUNTIMES[file_format].write(
            frozen, precision, stem + suffix, calibration
        )
        yield _RUNTIMES[file_format].load(stem + suffix)
    sums.write(folder, list(map(os.path.basename, formats.parts(output))))


def load(path):
    """Loads what `write` wrote.

    Args:
        path: a .onnx, .xml (OpenVINO) or .tflite file.

    Returns:
        Function of a list of images, one float32 array `(n, size, size, 3)` per
        size, n > 0, RGB in [0, 255], that returns `(probabilities, labels)`:
        float32 and int32 arrays `(n, num_styles)`.

    Raises:
        InputError: if there is no such file, if it is not what was written
            (as `sums.check`), or if its runtime is not installed.
    """
    if not os.path.exists(path):
        raise InputError(f"No such model: {path}")
    file_format = formats.of_file(path)
    names = list(map(os.path.basename, formats.parts(path)))
    sums.check(os.path.dirname(path) or ".", names)
    return _RUNTIMES[file_format].load(path)
