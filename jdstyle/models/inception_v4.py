"""Inception-v4 as a Keras Application; Keras itself has none.

Source: Szegedy et al. (2016), "Inception-v4, Inception-ResNet and the Impact of
Residual Connections on Learning", arXiv:1602.07261, figures 3 to 9. Where 1 x n
and n x 1 alternate, their order is that of the authors' own code (TF-Slim),
from which all published weights come. As there, batch norms have no scale.
"""

import functools

import keras

from jdstyle.models import application

MIN_SIZE = 75  # Smaller images leave the last reduction without pixels.
DEFAULT_SIZE = 299


def InceptionV4(  # noqa: N802, named as Keras Applications are.
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="inception_v4",
    *,
    batch_norm_momentum=0.9,
):
    """Builds Inception-v4: 41,174,400 parameters without its top.

    It takes images that `preprocess_input` brought to [-1, 1], with the
    channels last. Every layer with weights has a fixed name, such as
    "inception_a1_branch2_conv1" and "inception_a1_branch2_conv1_bn".

    Args:
        include_top: whether average pooling, dropout and the classifier end
            the network.
        weights: None for random ones, or the path of a `.weights.h5` file of
            this network, see `tools/convert_inception_v4.py`. A file with the
            top serves a network without it, too.
        input_tensor: None, or a Keras tensor of shape `(n, height, width,
            channels)` to build upon; `input_shape` is then ignored.
        input_shape: `(height, width, channels)`; height and width at least 75,
            or None for any. Default: `(299, 299, 3)` with top, `(None, None,
            3)` without.
        pooling: without top, None for a feature map `(n, height, width, 1536)`,
            8 x 8 for images of 299 x 299; "avg" or "max" for `(n, 1536)`.
        classes: number of outputs of the top.
        classifier_activation: of the top; None for logits.
        name: of the model.
        batch_norm_momentum: in [0, 1), of every batch norm. Keras's own 0.99
            suits trainings of many thousand steps; 0.9 follows within ten.

    Returns:
        `keras.Model`. Its top is float32 under every precision policy.

    Raises:
        ValueError: if an argument is not as above, or if the file holds the
            weights of another network.
    """
    application.require_options(
        "InceptionV4",
        pooling=pooling,
        classes=classes,
        batch_norm_momentum=batch_norm_momentum,
    )
    if weights is not None:
        application.require_file(weights)
    input_tensor = application.make_input(
        input_tensor,
        input_shape,
        default_size=DEFAULT_SIZE if include_top else None,
        min_size=MIN_SIZE,
    )
    x = application.add_top(
        _body(input_tensor, batch_norm_momentum),
        include_top=include_top,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
    )
    return application.finish(input_tensor, x, weights=weights, name=name)


def preprocess_input(x, data_format=None):
    """Brings RGB in [0, 255], an array or a tensor, to [-1, 1]."""
    return keras.applications.imagenet_utils.preprocess_input(
        x, data_format=data_format, mode="tf"
    )


def decode_predictions(predictions, top=5):
    """Names the likeliest ImageNet classes; see `keras.applications`."""
    return keras.applications.imagenet_utils.decode_predictions(
        predictions, top=top
    )


def _body(x, momentum):
    chain = functools.partial(_chain, momentum=momentum)
    x = _stem(x, chain)
    for number in range(1, 5):
        x = _inception_a(x, f"inception_a{number}", chain)
    x = _reduction_a(x, "reduction_a", chain)
    for number in range(1, 8):
        x = _inception_b(x, f"inception_b{number}", chain)
    x = _reduction_b(x, "reduction_b", chain)
    for number in range(1, 4):
        x = _inception_c(x, f"inception_c{number}", chain)
    return x


def _stem(x, chain):
    """From (299, 299, 3) to (35, 35, 384)."""
    x = chain(x, "stem", (32, 3, 2), (32, 3, 1), (64, 3))
    x = _join(
        "stem1",
        _max_pool(x, "stem1"),
        chain(x, "stem1_branch2", (96, 3, 2)),
    )
    x = _join(
        "stem2",
        chain(x, "stem2_branch1", (64, 1), (96, 3, 1)),
        chain(
            x, "stem2_branch2", (64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1)
        ),
    )
    return _join(
        "stem3",
        chain(x, "stem3_branch1", (192, 3, 2)),
        _max_pool(x, "stem3"),
    )


