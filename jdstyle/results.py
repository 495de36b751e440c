"""From a trained network to what its run directory keeps."""

import os
import time

import numpy as np
import tensorflow as tf

from jdstyle.evaluation import scores as report
from jdstyle.evaluation import thresholds
from jdstyle.runs import directory
from jdstyle.serving import saved_model


def write(trained, photos, names, styles, workdir, *, start, num_leaking=0):
    """Chooses the thresholds, exports the SavedModel and writes the results.

    `results.json` comes last: a directory that has it is complete.

    Args:
        trained: `training.Trained`.
        photos: `input_pipeline.Photos` that validated.
        names: list of the styles' names.
        styles: list of ints, the styles' columns in the labels.
        workdir: run directory.
        start: `time.monotonic()` when the run began.
        num_leaking: as in `report.score`.

    Returns:
        The dict in `results.json`.
    """
    labels = photos.labels[:, styles]
    # In float32, as the SavedModel computes them.
    probabilities = tf.sigmoid(trained.logits).numpy()
    directory.write_table(
        os.path.join(workdir, directory.VALIDATION_FILE),
        report.probability_table(photos.ids, names, labels, probabilities),
    )
    chosen = [
        _choose_threshold(column, scores)
        for column, scores in zip(labels.T, probabilities.T, strict=True)
    ]
    saved_model.export(
        saved_model.Thresholded(trained.classifier, chosen),
        names,
        os.path.join(workdir, directory.SAVED_MODEL_DIR),
    )
    decisions = (probabilities >= np.float32(chosen)).astype(int)
    results = {
        "styles": names,
        "thresholds": chosen,
        "validation": report.score(
            names, labels, probabilities, decisions, num_leaking=num_leaking
        ),
        **trained.record,
        "minutes": (time.monotonic() - start) / 60,
        # Of this process, on all cores, loading included.
        "cpu_minutes": time.process_time() / 60,
    }
    directory.write_json(os.path.join(workdir, directory.RESULTS_FILE), results)
    return results


def _choose_threshold(labels, probabilities):
    if not (labels == 1).any():  # Of several styles, one nobody validates.
        return 0.5
    known = labels >= 0
    threshold, _ = thresholds.best_threshold(
        labels[known], probabilities[known]
    )
    return thresholds.separating(threshold, probabilities[known])
