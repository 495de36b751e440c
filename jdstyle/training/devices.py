"""What the machine offers: precision, several GPUs, the batch that fits."""

import contextlib
import gc
import re

import tensorflow as tf
from absl import logging

from jdstyle import errors
from jdstyle.errors import InputError


def choose_precision(precision, capability=None):
    """Returns the Keras dtype policy that "auto" stands for.

    Args:
        precision: "auto" or the name of a policy.
        capability: compute capability of the GPU as a tuple, None to ask.

    Returns:
        "mixed_bfloat16" (it needs no loss scale) on a GPU of capability 8 and
        up, and without a GPU on a CPU that computes in bfloat16 (AVX512_BF16
        or AMX); "mixed_float16" on a GPU from 7; "float32" on others.
    """
    if precision != "auto":
        return precision
    if capability is None:
        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return "mixed_bfloat16" if cpu_has_bfloat16() else "float32"
        details = tf.config.experimental.get_device_details(gpus[0])
        capability = details.get("compute_capability", (0, 0))
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"


def cpu_has_bfloat16(cpuinfo="/proc/cpuinfo"):
    """Whether the CPU multiplies in bfloat16, as Linux tells it."""
    try:
        with open(cpuinfo, encoding="utf-8") as file:
            flags = [line for line in file if line.startswith("flags")]
    except OSError:  # Not Linux.
        return False
    return bool(flags) and not {"avx512_bf16", "amx_bf16"}.isdisjoint(
        flags[0].split()
    )


def require_gpu():
    """Raises `InputError` if TensorFlow sees no GPU."""
    if not tf.config.list_physical_devices("GPU"):
        raise InputError(
            "--require_gpu: TensorFlow sees no GPU. Check `nvidia-smi`, "
            "CUDA_VISIBLE_DEVICES, docker's --gpus=all and that jdstyle is "
            "installed as jdstyle[gpu]; or leave --require_gpu out to train on "
            "the CPU."
        )


def default_strategy():
    """Returns MirroredStrategy where there are several GPUs."""
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def largest_batch(try_batch, *, smallest=8, largest=1024):
    """Finds the largest batch that fits the device's memory.

    Doubles until the memory is exceeded, then halves the gap.

    Args:
        try_batch: function of a batch size that runs a training step; raises
            `tf.errors.ResourceExhaustedError` if the memory does not do.
        smallest: int, the first to try and the step of the result.
        largest: int, where to stop.

    Returns:
        A multiple of `smallest`.

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

    A full disk, of which TensorFlow raises the same, stays what it is.

    Args:
        batch_size: int, photos per step over all devices.

    Raises:
        InputError: in the place of `tf.errors.ResourceExhaustedError`.
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


def shrink_until_it_fits(run, batch_size, *, smallest=8):
    """Runs a training; where the memory runs out, again with half the batch.

    `largest_batch` tries single steps. Later, validation, prefetched batches or
    other programs on the device may need what was free then.

    Args:
        run: function of a batch size that trains from the start.
        batch_size: int, the first to try.
        smallest: int, the last to try, and what a batch is a multiple of.

    Returns:
        What `run` returns.

    Raises:
        InputError: if not even `smallest` fits.
    """
    while batch_size > smallest:
        try:
            return run(batch_size)
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
        return run(batch_size)


def require_divisible(batch_size, replicas):
    """Raises `InputError` if the replicas cannot share a batch evenly."""
    if batch_size % replicas:
        raise InputError(
            f"--batch_size must be a multiple of the {replicas} devices that "
            f"share a batch. Received: {batch_size}."
        )