def _inception_a(x, name, chain):
    """Keeps (35, 35, 384)."""
    return _join(
        name,
        chain(x, f"{name}_branch1", (96, 1)),
        chain(x, f"{name}_branch2", (64, 1), (96, 3)),
        chain(x, f"{name}_branch3", (64, 1), (96, 3), (96, 3)),
        chain(_average_pool(x, name), f"{name}_branch4", (96, 1)),
    )


def _reduction_a(x, name, chain):
    """From (35, 35, 384) to (17, 17, 1024): k, l, m, n = 192, 224, 256, 384."""
    return _join(
        name,
        chain(x, f"{name}_branch1", (384, 3, 2)),
        chain(x, f"{name}_branch2", (192, 1), (224, 3), (256, 3, 2)),
        _max_pool(x, name),
    )


def _inception_b(x, name, chain):
    """Keeps (17, 17, 1024)."""
    return _join(
        name,
        chain(x, f"{name}_branch1", (384, 1)),
        chain(x, f"{name}_branch2", (192, 1), (224, (1, 7)), (256, (7, 1))),
        chain(
            x,
            f"{name}_branch3",
            (192, 1),
            (192, (7, 1)),
            (224, (1, 7)),
            (224, (7, 1)),
            (256, (1, 7)),
        ),
        chain(_average_pool(x, name), f"{name}_branch4", (128, 1)),
    )


def _reduction_b(x, name, chain):
    """From (17, 17, 1024) to (8, 8, 1536)."""
    return _join(
        name,
        chain(x, f"{name}_branch1", (192, 1), (192, 3, 2)),
        chain(
            x,
            f"{name}_branch2",
            (256, 1),
            (256, (1, 7)),
            (320, (7, 1)),
            (320, 3, 2),
        ),
        _max_pool(x, name),
    )


def _inception_c(x, name, chain):
    """Keeps (8, 8, 1536)."""
    fork2 = chain(x, f"{name}_branch2", (384, 1))
    fork3 = chain(x, f"{name}_branch3", (384, 1), (448, (3, 1)), (512, (1, 3)))
    return _join(
        name,
        chain(x, f"{name}_branch1", (256, 1)),
        chain(fork2, f"{name}_branch2a", (256, (1, 3))),
        chain(fork2, f"{name}_branch2b", (256, (3, 1))),
        chain(fork3, f"{name}_branch3a", (256, (1, 3))),
        chain(fork3, f"{name}_branch3b", (256, (3, 1))),
        chain(_average_pool(x, name), f"{name}_branch4", (256, 1)),
    )


def _chain(x, name, *convolutions, momentum):
    """Convolves, normalises and rectifies, several times.

    Args:
        x: Keras tensor `(n, height, width, channels)`.
        name: the first layers are called `{name}_conv1`, `{name}_conv1_bn` and
            `{name}_conv1_relu`.
        *convolutions: `(filters, kernel size)`, padded, or `(filters, kernel
            size, strides)`, unpadded: the paper's "V".
        momentum: of the batch norms.
    """
    for number, (filters, kernel_size, *strides) in enumerate(convolutions, 1):
        layer = f"{name}_conv{number}"
        x = keras.layers.Conv2D(
            filters,
            kernel_size,
            strides=strides[0] if strides else 1,
            padding="valid" if strides else "same",
            use_bias=False,
            name=layer,
        )(x)
        x = keras.layers.BatchNormalization(
            momentum=momentum, epsilon=1e-3, scale=False, name=f"{layer}_bn"
        )(x)
        x = keras.layers.ReLU(name=f"{layer}_relu")(x)
    return x


def _max_pool(x, name):
    return keras.layers.MaxPooling2D(3, strides=2, name=f"{name}_max_pool")(x)


def _average_pool(x, name):
    """Averages over what lies inside the image: padding does not count."""
    return keras.layers.AveragePooling2D(
        3, strides=1, padding="same", name=f"{name}_average_pool"
    )(x)


def _join(name, *branches):
    return keras.layers.Concatenate(name=name)(list(branches))
