"""Trains one network: compile, fit, best weights."""

import functools
import math
import os
import typing

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from jdstyle import errors
from jdstyle.errors import Failure
from jdstyle.input_pipeline import augment
from jdstyle.input_pipeline import batches
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier as models
from jdstyle.models import weight_files
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.training import devices
from jdstyle.training import fit
from jdstyle.training import recipe
from jdstyle.training import signals as stopping
from jdstyle.training import state_keeper
from jdstyle.training import task as tasks
from jdstyle.training import validation as monitoring

CPU_BATCH_SIZE = 32


class Trained(typing.NamedTuple):
    """A finished training.

    Attributes:
        classifier: `keras.Model` in float32 with the best weights, folded for
            inference.
        logits: float32 array `(n, styles)`, on the validation photos.
        record: dict of what was chosen and reached, JSON values.
    """

    classifier: keras.Model
    logits: np.ndarray
    record: dict


def train(
    train_photos,
    validation_photos,
    styles,
    settings,
    workdir,
    *,
    names=None,
    checkpoint_minutes=10.0,
    signals=None,
):
    """Trains a network for one or several styles and keeps its best weights.

    Where the run directory holds the state of a training of the same settings
    that was interrupted, it goes on from there.

    Args:
        train_photos, validation_photos: `input_pipeline.Photos`.
        styles: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        workdir: run directory, takes history, TensorBoard files and weights.
        names: list of strings, the styles' names for messages and charts.
        checkpoint_minutes: float >= 0, between two saves of the whole state.
        signals: `stopping.Signals` that are caught, or None.

    Returns:
        A `Trained`.

    Raises:
        InputError: if a setting cannot be used with this machine or data.
        Failure: if the loss or a weight is no longer finite, or the memory
            that --batch_size=auto found runs out when there is a state.
        Stopped: after a signal; the state is saved.
    """
    names = names or [f"style {column + 1}" for column in styles]
    task = tasks.describe(
        train_photos, validation_photos, styles, settings, names
    )
    keras.config.set_dtype_policy(devices.choose_precision(settings.precision))
    policy = keras.config.dtype_policy().name
    try:
        replicas = devices.default_strategy().num_replicas_in_sync
        folder = os.path.join(workdir, checkpoints.DIRECTORY)
        state = checkpoints.load_last(folder)
        saved_size = state[1]["batch_size"] if state else None

        def run(batch_size):
            devices.require_divisible(batch_size, replicas)
            try:
                return _fit(
                    task,
                    settings,
                    workdir,
                    batch_size,
                    state=state,
                    minutes=checkpoint_minutes,
                    signals=signals or stopping.Signals(),
                )
            except tf.errors.ResourceExhaustedError as error:
                kept = checkpoints.find(folder)
                if (
                    settings.batch_size
                    or not kept
                    or errors.is_disk_full(error)
                ):
                    raise
                # Another batch would begin again: hours may be lost.
                raise Failure(
                    f"--batch_size=auto: {batch_size} photos ran out of "
                    f"memory. The state stays: {kept[-1]}. To go on from it, "
                    "free the device of other programs and run the same "
                    "command again; to begin again with less memory, pass a "
                    f"smaller --batch_size, such as {max(1, batch_size // 2)}, "
                    "and another --workdir."
                ) from error

        if settings.batch_size:
            with devices.batch_must_fit(settings.batch_size):
                validation = run(settings.batch_size)
        else:
            validation = devices.shrink_until_it_fits(
                run,
                saved_size
                or _choose_batch_size(settings, task.loss, len(styles)),
                smallest=8 * replicas,
            )
    finally:
        keras.config.set_dtype_policy("float32")

    # The product computes in float32, whatever the training did, and what is
    # said of it comes from the same arithmetic.
    classifier = models.build(recipe.architecture(settings, len(styles)))
    weight_files.load(classifier, os.path.join(workdir, directory.BEST_WEIGHTS))
    classifier = batch_norm_folding.fold_batch_norms(classifier)
    with devices.batch_must_fit(validation.batch_size):
        logits = monitoring.predict_logits(
            monitoring.make_forward(classifier), validation.dataset
        )
    record = {
        "best_epoch": validation.best["epoch"],
        "batch_size": validation.batch_size,
        "steps_per_epoch": validation.steps,
        "precision": policy,
        "replicas": replicas,
        "photos_per_second": float(np.median(validation.photos_per_second)),
    }
    return Trained(classifier, logits, record)


def _fit(task, settings, workdir, batch_size, *, state, minutes, signals):
    """Trains from a saved state on; returns the `monitoring.Validation`."""
    # Validation should not cost more than training: a rare style's pass may be
    # a hundred times shorter than the validation photos are many.
    steps = settings.steps_per_epoch or math.ceil(
        max(task.shown, len(task.validation_labels)) / batch_size
    )
    logging.info("An epoch is %d steps of %d photos", steps, batch_size)
    drawn = (task.train_photos, task.labels, task.acceptance)
    options = {"batch_size": batch_size, "seed": settings.seed}
    make_dataset = functools.partial(
        batches.make_train_dataset,
        *drawn,
        image_size=settings.image_size,
        **options,
    )
    strategy = devices.default_strategy()
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        network, classifier = recipe.build_network(settings, len(task.names))
    validation = monitoring.Validation(
        classifier,
        batches.make_eval_dataset(
            task.validation_photos,
            image_size=settings.image_size,
            batch_size=batch_size // strategy.num_replicas_in_sync,
        ),
        task.validation_labels,
        task.validation_loss,
        workdir,
        names=task.names,
        epochs=settings.epochs,
        steps=steps,
        batch_size=batch_size,
        draw_batch=_batch_drawer(settings, make_dataset),
    )
    keeper = state_keeper.Keeper(
        workdir,
        state,
        minutes=minutes,
        validation=validation,
        signals=signals,
        batch_ids=functools.partial(batches.batch_ids, *drawn, **options),
    )
    fit.fit(network, classifier, make_dataset, task.loss, keeper, settings)
    return validation


def _choose_batch_size(settings, loss, num_styles):
    """A fixed number on CPUs; on GPUs the largest that fits one of them."""
    if not tf.config.list_logical_devices("GPU"):
        return CPU_BATCH_SIZE
    network, _ = recipe.build_network(
        settings._replace(init_from="scratch"), num_styles
    )
    network.compile(
        recipe.make_optimizer(settings, steps=100),
        loss,
        jit_compile=settings.xla,
    )

    def try_batch(batch_size):
        shape = (batch_size, settings.image_size, settings.image_size, 3)
        network.train_on_batch(
            np.zeros(shape, "uint8"),
            np.zeros((batch_size, num_styles), "float32"),
        )

    # Not all of it: validation and prefetched batches need room as well.
    largest = devices.largest_batch(try_batch)
    batch_size = max(8, int(0.9 * largest) // 8 * 8)
    keras.backend.clear_session()
    logging.info("--batch_size=auto: %d photos per GPU", batch_size)
    return batch_size * len(tf.config.list_logical_devices("GPU"))


def _batch_drawer(settings, make_dataset):
    """Returns a function that draws a batch as the network sees it."""
    if not settings.augment:
        return None
    images, _ = next(iter(make_dataset()))
    augmentation = augment.build(settings.seed)
    return lambda: augment.contact_sheet(images[:8], augmentation)
