"""Labelled photos with what a product says of them, to choose thresholds on."""

import os
import typing

import numpy as np
import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.datasets import sources
from jdstyle.errors import InputError
from jdstyle.runs import directory
from jdstyle.runs import probability_tables
from jdstyle.serving import loader
from jdstyle.serving import seen


class Scored(typing.NamedTuple):
    """Labelled photos and what a product says of them.

    Attributes:
        ids: array of n strings.
        labels: int array `(n, num_styles)`: 1, 0, or -1 where unknown.
        probabilities: float32 array `(n, num_styles)` in [0, 1].
        source: dict of `records.Source`, where the photos come from.
        said: string, which photos they are, for people.
        path: of the table that they were read from, or None.
        digests: list of `sources.photo_digests`, or None where the product has
            chosen by these photos before.
    """

    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    source: dict
    said: str
    path: str | None = None
    digests: list[str] | None = None


def read_beside(saved_model, style_names):
    """Reads the scores out of fold that lie beside a product.

    Args:
        saved_model: directory of the SavedModel.
        style_names: list of strings, its styles.

    Returns:
        `Scored`.

    Raises:
        InputError: as `probability_tables`, or if results.json beside it does
            not say which data they are of.
    """
    path = probability_tables.find(saved_model)
    results = os.path.join(os.path.dirname(path), directory.RESULTS_FILE)
    if not os.path.isfile(results):
        raise InputError(f"{results} is missing, which says of which data.")
    try:
        found = directory.read_json(results)["validation"]
        source = {name: found[name] for name in records.Source._fields}
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{results} must say of which data its scores are ({error})."
        ) from error
    table = probability_tables.read(path, style_names)
    labels, probabilities = (
        table[[f"{kind} {name}" for name in style_names]].to_numpy()
        for kind in ("label", "probability")
    )
    return Scored(
        table.index.to_numpy(str),
        labels.astype(np.int32),
        probabilities.astype(np.float32),
        source,
        f"{len(table)} photos out of fold ({path})",
        path,
    )


def score_split(saved_model, builder, part, *, batch_size=32):
    """Scores a part of a prepared data set with a product.

    Args:
        saved_model: directory of the SavedModel.
        builder: a prepared TFDS builder.
        part: "train", "validation" or "test".
        batch_size: photos per call of the model.

    Returns:
        `Scored`.

    Raises:
        InputError: as `loader.load` and `records.read_photos`, or if some of
            the photos trained the product.
    """
    classify, style_names = loader.load(saved_model)
    photos = records.read_photos(
        builder, part, cache="stream", style_names=style_names
    )
    digests = sources.photo_digests(builder, photos.ids)
    seen.require_unseen(saved_model, digests, part)
    batches = photos.stream.batch(batch_size).prefetch(tf.data.AUTOTUNE)
    probabilities, _ = loader.predict(classify, batches)
    return Scored(
        photos.ids,
        photos.labels,
        probabilities,
        photos.source._asdict(),
        f"{len(photos.ids)} {part} photos of {photos.source.dataset}",
        digests=digests,
    )
