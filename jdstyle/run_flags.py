"""The flags that trainings of one network share, resolved once into a dict.

What the dict says is what `flags.cfg` records.
"""

import math
import shlex

from absl import flags

from jdstyle import card_flags
from jdstyle import defaults
from jdstyle import loss_flags
from jdstyle import path_flags
from jdstyle import threshold_flags
from jdstyle.errors import InputError


def define(values):
    """Defines the flags among `flags.FLAGS` or other `flags.FlagValues`."""
    if "workdir" in values:
        return  # Both binaries are imported.
    path_flags.DEFINE_folder(
        "workdir",
        None,
        "Run directory. Default: a folder in runs/ that is named after what is "
        "trained.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "fold",
        None,
        "Fold that validates while the others train. Default: the data set's "
        "own validation photos.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "cache",
        "memory",
        ["memory", "stream"],
        "memory: hold the encoded photos in memory; stream: read them from the "
        "records in every epoch.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "checkpoint_minutes",
        10.0,
        "Minutes between two saves of the whole state, which is also saved at "
        "the end of each epoch. The same command goes on from the last one. "
        "0: save after every step.",
        lower_bound=0.0,
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "require_gpu",
        False,
        "End at once if TensorFlow sees no GPU.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seed",
        0,
        "Seed of all random numbers.",
        lower_bound=0,
        flag_values=values,
    )
    threshold_flags.define(values)
    card_flags.define(values)
    # The settings of `recipe.Settings`; None is resolved by the data set.
    flags.DEFINE_string(
        "backbone",
        None,
        "A Keras Application, EfficientNetLite0 or Lite2, or InceptionV4. "
        f"{defaults.describe('backbone')}",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "image_size",
        None,
        "Height and width to which photos are brought, in pixels. "
        f"{defaults.describe('image_size')}",
        lower_bound=16,
        flag_values=values,
    )
    path_flags.DEFINE_path(
        "init_from",
        None,
        "Where the weights come from: imagenet; scratch; the directory of a "
        "finished run; a backbone's *.weights.h5 file; or style:STYLE, that "
        "style's best run beside --workdir. "
        f"{defaults.describe('init_from')} {defaults.describe_starts()}",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "epochs",
        None,
        f"Number of epochs. {defaults.describe('epochs')}",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "frozen_epochs",
        None,
        "How many of the epochs, from the first on, train the head alone, at "
        f"ten times the learning rate. {defaults.describe('frozen_epochs')}",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "steps_per_epoch",
        0,
        "Batches between two validations. 0: a pass over the photos, but at "
        "least 10 batches and as many photos as validate.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_string(
        "batch_size",
        "auto",
        "Photos per step over all devices. auto: 32 to 256, if 2,000 steps are "
        "left; max: what fits the GPUs. Both scale the learning rate.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "learning_rate",
        None,
        "Highest learning rate of AdamW, after a warm-up of a tenth of the "
        "steps and before a cosine decay to 0. "
        f"{defaults.describe('learning_rate')}",
        lower_bound=0.0,
        flag_values=values,
    )
    flags.DEFINE_float(
        "weight_decay",
        1e-4,
        "Weight decay of AdamW. It applies to kernels, not to biases and batch "
        "norms.",
        lower_bound=0.0,
        flag_values=values,
    )
    flags.DEFINE_float(
        "ema",
        0.0,
        "Momentum of a moving average of the weights, such as 0.99; the "
        "average is then validated and kept. 0: no average.",
        lower_bound=0.0,
        upper_bound=0.9999,
        flag_values=values,
    )
    loss_flags.define(values)
    flags.DEFINE_boolean(
        "augment",
        True,
        "Rotate, flip and erase parts of the photos at random.",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "flip",
        False,
        "Score each photo by the mean of its logits and those of its mirror "
        "image: thresholds, SavedModel, and what is fused of the run. Scoring "
        "takes twice as long, training as long as without, but for --frozen.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "precision",
        None,
        ["auto", "float32", "mixed_bfloat16", "mixed_float16"],
        "Numbers in which the training computes. auto: bfloat16 or float16 on "
        "a GPU or CPU that is made for it, and float32 on others. "
        f"{defaults.describe('precision')}",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "xla", False, "Compile the training step with XLA.", flag_values=values
    )


def read(module):
    """Returns a dict from the name of each of a binary's flags to its value.

    Args:
        module: the binary's `__name__`.

    Raises:
        InputError: as `check`.
    """
    values = {
        flag.name: flag.value
        for flag in flags.FLAGS.get_key_flags_for_module(module)
    }
    return check(values)


def check(values):
    """Returns the values of flags, if they can be used here.

    Args:
        values: dict from the name of each flag to its value.

    Raises:
        InputError: for nan and inf, which pass absl's bounds, for a batch size
            that is not one, or where a GPU is asked for and there is none.
    """
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"--{name} must be finite, not {value}.")
    text = values["batch_size"]
    if not (text in ("auto", "max") or (text.isdecimal() and int(text) > 0)):
        raise InputError(
            f"--batch_size must be auto, max or an int > 0. Received: {text!r}."
        )
    if values["require_gpu"] or text == "max":
        # Not above, so that --help does not wait for TensorFlow.
        from jdstyle.training import devices

        devices.require_gpu(
            "batch_size=max" if text == "max" else "require_gpu"
        )
    return values


def resolve(values, default_values):
    """Returns the values with defaults for what was not given.

    Args:
        values: dict of `read`.
        default_values: dict from flag name to value; a name that is not in
            `values` is passed over.

    Returns:
        dict with the keys of `values`.
    """
    return {
        name: default_values.get(name) if value is None else value
        for name, value in values.items()
    }


def settings(values, **others):
    """Returns the `recipe.Settings` of resolved values and of others.

    Args:
        values: dict of `resolve`.
        **others: settings that win over the flag of the same name.
    """
    from jdstyle.training import recipe

    text = values["batch_size"]
    others["batch_size"] = text if text in ("auto", "max") else int(text)
    named = {
        name: values[name] for name in recipe.Settings._fields if name in values
    }
    return recipe.Settings(**named | others)


def show_cost(finished, workdir):
    """Prints what a run took and where TensorBoard finds it.

    Args:
        finished: dict in the run's `results.json`.
        workdir: run directory.
    """
    print(
        f"{finished['minutes']:.1f} minutes, "
        f"{finished['photos_per_second']:.0f} photos/s in training"
    )
    print("TensorBoard:", shlex.join(["tensorboard", f"--logdir={workdir}"]))
