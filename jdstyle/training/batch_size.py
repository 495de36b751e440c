"""How many photos a step takes, and what to do where the memory runs out."""

import contextlib
import gc
import math
import re

import tensorflow as tf
from absl import logging

from jdstyle import errors
from jdstyle.errors import Failure
from jdstyle.errors import InputError
from jdstyle.runs import checkpoints

# Between these lies the batch of --batch_size=auto. The default learning rates
# are made for the smaller one.
SMALLEST, LARGEST = 32, 256

# What auto leaves a training at least, if the smallest batch allows it.
_STEPS = 2000

# What a batch that was made smaller is a multiple of, on each device.
STEP = 8


def best(photos, *, num_replicas=1, fitting=None):
    """Chooses the batch that learns best: --batch_size=auto.

    A larger batch makes a GPU faster and each gradient less noisy, but leaves
    fewer steps to the same photos, and a short training needs its steps. So it
    is the largest power of two from 32 to 256 with which the whole training has
    at least 2,000. The rule asks for the photos alone, and the same command
    trains alike on a GPU and a CPU; where its batch does not fit the memory,
    the largest of these that does is taken.

    Args:
        photos: float, how many the whole training shows.
        num_replicas: int, devices that share a batch.
        fitting: function without arguments that returns how many photos fit
            the memory; called if the batch would be more than 32.

    Returns:
        int, photos per step over all devices, a multiple of `num_replicas`.
    """
    size = SMALLEST
    while size < LARGEST and photos >= 2 * size * _STEPS:
        size *= 2
    if size > SMALLEST and fitting is not None:
        room = fitting()
        while size > max(SMALLEST, room):
            size //= 2
    return math.ceil(size / num_replicas) * num_replicas


def rate_factor(batch_size):
    """Returns by what a batch multiplies the learning rate of a batch of 32.

    AdamW divides by the root of the squared gradients, hence the square root.

    Args:
        batch_size: int, photos per step over all devices.

    Source: Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient
    Algorithms" (2022), definition 5.
    """
    return math.sqrt(batch_size / SMALLEST)


def train_with_batch(train, given, *, first_try, num_replicas, states_dir):
    """Trains with the batch size that was asked for, or with one that fits.

    Args:
        train: function of a batch size that trains, from the saved state on
            where there is one.
        given: int, or "auto" or "max", as in `recipe.Settings`.
        first_try: function without arguments that returns the batch size with
            which auto and max begin.
        num_replicas: int, devices that share a batch.
        states_dir: folder of the saved states, see `checkpoints`.

    Returns:
        What `train` returns.

    Raises:
        InputError: if the devices cannot share a batch evenly, or if the given
            one or the smallest of auto and max does not fit the memory.
        Failure: if the batch of auto or max does not fit, and there is a state.
    """

    def train_evenly(batch_size):
        require_divisible(batch_size, num_replicas)
        return train(batch_size)

    def train_unless_lost(batch_size):
        try:
            return train_evenly(batch_size)
        except tf.errors.ResourceExhaustedError as error:
            kept = checkpoints.find(states_dir)
            if not kept or errors.is_disk_full(error):
                raise
            # Another batch would begin again: hours may be lost.
            raise Failure(
                f"--batch_size={given}: {batch_size} photos ran out of memory. "
                f"The state is kept: {kept[-1]}. To go on from it, free the "
                "device of other programs and run the same command again; to "
                "begin again with less memory, pass a smaller --batch_size, "
                f"such as {max(1, batch_size // 2)}, and another --workdir."
            ) from error

    if isinstance(given, int):
        with batch_must_fit(given):
            return train_evenly(given)
    return shrink_until_it_fits(
        train_unless_lost, first_try(), smallest=STEP * num_replicas
    )


@contextlib.contextmanager
def batch_must_fit(batch_size):
    """Says which flag to change where a batch exceeds the device's memory.

    A full disk, for which TensorFlow raises the same error, stays what it is.

    Args:
        batch_size: int, photos per step over all devices.

    Raises:
        InputError: in place of `tf.errors.ResourceExhaustedError`.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        if errors.is_disk_full(error):
            raise
        # Out of `fit` it comes with the whole step's operations before it.
        said = re.search(r"OOM when allocating[^\n]{,200}", str(error))
        raise InputError(
            f"A batch of {batch_size} photos does not fit the device's memory. "
            f"Pass a smaller --batch_size, such as {max(1, batch_size // 2)}, "
            "or a smaller --image_size or --backbone. TensorFlow says: "
            f"{said[0] if said else 'resource exhausted'}"
        ) from error


def shrink_until_it_fits(train, batch_size, *, smallest=STEP):
    """Trains; where the memory runs out, begins again with half the batch.

    How much a batch takes is estimated before; the training itself is what
    checks it, with augmentation, averages, prefetched batches and validation.

    Args:
        train: function of a batch size that trains from the start.
        batch_size: int, the first to try.
        smallest: int, the last to try, and what a batch is a multiple of.

    Returns:
        What `train` returns.

    Raises:
        InputError: if not even `smallest` fits.
    """
    while batch_size > smallest:
        try:
            return train(batch_size)
        except tf.errors.ResourceExhaustedError as error:
            if errors.is_disk_full(error):
                raise
            half = max(smallest, batch_size // 2 // smallest * smallest)
            logging.warning(
                "A batch of %d photos ran out of memory; beginning again with "
                "%d",
                batch_size,
                half,
            )
            batch_size = half
        # Outside of the handler, which holds the failed step's tensors.
        gc.collect()
    with batch_must_fit(batch_size):
        return train(batch_size)


def require_divisible(batch_size, num_replicas):
    """Raises `InputError` if the replicas cannot share a batch evenly."""
    if batch_size % num_replicas:
        raise InputError(
            f"--batch_size must be a multiple of the {num_replicas} devices "
            f"that share a batch. Received: {batch_size}."
        )
