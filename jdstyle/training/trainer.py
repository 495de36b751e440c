"""Trains one network: compile, fit, best weights."""

import functools
import os
import typing

import keras
import numpy as np
from absl import logging

from jdstyle.input_pipeline import augment
from jdstyle.input_pipeline import batches
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier
from jdstyle.models import forward
from jdstyle.models import weight_files
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.training import batch_size
from jdstyle.training import devices
from jdstyle.training import fit
from jdstyle.training import memory
from jdstyle.training import recipe
from jdstyle.training import state_keeper
from jdstyle.training.monitors import make_monitors
from jdstyle.training.objective import make_objective
from jdstyle.training.signals import Signals


class Trained(typing.NamedTuple):
    """A finished training.

    Attributes:
        classifier: `keras.Model` in float32 with the best weights, folded for
            inference; its probabilities are those among all photos.
        logits: float32 array `(n, num_styles)`, of the validation photos.
        correction: float64 array `(num_styles,)`, what the logits have and the
            weights that are kept have not.
        record: dict of what was chosen and reached, JSON values.
        unseen: None, or more photos to calibrate and choose thresholds on:
            their labels and their logits by networks that have not seen them,
            both `(n, num_styles)`; NaN where there is none.
    """

    classifier: keras.Model
    logits: np.ndarray
    correction: np.ndarray
    record: dict[str, typing.Any]
    unseen: tuple[np.ndarray, np.ndarray] | None = None


def train(
    train_photos,
    validation_photos,
    columns,
    settings,
    workdir,
    *,
    style_names=None,
    checkpoint_minutes=10.0,
    signals=None,
    teacher=None,
):
    """Trains a network for one or several styles and keeps its best weights.

    Where the run directory holds the state of an interrupted training of the
    same settings, it goes on from there.

    Args:
        train_photos: `records.Photos`.
        validation_photos: `records.Photos`.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        workdir: run directory, takes history, TensorBoard files and weights.
        style_names: list of strings, for messages and charts.
        checkpoint_minutes: float >= 0, between two saves of the whole state.
        signals: `signals.Signals` that are caught, or None.
        teacher: `distillation.Teacher` of the training photos, or None.

    Returns:
        A `Trained`.

    Raises:
        InputError: if a setting cannot be used with this machine or data.
        Failure: if the loss or a weight is no longer finite, or if the memory
            for the batch of --batch_size=auto runs out when there is a state.
        Stopped: after a signal; the state is saved.
    """
    objective = make_objective(
        train_photos,
        validation_photos,
        columns,
        settings,
        style_names or [f"style {column + 1}" for column in columns],
        teacher=teacher,
    )
    states_dir = os.path.join(workdir, checkpoints.DIRECTORY)
    num_replicas = devices.default_strategy().num_replicas_in_sync
    with devices.use_precision(settings.precision) as precision:
        state = checkpoints.load_last(states_dir)
        epochs, monitors = batch_size.train_with_batch(
            functools.partial(
                _fit,
                objective,
                settings,
                workdir,
                state=state,
                minutes=checkpoint_minutes,
                signals=signals or Signals(),
            ),
            settings.batch_size,
            first_try=functools.partial(
                _choose_batch, objective, settings, workdir, state, num_replicas
            ),
            num_replicas=num_replicas,
            states_dir=states_dir,
        )
    model = _load_best(settings, objective.correction, workdir)
    with batch_size.batch_must_fit(epochs.batch_size):
        logits = forward.predict_logits(
            forward.make_forward(
                classifier.average_mirrored(model) if settings.flip else model
            ),
            # All of them: `fuse` wants photos whose label is unknown too.
            _make_eval_dataset(validation_photos, settings, epochs.batch_size),
        )
    record = {
        "best_epoch": monitors.best_weights.best["epoch"],
        "batch_size": epochs.batch_size,
        "steps_per_epoch": epochs.steps,
        "learning_rate": _scale_rate(settings, epochs.batch_size).learning_rate,
        "precision": precision,
        "replicas": num_replicas,
        "photos_per_second": float(np.median(monitors.rate.photos_per_second)),
    }
    return Trained(model, logits, objective.correction, record)


