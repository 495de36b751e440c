"""Makes batches of pixels from prepared records, to train and to validate.

Nothing here, nor in what is traced elsewhere, needs AutoGraph: it would rewrite
the source of every function that is called, a third of a short training's CPU.
"""

import tensorflow as tf

from jdstyle.input_pipeline import resampling
from jdstyle.photos import decoding

# Photos of a streamed pass that are shuffled at a time, about 20 kB each.
_STREAM_SHUFFLE = 4096


@tf.autograph.experimental.do_not_convert
def make_train_dataset(
    photos,
    labels,
    acceptance,
    *,
    image_size,
    batch_size,
    seed,
    first_batch=0,
):
    """Builds the endless training dataset of one or several styles.

    Pass after pass over the photos, each pass with its own draw of kept photos
    (`resampling`) in its own order; a batch may span two passes, so that none
    is dropped. Every random number is stateless, keyed by the seed and the
    pass or position: parallel decoding does not change the result.

    Args:
        photos: `records.Photos`.
        labels: int32 array, shape `(n, num_styles)`: those styles' columns; or
            float32, where some columns are no labels, but what else a loss is
            to get of each photo, >= 0.
        acceptance: float32, shape `(num_styles, 2)`, as in
            `resampling.accepted`.
        image_size: height and width of the output, in pixels.
        batch_size: images per batch.
        seed: int.
        first_batch: int; the batches before it are skipped undecoded.

    Returns:
        Infinite `tf.data.Dataset` of `(images, labels)`: uint8
        `(batch_size, image_size, image_size, 3)`, RGB, and float32
        `(batch_size, num_styles)`, -1 where a style does not accept the photo
        or its label is unknown.
    """
    dataset = _draw(photos, labels, acceptance, seed)

    def decode(position, example):
        _, image_bytes, target = example
        image = decoding.decode_random_crop(
            image_bytes, image_size, seed=tf.stack([seed, position])
        )
        return image, tf.cast(target, tf.float32)

    dataset = dataset.enumerate().skip(first_batch * batch_size)
    dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size, drop_remainder=True)
    return dataset.prefetch(tf.data.AUTOTUNE)


@tf.autograph.experimental.do_not_convert
def batch_ids(photos, labels, acceptance, batch, *, batch_size, seed):
    """Names the photos of a batch of `make_train_dataset`.

    Args:
        photos: as there.
        labels: as there.
        acceptance: as there.
        batch_size: as there.
        seed: as there.
        batch: int, the batch's number from 0.

    Returns:
        List of strings.
    """
    dataset = _draw(photos, labels, acceptance, seed)
    dataset = dataset.skip(batch * batch_size).take(batch_size)
    return [photos.ids[index] for index, _, _ in dataset.as_numpy_iterator()]


def _draw(photos, labels, acceptance, seed):
    """Endless dataset of `(index, image_bytes, target)`, not yet decoded."""
    labels = tf.constant(labels)
    draw = {"seed": seed}

    def from_memory(epoch):
        return tf.data.Dataset.from_tensor_slices(
            resampling.draw_epoch(labels, acceptance, epoch=epoch, **draw)
        )

    def from_stream(epoch):
        mask = resampling.accepted(labels, acceptance, epoch=epoch, **draw)
        keep = tf.reduce_any(mask, axis=1)
        targets = tf.where(mask, labels, -1)
        dataset = photos.stream.enumerate().filter(lambda i, _: keep[i])
        # `Dataset.shuffle` holds hidden state; whole chunks do not.
        dataset = dataset.batch(_STREAM_SHUFFLE).enumerate()
        dataset = dataset.map(
            lambda chunk, examples: _shuffle(examples, [seed, epoch, chunk])
        ).unbatch()
        return dataset.map(lambda i, photo: (i, photo, targets[i]))

    if photos.encoded is None:
        return tf.data.Dataset.counter().flat_map(from_stream)
    # Only indices are shuffled: a rejected photo costs nothing.
    dataset = tf.data.Dataset.counter().flat_map(from_memory)
    return dataset.map(
        lambda i, target: (i, tf.gather(photos.encoded, i), target)
    )


@tf.autograph.experimental.do_not_convert
def make_eval_dataset(photos, *, image_size, batch_size):
    """Builds a dataset that shows each photo exactly once, in order.

    Args:
        photos: `records.Photos`.
        image_size: height and width of the output, in pixels.
        batch_size: images per batch; the last one may be smaller.

    Returns:
        `tf.data.Dataset` of uint8 `(batch, image_size, image_size, 3)`, RGB.
    """
    dataset = photos.stream
    if photos.encoded is not None:
        dataset = tf.data.Dataset.from_tensor_slices(photos.encoded)
    dataset = dataset.map(
        lambda image_bytes: decoding.decode(image_bytes, image_size),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    dataset = dataset.apply(
        tf.data.experimental.assert_cardinality(len(photos.ids))
    )
    return dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def _shuffle(examples, key):
    """Permutes the rows of the tensors in a tuple alike."""
    seed, epoch, chunk = key
    order = tf.random.experimental.stateless_shuffle(
        tf.range(tf.shape(examples[0])[0]),
        # 0 and 1 are taken: which photos are kept, and their order in memory.
        tf.random.experimental.stateless_fold_in([seed, epoch], chunk + 2),
    )
    return tuple(tf.gather(column, order) for column in examples)
