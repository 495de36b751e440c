"""Features of photos by a frozen backbone, kept beside the records.

They depend on the photo's bytes, the backbone, its weights, the image size,
--flip and the code between them, and on nothing else: runs that agree in these
share them, whatever their styles and folds, and photos that a new version of
the data set has in common with an older one keep theirs.
"""

import contextlib
import glob
import hashlib
import os
import time
import typing
import zipfile

import keras
import numpy as np
from absl import logging

from jdstyle.datasets import records
from jdstyle.datasets import whole_records
from jdstyle.files import atomic
from jdstyle.input_pipeline import batches
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier
from jdstyle.models import forward
from jdstyle.runs import provenance

FOLDER = "features"

_BATCH = 32
# Photos whose features are written at a time: what a killed run loses is less
# than two minutes of a core.
_AT_ONCE = 1024
_DIGITS = 16  # Of the digests in the names of folders and files.
_CODE = ("models/", "photos/", "input_pipeline/batches.py")
# What NumPy says of a file that was cut or changed.
_BROKEN = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)


class Features(typing.NamedTuple):
    """What a backbone makes of photos.

    Attributes:
        values: float32 array `(n, channels)`.
        computed: int, how many photos were not in the cache.
        seconds: float, how long these took.
    """

    values: np.ndarray
    computed: int
    seconds: float


class Extractor:
    """Computes features with a network's backbone, or finds them.

    It computes as the product does: in float32, batch norms folded.

    Args:
        model: `keras.Model` of `classifier.build` with one backbone.
        architecture: `classifier.Architecture` of it.
        data_set_dir: folder of the data set's versions; the cache is in it.
        flip: bool, whether to average over each photo and its mirror image. A
            head makes of that what the mean of its logits is.

    Attributes:
        folder: of the cache, for this backbone, its weights, its size and flip.
    """

    def __init__(self, model, architecture, data_set_dir, *, flip=False):
        folded = batch_norm_folding.fold_batch_norms(model)
        body = keras.Model(folded.input, folded.get_layer("logits").input)
        if flip:
            body = classifier.average_mirrored(body)
        self._forward = forward.make_forward(body)
        self._image_size = architecture.image_size
        name = "-".join(
            [
                architecture.backbone,
                str(architecture.image_size),
                _digest(model.get_layer("backbone"))[:_DIGITS],
                *(["flip"] if flip else []),
            ]
        )
        self.folder = os.path.join(data_set_dir, FOLDER, name)

    def __call__(self, photos):
        """Returns the `Features` of `records.Photos`, in their order."""
        digests = [hashlib.sha256(x).digest() for x in _encoded(photos)]
        # Of several trainings that begin together one computes.
        with _turn(self.folder):
            found = _read(self.folder)
            start = time.monotonic()
            missing = {}
            for place, digest in enumerate(digests):
                if digest not in found:
                    # Of equal photos the first: places must ascend.
                    missing.setdefault(digest, place)
            self._compute(photos, missing, found)
        return Features(
            np.stack([found[digest] for digest in digests]),
            len(missing),
            time.monotonic() - start,
        )

    def _compute(self, photos, missing, found):
        """Adds the features of photos to those found, and to the cache.

        Args:
            photos: `records.Photos`.
            missing: dict from digests to places in them, in ascending order.
            found: dict from digests to features.
        """
        dataset = batches.make_eval_dataset(
            records.choose(photos, list(missing.values())),
            image_size=self._image_size,
            batch_size=_BATCH,
        )
        digests, waiting, done = list(missing), [], 0
        for images in dataset if missing else ():
            waiting += list(self._forward(images).numpy())
            last = done + len(waiting) == len(digests)
            if len(waiting) >= _AT_ONCE or last:
                of = digests[done : done + len(waiting)]
                part = dict(zip(of, waiting, strict=True))
                _write(self.folder, part)
                found |= part
                done, waiting = done + len(waiting), []
                logging.info("Features of %d of %d photos", done, len(digests))


def _digest(backbone):
    """Returns what, of all but photo and size, features depend on."""
    total = hashlib.sha256()
    for weight in backbone.weights:
        total.update(np.ascontiguousarray(weight).tobytes())
    for name, code in sorted(provenance.environment()["code"].items()):
        if name.startswith(_CODE):
            total.update(f"{name} {code}".encode())
    return total.hexdigest()


def _encoded(photos):
    """Iterates over the photos' bytes."""
    if photos.encoded is None:
        return photos.stream.as_numpy_iterator()
    return iter(photos.encoded.numpy())


@contextlib.contextmanager
def _turn(folder):
    """Holds the cache; where there can be none, as if it were empty."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(whole_records.wait_for_turn(folder))
        except OSError as error:
            _warn(folder, error)
        yield


def _read(folder):
    """Returns a dict from the digests of photos to their features."""
    found = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.npz"))):
        try:
            with np.load(path, allow_pickle=False) as file:
                digests, values = file["digests"], file["features"]
            if len(digests) != len(values) or values.dtype != np.float32:
                raise ValueError("its parts do not belong together")
        except _BROKEN as error:
            logging.warning("%s is broken (%s): computing anew", path, error)
            continue
        found |= zip((row.tobytes() for row in digests), values, strict=True)
    return found


def _write(folder, part):
    """Writes features to the cache, aside first; without it, all goes on."""
    digests = np.frombuffer(b"".join(part), np.uint8).reshape(len(part), -1)
    name = hashlib.sha256(digests.tobytes()).hexdigest()[:_DIGITS]
    try:
        with atomic.aside(os.path.join(folder, f"{name}.npz"), "wb") as file:
            np.savez(
                file, digests=digests, features=np.stack(list(part.values()))
            )
    except OSError as error:
        _warn(folder, error)


def _warn(folder, error):
    logging.warning(
        "Features cannot be kept in %s, the next run computes them again: %s",
        folder,
        error.strerror or error,
    )
