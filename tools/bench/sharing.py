"""All styles in one network beside one style: training steps and the product.

    python tools/bench/sharing.py

`trunk` shares all but the heads; `groups` has the last stage once per group and
may take longer in proportion to it.
"""

import os
import tempfile

from absl import flags

from jdstyle import cli

_BACKBONE = flags.DEFINE_string("backbone", "ResNet50", "Of all networks.")
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Height and width.", lower_bound=16
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 8, "Photos per batch.", lower_bound=1
)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Rounds that count.", lower_bound=1)
_NUM_STYLES = flags.DEFINE_integer("num_styles", 13, "Styles.", lower_bound=2)
_NUM_GROUPS = flags.DEFINE_integer("num_groups", 4, "Groups.", lower_bound=2)
_PRECISION = flags.DEFINE_string("precision", "auto", "As in train.")

_ONE = "one style"


def main(argv):
    del argv
    # Here, so that --help does not wait for TensorFlow.
    import keras
    import measure

    from jdstyle.models import classifier
    from jdstyle.training import devices

    precision = devices.choose_precision(_PRECISION.value)
    measure.print_header(
        backbone=_BACKBONE.value,
        size=_IMAGE_SIZE.value,
        batch=_BATCH_SIZE.value,
        precision=precision,
        rounds=_ROUNDS.value,
    )
    count, groups = _NUM_STYLES.value, _NUM_GROUPS.value
    form = classifier.Architecture(_BACKBONE.value, _IMAGE_SIZE.value)
    members = [list(range(i, count, groups)) for i in range(groups)]
    forms = {
        _ONE: form,
        "trunk": form._replace(num_styles=count),
        f"{groups} groups": form._replace(
            num_styles=count, sharing="groups", groups=members
        ),
    }
    keras.config.set_dtype_policy(precision)
    share = _share_of_last_stage()
    print(f"The last stage is {100 * share:.0f} % of a forward pass.\n")
    expected = [1.0, 1.0, 1 + (groups - 1) * share]
    header = ["", "cpu-ms per photo", "times one style", "in proportion"]
    for what, make_side, policy in [
        ("training step", _training_side, precision),
        ("exported model", _serving_side, "float32"),
    ]:
        keras.config.set_dtype_policy(policy)
        sides = {name: make_side(form) for name, form in forms.items()}
        taken = measure.alternate(sides, _ROUNDS.value)
        rows = [
            [
                f"{what}, {name}",
                measure.show(measure.cpu_ms(turns, _BATCH_SIZE.value), 1),
                measure.show(measure.ratio(turns, taken[_ONE])),
                f"{proportion:.2f}",
            ]
            for (name, turns), proportion in zip(
                taken.items(), expected, strict=True
            )
        ]
        print(measure.table(header, rows), end="\n\n", flush=True)


def _share_of_last_stage():
    """Returns its part of a forward pass, in (0, 1)."""
    import measure
    import tensorflow as tf

    from jdstyle.models import backbones

    body, _ = backbones.build(_BACKBONE.value, _IMAGE_SIZE.value)
    lower, upper = map(tf.function, backbones.split(body))
    images = tf.cast(_images(), tf.float32)
    features = lower(images)
    taken = measure.alternate(
        {"lower": lambda: lower(images), "upper": lambda: upper(features)},
        _ROUNDS.value,
    )
    ratio = measure.ratio(taken["upper"], taken["lower"]).median
    return ratio / (1 + ratio)


def _training_side(form):
    """Returns a function that trains a step, without augmentation."""
    import keras
    import numpy as np

    from jdstyle.models import classifier
    from jdstyle.training import losses

    images = _images()
    labels = np.ones((len(images), form.num_styles), "float32")
    network = classifier.build(form)
    network.compile(
        keras.optimizers.AdamW(1e-4),
        losses.CostSensitiveBinaryCrossentropy(1.5, 1.0),
        jit_compile=False,
    )
    return lambda: network.train_on_batch(images, labels)


def _serving_side(form):
    """Returns a function that classifies a batch by the exported model."""
    import drawn
    import tensorflow as tf

    from jdstyle.models import batch_norm_folding
    from jdstyle.models import classifier
    from jdstyle.serving import loader
    from jdstyle.serving import saved_model

    network = batch_norm_folding.fold_batch_norms(classifier.build(form))
    names = [f"style {number}" for number in range(form.num_styles)]
    photos = drawn.prepared(drawn.originals(_BATCH_SIZE.value))
    with tempfile.TemporaryDirectory() as folder:
        directory = os.path.join(folder, "saved_model")
        scorer = saved_model.Thresholded(network, [0.5] * form.num_styles)
        saved_model.export(scorer, names, directory)
        classify, _ = loader.load(directory)
    return lambda: classify(tf.constant(photos))


def _images():
    import numpy as np

    size = _IMAGE_SIZE.value
    rng = np.random.default_rng(0)
    shape = (_BATCH_SIZE.value, size, size, 3)
    return rng.integers(0, 256, shape).astype("uint8")


if __name__ == "__main__":
    cli.run(main)
