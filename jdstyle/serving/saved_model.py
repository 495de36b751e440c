"""The product: one SavedModel that takes photos and needs TensorFlow alone."""

import os

import tensorflow as tf

from jdstyle import defaults
from jdstyle.files import sums
from jdstyle.files import swap
from jdstyle.photos import decoding
from jdstyle.serving import assets

# A progressive JPEG or a transparent PNG takes much memory for each pixel: so
# many photos are decoded at a time, on however many cores, and together take
# no more than one of the largest. Those above that share come one by one.
_AT_ONCE = 8


class Thresholded:
    """The scorer of a single network: a threshold per style.

    A scorer has `image_sizes`, the sizes of the images that it wants,
    `member_names`, and `weights`, the list of its `tf.Variable`s. Called with a
    dict from size to images, float32 `(n, size, size, 3)`, it returns a dict of
    `probabilities`, `labels` and `member_probabilities`, as `StyleClassifier`
    says.

    Args:
        model: `keras.Model` from square images to logits `(n, num_styles)`.
        thresholds: one float per style.
    """

    def __init__(self, model, thresholds):
        self._model = model
        self.image_sizes = [model.input_shape[1]]
        self.member_names = ["network"]
        self.weights = [weight.value for weight in model.weights]
        self._thresholds = tf.constant(thresholds, tf.float32)

    def __call__(self, images):
        logits = self._model(images[self.image_sizes[0]], training=False)
        probabilities = tf.sigmoid(logits)
        return {
            "probabilities": probabilities,
            "labels": tf.cast(probabilities >= self._thresholds, tf.int32),
            "member_probabilities": probabilities[:, tf.newaxis],
        }


class StyleClassifier(tf.Module):
    """A scorer behind three signatures.

    - `serving_default`: `image_bytes`, string `(n,)`: JPEG, PNG or WebP files.
    - `pixels`: `images`, float32 `(n, height, width, 3)`, RGB in [0, 255], of
      any size.
    - `members`: as `serving_default`, with `member_probabilities` and, of fused
      products, `label_set` as well.

    They return `probabilities`, float32 `(n, num_styles)`; `labels`, int32
    `(n, num_styles)`, 1 where the style is recognised; and `valid`, bool
    `(n,)`: False where a file is not a readable photo or a pixel is not finite;
    such a photo has probabilities NaN and labels 0 and leaves the others as
    they are. `member_probabilities` are float32
    `(n, num_members, num_styles)`, NaN where a member lacks a style;
    `label_set` is int32 `(n, num_styles)`, the most probable one. A photo is
    decoded once, for all members; where these want several sizes, the
    smaller ones are averaged down from a decoding for the largest, which is not
    to the last bit what they were trained on.

    Args:
        scorer: `Thresholded` or `ensemble.Ensemble`.
        asset_paths: list of the files that become assets.
    """

    def __init__(self, scorer, asset_paths):
        super().__init__()
        self._scorer = scorer
        # No more than this is saved. A tracked Keras model would bring a node
        # for each layer, and two signatures of its own that are traced.
        self.weights = scorer.weights
        self.files = [tf.saved_model.Asset(path) for path in asset_paths]
        # One function for all signatures: each would otherwise bring a copy
        # of every network's graph, to write, to load and to optimise. Public:
        # `runtimes.frozen_graph` hands it to other runtimes, which want no
        # branch in it.
        self.core = tf.function(
            self._score_images,
            input_signature=[
                tf.TensorSpec((None, size, size, 3), tf.float32)
                for size in scorer.image_sizes
            ],
            autograph=False,
        )

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")],
        autograph=False,
    )
    def classify_files(self, image_bytes):
        return _without_members(self.classify_files_by_member(image_bytes))

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")],
        autograph=False,
    )
    def classify_files_by_member(self, image_bytes):
        places, images = self._decode(image_bytes)
        return _spread(self._run(images), places, tf.shape(image_bytes)[0])

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.float32, name="images")
        ],
        autograph=False,
    )
    def classify_pixels(self, images):
        # A network may hide a NaN: to a relu it can be 0.
        valid = tf.reduce_all(tf.math.is_finite(images), axis=[1, 2, 3])
        places = tf.where(valid)
        good = tf.gather(images, places[:, 0])
        sizes = self._scorer.image_sizes
        outputs = self._run([decoding.resize(good, size) for size in sizes])
        return _without_members(_spread(outputs, places, tf.shape(images)[0]))

    def _decode(self, image_bytes):
        """Returns the places of the readable photos, and their images."""
        num_photos = tf.shape(image_bytes, tf.int64)[0]
        places, images = self._decode_some(
            tf.range(num_photos), image_bytes, 1 / _AT_ONCE, _AT_ONCE
        )
        # The large ones, and once more the broken ones.
        found = tf.scatter_nd(
            places[:, tf.newaxis], tf.ones_like(places), [num_photos]
        )
        rest = tf.where(found == 0)[:, 0]
        more_places, more = self._decode_some(
            rest, tf.gather(image_bytes, rest), 1, 1
        )
        places = tf.concat([places, more_places], axis=0)
        images = [
            tf.cast(tf.concat(both, axis=0), tf.float32)
            for both in zip(images, more, strict=True)
        ]
        return places[:, tf.newaxis], images

    def _decode_some(self, places, image_bytes, share, at_once):
        """Returns the places of the readable of some photos, and uint8s."""
        sizes = self._scorer.image_sizes

        def decode(place, photo):
            return place, *decoding.decode_sizes(photo, sizes, share)

        dataset = tf.data.Dataset.from_tensor_slices((places, image_bytes))
        dataset = dataset.map(decode, num_parallel_calls=at_once)
        dataset = dataset.ignore_errors()
        # A batch needs an element. This one goes at once.
        last = (
            tf.constant(0, tf.int64),
            *(tf.zeros((size, size, 3), tf.uint8) for size in sizes),
        )
        dataset = dataset.concatenate(tf.data.Dataset.from_tensors(last))
        num_photos = tf.size(places, tf.int64)
        places, *images = dataset.batch(num_photos + 1).get_single_element()
        return places[:-1], [batch[:-1] for batch in images]

    def _run(self, images):
        """Runs the scorer on a batch of images per size, which may be empty."""
        num_photos = tf.shape(images[0])[0]
        sizes = self._scorer.image_sizes
        outputs = self.core(*map(_at_least_one, images, sizes))
        return {name: value[:num_photos] for name, value in outputs.items()}

    def _score_images(self, *images):
        sizes = self._scorer.image_sizes
        return self._scorer(dict(zip(sizes, images, strict=True)))


