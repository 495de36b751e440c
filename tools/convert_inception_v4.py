"""Turns PyTorch's weights of Inception-v4 into a file for `InceptionV4`.

    python tools/convert_inception_v4.py --source=FILE --output=NAME.weights.h5

`--backbone=InceptionV4` looks for ImageNet's weights without top in
~/.keras/models/inception_v4_notop.weights.h5. The source is the state dict of
timm's `inception_v4` (or of Cadene's pretrained models, which is the same), as
.safetensors or .npz. With PyTorch at hand:

    numpy.savez("inception_v4.npz", **{
        name: tensor.numpy() for name, tensor in model.state_dict().items()
    })

PyTorch's batch norms have a scale, ours have none: it goes into the kernel and
the mean before it, which changes no prediction. While it trains, a batch norm
undoes the scale of its input, so weights with another scale than 1 are a worse
start for fine-tuning; the program says so. Weights that come from the authors'
network have none.
"""

import json
import os
import zipfile

import numpy as np
from absl import flags

from jdstyle import cli
from jdstyle import path_flags
from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import sums

_SOURCE = path_flags.DEFINE_path(
    "source", None, "PyTorch's weights: a .npz or .safetensors file."
)
_OUTPUT = path_flags.DEFINE_output(
    "output", None, "The .weights.h5 file to write.", stream=False
)
_INCLUDE_TOP = flags.DEFINE_boolean(
    "include_top", False, "Write the classifier (last_linear), too."
)

# Our branches, and what PyTorch calls the convolutions of each.
_STEM = {
    "stem": ["0", "1", "2"],
    "stem1_branch2": ["3.conv"],
    "stem2_branch1": ["4.branch0.0", "4.branch0.1"],
    "stem2_branch2": [f"4.branch1.{number}" for number in range(4)],
    "stem3_branch1": ["5.conv"],
}
_INCEPTION_A = {
    "branch1": ["branch0"],
    "branch2": ["branch1.0", "branch1.1"],
    "branch3": ["branch2.0", "branch2.1", "branch2.2"],
    "branch4": ["branch3.1"],  # branch3.0 is the pooling.
}
_REDUCTION_A = {
    "branch1": ["branch0"],
    "branch2": ["branch1.0", "branch1.1", "branch1.2"],
}
_INCEPTION_B = {
    "branch1": ["branch0"],
    "branch2": ["branch1.0", "branch1.1", "branch1.2"],
    "branch3": [f"branch2.{number}" for number in range(5)],
    "branch4": ["branch3.1"],
}
_REDUCTION_B = {
    "branch1": ["branch0.0", "branch0.1"],
    "branch2": [f"branch1.{number}" for number in range(4)],
}
_INCEPTION_C = {
    "branch1": ["branch0"],
    "branch2": ["branch1_0"],
    "branch2a": ["branch1_1a"],
    "branch2b": ["branch1_1b"],
    "branch3": ["branch2_0", "branch2_1", "branch2_2"],
    "branch3a": ["branch2_3a"],
    "branch3b": ["branch2_3b"],
    "branch4": ["branch3.1"],
}
_BLOCKS = (  # In the order of PyTorch's numbers, which go on from the stem's.
    *[(f"inception_a{number}", _INCEPTION_A) for number in range(1, 5)],
    ("reduction_a", _REDUCTION_A),
    *[(f"inception_b{number}", _INCEPTION_B) for number in range(1, 8)],
    ("reduction_b", _REDUCTION_B),
    *[(f"inception_c{number}", _INCEPTION_C) for number in range(1, 4)],
)
_PARTS = (
    "conv.weight",
    "bn.weight",
    "bn.bias",
    "bn.running_mean",
    "bn.running_var",
)
_TOP = ("last_linear.weight", "last_linear.bias")
# What NumPy and we raise on files that are not what their name says.
_BROKEN = (
    EOFError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",  # The upper half of a float32.
    "I64": "<i8",  # Only num_batches_tracked.
}


def main(argv):
    del argv
    if not _OUTPUT.value.endswith(".weights.h5"):
        raise InputError(
            f"--output must end in .weights.h5. Received: {_OUTPUT.value}."
        )
    arrays = read_arrays(_SOURCE.value)
    check_names(arrays, include_top=_INCLUDE_TOP.value)
    model, num_scaled = convert(arrays, include_top=_INCLUDE_TOP.value)
    write(model, _OUTPUT.value)
    if num_scaled:
        print(
            f"{num_scaled} batch norms had another scale than 1: predictions "
            "are the same, but training starts from less."
        )
    top = "with" if _INCLUDE_TOP.value else "without"
    print(f"Weights of InceptionV4 {top} top: {_OUTPUT.value}")


def torch_names():
    """Returns PyTorch's name of each of our convolutions, a dict."""
    chains = [("", "", _STEM)]
    for number, (block, branches) in enumerate(_BLOCKS, start=6):
        chains.append((f"{block}_", f"{number}.", branches))
    return {
        f"{block}{branch}_conv{i}": f"features.{number}{theirs}"
        for block, number, branches in chains
        for branch, convolutions in branches.items()
        for i, theirs in enumerate(convolutions, start=1)
    }


