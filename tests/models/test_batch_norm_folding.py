import keras
import numpy as np
import pytest

from jdstyle.models import backbones
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier

pytestmark = pytest.mark.long


def draw_images(model):
    rng = np.random.default_rng(1)
    images = rng.uniform(0, 128, (8, *model.input_shape[1:]))
    images[4:] += 120  # Bright ones, else all would look alike.
    return images.astype(model.inputs[0].dtype)


def randomise(model):
    """Gives norms and biases values that a mistake would show.

    The statistics are those of a batch: with any others, what a deep network
    says would no longer depend on the photo.
    """
    rng = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            if layer.scale:
                layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            if layer.center:
                layer.beta.assign(rng.uniform(-0.5, 0.5, layer.beta.shape))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(rng.uniform(-0.5, 0.5, layer.bias.shape))
    model(draw_images(model), training=True)


@pytest.fixture
def float64():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def count_norms(model):
    return sum(
        isinstance(layer, keras.layers.BatchNormalization)
        for layer in model._flatten_layers()
    )


def small(layers):
    inputs = keras.Input((8, 8, 3))
    x = inputs
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def norm(**options):
    return keras.layers.BatchNormalization(**options)


def require_same(model, folded, tolerance=1e-5):
    images = draw_images(model)
    expected = model(images, training=False).numpy()
    result = folded(images, training=False).numpy()
    assert np.std(expected, axis=0).max() > 0.1  # It tells photos apart.
    difference = np.abs(result - expected).max()
    assert difference <= tolerance * np.abs(expected).max()


CONVOLUTIONS = {
    "plain": keras.layers.Conv2D(4, 3, use_bias=False),
    "with a bias": keras.layers.Conv2D(4, 3, strides=2, padding="same"),
    "depthwise": keras.layers.DepthwiseConv2D(3, depth_multiplier=2),
    "separable": keras.layers.SeparableConv2D(5, 3, use_bias=False),
    "grouped": keras.layers.Conv2D(6, 3, groups=3),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False, "epsilon": 0.1}]
)
def test_norm_behind_a_convolution_goes(name, options):
    convolution = CONVOLUTIONS[name]
    copy = convolution.__class__.from_config(convolution.get_config())
    model = small([copy, norm(**options), keras.layers.ReLU()])
    randomise(model)
    folded = batch_norm_folding.fold_batch_norms(model)
    assert count_norms(model) == 1  # It is left as it was.
    assert count_norms(folded) == 0
    require_same(model, folded)


def used_twice():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    return keras.Model(inputs, norm()(x) + x)


@pytest.mark.parametrize(
    "model",
    [
        lambda: small([norm(), keras.layers.Conv2D(4, 3)]),
        lambda: small([keras.layers.Conv2D(4, 3, activation="relu"), norm()]),
        lambda: small([keras.layers.Conv2D(6, 3), norm(axis=1)]),
        used_twice,
    ],
    ids=["before", "behind an activation", "of rows", "twice"],
)
def test_other_norms_stay(model):
    model = model()
    randomise(model)
    folded = batch_norm_folding.fold_batch_norms(model)
    assert count_norms(folded) == 1
    require_same(model, folded)


@pytest.mark.parametrize(
    ("backbone", "size", "left"),
    [
        ("MobileNetV3Small", 32, 0),
        ("EfficientNetLite0", 32, 0),
        ("ResNet50", 32, 0),
        # Dense blocks normalise before they convolve.
        ("DenseNet121", 32, 62),
        ("InceptionV4", 75, 0),
    ],
)
def test_backbones_say_the_same(backbone, size, left, float64):
    """In float64: deep networks of random weights magnify every rounding."""
    model, _ = backbones.build(backbone, size)
    randomise(model)
    folded = batch_norm_folding.fold_batch_norms(model)
    assert count_norms(folded) == left
    assert folded.count_params() < model.count_params()
    require_same(model, folded, tolerance=1e-9)


def test_network_without_batch_norms_comes_back():
    model = classifier.build(classifier.Architecture("ConvNeXtTiny", 32, 2))
    assert batch_norm_folding.fold_batch_norms(model) is model


def test_several_branches_are_folded():
    architecture = classifier.Architecture(
        "MobileNet", 32, 3, sharing="groups", groups=[[0, 2], [1]]
    )
    model = classifier.build(architecture)
    randomise(model)
    folded = batch_norm_folding.fold_batch_norms(model)
    assert count_norms(folded) == 0
    require_same(model, folded, tolerance=1e-3)
