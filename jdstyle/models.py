"""Networks: a Keras Application with one logit per style on top."""

import inspect
import os
import sys

import keras
from absl import logging

from jdstyle import experiment
from jdstyle.errors import InputError

# Running means of batch norms follow in about 10 steps. Keras's 0.99 or 0.999
# needs more steps than fine-tuning a rare style has, and a network trained from
# scratch would be scored with the means it began with.
BATCH_NORM_MOMENTUM = 0.9


def backbone_names():
    """Returns the names of all Keras Applications, sorted."""
    return sorted(
        name
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value)
    )


def build(backbone, image_size, num_styles, *, weights=None):
    """Builds a network on raw pixels.

    The normalisation that the backbone was trained with sits inside, so all
    backbones share one input pipeline. The head is float32 under every
    precision policy.

    Args:
        backbone: name of a Keras Application, e.g. "ResNet50".
        image_size: height and width of the input, in pixels.
        num_styles: number of logits.
        weights: None for random ones, or "imagenet".

    Returns:
        `keras.Model` from images `(n, image_size, image_size, 3)`, RGB in
        [0, 255], to float32 logits `(n, num_styles)`. Its backbone is one
        layer, named "backbone".

    Raises:
        InputError: if there is no such backbone, if the image is too small for
            it, or if ImageNet's weights cannot be had.
    """
    if backbone not in backbone_names():
        raise InputError(
            "--backbone must be one of "
            f"{', '.join(backbone_names())}. Received: {backbone!r}."
        )
    application = getattr(keras.applications, backbone)
    # The public function comes from the module with its normalisation.
    preprocess = sys.modules[application.__module__].preprocess_input
    shape = (image_size, image_size, 3)
    try:
        body = application(
            include_top=False,
            weights=weights,
            input_shape=shape,
            pooling="avg",
            name="backbone",
        )
    except ValueError as error:  # Keras says which size would do.
        raise InputError(
            f"--backbone={backbone} does not take --image_size={image_size}: "
            f"{error}"
        ) from error
    except Exception as error:
        if weights is None:
            raise
        raise InputError(
            f"ImageNet's weights of {backbone} cannot be loaded: {error}. "
            "Where there is no network, put the file that Keras names into "
            "~/.keras/models, or pass --init_from=scratch or a run directory."
        ) from error
    for layer in body._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    images = keras.Input(shape, dtype="float32", name="images")
    features = body(preprocess(images))
    logits = keras.layers.Dense(num_styles, dtype="float32", name="logits")
    return keras.Model(images, logits(features), name="classifier")


def initialise(model, init_from, *, backbone, image_size):
    """Starts a network from the best weights of an earlier run.

    Weights are copied where their shapes agree: a head for another number of
    styles keeps its random ones. What was and was not restored is logged.

    Args:
        model: of `build`, with `backbone` and `image_size`.
        init_from: a run directory, or the weight file in it.
        backbone, image_size: what the model was built with.

    Raises:
        InputError: if there is no such run, or if its backbone is another.
    """
    run = init_from
    if os.path.basename(init_from) == experiment.BEST_WEIGHTS:
        run = os.path.dirname(init_from)
    weights, record = (
        os.path.join(run, name)
        for name in (experiment.BEST_WEIGHTS, experiment.RUN_FILE)
    )
    for path in (weights, record):
        if not os.path.isfile(path):
            raise InputError(
                "--init_from must be imagenet, scratch or the directory of a "
                f"run. Received: {init_from!r}; missing: {path}."
            )
    donor_settings = experiment.read_json(record)
    if donor_settings["backbone"] != backbone:
        raise InputError(
            f"--init_from={init_from} is a {donor_settings['backbone']}; "
            f"--backbone={backbone} cannot start from it."
        )
    donor = build(backbone, image_size, len(donor_settings["styles"]))
    donor.load_weights(weights)
    restored, kept = copy_weights(donor, model)
    logging.info(
        "Restored %d weights from %s; left as they were: %s",
        len(restored),
        weights,
        ", ".join(kept) or "none",
    )


def copy_weights(source, target):
    """Copies weights between networks of one backbone where shapes agree.

    Args:
        source, target: `keras.Model`s of `build` with the same backbone.

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
