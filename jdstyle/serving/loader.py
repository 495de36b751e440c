"""Loads a product and runs it over batches, so that nothing waits."""

import collections
import os

import numpy as np
import tensorflow as tf

from jdstyle.errors import Failure
from jdstyle.errors import InputError
from jdstyle.files import places
from jdstyle.files import sums
from jdstyle.files import threads
from jdstyle.models import weight_files
from jdstyle.serving import assets
from jdstyle.serving import inspection

# How many batches are in hand at a time: one is decoded while one is in the
# networks. A third would take its memory and gain nothing.
_CALLS = 2


def load(directory, signature="serving_default"):
    """Loads a SavedModel of `saved_model.export`, after looking into it.

    Args:
        directory: path of the SavedModel.
        signature: "serving_default" or "members".

    Returns:
        `(classify, style_names)`: a function of a string tensor `(n,)` that
        returns a dict as `saved_model.StyleClassifier` says, and the list of
        styles.

    Raises:
        InputError: as `load_program`.
    """
    loaded, style_names = load_program(directory)
    return _Signature(loaded, signature), style_names


def load_program(directory):
    """Loads a SavedModel with its `core` and signatures, after a look inside.

    Args:
        directory: path of the SavedModel.

    Returns:
        `(loaded, style_names)`: what TensorFlow loads, and the list of styles.

    Raises:
        InputError: if there is none, if a file is not what was written, or if
            it holds something that `export` does not write; nothing of it
            has run by then.
    """
    require_directory(directory)
    sums.check_all(directory)
    inspection.check(directory)
    style_names = assets.read_styles(directory)
    return tf.saved_model.load(directory), style_names


def require_directory(directory):
    """Raises `InputError` if a path is no SavedModel; looks no further."""
    path = os.path.join(directory, "assets", assets.STYLES)
    if not places.is_file(path):
        found = f"missing: {path}"
        if os.path.isfile(directory):
            found = weight_files.refusal(directory) or "it is a weight file"
        raise InputError(
            "--saved_model must be the directory of a SavedModel that jdstyle "
            f"exported. Received: {directory!r}; {found}."
        )


class _Signature:
    """A signature that keeps its SavedModel, and so its weights, alive."""

    def __init__(self, loaded, name):
        self._loaded = loaded
        self._function = loaded.signatures[name]

    def __call__(self, image_bytes):
        return self._function(image_bytes=image_bytes)


def predict(classify, batches):
    """Runs a loaded model over batches of photo bytes.

    Args:
        classify: of `load`.
        batches: iterable of string tensors `(batch,)`.

    Returns:
        Tuple of arrays, what the signature returns: `probabilities`, float32
        `(n, num_styles)`; `labels`, int32 `(n, num_styles)`; and, from the
        signature "members", `member_probabilities`, float32
        `(n, num_members, num_styles)`.

    Raises:
        Failure: if a photo is not valid to the model.
    """
    pairs = run_ahead(classify, ((None, batch) for batch in batches))
    outputs = [output for _, output in pairs]
    invalid = sum(int(np.sum(~output["valid"])) for output in outputs)
    if invalid:
        raise Failure(
            f"The model cannot read {invalid} photos that were checked before."
        )
    return tuple(
        np.concatenate([output[name] for output in outputs])
        for name in ("probabilities", "labels", "member_probabilities")
        if name in outputs[0]
    )


def run_ahead(classify, batches):
    """Runs a loaded model over batches, two at a time.

    Photos of one batch are decoded, and taken from `batches`, while another
    is in the networks.

    Args:
        classify: of `load`.
        batches: iterable of `(key, photos)`: anything, and a string tensor
            `(batch,)` or a list of bytes.

    Yields:
        `(key, outputs)` in the order of `batches`: a dict of arrays, what the
        signature returns.
    """

    def call(photos):
        return {k: v.numpy() for k, v in classify(photos).items()}

    calls = collections.deque()
    with threads.pool(_CALLS) as pool:
        for key, photos in batches:
            calls.append((key, pool.submit(call, photos)))
            if len(calls) == _CALLS:
                key, future = calls.popleft()
                yield key, future.result()
        for key, future in calls:
            yield key, future.result()
