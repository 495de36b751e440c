"""Networks: a backbone with one logit per style on top, or several stages."""

import os
import typing

import keras
from absl import logging
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
    for layer in _backbone_layers(model):
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


def initialise(model, architecture, run):
    """Starts a network from the best weights of an earlier run.

    A network of the same architecture takes all weights whose shapes agree: a
    head for another number of styles keeps its random ones. From a network with
    one backbone, every stage of the new one takes what it has in common with
    it. What was restored and what was not is logged.

    Args:
        model: of `build`.
        architecture: of `build`.
        run: a run directory, or the weight file in it.

    Raises:
        InputError: if there is no such run, or if its backbone is another.
    """
    run = directory.run_directory(run)
    if os.path.isfile(run):
        weight_files.require(run)
    try:
        donor, donor_architecture = load_run(
            run, image_size=architecture.image_size
        )
    except InputError as error:
        raise InputError(
            "--init_from must be imagenet, scratch, style:STYLE, a backbone's "
            f"*.weights.h5 or the directory of a run. Received: {run!r}. "
            f"{error}"
        ) from error
    if donor_architecture.backbone != architecture.backbone:
        raise InputError(
            f"--init_from={run} is a {donor_architecture.backbone}; "
            f"--backbone={architecture.backbone} cannot start from it."
        )
    same = donor_architecture.sharing == architecture.sharing
    if same and donor_architecture.groups == architecture.groups:
        restored, kept = copy_weights(donor, model)
    elif donor_architecture.sharing == "trunk":
        restored, kept = _copy_stages(donor, model, architecture.sharing)
    else:
        raise InputError(
            f"--init_from={run} has several backbones "
            f"(--sharing={donor_architecture.sharing}); a network with "
            f"--sharing={architecture.sharing} cannot start from it."
        )
    logging.info(
        "Restored %d weights from %s; left as they were: %s",
        len(restored),
        run,
        ", ".join(kept) or "none",
    )


def copy_weights(source, target):
    """Copies weights between networks of one architecture by their shapes.

    A weight whose shape is another stays as it is.

    Args:
        source: `keras.Model` whose weights are copied.
        target: `keras.Model` with the same layers.

    Returns:
        `(restored, kept)`: lists of the paths of the target's weights.
    """
    restored, kept = [], []
    # By order: some Applications number their layers anew with every model.
    pairs = zip(source.weights, target.weights, strict=True)
    for donor, weight in pairs:
        if donor.shape == weight.shape:
            weight.assign(donor)
            restored.append(weight.path)
        else:
            kept.append(weight.path)
    return restored, kept


def _copy_stages(donor, model, sharing):
    body = donor.get_layer("backbone")
    sources = [body] * len(_backbone_layers(model))
    if sharing == "groups":
        lower, upper = backbones.split(body)
        sources = [lower] + [upper] * (len(sources) - 1)
    restored = []
    for source, layer in zip(sources, _backbone_layers(model), strict=True):
        restored += copy_weights(source, layer)[0]
    kept = [
        weight.path
        for layer in model.layers
        if layer.name.startswith("logits")
        for weight in layer.weights
    ]
    return restored, kept


def _backbone_layers(model):
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
