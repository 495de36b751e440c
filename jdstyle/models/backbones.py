"""Backbones by name: Keras Applications and our own, whole or cut."""

import inspect
import os
import sys

import keras

from jdstyle import commands
from jdstyle.errors import InputError
from jdstyle.models import efficientnet_lite
from jdstyle.models import efficientnet_lite_weights
from jdstyle.models import inception_v4
from jdstyle.models import weight_files

# Running means of batch norms follow in about 10 steps. Keras's 0.99 or 0.999
# needs more steps than fine-tuning a rare style has, and a network trained from
# scratch would be scored with the means it began with.
BATCH_NORM_MOMENTUM = 0.9

# What `tools/convert_inception_v4.py` writes; nobody publishes it for Keras.
INCEPTION_V4_WEIGHTS = os.path.join(
    "~", ".keras", "models", "inception_v4_notop.weights.h5"
)


class _WrongSize(InputError):
    """A network is not made for images of this size."""


# Those that Keras does not have, by name.
_OWN = {
    "InceptionV4": inception_v4.InceptionV4,
    "EfficientNetLite0": efficientnet_lite.EfficientNetLite0,
    "EfficientNetLite2": efficientnet_lite.EfficientNetLite2,
}


def names():
    """Returns the names of all Keras Applications and our own, sorted."""
    applications = [
        name
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value)
    ]
    return sorted([*applications, *_OWN])


def require(backbone, flag="--backbone"):
    """Raises `InputError` if there is no backbone of that name."""
    if backbone not in names():
        raise InputError(
            f"{flag} must be one of {', '.join(names())}. "
            f"Received: {backbone!r}."
        )


def build(backbone, image_size, *, weights=None, name="backbone"):
    """Builds a backbone without its top.

    Args:
        backbone: one of `names()`.
        image_size: height and width of the input, in pixels.
        weights: None for random ones, "imagenet", or the path of a weight file
            of the backbone without top.
        name: of the model.

    Returns:
        `(body, preprocess)`: a `keras.Model` from normalised images
        `(n, image_size, image_size, 3)` to features `(n, channels)`, and the
        function that normalises RGB in [0, 255] for it.

    Raises:
        InputError: if there is no such backbone, if the image is too small for
            it, or if the weights cannot be had.
    """
    require(backbone)
    application = _OWN.get(backbone) or getattr(keras.applications, backbone)
    # The function comes from the module with its normalisation.
    module = sys.modules[application.__module__]
    own = backbone == "InceptionV4" and weights == "imagenet"
    if own:
        weights = converted_weights()
    body = _apply(application, backbone, image_size, weights == "imagenet")
    if weights not in (None, "imagenet"):
        try:
            weight_files.load(body, weights, own=own)
        except InputError as error:
            raise InputError(
                f"{error} Wanted: a {backbone} without its top."
            ) from error
    for layer in body._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    # EfficientNetV2 looks its blocks up by the name that it is given.
    body = keras.Model(body.input, body.output, name=name)
    return body, module.preprocess_input


def _apply(application, backbone, image_size, imagenet):
    """Calls the function of a Keras Application; see `build`."""

    def apply(weights):
        try:
            return application(
                include_top=False,
                weights=weights,
                input_shape=(image_size, image_size, 3),
                pooling="avg",
            )
        except InputError:  # It says all.
            raise
        except ValueError as error:  # Keras says which size would do.
            raise _WrongSize(
                f"--backbone={backbone} does not take "
                f"--image_size={image_size}: {error}"
            ) from error

    if not imagenet:
        return apply(None)
    try:
        return apply("imagenet")
    except InputError as error:
        if not isinstance(error, _WrongSize):
            raise
        apply(None)  # Unless it is a ValueError about the weights.
        cause = error.__cause__
    except Exception as error:
        cause = error
    raise InputError(
        f"The ImageNet weights of {backbone} cannot be loaded: {cause}. "
        "Without internet, pass --backbone=EfficientNetLite0, whose weights "
        "came with jdstyle; or put the file that Keras names into "
        "~/.keras/models, or pass --init_from=scratch or a run directory."
    ) from cause


def split(body, names=("backbone", "last_stage")):
    """Cuts a backbone before its last stage.

    The cut is the last tensor that everything passes through and that is larger
    than what the last convolution sees: the last stage of ResNet50 is conv5,
    that of DenseNet121 the fourth dense block with the pooling before it.

    Args:
        body: `keras.Model` of `build`.
        names: of the two models.

    Returns:
        `(lower, upper)`: two `keras.Model`s that share the layers of `body`
        and, one after the other, compute the same.

    Raises:
        InputError: if no such tensor is inside.
    """
    waiting = _count_uses(body)
    open_tensors, cuts, last_area = set(), [], 0
    for layer in body.operations:  # Sorted: inputs before their users.
        inputs = keras.tree.flatten(layer.input)
        for tensor in inputs:
            waiting[id(tensor)] -= 1
            if not waiting[id(tensor)]:
                open_tensors.discard(id(tensor))
        open_tensors.add(id(layer.output))
        if len(open_tensors) == 1 and len(layer.output.shape) == 4:
            cuts.append(layer.output)
        if getattr(layer, "weights", None) and len(inputs[0].shape) == 4:
            last_area = _area(inputs[0])
    larger = [cut for cut in cuts[1:] if _area(cut) > last_area]
    if not larger:
        raise InputError(
            f"{body.name} has no last stage that could be cut off at this "
            "--image_size. Pass a larger one, or --sharing=trunk."
        )
    return (
        keras.Model(body.input, larger[-1], name=names[0]),
        keras.Model(larger[-1], body.output, name=names[1]),
    )


def _count_uses(body):
    """Returns how often each tensor, by its id, is the input of a layer."""
    uses = {}
    for layer in body.operations:
        for tensor in keras.tree.flatten(layer.input):
            uses[id(tensor)] = uses.get(id(tensor), 0) + 1
    return uses


def _area(tensor):
    return tensor.shape[1] * tensor.shape[2]


def require_imagenet(backbone):
    """Refuses ImageNet's weights that are not there and no download brings.

    Args:
        backbone: one of `names()`.

    Raises:
        InputError: with what would bring them.
    """
    if backbone == "InceptionV4":
        converted_weights()
    elif backbone in _OWN:
        efficientnet_lite_weights.find(backbone)


def converted_weights():
    """Returns the path of InceptionV4's weights; `InputError` if missing."""
    path = os.path.expanduser(INCEPTION_V4_WEIGHTS)
    if not os.path.isfile(path):
        how = commands.line(
            "tools/convert_inception_v4.py", source="FILE", output=path
        )
        raise InputError(
            "Nobody publishes ImageNet weights of InceptionV4 for Keras. Pass "
            "--backbone=EfficientNetLite0, whose weights came with jdstyle, or "
            f"--init_from=scratch or a run, or convert PyTorch's: {how}"
        )
    return path
