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
_MOST_SAID = 200  # Characters of what TensorFlow says.


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
    return _Signature(loaded.signatures[signature], loaded), style_names


def load_program(directory):
    """Loads a SavedModel with its `core` and signatures, after a look inside.

    Args:
        directory: path of the SavedModel.

    Returns:
        `(loaded, style_names)`: what TensorFlow loads, and the list of styles.

    Raises:
        InputError: if there is none, if a file is not what was written, or if
            it holds something that `export` does not write; nothing of it
            has run by then. Also if TensorFlow cannot load it.
    """
    style_names = check(directory)
    return _load(directory), style_names


def check(directory):
    """Checks that a SavedModel is whole and ours; nothing of it runs.

    Args:
        directory: path of the SavedModel.

    Returns:
        The list of its styles.

    Raises:
        InputError: as `load_program`.
    """
    require_directory(directory)
    sums.check_all(directory)
    inspection.check(directory)
    return assets.read_styles(directory)


def _load(directory):
    try:
        loaded = tf.saved_model.load(directory)
        missing = {"serving_default", "members"} - set(loaded.signatures)
        if missing or not hasattr(loaded, "core"):
            raise ValueError("it lacks a function")
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise
    # What is damaged and has sums makes TensorFlow raise nearly anything.
    except Exception as error:
        raise InputError(
            f"{directory} is damaged, TensorFlow cannot load it "
            f"({_first_line(error)}). Copy it again from where it was written, "
            "or train or fuse it again."
        ) from error
    return loaded


def _first_line(error):
    text = str(error).partition("\n")[0][:_MOST_SAID]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


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

    def __init__(self, function, loaded):
        self._function = function
        self._loaded = loaded

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

    Raises:
        Failure: if the model cannot score them, or gives no numbers.
    """

    def call(photos):
        try:
            outputs = {k: v.numpy() for k, v in classify(photos).items()}
        except tf.errors.ResourceExhaustedError:
            raise
        except tf.errors.OpError as error:
            raise Failure(
                f"The model cannot score photos ({_first_line(error)}). It may "
                "be damaged: copy it again, or train or fuse it again."
            ) from error
        _require_numbers(outputs)
        return outputs

    calls = collections.deque()
    with threads.pool(_CALLS) as pool:
        for key, photos in batches:
            calls.append((key, pool.submit(call, photos)))
            if len(calls) == _CALLS:
                key, future = calls.popleft()
                yield key, future.result()
        for key, future in calls:
            yield key, future.result()


def _require_numbers(outputs):
    """Refuses what a model of broken weights gives for photos it can read."""
    probabilities = outputs["probabilities"]
    valid = outputs.get("valid", np.ones(len(probabilities), bool))
    if not np.all(np.isfinite(probabilities[valid])):
        raise Failure(
            "The model gives probabilities that are not finite. Its weights "
            "are damaged: copy it again, or train or fuse it again."
        )
