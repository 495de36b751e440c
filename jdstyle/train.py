"""Trains a network for one style and exports it as a SavedModel.

    python -m jdstyle.train --style=12
    python -m jdstyle.train --flagfile=flags/style_12.cfg

Alone, --style trains on the built-in demo data. What is not given comes with
the data set and the style (`defaults.py`); --workdir gets everything.
"""

import math
import os
import time

from absl import flags

from jdstyle import cli
from jdstyle import defaults
from jdstyle import experiment
from jdstyle import styles
from jdstyle.errors import InputError

_STYLE = flags.DEFINE_string(
    "style", None, "Style to recognise: its number or its name."
)
_DATASET = flags.DEFINE_string(
    "dataset", "demo", "demo, jd_fashion or label_table/NAME."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared data sets."
)
_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Run directory. Default: runs/<dataset>-<style>-<backbone>.",
)
_FOLD = flags.DEFINE_integer(
    "fold",
    None,
    "Fold that validates while the others train. Default: the data set's own "
    "validation photos.",
)
_CACHE = flags.DEFINE_enum(
    "cache",
    "memory",
    ["memory", "stream"],
    "Hold the encoded photos in memory, or read them from the records.",
)
_SEED = flags.DEFINE_integer("seed", 0, "Of all random numbers.", lower_bound=0)

# The settings of `recipe.Settings`; None means: see `defaults.py`.
_BACKBONE = flags.DEFINE_string(
    "backbone", None, "A Keras Application, e.g. ResNet50, DenseNet121."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", None, "Height and width in pixels.", lower_bound=16
)
_INIT_FROM = flags.DEFINE_string(
    "init_from", None, "imagenet, scratch or the directory of a finished run."
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
_POSITIVE_RATE = flags.DEFINE_float(
    "positive_rate",
    None,
    "Share of positives after undersampling negatives. 0: keep all photos.",
    lower_bound=0.0,
    upper_bound=0.99,
)
_FALSE_NEGATIVE_COST = flags.DEFINE_float(
    "false_negative_cost", None, "Cost of a missed positive.", lower_bound=1e-6
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
    "auto",
    ["auto", "float32", "mixed_bfloat16", "mixed_float16"],
    "auto: bfloat16 or float16 on a GPU that is made for it, else float32.",
)
_XLA = flags.DEFINE_boolean("xla", False, "Compile the training step by XLA.")


def main(argv):
    del argv
    if _STYLE.value is None:
        raise InputError("--style is required: the number or name of a style.")
    batch_size = _parse_batch_size(_BATCH_SIZE.value)
    # Here, so that --help does not wait for TensorFlow.
    from jdstyle.datasets import prepared

    builder = prepared.open_prepared(_DATASET.value, _DATA_DIR.value)
    names = builder.info.metadata["styles"]
    style = styles.find(_STYLE.value, names)
    # One way to say it: by name and by number is the same run.
    flags.FLAGS["style"].value = names[style]
    _fill_in_defaults(names[style])
    _require_finite()
    finished = experiment.start(
        _WORKDIR.value,
        {
            flag.name: flag.serialize()
            for flag in flags.FLAGS.get_key_flags_for_module("__main__")
        },
        {
            "dataset": builder.info.full_name,
            "fingerprint": builder.info.metadata["fingerprint"],
            "styles": [names[style]],
            "backbone": _BACKBONE.value,
            "seed": _SEED.value,
        },
    )
    if finished is None:
        finished = _run(builder, names, style, batch_size)
    else:
        print("This run has finished before; these are its results.")
    _show(finished, "test" if "test" in builder.info.splits else "validation")


def _run(builder, names, style, batch_size):
    from jdstyle import input_pipeline
    from jdstyle import recipe
    from jdstyle import results
    from jdstyle import training

    start = time.monotonic()
    settings = recipe.Settings(
        backbone=_BACKBONE.value,
        image_size=_IMAGE_SIZE.value,
        init_from=_INIT_FROM.value,
        epochs=_EPOCHS.value,
        frozen_epochs=_FROZEN_EPOCHS.value,
        learning_rate=_LEARNING_RATE.value,
        positive_rate=_POSITIVE_RATE.value,
        false_negative_cost=_FALSE_NEGATIVE_COST.value,
        false_positive_cost=_FALSE_POSITIVE_COST.value,
        weight_decay=_WEIGHT_DECAY.value,
        batch_size=batch_size,
        steps_per_epoch=_STEPS_PER_EPOCH.value,
        balance=_BALANCE.value,
        augment=_AUGMENT.value,
        ema=_EMA.value,
        precision=_PRECISION.value,
        xla=_XLA.value,
        seed=_SEED.value,
    )
    train_photos, validation_photos = (
        input_pipeline.read_photos(
            builder, part, fold=_FOLD.value, cache=_CACHE.value
        )
        for part in ("train", "validation")
    )
    trained = training.train(
        train_photos, validation_photos, style, settings, _WORKDIR.value
    )
    return results.write(
        trained,
        validation_photos,
        names[style],
        style,
        _WORKDIR.value,
        start=start,
    )


def _show(finished, split):
    from jdstyle import report

    print(report.format_table(finished["validation"]))
    print("Scored on the photos that chose epoch and threshold: it flatters.")
    saved_model = os.path.join(_WORKDIR.value, experiment.SAVED_MODEL_DIR)
    print(
        f"{finished['minutes']:.1f} minutes, "
        f"{finished['photos_per_second']:.0f} photos/s in training"
    )
    print(f"SavedModel: {saved_model}")
    print(f"TensorBoard: tensorboard --logdir={_WORKDIR.value}")
    print(
        f"Next: python -m jdstyle.evaluate --saved_model={saved_model} "
        f"--dataset={_DATASET.value} --data_dir={_DATA_DIR.value} "
        f"--split={split}"
    )


def _fill_in_defaults(style_name):
    """Sets every flag that was not given; flags.cfg then says them all."""
    values = defaults.for_run(_DATASET.value, style_name)
    for name, value in values.items():
        if flags.FLAGS[name].value is None:
            flags.FLAGS[name].value = value
    if _WORKDIR.value is None:
        parts = (_DATASET.value, style_name, _BACKBONE.value)
        name = "-".join(parts).lower().replace("/", "-").replace(" ", "_")
        flags.FLAGS["workdir"].value = os.path.join("runs", name)


def _require_finite():
    """Refuses nan and inf, which pass the bounds of absl's flags."""
    for flag in flags.FLAGS.get_key_flags_for_module("__main__"):
        if isinstance(flag.value, float) and not math.isfinite(flag.value):
            raise InputError(f"--{flag.name} must be finite, not {flag.value}.")


def _parse_batch_size(text):
    if text == "auto":
        return 0
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise InputError(
        f"--batch_size must be auto or an int > 0. Received: {text!r}."
    )


if __name__ == "__main__":
    cli.run(main)
