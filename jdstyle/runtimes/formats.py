"""Which file formats a product can be exported to; needs no TensorFlow."""

import os
import typing

from jdstyle.errors import InputError
from jdstyle.files import places
from jdstyle.files import sums
from jdstyle.runtimes import optional


class Format(typing.NamedTuple):
    """A file format and the runtime that reads it.

    Attributes:
        suffix: string, how the name of its file ends.
        precisions: tuple of strings, what its networks may compute in.
        modules: tuple of strings, what must be installed.
    """

    suffix: str
    precisions: tuple[str, ...]
    modules: tuple[str, ...]


# bfloat16 is a matter of the runtime: OpenVINO alone computes a float32 file
# in it.
FORMATS = {
    "onnx": Format(".onnx", ("float32", "int8"), ("tf2onnx", "onnxruntime")),
    "openvino": Format(".xml", ("float32", "bfloat16", "int8"), ("openvino",)),
    "litert": Format(
        ".tflite", ("float32", "int8"), ("ai_edge_litert.interpreter",)
    ),
}
PRECISIONS = FORMATS["openvino"].precisions  # It has them all.


def check(file_format, precision, output):
    """Checks a format, a precision and a path before any work.

    Args:
        file_format: a key of `FORMATS`.
        precision: one of `PRECISIONS`.
        output: path of the file to be written.

    Raises:
        InputError: if they do not go together, or a package is missing.
    """
    chosen = FORMATS[file_format]
    if precision not in chosen.precisions:
        raise InputError(
            f"--format={file_format} has no --precision={precision}. "
            "There are: "
            + "; ".join(
                f"{name} in {', '.join(of_name.precisions)}"
                for name, of_name in FORMATS.items()
            )
            + "."
        )
    if not output.endswith(chosen.suffix):
        raise InputError(
            f"--output must end with {chosen.suffix} for "
            f"--format={file_format}. Received: {output}"
        )
    for path in (*parts(output), f"{output}.differences.csv"):
        places.require_file(path, "output", stream=False)
    # A line in it that is not ours is found before the work.
    sums.read(os.path.dirname(output) or ".")
    for module in chosen.modules:
        optional.require(module)
    if (file_format, precision) == ("openvino", "int8"):
        optional.require("nncf")


def default_output(saved_model, file_format, precision):
    """Returns the path of the file beside the SavedModel."""
    return f"{saved_model}-{precision}{FORMATS[file_format].suffix}"


def of_file(path):
    """Returns the format that the name of a file tells: a key of `FORMATS`.

    Raises:
        InputError: if it tells none.
    """
    suffix = os.path.splitext(path)[1]
    for name, file_format in FORMATS.items():
        if suffix == file_format.suffix:
            return name
    known = " ".join(file_format.suffix for file_format in FORMATS.values())
    raise InputError(f"A model is a file {known}. Received: {path}")


def parts(path):
    """Lists the files of an exported model: OpenVINO's has a .bin as well."""
    stem, suffix = os.path.splitext(path)
    return [path, f"{stem}.bin"] if suffix == ".xml" else [path]
