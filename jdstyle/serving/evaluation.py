"""Runs a SavedModel over a part of a data set and scores its decisions."""

import os

import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.datasets import sources
from jdstyle.errors import InputError
from jdstyle.evaluation import scores
from jdstyle.files import lock
from jdstyle.files import together
from jdstyle.runs import directory
from jdstyle.serving import loader
from jdstyle.serving import prevalence
from jdstyle.serving import seen

PROBABILITIES_FILE = "probabilities.csv"


def evaluate(
    saved_model, builder, part, output_dir, *, batch_size=32, shares=None
):
    """Scores a SavedModel on photos; each counts exactly once.

    Args:
        saved_model: directory of the SavedModel.
        builder: a prepared TFDS builder.
        part: "train", "validation" or "test".
        output_dir: takes `results.json` and `probabilities.csv` (id and, per
            style, label and probability); made if needed.
        batch_size: photos per call of the model.
        shares: path of the CSV of --prevalence, or None.

    Returns:
        dict of `scores.score`, with `saved_model`, `dataset`, `fingerprint` and
        `split`; with `shares` also `prevalence`, as `prevalence.apply` says.

    Raises:
        InputError: if there is no such model or part, if the data set does not
            have the model's styles, if some photos trained the model, or if
            `output_dir` holds a run or another process is using it; or as
            `prevalence.read`.
    """
    if os.path.exists(os.path.join(output_dir, directory.FLAGS_FILE)):
        raise InputError(
            f"--output_dir={output_dir} holds a run, whose "
            f"{directory.RESULTS_FILE} would be written over. Name another "
            "directory."
        )
    classify, style_names = loader.load(saved_model)
    given = shares and prevalence.read(shares, saved_model, style_names)
    photos = records.read_photos(
        builder, part, cache="stream", style_names=style_names
    )
    kind = seen.require_unseen(
        saved_model, sources.photo_digests(builder, photos.ids), part
    )
    with lock.hold(output_dir, "output_dir"):
        batches = photos.stream.batch(batch_size).prefetch(tf.data.AUTOTUNE)
        probabilities, decisions = loader.predict(classify, batches)
        record = {}
        if given:
            probabilities, decisions, moved = prevalence.apply(
                given, probabilities, decisions
            )
            record["prevalence"] = moved
        result = {
            "saved_model": saved_model,
            "split": part,
            **record,
            **scores.score(
                style_names,
                photos.labels,
                probabilities,
                decisions,
                photos.source,
                kind=kind,
            ),
        }
        table = scores.probability_table(
            photos.ids, style_names, photos.labels, probabilities
        )
        held = (PROBABILITIES_FILE, directory.RESULTS_FILE)
        with together.replacing(output_dir, held) as new:
            directory.write_table(os.path.join(new, PROBABILITIES_FILE), table)
            directory.write_json(
                os.path.join(new, directory.RESULTS_FILE), result
            )
    return result
