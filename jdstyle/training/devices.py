"""What the machine offers: precision, one GPU or several."""

import contextlib

import keras
import tensorflow as tf

from jdstyle.errors import InputError


def choose_precision(precision, capability=None):
    """Returns the Keras dtype policy that "auto" stands for.

    Args:
        precision: "auto" or the name of a policy.
        capability: compute capability of the GPU, a tuple such as (8, 0); None
            to ask TensorFlow.

    Returns:
        "mixed_bfloat16" (it needs no loss scale) on a GPU of capability 8.0 and
        up, and without a GPU on a CPU that computes in bfloat16 (AVX512_BF16
        or AMX); "mixed_float16" on a GPU from 7.0 on; "float32" on others.
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


@contextlib.contextmanager
def use_precision(precision):
    """Sets Keras's dtype policy while entered; float32 stands afterwards.

    Args:
        precision: as in `choose_precision`.

    Yields:
        Name of the policy.
    """
    keras.config.set_dtype_policy(choose_precision(precision))
    try:
        yield keras.config.dtype_policy().name
    finally:
        keras.config.set_dtype_policy("float32")


def cpu_has_bfloat16(cpuinfo="/proc/cpuinfo"):
    """Returns whether the CPU computes in bfloat16, by what Linux says."""
    try:
        with open(cpuinfo, encoding="utf-8") as file:
            flags = [line for line in file if line.startswith("flags")]
    except OSError:  # Not Linux.
        return False
    return bool(flags) and not {"avx512_bf16", "amx_bf16"}.isdisjoint(
        flags[0].split()
    )


def require_gpu(flag):
    """Raises `InputError` if TensorFlow sees no GPU, which a flag asks for."""
    if not tf.config.list_physical_devices("GPU"):
        raise InputError(
            f"--{flag}: TensorFlow sees no GPU. Check `nvidia-smi`, "
            "CUDA_VISIBLE_DEVICES, docker's --gpus=all and that jdstyle is "
            f"installed as jdstyle[gpu]; or leave --{flag} out to train on the "
            "CPU."
        )


def default_strategy():
    """Returns `MirroredStrategy` for several GPUs, else TensorFlow's own."""
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def share_batch_norms(model, strategy):
    """Lets several devices normalise by the statistics of their whole batch.

    By that of its part alone, each device would train another network than one
    device does, and a worse one the fewer photos it has.

    Args:
        model: `keras.Model`, not yet traced.
        strategy: `tf.distribute.Strategy` under which it was built.
    """
    if strategy.num_replicas_in_sync == 1:
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
