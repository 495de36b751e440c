"""What a finished training writes: probabilities, SavedModel, scores."""

import os
import time

import numpy as np
import tensorflow as tf

from jdstyle.evaluation import bagging
from jdstyle.evaluation import calibration
from jdstyle.evaluation import scores
from jdstyle.models import classifier
from jdstyle.runs import directory
from jdstyle.runs import probability_tables
from jdstyle.serving import prevalence
from jdstyle.serving import saved_model
from jdstyle.training import recipe
from jdstyle.training import tensorboard


def write(
    trained,
    train_photos,
    photos,
    columns,
    settings,
    workdir,
    *,
    style_names,
    photos_seen,
    start,
):
    """Calibrates, chooses thresholds, exports the SavedModel, writes results.

    `results.json` comes last: a directory that has it is complete.

    Args:
        trained: `trainer.Trained`.
        train_photos: `records.Photos` that trained.
        photos: `records.Photos` that validated.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        workdir: run directory.
        style_names: list of strings, one per column.
        photos_seen: `seen.Seen`, or None.
        start: `time.monotonic()` when the run began.

    Returns:
        The dict in `results.json`.
    """
    labels = photos.labels[:, columns]
    pooled, logits = _pool(trained, labels)
    fitted = calibration.fit(
        pooled, logits, np.zeros(len(pooled)), seed=settings.seed
    )
    classifier.correct_logits(
        trained.classifier,
        recipe.make_architecture(settings, len(columns)),
        fitted.shift,
        fitted.scale,
    )
    # In float32, as the SavedModel computes them.
    predicted = tf.sigmoid(fitted.apply(logits)).numpy()
    probabilities = predicted[: len(labels)]
    directory.write_table(
        os.path.join(workdir, directory.VALIDATION_FILE),
        scores.probability_table(
            photos.ids, style_names, labels, probabilities
        ),
    )
    choosing = directory.VALIDATION_FILE
    if len(pooled) > len(labels):
        choosing = directory.OUT_OF_FOLD_FILE
        ids = np.concatenate([photos.ids, train_photos.ids])
        directory.write_table(
            os.path.join(workdir, choosing),
            scores.probability_table(ids, style_names, pooled, predicted),
        )
    pairs = list(zip(pooled.T, predicted.T, strict=True))
    chosen = [
        bagging.choose(*of_style, settings.threshold, settings.seed)
        for of_style in pairs
    ]
    model = trained.classifier
    saved_model.export(
        saved_model.Thresholded(
            classifier.average_mirrored(model) if settings.flip else model,
            chosen,
        ),
        style_names,
        os.path.join(workdir, directory.SAVED_MODEL_DIR),
        short_side=photos.short_side,
        shares=prevalence.shares(train_photos.labels[:, columns]),
        seen=photos_seen,
    )
    probability_tables.bind(workdir, choosing)
    decisions = (probabilities >= np.array(chosen, np.float32)).astype(int)
    results = {
        "styles": style_names,
        "thresholds": chosen,
        "validation": scores.score(
            style_names,
            labels,
            probabilities,
            decisions,
            photos.source,
            kind=scores.OPTIMISTIC,
            thresholds=chosen,
            chosen_on=pairs,
            seed=settings.seed,
        ),
        **trained.record,
        # What is in the SavedModel and not in the weights.
        "logit_scales": fitted.scale.tolist(),
        "logit_corrections": fitted.apply(trained.correction).tolist(),
        "minutes": (time.monotonic() - start) / 60,
        # Of this process, on all cores, loading included.
        "cpu_minutes": time.process_time() / 60,
    }
    tensorboard.show_reliability(workdir, results["validation"])
    directory.write_json(os.path.join(workdir, directory.RESULTS_FILE), results)
    return results


def _pool(trained, labels):
    """Returns labels and logits of all photos that no network was trained on.

    Args:
        trained: `trainer.Trained`.
        labels: int array `(n, num_styles)`, of the photos that validate.

    Returns:
        Two arrays `(m, num_styles)`, m >= n, the n photos first; the label is
        -1 where it is not known or there is no logit.
    """
    if trained.unseen is None:
        return labels, trained.logits
    more, logits = trained.unseen
    there = np.isfinite(logits)
    return (
        np.concatenate([labels, np.where(there, more, -1)]),
        np.concatenate([trained.logits, np.where(there, logits, 0)]),
    )
