"""What a training is to learn, from photos, labels and settings."""

import typing

import keras
import numpy as np
from absl import logging

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.input_pipeline import resampling
from jdstyle.training import distillation
from jdstyle.training import losses
from jdstyle.training import recipe


class Objective(typing.NamedTuple):
    """Photos, the labels of some styles, and what a mistake costs.

    Attributes:
        train_photos, validation_photos: `records.Photos`; of those that
            validate the ones of which some label is known.
        labels, validation_labels: int32 arrays, shape `(n, num_styles)`: 1, 0,
            or -1 where unknown.
        validates: bool array, of which of all validation photos that is so.
        targets: what the loss gets of each photo: the labels, and behind them
            what a teacher says, if there is one.
        style_names: list of strings.
        acceptance: float32, shape `(num_styles, 2)`, as in
            `resampling.accepted`; with a teacher, of the targets.
        shown: float, photos that a pass over the training shows on average.
        correction: float64 array, shape `(num_styles,)`: added to the logits,
            it makes their probabilities those among all photos, if the loss is
            the cross-entropy; of other losses it takes out the resampling and
            the costs roughly.
        loss, validation_loss: `keras.losses.Loss` on logits.
    """

    train_photos: records.Photos
    validation_photos: records.Photos
    labels: np.ndarray
    validation_labels: np.ndarray
    validates: np.ndarray
    targets: np.ndarray
    style_names: list[str]
    acceptance: np.ndarray
    shown: float
    correction: np.ndarray
    loss: keras.losses.Loss
    validation_loss: keras.losses.Loss

    @property
    def photos_per_epoch(self):
        """How many photos an epoch shows, on average.

        Validation should not cost more than training: a rare style's pass may
        be a hundred times shorter than the validation photos are many.
        """
        return max(self.shown, len(self.validation_labels))

    @property
    def scored(self):
        """Places of the styles that can be scored: they have positives."""
        return np.flatnonzero((self.validation_labels == 1).any(axis=0))


def make_objective(
    train_photos,
    validation_photos,
    columns,
    settings,
    style_names,
    *,
    teacher=None,
):
    """Makes an objective of photos and settings, and logs what it is like.

    Args:
        train_photos: `records.Photos`.
        validation_photos: `records.Photos`.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        style_names: list of strings, one per column.
        teacher: `distillation.Teacher` of the training photos, or None.

    Returns:
        An `Objective`.

    Raises:
        InputError: if a style has no positive or no negative photo.
    """
    labels = train_photos.labels[:, columns]
    validation_labels = validation_photos.labels[:, columns]
    _require_both_labels(labels, style_names, "training")
    # Of several styles some may lack positives to validate on: their mean is
    # over the others.
    if len(columns) == 1 or not (validation_labels == 1).any():
        _require_both_labels(validation_labels, style_names, "validation")
    rates = np.broadcast_to(settings.positive_rate, len(columns))
    acceptance = resampling.acceptance_probabilities(
        labels, [rate or None for rate in rates]
    )
    kept, shown = resampling.expected_kept(labels, acceptance)
    if teacher is not None:
        shown = float(len(labels))  # All of them teach.
    logging.info("%d photos; a pass shows about %.0f", len(labels), shown)
    for name, of_style, (negatives, positives) in zip(
        style_names, labels.T, kept, strict=True
    ):
        logging.info(
            "%s: %d positive; a pass accepts about %.0f, %.1f %% positive",
            name,
            np.sum(of_style == 1),
            negatives + positives,
            100 * positives / (negatives + positives),
        )
    validates = (validation_labels >= 0).any(axis=1)
    if not validates.all():
        logging.info(
            "%d of %d validation photos have a known label",
            np.sum(validates),
            len(validates),
        )
        validation_photos = records.choose(validation_photos, validates)
    objective = Objective(
        train_photos,
        validation_photos,
        labels,
        validation_labels[validates],
        validates,
        labels,
        style_names,
        acceptance,
        shown,
        losses.prior_correction(acceptance, *recipe.make_costs(settings, kept)),
        *recipe.make_losses(settings, kept, shown),
    )
    return objective if teacher is None else _teach(objective, teacher)


def _teach(objective, teacher):
    """Returns the objective of a teacher's student."""
    if not np.array_equal(teacher.ids, objective.train_photos.ids):
        raise ValueError("`teacher` must be that of the training photos.")
    taught = teacher.targets(objective.correction)
    return objective._replace(
        targets=np.concatenate(
            [objective.labels.astype("float32"), taught], axis=1
        ),
        # What the teacher says is a label that is always accepted.
        acceptance=np.concatenate(
            [objective.acceptance, np.ones_like(objective.acceptance)]
        ),
        loss=distillation.DistillationLoss(
            objective.loss, teacher.share, teacher.temperature
        ),
    )


def _require_both_labels(labels, style_names, part):
    for name, of_style in zip(style_names, labels.T, strict=True):
        positives = int(np.sum(of_style == 1))
        known = int(np.sum(of_style >= 0))
        if not 0 < positives < known:
            raise InputError(
                f"The {part} photos must hold positives and negatives of "
                f"{name}. Received: {positives} positives in {known}."
            )
