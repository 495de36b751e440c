"""Tests for `jdstyle.training.objective` and the scores of `validation`."""

import hidden
import numpy as np
import small_settings
import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.training import objective
from jdstyle.training import validation

SOURCE = records.Source("tiny/1.0.0", "f" * 64, num_leaking=0)


def photos(labels):
    names = np.arange(len(labels)).astype(str)
    encoded = tf.constant(names)
    stream = tf.data.Dataset.from_tensor_slices(encoded)
    return records.Photos(names, labels, encoded, stream, SOURCE, 320)


def make(train, validate):
    settings = small_settings.SETTINGS
    columns = list(range(train.shape[1]))
    parts = photos(train), photos(validate)
    names = ["a", "b"][: len(columns)]
    return objective.make_objective(*parts, columns, settings, names)


def test_what_is_known_of_few_photos_makes_short_epochs():
    """As many photos as it would with these alone, and scored on these."""
    labels = np.resize(np.int32([[1], [0], [0]]), (30, 1))
    alone = make(labels, labels)
    known, more = hidden.insert(labels, photos=300)
    found = make(more.astype(np.int32), more.astype(np.int32))
    assert found.photos_per_epoch == alone.photos_per_epoch == 30
    assert (found.acceptance == alone.acceptance).all()
    assert (found.correction == alone.correction).all()
    assert (found.validates == known).all()
    assert (found.validation_labels == labels).all()
    names = np.flatnonzero(known).astype(str)
    validating = found.validation_photos
    assert (validating.ids == names).all()
    assert (validating.encoded.numpy().astype(str) == names).all()
    streamed = [name.decode() for name in validating.stream.as_numpy_iterator()]
    assert streamed == names.tolist()


def test_the_loss_is_of_known_labels():
    labels = np.resize(np.int32([[1, 1], [0, 1], [0, 0]]), (30, 2))
    logits = np.linspace(-2, 2, 60, dtype=np.float32).reshape(30, 2)
    of_each = []
    for column in (0, 1):
        one = labels[:, [column]]
        scored = logits[:, [column]]
        logs = validation.score(make(one, one), scored, tf.sigmoid(scored))
        of_each.append(logs["val_loss"])
    gaps = labels.copy()
    gaps[::2, 1] = -1
    half = labels[1::2, 1:], logits[1::2, 1:]
    of_half = validation.score(make(half[0], half[0]), half[1], half[1] > 0)
    logs = validation.score(make(gaps, gaps), logits, tf.sigmoid(logits))
    expected = (30 * of_each[0] + 15 * of_half["val_loss"]) / 45
    np.testing.assert_allclose(logs["val_loss"], expected, rtol=1e-6)