def _choose_batch(objective, settings, workdir, state, num_replicas):
    """Returns the batch size with which auto and max begin."""
    if state:  # It goes on with the batch that it began with.
        return state[1]["batch_size"]
    num_styles = len(objective.style_names)
    if settings.batch_size == "max":
        return memory.find_largest(
            settings,
            objective.loss,
            num_styles,
            workdir,
            num_targets=objective.targets.shape[1],
        )
    return batch_size.best(
        settings.epochs * objective.photos_per_epoch,
        num_replicas=num_replicas,
        fitting=functools.partial(
            memory.estimate_fitting, settings, num_styles
        ),
    )


def _scale_rate(settings, size):
    """Returns settings with the rate of a batch that auto or max chose.

    A batch that was given takes the learning rate as it is.
    """
    if isinstance(settings.batch_size, int):
        return settings
    rate = settings.learning_rate * batch_size.rate_factor(size)
    return settings._replace(learning_rate=rate)


def _fit(objective, settings, workdir, size, *, state, minutes, signals):
    """Trains with batches of a size, from a saved state on if there is one.

    Returns:
        `(epochs, monitors)`: `recipe.Epochs` and `Monitors`.
    """
    epochs = recipe.make_epochs(settings, size, objective.photos_per_epoch)
    settings = _scale_rate(settings, size)
    logging.info(
        "An epoch is %d steps of %d photos, the highest learning rate is %.2g",
        epochs.steps,
        size,
        settings.learning_rate,
    )
    for sentence in recipe.describe_length(epochs, objective.shown):
        logging.warning(sentence)
    if settings.batch_size == "max":
        num_styles = len(objective.style_names)
        memory.remember(settings, num_styles, workdir, size)
    drawn = (objective.train_photos, objective.targets, objective.acceptance)
    options = {"batch_size": size, "seed": settings.seed}
    make_dataset = functools.partial(
        batches.make_train_dataset,
        *drawn,
        image_size=settings.image_size,
        **options,
    )
    strategy = devices.default_strategy()
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        network, model = recipe.build_network(
            settings, len(objective.style_names)
        )
        devices.share_batch_norms(model, strategy)
    monitors = make_monitors(
        model,
        _make_eval_dataset(objective.validation_photos, settings, size),
        objective,
        workdir,
        epochs=epochs,
        draw_batch=_batch_drawer(settings, make_dataset),
        states_dir=os.path.join(workdir, checkpoints.DIRECTORY),
    )
    keeper = state_keeper.Keeper(
        workdir,
        state,
        epochs=epochs,
        minutes=minutes,
        monitors=monitors,
        signals=signals,
        batch_ids=functools.partial(batches.batch_ids, *drawn, **options),
    )
    fit.fit(network, model, make_dataset, objective.loss, keeper, settings)
    return epochs, monitors


def _make_eval_dataset(photos, settings, size):
    return batches.make_eval_dataset(
        photos,
        image_size=settings.image_size,
        batch_size=size // devices.default_strategy().num_replicas_in_sync,
    )


def _load_best(settings, correction, workdir):
    """Returns the network with the best weights, corrected, folded, in float32.

    The product computes in float32, whatever the training did, and what is
    said of it comes from the same arithmetic.
    """
    architecture = recipe.make_architecture(settings, len(correction))
    model = classifier.build(architecture)
    weight_files.load(model, os.path.join(workdir, directory.BEST_WEIGHTS))
    classifier.correct_logits(model, architecture, correction)
    return batch_norm_folding.fold_batch_norms(model)


def _batch_drawer(settings, make_dataset):
    """Returns a function that draws a batch as the network sees it."""
    if not settings.augment:
        return None
    augmentation = augment.build(settings.seed)

    @functools.cache
    def first_images():  # Not before an epoch has ended.
        images, _ = next(iter(make_dataset()))
        return images[:8]

    return lambda: augment.contact_sheet(first_images(), augmentation)
