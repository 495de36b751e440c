"""Where a network's weights come from: an earlier run."""

import os

from absl import logging

from jdstyle.errors import InputError
from jdstyle.models import backbones
from jdstyle.models import classifier
from jdstyle.models import weight_files
from jdstyle.runs import directory

_WANTED_START = (
    "--init_from must be imagenet, scratch, style:STYLE, a backbone's "
    "*.weights.h5 or the directory of a run."
)


def require_donor(run, backbone):
    """Refuses what `initialise` could not start a backbone from.

    Args:
        run: a run directory.
        backbone: of the network that is to start from it.

    Raises:
        InputError: as `initialise`; no weights are read.
    """
    if os.path.isfile(run):
        weight_files.require(run)
    record = os.path.join(run, directory.RUN_FILE)
    for path in (record, os.path.join(run, directory.BEST_WEIGHTS)):
        if not os.path.isfile(path):
            raise InputError(
                f"{_WANTED_START} Received: {run!r}. {run} is not a finished "
                f"run; missing: {path}."
            )
    architecture = directory.read_json(record).get("architecture", {})
    _require_same_backbone(run, architecture.get("backbone"), backbone)


def require_same_fold(init_from, fingerprint, fold):
    """Refuses a start that has trained on the photos that will validate.

    Args:
        init_from: as in `recipe.Settings`.
        fingerprint: of the data set.
        fold: int or None, which fold will validate.

    Raises:
        InputError: if it is a run of another fold of these photos.
    """
    path = os.path.join(directory.run_directory(init_from), directory.RUN_FILE)
    if not os.path.isfile(path):
        return  # No run: weights from elsewhere, or refused later.
    donor = directory.read_json(path)
    if donor["fingerprint"] == fingerprint and donor.get("fold") != fold:
        raise InputError(
            f"--init_from={init_from} was trained with --fold="
            f"{donor.get('fold')} on these photos: it has seen some that "
            f"validate with --fold={fold}, and the score would be optimistic. "
            "Start from a run of the same fold."
        )


def _require_same_backbone(run, there, here):
    if there != here:
        raise InputError(
            f"--init_from={run} is a {there}; --backbone={here} cannot start "
            "from it."
        )


def initialise(model, architecture, run):
    """Starts a network from the best weights of an earlier run.

    A network of the same architecture takes all weights whose shapes agree: a
    head for another number of styles keeps its random ones. From a network with
    one backbone, every stage of the new one takes what it has in common with
    it. What was restored and what was not is logged.

    Args:
        model: of `classifier.build`.
        architecture: `classifier.Architecture` of it.
        run: a run directory, or the weight file in it.

    Raises:
        InputError: if there is no such run, or if its backbone is another.
    """
    run = directory.run_directory(run)
    if os.path.isfile(run):
        weight_files.require(run)
    try:
        donor, donor_architecture = classifier.load_run(
            run, image_size=architecture.image_size
        )
    except InputError as error:
        raise InputError(
            f"{_WANTED_START} Received: {run!r}. {error}"
        ) from error
    _require_same_backbone(
        run, donor_architecture.backbone, architecture.backbone
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
    sources = [body] * len(classifier.backbone_layers(model))
    if sharing == "groups":
        lower, upper = backbones.split(body)
        sources = [lower] + [upper] * (len(sources) - 1)
    restored = []
    for source, layer in zip(
        sources, classifier.backbone_layers(model), strict=True
    ):
        restored += copy_weights(source, layer)[0]
    kept = [
        weight.path
        for layer in model.layers
        if layer.name.startswith("logits")
        for weight in layer.weights
    ]
    return restored, kept
