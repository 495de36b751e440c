"""Inception-v4 against plain NumPy, which runs on PyTorch's weights."""

import importlib.util
import json
import os
import pathlib
import sys

import binaries
import keras
import numpy as np
import pytest
from absl import flags

from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.models import inception_v4

pytestmark = pytest.mark.long

ROOT = pathlib.Path(__file__).parents[2]
TOOL = ROOT / "tools" / "convert_inception_v4.py"
NUM_CLASSES = 7

# PyTorch's shapes (filters, channels, height, width), as timm 1.0.31 has them.
INCEPTION_A = {
    "branch0": (96, 384, 1, 1),
    "branch1.0": (64, 384, 1, 1),
    "branch1.1": (96, 64, 3, 3),
    "branch2.0": (64, 384, 1, 1),
    "branch2.1": (96, 64, 3, 3),
    "branch2.2": (96, 96, 3, 3),
    "branch3.1": (96, 384, 1, 1),
}
INCEPTION_B = {
    "branch0": (384, 1024, 1, 1),
    "branch1.0": (192, 1024, 1, 1),
    "branch1.1": (224, 192, 1, 7),
    "branch1.2": (256, 224, 7, 1),
    "branch2.0": (192, 1024, 1, 1),
    "branch2.1": (192, 192, 7, 1),
    "branch2.2": (224, 192, 1, 7),
    "branch2.3": (224, 224, 7, 1),
    "branch2.4": (256, 224, 1, 7),
    "branch3.1": (128, 1024, 1, 1),
}
INCEPTION_C = {
    "branch0": (256, 1536, 1, 1),
    "branch1_0": (384, 1536, 1, 1),
    "branch1_1a": (256, 384, 1, 3),
    "branch1_1b": (256, 384, 3, 1),
    "branch2_0": (384, 1536, 1, 1),
    "branch2_1": (448, 384, 3, 1),
    "branch2_2": (512, 448, 1, 3),
    "branch2_3a": (256, 512, 1, 3),
    "branch2_3b": (256, 512, 3, 1),
    "branch3.1": (256, 1536, 1, 1),
}
CONVOLUTIONS = {
    "0": (32, 3, 3, 3),
    "1": (32, 32, 3, 3),
    "2": (64, 32, 3, 3),
    "3.conv": (96, 64, 3, 3),
    "4.branch0.0": (64, 160, 1, 1),
    "4.branch0.1": (96, 64, 3, 3),
    "4.branch1.0": (64, 160, 1, 1),
    "4.branch1.1": (64, 64, 1, 7),
    "4.branch1.2": (64, 64, 7, 1),
    "4.branch1.3": (96, 64, 3, 3),
    "5.conv": (192, 192, 3, 3),
    "10.branch0": (384, 384, 3, 3),
    "10.branch1.0": (192, 384, 1, 1),
    "10.branch1.1": (224, 192, 3, 3),
    "10.branch1.2": (256, 224, 3, 3),
    "18.branch0.0": (192, 1024, 1, 1),
    "18.branch0.1": (192, 192, 3, 3),
    "18.branch1.0": (256, 1024, 1, 1),
    "18.branch1.1": (256, 256, 1, 7),
    "18.branch1.2": (320, 256, 7, 1),
    "18.branch1.3": (320, 320, 3, 3),
    **{f"{n}.{k}": v for n in range(6, 10) for k, v in INCEPTION_A.items()},
    **{f"{n}.{k}": v for n in range(11, 18) for k, v in INCEPTION_B.items()},
    **{f"{n}.{k}": v for n in range(19, 22) for k, v in INCEPTION_C.items()},
}
ENDS = {  # The last layer of a block, by PyTorch's number.
    5: "stem3",
    6: "inception_a1",
    9: "inception_a4",
    10: "reduction_a",
    11: "inception_b1",
    17: "inception_b7",
    18: "reduction_b",
    19: "inception_c1",
    20: "inception_c2",
    21: "inception_c3",
}


