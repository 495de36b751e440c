"""Networks: a backbone with one logit per style on top, or several stages."""

import os
import typing

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from jdstyle.errors import InputError
from jdstyle.models import backbones
from jdstyle.models import weight_files
from jdstyle.runs import directory

SHARINGS = ("trunk", "groups", "none")


class Architecture(typing.NamedTuple):
    """What a network is made of; `run.json` holds it as a dict.

    Attributes:
        backbone: name, see `backbones.names`.
        image_size: height and width of the input, in pixels.
        num_styles: number of logits.
        sharing: "trunk": all styles share the backbone; "groups": its last
            stage is there once per group of styles; "none": each style has its
            own backbone.
        groups: for "groups", lists of columns, ints from 0; each column is in
            one of them. Else None.
    """

    backbone: str
    image_size: int
    num_styles: int = 1
    sharing: str = "trunk"
    groups: list[list[int]] | None = None

    def branches(self):
        """Returns the columns of each branch: a list of lists of ints."""
        if self.sharing == "trunk":
            return [list(range(self.num_styles))]
        if self.sharing == "none":
            return [[column] for column in range(self.num_styles)]
        return [list(group) for group in self.groups or []]


def build(architecture, *, weights=None):
    """Builds a network on raw pixels.

    The normalisation that the backbone was trained with sits inside, so all
    backbones share one input pipeline. The heads are float32 under every
    precision policy. What several styles share is computed once.

    Args:
        architecture: `Architecture`.
        weights: as in `backbones.build`.

    Returns:
        `keras.Model` from images `(n, image_size, image_size, 3)`, RGB in
        [0, 255], to float32 logits `(n, num_styles)`. All but the heads lies in
        layers whose name begins with "backbone".

    Raises:
        InputError: as `backbones.build` and `backbones.split`; or if the
            groups do not hold each column once.
    """
    _check_groups(architecture)
    size = architecture.image_size
    images = keras.Input((size, size, 3), dtype="float32", name="images")
    branches = architecture.branches()
    features, logits = None, []
    for number, columns in enumerate(branches, start=1):
        ending = "" if architecture.sharing == "trunk" else f"_{number}"
        name = f"backbone{ending}"
        body, preprocess = backbones.build(
            architecture.backbone, size, weights=weights, name=name
        )
        if features is None:
            features = preprocess(images)
        if architecture.sharing == "groups":
            lower, body = backbones.split(body, ("backbone", name))
            if number == 1:
                features = lower(features)
        head = keras.layers.Dense(
            len(columns), dtype="float32", name=f"logits{ending}"
        )
        logits.append(head(body(features)))
    if len(branches) > 1:
        order = [column for columns in branches for column in columns]
        places = [order.index(column) for column in range(len(order))]
        logits = [ops.take(ops.concatenate(logits, axis=-1), places, axis=-1)]
    return keras.Model(images, logits[0], name="classifier")


def set_backbone_trainable(model, trainable):
    """Freezes or thaws all but the heads of a network of `build`.

    Args:
        model: `keras.Model` of `build`.
        trainable: bool.
    """
    for layer in backbone_layers(model):
        layer.trainable = trainable


def load_run(folder, *, image_size=None):
    """Rebuilds the network of a finished run with its best weights.

    Args:
        folder: run directory.
        image_size: None for that of the run; weights fit every size.

    Returns:
        `(model, architecture)`.

    Raises:
        InputError: if a file is missing, or as `weight_files.load`.
    """
    weights, record = (
        os.path.join(folder, name)
        for name in (directory.BEST_WEIGHTS, directory.RUN_FILE)
    )
    for path in (weights, record):
        if not os.path.isfile(path):
            raise InputError(
                f"{folder} is not a finished run; missing: {path}."
            )
    try:
        architecture = Architecture(
            **directory.read_json(record)["architecture"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{record} is not what a run of this jdstyle writes "
            f"({type(error).__name__}: {error})."
        ) from error
    architecture = architecture._replace(
        image_size=image_size or architecture.image_size
    )
    model = build(architecture)
    weight_files.load(model, weights)
    return model, architecture


def load_calibrated(folder):
    """Rebuilds the network of a finished run as its SavedModel has it.

    Args:
        folder: run directory.

    Returns:
        `keras.Model` whose logits are those of the styles among all photos, and
        of a run of --flip the means over mirror images.

    Raises:
        InputError: as `load_run`.
    """
    model, architecture = load_run(folder)
    results = directory.read_json(os.path.join(folder, directory.RESULTS_FILE))
    # Runs of version 0.2.0 have neither, nor have their probabilities.
    if "logit_corrections" in results:
        correct_logits(
            model,
            architecture,
            results["logit_corrections"],
            results.get("logit_scales", 1.0),
        )
    record = directory.read_json(os.path.join(folder, directory.RUN_FILE))
    return average_mirrored(model) if record.get("flip") else model


def average_mirrored(model):
    """Makes a network average over each image and its mirror image.

    Args:
        model: `keras.Model` from images to logits or features.

    Returns:
        `keras.Model` like it, of the same weights, that takes twice as long.
    """
    images = keras.Input(model.input_shape[1:], name="images")
    # Columns in the other order: every runtime has this operation.
    mirrored = ops.take(images, range(images.shape[2])[::-1], axis=2)
    # One call on a batch twice as large: two calls would be two graphs.
    outputs = model(ops.concatenate([images, mirrored], axis=0))
    pairs = ops.reshape(outputs, (2, -1, outputs.shape[1]))
    return keras.Model(images, ops.mean(pairs, axis=0))


def correct_logits(model, architecture, correction, scale: npt.ArrayLike = 1.0):
    """Makes each logit `scale * logit + correction`, in the heads' weights.

    Args:
        model: `keras.Model` of `build`, or folded for inference.
        architecture: `Architecture` of it.
        correction: sequence of a float for each logit.
        scale: likewise, or one float for all; 1 changes no bit.
    """
    scale = np.broadcast_to(scale, architecture.num_styles)
    for number, columns in enumerate(architecture.branches(), start=1):
        ending = "" if architecture.sharing == "trunk" else f"_{number}"
        head = model.get_layer(f"logits{ending}")
        of_head = scale[columns].astype("float32")
        head.kernel.assign(head.kernel * of_head)
        head.bias.assign(
            head.bias * of_head + np.take(correction, columns).astype("float32")
        )


def backbone_layers(model):
    """Returns the layers of `build` that are no head, the shared one first."""
    layers = {
        layer.name: layer
        for layer in model.layers
        if layer.name.startswith("backbone")
    }
    return [layers[name] for name in sorted(layers, key=_number)]


def _number(name):
    """The shared stage, without a number, comes first."""
    return int(name.partition("_")[2] or 0)


def _check_groups(architecture):
    if architecture.sharing not in SHARINGS:
        raise InputError(
            f"--sharing must be one of {', '.join(SHARINGS)}. "
            f"Received: {architecture.sharing!r}."
        )
    placed = sorted(
        column for columns in architecture.branches() for column in columns
    )
    if placed != list(range(architecture.num_styles)):
        raise InputError(
            f"--groups must hold each of {architecture.num_styles} styles "
            f"once. Received: {architecture.groups}."
        )