def read_arrays(path):
    """Reads a state dict.

    Args:
        path: of a `.npz` file, or of a `.safetensors` file of 16, 32 or 64 bit
            floats or bfloat16.

    Returns:
        Dict from names to arrays.

    Raises:
        InputError: if the file is missing, broken or of another kind.
    """
    if not path.endswith((".npz", ".safetensors")):
        raise InputError(
            f"--source must end in .npz or .safetensors. Received: {path}."
        )
    if not os.path.isfile(path):
        raise InputError(f"--source: there is no file {path}.")
    try:
        if path.endswith(".safetensors"):
            return _read_safetensors(path)
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except _BROKEN as error:
        raise InputError(f"--source: {path} is broken: {error!r}.") from error


def _read_safetensors(path):
    """Eight bytes: length of the header; the header, JSON; then the data."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > os.path.getsize(path) - 8:
            raise ValueError("its header is cut off")
        header = json.loads(file.read(length))
        data = memoryview(file.read())
    header.pop("__metadata__", None)
    arrays = {}
    for name, entry in header.items():
        if entry["dtype"] not in _DTYPES:
            raise ValueError(
                f"{name} is {entry['dtype']}; accepted: {', '.join(_DTYPES)}"
            )
        start, end = entry["data_offsets"]
        array = np.frombuffer(data[start:end], _DTYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":
            array = (array.astype("<u4") << 16).view("<f4")
        arrays[name] = array.reshape(entry["shape"])
    return arrays


def check_names(arrays, *, include_top):
    """Checks that the arrays are those of Inception-v4.

    Raises:
        InputError: if an array is missing, or one too many is there; the
            classifier may be there without need, and so may the number of
            batches that PyTorch's batch norms have seen.
    """
    expected = {
        f"{name}.{p}" for name in torch_names().values() for p in _PARTS
    }
    missing = expected.union(_TOP if include_top else ()) - arrays.keys()
    unexpected = {
        name
        for name in arrays.keys() - expected - set(_TOP)
        if not name.endswith(".bn.num_batches_tracked")
    }
    for kind, names in [("lacks", missing), ("also holds", unexpected)]:
        if names:
            shown = ", ".join(sorted(names)[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            raise InputError(
                f"--source is not a state dict of inception_v4 "
                f"(--{'' if include_top else 'no'}include_top): it {kind} "
                f"{shown}{more}."
            )


def convert(arrays, *, include_top):
    """Builds `InceptionV4` with the weights of a state dict.

    Args:
        arrays: dict as of `read_arrays`, see `check_names`.
        include_top: whether to build the classifier, too.

    Returns:
        `(model, num_scaled)`: a `keras.Model`, and the number of batch norms
        whose scale was not 1 throughout.

    Raises:
        InputError: if an array has another shape than it should.
    """
    # Here, so that --help does not wait for TensorFlow.
    from jdstyle.models import inception_v4

    options = {}
    if include_top:
        options["classes"] = len(np.atleast_1d(arrays["last_linear.bias"]))
    model = inception_v4.InceptionV4(include_top=include_top, **options)
    num_scaled = 0
    for ours, theirs in torch_names().items():
        convolution = model.get_layer(ours)
        filters = (convolution.filters,)
        height, width, channels, _ = convolution.kernel.shape
        kernel = _get(
            arrays, f"{theirs}.conv.weight", (*filters, channels, height, width)
        )
        scale, offset, mean, variance = (
            _get(arrays, f"{theirs}.{part}", filters) for part in _PARTS[1:]
        )
        # scale * (kernel * x - mean) / sqrt(variance + epsilon) + offset, so
        # the variance stays and a scale of any sign will do.
        kernel = kernel.transpose(2, 3, 1, 0) * scale
        convolution.set_weights([kernel])
        norm = model.get_layer(f"{ours}_bn")
        norm.set_weights([offset, mean * scale, variance])
        num_scaled += bool(np.any(scale != 1))
    if include_top:
        classes = options["classes"]
        kernel = _get(arrays, "last_linear.weight", (classes, 1536))
        bias = _get(arrays, "last_linear.bias", (classes,))
        model.get_layer("predictions").set_weights([kernel.T, bias])
    return model, num_scaled


def _get(arrays, name, shape):
    array = arrays[name]
    if array.shape != shape:
        raise InputError(
            f"--source: {name} must have the shape {shape}. "
            f"Received: {array.shape}."
        )
    return array.astype("float64")


def write(model, path):
    """Writes the weights, aside first, and their SHA-256 sum beside them."""
    # Keras insists on the ending.
    unfinished = atomic.beside(path, ".weights.h5")
    try:
        folder, name = os.path.split(os.path.abspath(path))
        os.makedirs(folder, exist_ok=True)
        with atomic.renamed(unfinished, path):
            model.save_weights(unfinished)
        sums.write(folder, [name])
    except OSError as error:
        message = f"--output={path} cannot be written: {error}"
        raise InputError(message) from error


if __name__ == "__main__":
    flags.mark_flags_as_required(["source", "output"])
    cli.run(main)
