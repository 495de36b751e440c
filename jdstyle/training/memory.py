"""How many photos fit the memory of a device, and what was found before."""

import os

import keras
import numpy as np
import psutil
import tensorflow as tf
from absl import logging
from tensorflow.python import pywrap_tfe
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.eager import context

from jdstyle.errors import InputError
from jdstyle.models import classifier
from jdstyle.runs import directory
from jdstyle.training import batch_size
from jdstyle.training import recipe

# Where --batch_size=max keeps what it found, beside the run directories.
FILE = "batch_sizes.json"

# A training step takes this times the outputs of all layers: they wait for the
# gradients, which are as large. Measured in float32 on a CPU: 1.4
# (MobileNetV3Small, 96 px), 0.7 (ResNet50, 224 px).
_TIMES_OUTPUTS = 2.0

# What a training may take of a GPU's memory, and of what is free elsewhere.
_SHARE_OF_GPU, _SHARE_OF_FREE = 0.9, 0.5

# Batches with which --batch_size=max measures, on one device.
_PROBES = (2 * batch_size.STEP, 4 * batch_size.STEP)

_CGROUP = "/sys/fs/cgroup"


def estimate_fitting(settings, num_styles):
    """Estimates how many photos a step may take, from the layers' outputs.

    Args:
        settings: `recipe.Settings`.
        num_styles: int, number of logits.

    Returns:
        int, photos over all devices.
    """
    architecture = recipe.make_architecture(settings, num_styles)
    model = classifier.build(architecture)
    each = _TIMES_OUTPUTS * output_bytes(model)
    keras.backend.clear_session()
    gpus = gpu_limits()
    if gpus:
        return int(_SHARE_OF_GPU * min(gpus) / each) * len(gpus)
    return int(_SHARE_OF_FREE * free_bytes() / each)


