"""Networks of a few convolutions under names of Keras Applications."""

import keras


def build(include_top, weights, input_shape, pooling):
    """Stands for `keras.applications.MobileNet`, untrained and without top."""
    return _build(include_top, weights, input_shape, pooling, (4, 8, 8))


def build_heavy(include_top, weights, input_shape, pooling):
    """Stands for `MobileNetV2`: 4 MB of weights."""
    return _build(include_top, weights, input_shape, pooling, (4, 8, 332, 332))


def _build(include_top, weights, input_shape, pooling, widths):
    assert (include_top, weights, pooling) == (False, None, "avg")
    inputs = x = keras.Input(input_shape)
    for filters in widths:
        x = keras.layers.Conv2D(filters, 3, 2, "same")(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


# Their modules hold the normalisation that belongs to them.
build.__module__ = keras.applications.MobileNet.__module__
build_heavy.__module__ = keras.applications.MobileNetV2.__module__
