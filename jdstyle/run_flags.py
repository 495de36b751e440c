"""The flags that `train` and `pretrain` share; part of these binaries.

They adopt them with `flags.adopt_module_key_flags`.
"""

import math

from absl import flags

from jdstyle.errors import InputError

DATASET = flags.DEFINE_string(
    "dataset",
    "demo",
    "demo, jd_fashion, deepfashion/coarse, deepfashion/fine or "
    "label_table/NAME.",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared data sets."
)
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Run directory. Default: below runs/, by what is trained."
)
FOLD = flags.DEFINE_integer(
    "fold",
    None,
    "Fold that validates while the others train. Default: the data set's own "
    "validation photos.",
)
CACHE = flags.DEFINE_enum(
    "cache",
    "memory",
    ["memory", "stream"],
    "Hold the encoded photos in memory, or read them from the records.",
)
CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes",
    10.0,
    "Save the whole state so often, besides at the end of each epoch; the same "
    "command goes on from the last one. 0: after every step.",
    lower_bound=0.0,
)
REQUIRE_GPU = flags.DEFINE_boolean(
    "require_gpu", False, "End at once where TensorFlow sees no GPU."
)
SEED = flags.DEFINE_integer("seed", 0, "Of all random numbers.", lower_bound=0)

# The settings of `recipe.Settings`; None means: see `defaults.py`.
BACKBONE = flags.DEFINE_string(
    "backbone", None, "InceptionV4 or a Keras Application, e.g. ResNet50."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", None, "Height and width in pixels.", lower_bound=16
)
INIT_FROM = flags.DEFINE_string(
    "init_from",
    None,
    "imagenet; scratch; the directory of a finished run; a backbone's "
    "*.weights.h5; or style:STYLE, that style's best run beside --workdir.",
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", None, "Number of epochs.", lower_bound=1
)
_FROZEN_EPOCHS = flags.DEFINE_integer(
    "frozen_epochs",
    None,
    "The first of them, in which only the head is trained, at ten times the "
    "learning rate.",
    lower_bound=0,
)
_STEPS_PER_EPOCH = flags.DEFINE_integer(
    "steps_per_epoch",
    0,
    "Batches between two validations. 0: one pass, and not less photos than "
    "validate.",
    lower_bound=0,
)
_BATCH_SIZE = flags.DEFINE_string(
    "batch_size",
    "auto",
    "Photos per step over all devices. auto: the largest that fits the GPU, 32 "
    "on a CPU.",
)
_LEARNING_RATE = flags.DEFINE_float(
    "learning_rate", None, "Peak of AdamW's schedule.", lower_bound=0.0
)
_WEIGHT_DECAY = flags.DEFINE_float(
    "weight_decay", 1e-4, "Of AdamW, on kernels.", lower_bound=0.0
)
_EMA = flags.DEFINE_float(
    "ema",
    0.0,
    "Momentum of the moving average of weights, e.g. 0.99. 0: none.",
    lower_bound=0.0,
    upper_bound=0.9999,
)
_FALSE_POSITIVE_COST = flags.DEFINE_float(
    "false_positive_cost", 1.0, "Cost of a false positive.", lower_bound=1e-6
)
_BALANCE = flags.DEFINE_boolean(
    "balance",
    False,
    "Weigh both labels equally in the loss, by their counts after resampling.",
)
_AUGMENT = flags.DEFINE_boolean(
    "augment", True, "Rotate, flip and erase at random."
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    None,
    ["auto", "float32", "mixed_bfloat16", "mixed_float16"],
    "auto: bfloat16 or float16 on a GPU or CPU that is made for it, else "
    "float32. Default: auto, on the demo float32.",
)
_XLA = flags.DEFINE_boolean("xla", False, "Compile the training step by XLA.")


def fill_in(values):
    """Sets every flag that was not given; `flags.cfg` then says them all."""
    for name, value in values.items():
        if name in flags.FLAGS and flags.FLAGS[name].value is None:
            flags.FLAGS[name].value = value


def require_usable():
    """Refuses nan and inf, which pass absl's bounds, odd batches, no GPU."""
    for flag in flags.FLAGS.get_key_flags_for_module("__main__"):
        if isinstance(flag.value, float) and not math.isfinite(flag.value):
            raise InputError(f"--{flag.name} must be finite, not {flag.value}.")
    text = _BATCH_SIZE.value
    if text != "auto" and not (text.isdecimal() and int(text) > 0):
        raise InputError(
            f"--batch_size must be auto or an int > 0. Received: {text!r}."
        )
    if REQUIRE_GPU.value:
        # Here, so that --help does not wait for TensorFlow.
        from jdstyle.training import devices

        devices.require_gpu()


def settings(**values):
    """Returns the `recipe.Settings` of the flags and of the given values."""
    from jdstyle.training import recipe

    text = _BATCH_SIZE.value
    return recipe.Settings(
        backbone=BACKBONE.value,
        image_size=_IMAGE_SIZE.value,
        epochs=_EPOCHS.value,
        frozen_epochs=_FROZEN_EPOCHS.value,
        learning_rate=_LEARNING_RATE.value,
        false_positive_cost=_FALSE_POSITIVE_COST.value,
        weight_decay=_WEIGHT_DECAY.value,
        batch_size=0 if text == "auto" else int(text),
        steps_per_epoch=_STEPS_PER_EPOCH.value,
        balance=_BALANCE.value,
        augment=_AUGMENT.value,
        ema=_EMA.value,
        precision=_PRECISION.value,
        xla=_XLA.value,
        seed=SEED.value,
        **values,
    )
