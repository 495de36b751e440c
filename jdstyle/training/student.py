"""Trains a teacher's student: the trunk first, then its heads once more."""

import os
import time

import numpy as np
from absl import logging

from jdstyle.errors import Failure
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier
from jdstyle.runs import checkpoints
from jdstyle.training import best_weights
from jdstyle.training import features
from jdstyle.training import heads
from jdstyle.training import trainer


def train(
    train_photos,
    validation_photos,
    columns,
    settings,
    workdir,
    *,
    style_names,
    **options,
):
    """Trains one network for all styles, on labels and on a teacher.

    Its heads are then fitted again, as logistic regressions on what the best
    epoch's trunk makes of all training photos: resampling serves the trunk, and
    biases the heads.

    Args:
        train_photos: `records.Photos`.
        validation_photos: `records.Photos`.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings` that share the trunk.
        workdir: run directory, has `run.json`, takes history, TensorBoard files
            and weights.
        style_names: list of strings, one per column.
        **options: of `trainer.train`, `teacher` among them.

    Returns:
        A `trainer.Trained`.

    Raises:
        InputError, Failure, Stopped: as `trainer.train`; `Failure` also where a
            feature is not finite.
    """
    trained = trainer.train(
        train_photos,
        validation_photos,
        columns,
        settings,
        workdir,
        style_names=style_names,
        **options,
    )
    start = time.monotonic()
    model, architecture = classifier.load_run(workdir)
    # Beside the states: nobody but this run, if it is killed, wants them again.
    extractor = features.Extractor(
        model,
        architecture,
        os.path.join(workdir, checkpoints.DIRECTORY),
        flip=settings.flip,
    )
    seen, unseen = (
        extractor(photos).values for photos in (train_photos, validation_photos)
    )
    if not (np.isfinite(seen).all() and np.isfinite(unseen).all()):
        raise Failure("Features of the best epoch's trunk are not finite.")
    labels = train_photos.labels[:, columns]
    fitted = heads.fit(
        seen,
        labels,
        np.ones((len(columns), 2)),
        train_photos.folds,
        seed=settings.seed,
    )
    head = model.get_layer("logits")
    head.set_weights([fitted.kernel, fitted.bias])
    best_weights.write(model, workdir)
    logging.info(
        "Heads fitted again on %d photos in %.1f s",
        len(labels),
        time.monotonic() - start,
    )
    # Of these heads nothing is to be taken back: all photos weigh the same. No
    # `unseen` training photos: the trunk has seen all of them.
    return trainer.Trained(
        batch_norm_folding.fold_batch_norms(model),
        head(unseen).numpy(),
        np.zeros(len(columns)),
        trained.record
        | {"strengths": dict(zip(style_names, fitted.strengths, strict=True))},
    )