def output_bytes(model):
    """Returns how many bytes the outputs of all layers take for one photo."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += output_bytes(layer)
            continue
        size = tf.as_dtype(layer.compute_dtype).size
        for output in keras.tree.flatten(layer.output):
            total += size * int(np.prod([side or 1 for side in output.shape]))
    return total


def free_bytes(cgroup=_CGROUP):
    """Returns how much memory a process on the CPU can still get, in bytes.

    Args:
        cgroup: folder that says what a container may take, if there is one.
    """
    free = psutil.virtual_memory().available
    texts = []
    for name in ("memory.max", "memory.current"):
        try:
            with open(os.path.join(cgroup, name), encoding="ascii") as file:
                texts.append(file.read().strip())
        except OSError:  # No container, or not Linux.
            return free
    if texts[0] == "max":
        return free
    return min(free, max(0, int(texts[0]) - int(texts[1])))


def gpu_limits():
    """Returns how many bytes TensorFlow may take of each GPU, a list."""
    if not tf.config.list_logical_devices("GPU"):
        return []
    # TensorFlow tells it to nobody else: `get_memory_info` knows no limit.
    devices = pywrap_tfe.TFE_ContextListDevices(
        context.context()._context_handle  # pyright: ignore
    )
    return [
        pywrap_tf_session.TF_DeviceListMemoryBytes(devices, i)
        for i in range(pywrap_tf_session.TF_DeviceListCount(devices))
        if pywrap_tf_session.TF_DeviceListType(devices, i) == "GPU"
    ]


def find_largest(settings, loss, num_styles, workdir, *, num_targets=None):
    """Finds the largest batch that fits the GPUs: --batch_size=max.

    Two small batches run through one graph; how much memory each took says how
    much a photo takes. What is found is kept beside the run directory for the
    same network on the same device, so that a sweep searches once.

    Args:
        settings: `recipe.Settings`.
        loss: `keras.losses.Loss` of the training.
        num_styles: int, number of logits.
        workdir: run directory.
        num_targets: as in `measure_peaks`.

    Returns:
        int, photos per step over all devices.

    Raises:
        InputError: if not even the smallest batch fits.
    """
    limits = gpu_limits()
    known = _read(workdir).get(_key(settings, num_styles))
    if known:
        logging.info("--batch_size=max: %d photos, as in %s", known, FILE)
        return known
    peaks = measure_peaks(
        settings, loss, num_styles, _PROBES, _gpu_peak, num_targets=num_targets
    )
    size = largest(dict(zip(_PROBES, peaks, strict=True)), min(limits))
    if size < batch_size.STEP:
        raise InputError(
            f"Not even a batch of {batch_size.STEP} photos fits the device's "
            "memory. Pass a smaller --image_size or --backbone."
        )
    logging.info("--batch_size=max: %d photos per GPU", size)
    return size * len(limits)


def largest(peaks, limit):
    """Computes the largest batch from what two batches took.

    Args:
        peaks: dict from the sizes of two batches to bytes.
        limit: int, bytes of the device.

    Returns:
        int, a multiple of 8; less than 8 if nothing fits.
    """
    (small, less), (large, more) = sorted(peaks.items())
    # Steps of little memory are rounded to blocks; a photo takes something.
    each = max(1.0, (more - less) / (large - small))
    room = _SHARE_OF_GPU * limit - (more - each * large)
    return int(room / each) // batch_size.STEP * batch_size.STEP


def measure_peaks(settings, loss, num_styles, sizes, peak, *, num_targets=None):
    """Runs a training step per batch size, all in one graph.

    Args:
        settings: `recipe.Settings`.
        loss: `keras.losses.Loss` of the training.
        num_styles: int, number of logits.
        sizes: ints, photos per step.
        peak: function without arguments that returns the most memory that was
            taken since its last call, in bytes.
        num_targets: int, numbers that the loss gets of each photo. Default: one
            per style.

    Returns:
        List of ints, bytes.

    Raises:
        InputError: if one does not fit.
    """
    network, _ = recipe.build_network(
        settings._replace(init_from="scratch"), num_styles
    )
    # Without XLA, which would compile each size for itself.
    network.compile(
        recipe.make_optimizer(settings, steps=100),
        loss,
        jit_compile=False,  # pyright: ignore
    )
    network.optimizer.build(network.trainable_variables)
    side = settings.image_size
    steps = iter(
        tf.data.Dataset.from_tensor_slices(list(sizes)).map(
            lambda size: (
                tf.zeros([size, side, side, 3], tf.uint8),
                tf.zeros([size, num_targets or num_styles]),
            )
        )
    )
    network.make_train_function()
    peaks = []
    for size in sizes:
        peak()
        with batch_size.batch_must_fit(size):
            network.train_function(steps)  # pyright: ignore
        peaks.append(peak())
    keras.backend.clear_session()
    return peaks


def remember(settings, num_styles, workdir, size):
    """Keeps a batch size of --batch_size=max for the next training.

    Args:
        settings: `recipe.Settings`.
        num_styles: int, number of logits.
        workdir: run directory.
        size: int, photos per step over all devices.
    """
    known, key = _read(workdir), _key(settings, num_styles)
    if known.get(key) != size:
        directory.write_json(_path(workdir), known | {key: size})


def _gpu_peak():
    peak = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    tf.config.experimental.reset_memory_stats("GPU:0")
    return peak


def _key(settings, num_styles):
    """Says in a line what the memory of a step depends on."""
    names = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    limits = "+".join(f"{limit / 1e6:.0f}" for limit in gpu_limits())
    return ", ".join(
        [
            f"{settings.backbone} {settings.image_size} px",
            f"{num_styles} styles {settings.sharing}",
            f"{keras.config.dtype_policy().name}",
            f"ema {settings.ema > 0}, xla {settings.xla}",
            f"{'+'.join(names)} of {limits} MB",
            f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
        ]
    )


def _path(workdir):
    return os.path.join(os.path.dirname(os.path.abspath(workdir)), FILE)


def _read(workdir):
    try:
        return directory.read_json(_path(workdir))
    except (OSError, InputError):  # Not there, or no longer JSON.
        return {}
