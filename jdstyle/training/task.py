"""What a training is to learn, from photos, labels and settings."""

import typing

import keras
import numpy as np
from absl import logging

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.input_pipeline import resampling
from jdstyle.training import recipe


class Task(typing.NamedTuple):
    """Photos, the labels of some styles, and what a mistake costs.

    Attributes:
        train_photos, validation_photos: `records.Photos`.
        labels, validation_labels: int32 arrays, shape `(n, styles)`.
        names: list of the styles' names.
        acceptance: float32, shape `(styles, 2)`, as in `resampling.accepted`.
        shown: float, photos that a pass over the training shows on average.
        loss, validation_loss: `keras.losses.Loss`.
    """

    train_photos: records.Photos
    validation_photos: records.Photos
    labels: np.ndarray
    validation_labels: np.ndarray
    names: list
    acceptance: np.ndarray
    shown: float
    loss: keras.losses.Loss
    validation_loss: keras.losses.Loss


def describe(train_photos, validation_photos, styles, settings, names):
    """Makes a task of photos and settings and logs what it is like.

    Args:
        train_photos, validation_photos: `records.Photos`.
        styles: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        names: list of the styles' names.

    Returns:
        A `Task`.

    Raises:
        InputError: if a style has no positive or no negative photo.
    """
    labels = train_photos.labels[:, styles]
    validation_labels = validation_photos.labels[:, styles]
    _require_both_labels(labels, names, "training")
    if len(styles) == 1 or not (validation_labels == 1).any():
        _require_both_labels(validation_labels, names, "validation")
    rates = np.broadcast_to(settings.positive_rate, len(styles))
    acceptance = resampling.acceptance_probabilities(
        labels, [rate or None for rate in rates]
    )
    kept, shown = resampling.expected_kept(labels, acceptance)
    logging.info("%d photos; a pass shows about %.0f", len(labels), shown)
    for name, column, (negatives, positives) in zip(
        names, labels.T, kept, strict=True
    ):
        logging.info(
            "%s: %d positive; a pass accepts about %.0f, %.1f %% positive",
            name,
            np.sum(column == 1),
            negatives + positives,
            100 * positives / (negatives + positives),
        )
    return Task(
        train_photos,
        validation_photos,
        labels,
        validation_labels,
        names,
        acceptance,
        shown,
        *recipe.make_losses(settings, kept, shown),
    )


def _require_both_labels(labels, names, part):
    for name, column in zip(names, labels.T, strict=True):
        positives, known = int(np.sum(column == 1)), int(np.sum(column >= 0))
        if not 0 < positives < known:
            raise InputError(
                f"The {part} photos must hold positives and negatives of "
                f"{name}. Received: {positives} positives in {known}."
            )
