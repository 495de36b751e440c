import numpy as np
import pytest
import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.input_pipeline import batches
from jdstyle.input_pipeline import resampling

KEEP_ALL = np.ones((1, 2), "float32")


def make_dataset(photos, acceptance=KEEP_ALL, **options):
    options = {"image_size": 8, "batch_size": 16, "seed": 0} | options
    return batches.make_train_dataset(
        photos, photos.labels[:, :1], acceptance, **options
    )


@pytest.mark.parametrize("cache", ["memory", "stream"])
def test_reads_each_photo_with_its_labels(tiny, cache):
    parts = {
        part: records.read_photos(tiny, part, cache=cache)
        for part in ("train", "validation", "test")
    }
    ids = np.concatenate([photos.ids for photos in parts.values()])
    assert sorted(ids) == sorted(f"{i}.jpg" for i in range(80))
    for photos in parts.values():
        number = np.array([int(i.removesuffix(".jpg")) for i in photos.ids])
        expected = np.stack([number % 2, number % 8 == 0], axis=1)
        np.testing.assert_array_equal(photos.labels, expected)
        # The bright photos have pixels over 127 on average.
        for jpeg, label in zip(photos.stream, photos.labels, strict=True):
            mean = np.mean(tf.io.decode_jpeg(jpeg))
            assert (mean > 127) == label[0]


def test_memory_holds_what_the_stream_reads(tiny):
    photos = records.read_photos(tiny, "train")
    assert photos.encoded.numpy().tolist() == list(
        photos.stream.as_numpy_iterator()
    )


def test_folds_divide_train_and_validation(tiny):
    pool = set()
    for part in ("train", "validation"):
        pool |= set(records.read_photos(tiny, part).ids)
    seen = []
    for fold in range(1, 6):
        train, validation = (
            set(records.read_photos(tiny, part, fold=fold).ids)
            for part in ("train", "validation")
        )
        assert train | validation == pool
        assert not train & validation
        seen += validation
    assert sorted(seen) == sorted(pool)
    # Without a fold the last one validates.
    own = records.read_photos(tiny, "validation")
    assert set(own.ids) == validation


def test_refuses_unknown_fold(tiny):
    with pytest.raises(InputError, match=r"--fold.*\[1, 2, 3, 4, 5\].*: 9"):
        records.read_photos(tiny, "train", fold=9)


def test_refuses_missing_part(tiny, monkeypatch):
    monkeypatch.setattr(type(tiny.info), "splits", {"train": None})
    with pytest.raises(InputError, match="no test photos. It has: train"):
        records.read_photos(tiny, "test")


def test_refuses_photos_that_do_not_fit_into_memory(tiny, monkeypatch):
    monkeypatch.setattr(records, "host_memory", lambda: 50_000)
    with pytest.raises(InputError, match="GB.*--cache=stream"):
        records.read_photos(tiny, "train")
    records.read_photos(tiny, "train", cache="stream")


def test_a_pass_shows_each_photo_once(tiny):
    photos = records.read_photos(tiny, "train")
    n = len(photos.ids)
    dataset = make_dataset(photos, batch_size=n)
    for images, labels in dataset.take(2):
        assert images.shape == (n, 8, 8, 3)
        assert images.dtype == tf.uint8
        assert labels.shape == (n, 1)
        assert labels.numpy().sum() == photos.labels[:, 0].sum()


@pytest.mark.parametrize("cache", ["memory", "stream"])
def test_keeps_image_with_its_label(tiny, cache):
    photos = records.read_photos(tiny, "train", cache=cache)
    for images, labels in make_dataset(photos).take(5):
        bright = tf.reduce_mean(tf.cast(images, tf.float32), [1, 2, 3]) > 127
        np.testing.assert_array_equal(bright, labels[:, 0] == 1)


@pytest.mark.parametrize("cache", ["memory", "stream"])
def test_same_seed_same_batches(tiny, cache):
    photos = records.read_photos(tiny, "train", cache=cache)
    runs = [
        [images.numpy() for images, _ in make_dataset(photos, seed=s).take(8)]
        for s in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (np.stack(runs[0]) != np.stack(runs[2])).any()


def test_first_batch_skips_ahead(tiny):
    photos = records.read_photos(tiny, "train")
    whole = list(make_dataset(photos).take(6))
    rest = list(make_dataset(photos, first_batch=4).take(2))
    for (images, labels), (later, later_labels) in zip(
        whole[4:], rest, strict=True
    ):
        np.testing.assert_array_equal(images, later)
        np.testing.assert_array_equal(labels, later_labels)


def test_stream_keeps_the_photos_that_memory_keeps(tiny):
    """The acceptance rule is the same filter, only the order differs."""
    acceptance = np.array([[0.2, 1.0]], "float32")
    in_memory = records.read_photos(tiny, "train")
    streamed = records.read_photos(tiny, "train", cache="stream")
    first_pass, _ = resampling.draw_epoch(
        in_memory.labels[:, :1], acceptance, seed=0, epoch=0
    )
    passes = [
        next(iter(make_dataset(p, acceptance, batch_size=len(first_pass))))
        for p in (in_memory, streamed)
    ]
    # Crops are keyed by position, so compare what they leave alone.
    assert passes[0][1].numpy().sum() == passes[1][1].numpy().sum()
    positives = in_memory.labels[:, 0].sum()
    assert passes[1][1].numpy().sum() == positives
    assert len(first_pass) < len(in_memory.ids)


def test_evaluation_shows_each_photo_once_in_order(tiny):
    for cache in ("memory", "stream"):
        photos = records.read_photos(tiny, "train", cache=cache)
        dataset = batches.make_eval_dataset(photos, image_size=8, batch_size=7)
        sizes = [len(images) for images in dataset]
        assert sum(sizes) == len(photos.ids)
        assert sizes[-1] == (len(photos.ids) % 7 or 7)
        means = np.concatenate([np.mean(i, axis=(1, 2, 3)) for i in dataset])
        np.testing.assert_array_equal(means > 127, photos.labels[:, 0] == 1)


def test_memory_of_this_machine():
    # Between a small container and the largest server.
    assert 2**28 < records.host_memory() < 2**50


@pytest.mark.parametrize("cache", ["memory", "stream"])
def test_several_styles_mask_and_skip(tiny, cache):
    """A style that rejects a photo is masked; rejected by all, undecoded."""
    photos = records.read_photos(tiny, "train", cache=cache)
    labels = photos.labels.copy()
    labels[::3, 1] = -1  # Unknown to the second style.
    # The first takes only bright photos, the second only its own positives.
    acceptance = np.array([[0, 1], [0, 1]], "float32")
    expected = np.where(labels == 1, 1, -1)
    expected = expected[(expected == 1).any(axis=1)]
    dataset = batches.make_train_dataset(
        photos, labels, acceptance, image_size=8, batch_size=len(expected),
        seed=0,
    )  # fmt: skip
    for images, targets in dataset.take(2):
        targets = targets.numpy()
        assert sorted(targets.tolist()) == sorted(expected.tolist())
        bright = images.numpy().mean(axis=(1, 2, 3)) > 127
        np.testing.assert_array_equal(bright, targets[:, 0] == 1)