@pytest.fixture(scope="module")
def tool():
    """The converter as a module, without its flags: others may define them."""
    spec = importlib.util.spec_from_file_location("convert", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules["convert"] = module
    spec.loader.exec_module(module)
    # A copy of the list, from which each deletion takes one.
    for flag in list(flags.FLAGS.flags_by_module_dict()["convert"]):
        delattr(flags.FLAGS, flag.name)
    yield module
    del sys.modules["convert"]


@pytest.fixture(scope="module")
def state():
    """A state dict of random numbers: scales of both signs, the first 0."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.standard_normal(shape, "float32")

    arrays = {}
    for name, shape in CONVOLUTIONS.items():
        name, count = f"features.{name}", shape[0]
        deviation = np.float32(np.prod(shape[1:]) ** -0.5)
        arrays[f"{name}.conv.weight"] = deviation * normal(*shape)
        arrays[f"{name}.bn.weight"] = 1 + normal(count)
        arrays[f"{name}.bn.weight"][0] = 0
        arrays[f"{name}.bn.bias"] = 0.3 * normal(count)
        arrays[f"{name}.bn.running_mean"] = 0.3 * normal(count)
        arrays[f"{name}.bn.running_var"] = 0.5 + rng.random(count, "float32")
        arrays[f"{name}.bn.num_batches_tracked"] = np.array(3)
    arrays["last_linear.weight"] = 0.1 * normal(NUM_CLASSES, 1536)
    arrays["last_linear.bias"] = normal(NUM_CLASSES)
    return arrays


@pytest.fixture(scope="module")
def weights_file(state, tmp_path_factory):
    """What the converter, run as people run it, makes of the state dict."""
    folder = tmp_path_factory.mktemp("weights")
    output = folder / "new" / "top.weights.h5"
    np.savez(folder / "x.npz", **state)
    said = run(
        f"--source={folder / 'x.npz'}", f"--output={output}", "--include_top"
    )
    assert "149 batch norms had another scale than 1" in said
    assert f"with top: {output}" in said
    assert sorted(os.listdir(output.parent)) == [
        "SHA256SUMS",
        "top.weights.h5",
    ]
    sums.check(output.parent, ["top.weights.h5"])
    return output


def run(*arguments, code=0):
    """Runs the converter; returns what it printed."""
    tool = str(TOOL.relative_to(ROOT))
    return binaries.call(ROOT, tool, *arguments, code=code)


@pytest.fixture(scope="module")
def converted(weights_file):
    """The whole network."""
    return inception_v4.InceptionV4(weights=weights_file, classes=NUM_CLASSES)


@pytest.fixture(scope="module")
def network(weights_file):
    """Without top, for images of any size, with another momentum."""
    return inception_v4.InceptionV4(
        include_top=False,
        weights=weights_file,
        batch_norm_momentum=0.8,
        name="body",
    )


def image(height, width):
    rng = np.random.default_rng(1)
    return rng.uniform(-1, 1, (1, height, width, 3)).astype("float32")


@pytest.fixture(scope="module")
def ends(network):
    """What the blocks make of an image of 139 x 107, by PyTorch's numbers.

    After Reduction-B the map still is 3 x 2, so 1 x 3 and 3 x 1 differ.
    """
    body = keras.Model(
        network.input,
        [network.get_layer(name).output for name in ENDS.values()],
    )
    outputs = [np.asarray(output[0]) for output in body(image(139, 107))]
    return dict(zip(ENDS, outputs, strict=True))


# Plain NumPy on maps (height, width, channels).


def unit(state, x, name, *, stride=1, padded=True):
    """Convolution, batch norm and ReLU as PyTorch has them."""
    name = f"features.{name}"
    kernel = state[f"{name}.conv.weight"].astype("float64")
    _, _, height, width = kernel.shape
    if padded:
        sides = [(height // 2, height // 2), (width // 2, width // 2), (0, 0)]
        x = np.pad(x, sides)
    rows = (x.shape[0] - height) // stride + 1
    columns = (x.shape[1] - width) // stride + 1
    y = 0
    for i in range(height):
        for j in range(width):
            part = x[i::stride, j::stride][:rows, :columns]
            y = y + part @ kernel[:, :, i, j].T
    scale, offset, mean, variance = (
        state[f"{name}.bn.{part}"]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    y = (y - mean) / np.sqrt(variance + 0.001) * scale + offset
    return np.maximum(y, 0)


def reduced(state, x, name, stride=2):
    return unit(state, x, name, stride=stride, padded=False)


def max_pool(x):
    """3 x 3 with stride 2, unpadded."""
    rows, columns = (x.shape[0] - 1) // 2, (x.shape[1] - 1) // 2
    return np.stack(
        [
            [
                x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max(axis=(0, 1))
                for j in range(columns)
            ]
            for i in range(rows)
        ]
    )


def average_pool(x):
    """3 x 3 with stride 1, over what lies inside."""
    return np.stack(
        [
            [
                x[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].mean(
                    axis=(0, 1)
                )
                for j in range(x.shape[1])
            ]
            for i in range(x.shape[0])
        ]
    )


def chain(state, x, *names):
    for name in names:
        x = unit(state, x, name)
    return x


def join(*branches):
    return np.concatenate(branches, axis=-1)


def stem(state, x):
    x = unit(state, reduced(state, reduced(state, x, "0"), "1", 1), "2")
    x = join(max_pool(x), reduced(state, x, "3.conv"))
    left = chain(state, x, "4.branch0.0")
    right = chain(state, x, "4.branch1.0", "4.branch1.1", "4.branch1.2")
    x = join(
        reduced(state, left, "4.branch0.1", 1),
        reduced(state, right, "4.branch1.3", 1),
    )
    return join(reduced(state, x, "5.conv"), max_pool(x))


def inception(state, x, n):
    """Inception-A or -B, whose branches are plain chains."""
    lengths = {6: (2, 3), 11: (3, 5)}[n]
    return join(
        unit(state, x, f"{n}.branch0"),
        chain(state, x, *[f"{n}.branch1.{i}" for i in range(lengths[0])]),
        chain(state, x, *[f"{n}.branch2.{i}" for i in range(lengths[1])]),
        unit(state, average_pool(x), f"{n}.branch3.1"),
    )


def reduction_a(state, x, n):
    middle = chain(state, x, f"{n}.branch1.0", f"{n}.branch1.1")
    return join(
        reduced(state, x, f"{n}.branch0"),
        reduced(state, middle, f"{n}.branch1.2"),
        max_pool(x),
    )


def reduction_b(state, x, n):
    left = chain(state, x, f"{n}.branch0.0")
    right = chain(state, x, *[f"{n}.branch1.{i}" for i in range(3)])
    return join(
        reduced(state, left, f"{n}.branch0.1"),
        reduced(state, right, f"{n}.branch1.3"),
        max_pool(x),
    )


def inception_c(state, x, n):
    second = unit(state, x, f"{n}.branch1_0")
    third = chain(state, x, *[f"{n}.branch2_{i}" for i in range(3)])
    return join(
        unit(state, x, f"{n}.branch0"),
        unit(state, second, f"{n}.branch1_1a"),
        unit(state, second, f"{n}.branch1_1b"),
        unit(state, third, f"{n}.branch2_3a"),
        unit(state, third, f"{n}.branch2_3b"),
        unit(state, average_pool(x), f"{n}.branch3.1"),
    )


def test_stem(state, ends):
    expected = stem(state, image(139, 107)[0])
    assert expected.shape == (15, 11, 384)
    np.testing.assert_allclose(ends[5], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("before", "n", "block", "shape"),
    [
        (5, 6, inception, (15, 11, 384)),
        (9, 10, reduction_a, (7, 5, 1024)),
        (10, 11, inception, (7, 5, 1024)),
        (17, 18, reduction_b, (3, 2, 1536)),
        (18, 19, inception_c, (3, 2, 1536)),
        (20, 21, inception_c, (3, 2, 1536)),
    ],
)
def test_block(state, ends, before, n, block, shape):
    expected = block(state, ends[before], n)
    assert expected.shape == shape
    # Maps reach about 10; float32 keeps 7 digits of each of their sums.
    np.testing.assert_allclose(ends[n], expected, atol=1e-4)


def test_scale_of_zero_leaves_the_offset(state, converted):
    stem_conv = keras.Model(
        converted.input, converted.get_layer("stem_conv1_bn").output
    )
    output = np.asarray(stem_conv(np.ones((1, 299, 299, 3), "float32")))
    offset = state["features.0.bn.bias"][0]
    np.testing.assert_allclose(output[..., 0], offset, atol=1e-6)


def test_top(state, converted, ends):
    features = ends[21].mean(axis=(0, 1)).astype("float64")
    weight, bias = state["last_linear.weight"], state["last_linear.bias"]
    logits = weight.astype("float64") @ features + bias
    expected = np.exp(logits) / np.exp(logits).sum()
    x = ends[21][np.newaxis]
    for name in ("avg_pool", "dropout", "predictions"):
        x = converted.get_layer(name)(x)
    np.testing.assert_allclose(x[0], expected, atol=1e-5)
    assert converted.get_layer("dropout").rate == 0.2  # The paper keeps 0.8.


def test_number_of_parameters(network, converted):
    assert network.count_params() == 41_174_400
    top = 1536 * NUM_CLASSES + NUM_CLASSES
    assert converted.count_params() == 41_174_400 + top


@pytest.mark.parametrize(("size", "side"), [(75, 1), (299, 8), (331, 9)])
def test_output_shape(network, size, side):
    # 331 - 165 - 163 - 81 - 79 - 39 - 19 - 9, as for 299 the paper's
    # 299 - 149 - 147 - 73 - 71 - 35 - 17 - 8.
    shape = network.compute_output_shape((2, size, size, 3))
    assert tuple(shape) == (2, side, side, 1536)


def test_default_shapes(converted, network):
    assert converted.input_shape == (None, 299, 299, 3)
    assert converted.output_shape == (None, NUM_CLASSES)
    assert network.input_shape == (None, None, None, 3)
    assert network.name == "body"


def test_momentum_and_epsilon_of_every_batch_norm(network, converted):
    for model, momentum in [(network, 0.8), (converted, 0.9)]:
        norms = [
            layer
            for layer in model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        assert len(norms) == len(CONVOLUTIONS) == 149
        assert {layer.momentum for layer in norms} == {momentum}
        assert {layer.epsilon for layer in norms} == {1e-3}
        assert not any(layer.scale for layer in norms)


def test_layers_have_the_same_names_every_time(network, converted):
    names = [layer.name for layer in network.layers]
    top = ["avg_pool", "dropout", "predictions"]
    assert [layer.name for layer in converted.layers] == names + top


def test_file_with_top_serves_without_it_upon_a_tensor(weights_file, ends):
    # A convolution before ours must not take the file's first kernel.
    inputs = keras.Input((139, 107, 3))
    pass_on = keras.layers.Conv2D(3, 1, use_bias=False)
    x = pass_on(inputs)
    pass_on.set_weights([np.eye(3).reshape(1, 1, 3, 3)])
    model = inception_v4.InceptionV4(
        include_top=False, weights=weights_file, input_tensor=x, pooling="max"
    )
    assert model.input is inputs
    expected = ends[21].max(axis=(0, 1))
    output = model(image(139, 107))
    np.testing.assert_allclose(output[0], expected, atol=1e-4)


def test_is_a_layer_of_another_model(network):
    inputs = keras.Input((75, 75, 3))
    features = network(inception_v4.preprocess_input(inputs))
    model = keras.Model(inputs, keras.layers.Flatten()(features))
    pixels = 127.5 * (image(75, 75) + 1)
    np.testing.assert_allclose(
        model(pixels)[0], network(image(75, 75))[0, 0, 0], atol=1e-4
    )


def test_preprocess_input():
    pixels = np.array([0.0, 51.0, 127.5, 255.0]).reshape(1, 2, 2, 1)
    output = inception_v4.preprocess_input(pixels)
    np.testing.assert_allclose(output.ravel(), [-1, -0.6, 0, 1], atol=1e-6)


def test_mixed_precision_leaves_the_top_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = inception_v4.InceptionV4(input_shape=(75, 75, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("inception_c3").output.dtype == "float16"
    assert model.output.dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (74, 75, 3)}, r"at least 75.*\(74, 75, 3\)"),
        ({"input_shape": (75, 74, 3)}, r"at least 75.*\(75, 74, 3\)"),
        ({"input_shape": (75, 75)}, r"number of channels.*\(75, 75\)"),
        ({"input_tensor": np.ones((1, 75, 75, 3))}, "Keras tensor"),
        ({"weights": "imagenet"}, "None.*a file that exists.*'imagenet'"),
        ({"weights": "no.weights.h5"}, "a file that exists.*'no.weights.h5'"),
        ({"weights": __file__}, r"ends in \.weights\.h5"),
        ({"pooling": "mean"}, 'None, "avg" or "max".*\'mean\''),
        ({"classes": 0}, "at least 1.*0"),
        ({"batch_norm_momentum": 1}, r"in \[0, 1\).*1"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        inception_v4.InceptionV4(**arguments)


def test_refuses_small_tensor():
    with pytest.raises(ValueError, match="`input_tensor`.*75"):
        inception_v4.InceptionV4(input_tensor=keras.Input((74, 80, 3)))


def test_refuses_channels_first():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="channels last.*channels_first"):
            inception_v4.InceptionV4()
    finally:
        keras.config.set_image_data_format("channels_last")


# The converter.


def write_safetensors(path, arrays, dtype="F32"):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        part = array.tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": array.shape,
            "data_offsets": [len(data), len(data) + len(part)],
        }
        data += part
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        ("F64", np.array([[1, -2.5, 0.1]], "<f8")),
        ("F32", np.array([[1, -2.5, 0.1]], "<f4")),
        ("F16", np.array([[1, -2.5, 0.1]], "<f2")),
        # float32 1, -2.5 and 0.1 begin with 3f80, c020 and, rounded, 3dcd.
        ("BF16", np.array([[0x3F80, 0xC020, 0x3DCD]], "<u2")),
    ],
)
def test_reads_safetensors(tool, tmp_path, dtype, stored):
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {"a": stored[:, :1], "b": stored}, dtype)
    arrays = tool.read_arrays(str(path))
    assert list(arrays) == ["a", "b"]
    np.testing.assert_array_equal(arrays["a"], [[1]])
    # bfloat16 keeps 8 bits, so it is off by up to 2 ** -8.
    np.testing.assert_allclose(arrays["b"], [[1, -2.5, 0.1]], rtol=2**-8)


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_both_formats_hold_the_same(tool, state, tmp_path, ending):
    some = {name: state[name] for name in list(state)[:5]}
    path = tmp_path / f"x{ending}"
    if ending == ".npz":
        np.savez(path, **some)
    else:
        write_safetensors(path, some)
    arrays = tool.read_arrays(str(path))
    assert arrays.keys() == some.keys()
    for name, array in some.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_converts_without_top(tool, state):
    state = {key: array for key, array in state.items() if "last" not in key}
    for key in state:
        if key.endswith("bn.weight"):
            state[key] = np.ones_like(state[key])
    tool.check_names(state, include_top=False)
    model, num_scaled = tool.convert(state, include_top=False)
    assert num_scaled == 0
    assert model.output_shape == (None, None, None, 1536)
    name = "inception_b3_branch3_conv4"  # 13 = 10 + 3, fourth of a chain.
    kernel = state["features.13.branch2.3.conv.weight"]
    np.testing.assert_array_equal(
        model.get_layer(name).get_weights()[0], kernel.transpose(2, 3, 1, 0)
    )


def names_only(state, *, without=(), also=()):
    names = {*state, *also} - set(without)
    return {name: np.zeros(1, "float32") for name in names}


@pytest.mark.parametrize(
    ("without", "also", "options", "message"),
    [
        (["features.0.bn.bias"], [], [], "lacks features.0.bn.bias."),
        ([], ["features.22.x"], [], "also holds features.22.x."),
        (
            ["last_linear.bias"],
            [],
            ["--include_top"],
            "(--include_top): it lacks last_linear.bias.",
        ),
    ],
)
def test_refuses_another_state_dict(
    state, tmp_path, without, also, options, message
):
    source, output = tmp_path / "x.npz", tmp_path / "x.weights.h5"
    np.savez(source, **names_only(state, without=without, also=also))
    said = run(f"--source={source}", f"--output={output}", *options, code=2)
    assert message in said
    assert not output.exists()


def test_refuses_another_shape(tool, state):
    message = r"features.0.conv.weight .* \(32, 3, 3, 3\). Received: \(1,\)"
    with pytest.raises(InputError, match=message):
        tool.convert(names_only(state), include_top=False)


def test_lists_five_of_many_missing(tool):
    with pytest.raises(InputError, match="and 740 more"):  # 149 x 5 - 5.
        tool.check_names({}, include_top=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.pth", b"", "must end in .npz or .safetensors"),
        ("x.npz", None, "there is no file"),
        ("x.npz", b"", "is broken"),
        ("x.npz", b"not a zip file", "is broken"),
        ("x.safetensors", b"", "is broken"),
        ("x.safetensors", b"\xff" * 64, "its header is cut off"),
        (
            "x.safetensors",
            (55).to_bytes(8, "little")
            + b'{"a": {"dtype":"F32","shape":[2],"data_offsets":[0,8]}}1234',
            "is broken",
        ),
        (
            "x.safetensors",
            (54).to_bytes(8, "little")
            + b'{"a": {"dtype":"I8","shape":[1],"data_offsets":[0,1]}}1',
            "a is I8; accepted: F64",
        ),
    ],
)
def test_refuses_source(tool, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        tool.read_arrays(str(tmp_path / name))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source=x.npz", "--output=x.h5"], "must end in .weights.h5"),
        (["--source=none.npz", "--output=x.weights.h5"], "there is no file"),
        (["--source=x.npz"], "--output"),
    ],
)
def test_usage_errors_end_with_2(arguments, message):
    assert message in run(*arguments, code=2)


def test_refuses_output_that_cannot_be_written(tool, network, tmp_path):
    (tmp_path / "file").touch()
    path = str(tmp_path / "file" / "x.weights.h5")
    with pytest.raises(InputError, match="cannot be written"):
        tool.write(network, path)
