"""How many photos a step takes, and what to do where the memory runs out."""

import contextlib
import gc
import re

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from jdstyle import errors
from jdstyle.errors import Failure
from jdstyle.errors import InputError
from jdstyle.runs import checkpoints
from jdstyle.training import recipe

CPU_BATCH_SIZE = 32

# What a batch size of --batch_size=auto is a multiple of, on each device.
_STEP = 8


def train_with_batch(train, given, *, first_try, num_replicas, states_dir):
    """Trains with the batch size that was asked for, or with one that fits.

    Args:
        train: function of a batch size that trains, from the saved state on
            where there is one.
        given: int, --batch_size; 0 for auto.
        first_try: function without arguments that returns the batch size with
            which auto begins.
        num_replicas: int, devices that share a batch.
        states_dir: folder of the saved states, see `checkpoints`.

    Returns:
        What `train` returns.

    Raises:
        InputError: if the devices cannot share a batch evenly, or if the given
            one or auto's smallest does not fit the memory.
        Failure: if the batch of auto does not fit, and there is a state.
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
                f"--batch_size=auto: {batch_size} photos ran out of memory. "
                f"The state is kept: {kept[-1]}. To go on from it, free the "
                "device of other programs and run the same command again; to "
                "begin again with less memory, pass a smaller --batch_size, "
                f"such as {max(1, batch_size // 2)}, and another --workdir."
            ) from error

    if given:
        with batch_must_fit(given):
            return train_evenly(given)
    return shrink_until_it_fits(
        train_unless_lost, first_try(), smallest=_STEP * num_replicas
    )


def choose(settings, loss, num_styles):
    """Chooses what --batch_size=auto begins with.

    Args:
        settings: `recipe.Settings`.
        loss: `keras.losses.Loss` of the training.
        num_styles: number of logits.

    Returns:
        int, photos per step over all devices: a fixed number on CPUs, on GPUs
        nearly the largest that fits each of them.

    Raises:
        InputError: if not even 8 photos fit a GPU.
    """
    num_gpus = len(tf.config.list_logical_devices("GPU"))
    if not num_gpus:
        return CPU_BATCH_SIZE
    network, _ = recipe.build_network(
        settings._replace(init_from="scratch"), num_styles
    )
    network.compile(
        recipe.make_optimizer(settings, steps=100),
        loss,
        jit_compile=settings.xla,
    )

    def try_batch(batch_size):
        shape = (batch_size, settings.image_size, settings.image_size, 3)
        network.train_on_batch(
            np.zeros(shape, "uint8"),
            np.zeros((batch_size, num_styles), "float32"),
        )

    # Not all of it: validation and prefetched batches need room as well.
    largest = largest_batch(try_batch)
    batch_size = max(_STEP, int(0.9 * largest) // _STEP * _STEP)
    keras.backend.clear_session()
    logging.info("--batch_size=auto: %d photos per GPU", batch_size)
    return batch_size * num_gpus


def largest_batch(try_batch, *, smallest=_STEP, largest=1024):
    """Finds the largest batch that fits the device's memory.

    Doubles until the memory is exceeded, then halves the gap.

    Args:
        try_batch: function of a batch size that runs a training step; raises
            `tf.errors.ResourceExhaustedError` if there is too little memory.
        smallest: int, the first to try; the result is a multiple of it.
        largest: int, where to stop.

    Returns:
        int, a multiple of `smallest`.

    Raises:
        InputError: if not even `smallest` fits.
    """

    def fits(batch_size):
        try:
            try_batch(batch_size)
        except tf.errors.ResourceExhaustedError:
            logging.info("Batch size %d: out of memory", batch_size)
            return False
        return True

    if not fits(smallest):
        raise InputError(
            f"Not even a batch of {smallest} photos fits the device's memory. "
            "Pass a smaller --image_size or --backbone."
        )
    good, bad = smallest, None
    while bad is None and 2 * good <= largest:
        if fits(2 * good):
            good *= 2
        else:
            bad = 2 * good
    while bad is not None and bad - good > smallest:
        middle = (good + bad) // 2 // smallest * smallest
        if fits(middle):
            good = middle
        else:
            bad = middle
    return good


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


def shrink_until_it_fits(train, batch_size, *, smallest=_STEP):
    """Trains; where the memory runs out, begins again with half the batch.

    `largest_batch` tries single steps. Later, validation, prefetched batches or
    other programs on the device may need what was free then.

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
                "--batch_size=auto: %d photos ran out of memory; beginning "
                "again with %d",
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
