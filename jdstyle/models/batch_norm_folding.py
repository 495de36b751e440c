"""Batch norms folded into the convolutions before them, for the product."""

import collections

import keras
import numpy as np

_FOLDABLE = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)


def fold_batch_norms(model):
    """Rebuilds a network without the batch norms that follow a convolution.

    At inference a batch norm is y = s x + (beta - s mean) per channel, with
    s = gamma / sqrt(variance + epsilon). Where x is the output of a convolution
    that nothing else uses, s goes into its kernel and the rest into its bias;
    the sums round differently, by about 1e-6 of a logit. Others stay, as those
    of DenseNet that stand before their convolution.

    Args:
        model: `keras.Model` of `classifier.build`, float32, with its weights.

    Returns:
        `keras.Model` that computes the same at inference; it must not be
        trained. `model` stays as it is, and is returned if nothing can be
        folded.
    """
    norms = {id(norm): conv for norm, conv in _pairs(model)}
    if not norms:
        return model
    convolutions = {id(conv) for conv in norms.values()}
    copies = {}

    def copy(layer):
        config = layer.get_config()
        if id(layer) in convolutions:
            config["use_bias"] = True
        if id(layer) in norms:
            return keras.layers.Identity(name=layer.name)
        copies[id(layer)] = layer, layer.__class__.from_config(config)
        return copies[id(layer)][1]

    def call(layer, *inputs, **options):
        # A norm was called with a mask, which no other layer takes.
        if isinstance(layer, keras.layers.Identity):
            return inputs[0]
        return layer(*inputs, **options)

    folded = keras.models.clone_model(
        model, clone_function=copy, call_function=call, recursive=True
    )
    of_convolution = {id(conv): norm for norm, conv in _pairs(model)}
    for layer, twin in copies.values():
        if id(layer) in of_convolution:
            twin.set_weights(_fold(layer, of_convolution[id(layer)]))
        elif getattr(layer, "weights", None):  # Operations have none.
            twin.set_weights(layer.get_weights())
    return folded


def _pairs(model):
    """Yields each batch norm that can go, and the convolution before it."""
    uses = collections.Counter(id(tensor) for tensor in model.outputs)
    makers = {}
    for operation in model.operations:
        for tensor in keras.tree.flatten(operation.input):
            uses[id(tensor)] += 1
        for tensor in keras.tree.flatten(operation.output):
            makers[id(tensor)] = operation
    for operation in model.operations:
        if isinstance(operation, keras.Sequential):
            continue  # Those of ConvNeXt, without batch norms.
        if isinstance(operation, keras.Model):
            yield from _pairs(operation)
        elif isinstance(operation, keras.layers.BatchNormalization):
            before = makers[id(operation.input)]
            if (
                isinstance(before, _FOLDABLE)
                and before.activation is keras.activations.linear
                and uses[id(operation.input)] == 1
                and operation.axis in (-1, 3)
            ):
                yield operation, before


def _fold(convolution, norm):
    """Returns the weights of the convolution with the norm inside, float64."""
    *kernels, kernel = [_double(w) for w in convolution.get_weights()][
        : -1 if convolution.use_bias else None
    ]
    bias = _double(convolution.bias) if convolution.use_bias else 0.0
    scale = np.sqrt(_double(norm.moving_variance) + norm.epsilon) ** -1
    if norm.scale:
        scale = scale * _double(norm.gamma)
    shift = (bias - _double(norm.moving_mean)) * scale
    if norm.center:
        shift = shift + _double(norm.beta)
    # A depthwise kernel has its outputs in the last two dimensions.
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    outputs = kernel.shape[2:] if depthwise else kernel.shape[3:]
    return [*kernels, kernel * scale.reshape(outputs), shift]


def _double(values):
    # Not np.float64(values): NumPy 2.2 makes a number of a single value.
    return np.asarray(values, np.float64)
