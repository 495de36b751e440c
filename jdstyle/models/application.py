"""What our own networks share with Keras Applications: arguments and top."""

import os

import keras


def require_options(name, *, pooling, classes, batch_norm_momentum):
    """Checks the options that all of our networks have.

    Args:
        name: of the network's function, for messages.
        pooling: as in `finish`.
        classes: as in `finish`.
        batch_norm_momentum: float in [0, 1), of every batch norm.

    Raises:
        ValueError: if an option is not as above, or if Keras is set to images
            with the channels first.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            f"{name} takes images with the channels last. Call "
            "keras.config.set_image_data_format('channels_last'). Received: "
            f"{keras.config.image_data_format()!r}."
        )
    if pooling not in (None, "avg", "max"):
        raise ValueError(
            f'`pooling` must be None, "avg" or "max". Received: {pooling!r}.'
        )
    if classes < 1:
        raise ValueError(f"`classes` must be at least 1. Received: {classes}.")
    if not 0 <= batch_norm_momentum < 1:
        raise ValueError(
            "`batch_norm_momentum` must be in [0, 1). "
            f"Received: {batch_norm_momentum}."
        )


def require_file(weights, accepted="None (random ones)"):
    """Raises `ValueError` unless a path is that of a file of weights.

    Args:
        weights: path, or anything else.
        accepted: string, what `weights` may be besides.
    """
    path = str(weights)
    if not path.endswith(".weights.h5") or not os.path.isfile(path):
        raise ValueError(
            f"`weights` must be {accepted} or the path of a file that exists "
            f"and ends in .weights.h5. Received: {weights!r}."
        )


def make_input(input_tensor, input_shape, *, default_size, min_size):
    """Returns the Keras tensor of images that a network is built upon.

    Args:
        input_tensor: None, or such a tensor, `(n, height, width, channels)`.
        input_shape: `(height, width, channels)`, of a new tensor; height and
            width may be None for any. None for `default_size`.
        default_size: int, height and width, or None for any.
        min_size: int, the smallest height and width.

    Raises:
        ValueError: if an argument is not as above.
    """
    if input_tensor is None:
        if input_shape is None:
            input_shape = (default_size, default_size, 3)
        _require_shape("input_shape", input_shape, min_size)
        return keras.Input(input_shape, name="images")
    if not keras.utils.is_keras_tensor(input_tensor):
        raise ValueError(
            "`input_tensor` must be a Keras tensor, the result of "
            f"`keras.Input` or of a layer. Received: {input_tensor!r}."
        )
    _require_shape("input_tensor", input_tensor.shape[1:], min_size)
    return input_tensor


def _require_shape(argument, shape, min_size):
    shape = tuple(shape)
    small = [side for side in shape[:2] if side is not None and side < min_size]
    if len(shape) != 3 or small or not shape[2]:
        raise ValueError(
            f"`{argument}` must have a height and a width of at least "
            f"{min_size} pixels (or None), and a number of channels. "
            f"Received: {shape}."
        )


def add_top(x, *, include_top, pooling, classes, classifier_activation):
    """Adds what follows the last feature map.

    Args:
        x: Keras tensor `(n, height, width, channels)`.
        include_top: whether average pooling, dropout and the classifier, which
            is float32 under every precision policy, end the network.
        pooling: without top, None for the feature map as it is, "avg" or "max".
        classes: number of outputs of the top.
        classifier_activation: of the top; None for logits.

    Returns:
        Keras tensor.
    """
    if include_top or pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
    if include_top:
        x = keras.layers.Dropout(0.2, name="dropout")(x)
        x = keras.layers.Dense(
            classes,
            activation=classifier_activation,
            dtype="float32",
            name="predictions",
        )(x)
    return x


def finish(input_tensor, x, *, weights, name):
    """Makes the model, and loads its weights if there is a file of them.

    Args:
        input_tensor: of `make_input`.
        x: of `add_top`.
        weights: None, or the path of a `.weights.h5` file.
        name: of the model.

    Returns:
        `keras.Model` from whatever `input_tensor` comes from to `x`.
    """
    if weights is not None:
        # Keras numbers the layers of a file, so none may come before ours.
        keras.Model(input_tensor, x).load_weights(weights)
    inputs = keras.utils.get_source_inputs(input_tensor)
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, x, name=name)