def _spread(outputs, places, num_photos):
    """Puts the outputs of the valid photos in their places among all."""
    hits = tf.scatter_nd(places, tf.ones_like(places[:, 0]), [num_photos])
    spread = {"valid": hits > 0}
    for name, value in outputs.items():
        missing = 0 if value.dtype == tf.int32 else float("nan")
        shape = tf.concat([[num_photos], tf.shape(value)[1:]], axis=0)
        everywhere = tf.fill(shape, tf.constant(missing, value.dtype))
        everywhere = tf.ensure_shape(everywhere, value.shape)
        spread[name] = tf.tensor_scatter_nd_update(everywhere, places, value)
    return spread


def _at_least_one(images, size):
    """Puts a blank photo in an empty batch: oneDNN's kernels refuse those."""
    images = tf.cond(
        tf.shape(images)[0] > 0,
        lambda: images,
        lambda: tf.zeros((1, size, size, 3)),
    )
    return tf.ensure_shape(images, (None, size, size, 3))


def _without_members(outputs):
    names = ("probabilities", "labels", "valid")
    return {name: outputs[name] for name in names}


def export(
    scorer,
    style_names,
    directory,
    *,
    short_side=defaults.SHORT_SIDE,
    shares=None,
    seen=None,
):
    """Writes a SavedModel, aside first, so that none is ever half there.

    Where writing fails, an older one stays and nothing is left of the new one.
    Where it is killed between two renames, the older one is back at the next
    export.

    Args:
        scorer: `Thresholded` or `ensemble.Ensemble`.
        style_names: one string per style.
        directory: path of the SavedModel; an older one is replaced.
        short_side: int, pixels, what `prepare` scaled the training photos down
            to; `predict` does the same.
        shares: None, or a float in (0, 1) per style: of training photos.
        seen: None where nobody knows, or `seen.Seen`.
    """
    files = assets.lines(
        style_names, scorer.member_names, short_side, shares, seen
    )
    with swap.written(directory) as unfinished:
        _write(scorer, files, unfinished)


def _write(scorer, files, directory):
    """Writes a SavedModel with asset files, a dict from file name to lines."""
    os.makedirs(directory)
    paths = [os.path.join(directory, name) for name in files]
    for path, lines in zip(paths, files.values(), strict=True):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    classifier = StyleClassifier(scorer, paths)
    tf.saved_model.save(
        classifier,
        directory,
        signatures={
            "serving_default": classifier.classify_files,
            "pixels": classifier.classify_pixels,
            "members": classifier.classify_files_by_member,
        },
    )
    for path in paths:
        os.remove(path)  # The SavedModel has its own in assets/.
    sums.write(directory)
