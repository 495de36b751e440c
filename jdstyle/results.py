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
    experiment.write_table(
        os.path.join(workdir, experiment.VALIDATION_FILE),
        pd.DataFrame(
            {"id": photos.ids, "label": labels, "probability": probabilities}
        ),
    )
    threshold, _ = thresholds.best_threshold(labels, probabilities)
    threshold = thresholds.separating(threshold, probabilities)
    serving.export(
        trained.classifier,
        [threshold],
        [style_name],
        os.path.join(workdir, experiment.SAVED_MODEL_DIR),
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
