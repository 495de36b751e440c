"""From a trained network to what its run directory keeps."""

import os
import time

import numpy as np
import pandas as pd
import tensorflow as tf

from jdstyle import experiment
from jdstyle import report
from jdstyle import serving
from jdstyle import thresholds

VALIDATION_FILE = "validation_probabilities.csv"
SAVED_MODEL_DIR = "saved_model"


def write(trained, photos, style_name, style, workdir, *, start):
    """Chooses the threshold, exports the SavedModel and writes the results.

    `results.json` comes last: a directory that has it is complete.

    Args:
        trained: `training.Trained`.
        photos: `input_pipeline.Photos` that validated.
        style_name: string.
        style: int, the style's column in the labels.
        workdir: run directory.
        start: `time.monotonic()` when the run began.

    Returns:
        The dict in `results.json`.
    """
    labels = photos.labels[:, style]
    # In float32, as the SavedModel computes them.
    probabilities = tf.sigmoid(trained.logits).numpy()[:, 0]
    write_probabilities(
        os.path.join(workdir, VALIDATION_FILE),
        photos.ids,
        labels,
        probabilities,
    )
    threshold, _ = thresholds.best_threshold(labels, probabilities)
    threshold = thresholds.separating(threshold, probabilities)
    serving.export(
        trained.classifier,
        [threshold],
        [style_name],
        os.path.join(workdir, SAVED_MODEL_DIR),
    )
    decisions = (probabilities >= np.float32(threshold)).astype(int)
    results = {
        "style": style_name,
        "threshold": threshold,
        "validation": report.score(
            [style_name],
            labels[:, np.newaxis],
            probabilities[:, np.newaxis],
            decisions[:, np.newaxis],
        ),
        **trained.record,
        "minutes": (time.monotonic() - start) / 60,
    }
    experiment.write_json(
        os.path.join(workdir, experiment.RESULTS_FILE), results
    )
    return results


def write_probabilities(path, ids, labels, probabilities):
    """Writes `id,label,probability`, a line per photo.

    Args:
        path: of the CSV.
        ids: array of n strings.
        labels: int array of 0s and 1s, shape `(n,)`.
        probabilities: float32 array in [0, 1], shape `(n,)`; written so that
            reading gives the same float32.
    """
    table = pd.DataFrame(
        {"id": ids, "label": labels, "probability": probabilities}
    )
    table.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")
