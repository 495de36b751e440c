"""Trains the heads alone, on features that are computed once: --frozen."""

import types

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from jdstyle.errors import Failure
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier
from jdstyle.training import best_weights
from jdstyle.training import features
from jdstyle.training import heads
from jdstyle.training import recipe
from jdstyle.training import trainer
from jdstyle.training import validation
from jdstyle.training.history import History
from jdstyle.training.objective import make_objective
from jdstyle.training.tensorboard import TensorBoard


def train(
    train_photos,
    validation_photos,
    columns,
    settings,
    workdir,
    *,
    style_names,
    data_set_dir,
):
    """Fits a logistic regression per style on a frozen backbone's features.

    Every photo counts. What resampling would keep of a style's photos and what
    a mistake costs are weights of the photos.

    Args:
        train_photos: `records.Photos`.
        validation_photos: `records.Photos`.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        workdir: run directory, takes history, TensorBoard files and weights.
        style_names: list of strings, one per column.
        data_set_dir: folder of the data set's versions, see `features`.

    Returns:
        A `trainer.Trained`.

    Raises:
        InputError: as `make_objective` and `recipe.build_network`.
        Failure: if a feature is not finite.
    """
    objective = make_objective(
        train_photos, validation_photos, columns, settings, style_names
    )
    keras.utils.set_random_seed(settings.seed)
    _, model = recipe.build_network(settings, len(columns))
    architecture = recipe.make_architecture(settings, len(columns))
    extractor = features.Extractor(
        model, architecture, data_set_dir, flip=settings.flip
    )
    seen, unseen = map(extractor, (train_photos, validation_photos))
    for found in (seen, unseen):
        if not np.isfinite(found.values).all():
            raise Failure(
                f"Features of {settings.backbone} with "
                f"--init_from={settings.init_from} are not finite."
            )
    fitted = heads.fit(
        seen.values,
        objective.labels,
        _weights(objective, settings),
        train_photos.folds,
        seed=settings.seed,
    )
    head = model.get_layer("logits")
    head.set_weights([fitted.kernel, fitted.bias])
    best_weights.write(model, workdir)
    # No costs are balanced here: the weights are what it corrects.
    correction = objective.correction
    classifier.correct_logits(model, architecture, correction)
    logits = head(unseen.values).numpy()
    _show(objective, logits[objective.validates], workdir)
    num_photos = len(seen.values) + len(unseen.values)
    record = {
        "frozen": True,
        "strengths": dict(zip(style_names, fitted.strengths, strict=True)),
        "computed_features": seen.computed + unseen.computed,
        "precision": "float32",
        "photos_per_second": num_photos / (seen.seconds + unseen.seconds),
    }
    return trainer.Trained(
        batch_norm_folding.fold_batch_norms(model),
        logits,
        correction,
        record,
        (objective.labels, fitted.out_of_fold + correction.astype("float32")),
    )


def _weights(objective, settings):
    """Returns what photos with label 0 and 1 weigh, `(num_styles, 2)`."""
    num_styles = len(objective.style_names)
    costs = np.ones((num_styles, 2))
    costs[:, 0] *= settings.false_positive_cost
    costs[:, 1] *= np.broadcast_to(settings.false_negative_cost, num_styles)
    return objective.acceptance * costs


def _show(objective, logits, workdir):
    """Writes history and TensorBoard's files, as of a training's only epoch."""
    probabilities = tf.sigmoid(logits).numpy()
    # The loss has the costs of the training.
    as_trained = logits - objective.correction
    logs = validation.score(objective, as_trained, probabilities)
    History(workdir).on_epoch_end(0, logs)
    scored = types.SimpleNamespace(probabilities=probabilities)
    TensorBoard(workdir, objective, scored, draw_batch=None).on_epoch_end(
        0, logs
    )
    logging.info(
        "Validation loss %.4f, F2 %.4f, PR-AUC %.4f",
        logs["val_loss"],
        logs["val_f2"],
        logs["val_pr_auc"],
    )
