"""The augmentation's share of a training step, and what Keras's layers take.

    python tools/bench/augment.py

The step is Keras's own on raw pixels, without augmentation.
"""

from absl import flags

from jdstyle import cli

_BACKBONE = flags.DEFINE_string("backbone", "ResNet50", "Of the step.")
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Height and width.", lower_bound=16
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 16, "Photos per batch.", lower_bound=1
)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Rounds that count.", lower_bound=1)
_PRECISION = flags.DEFINE_string("precision", "auto", "As in train.")

_TIMES = 8  # Augmentations per round: one is too short to measure.


def main(argv):
    del argv
    # Here, so that --help does not wait for TensorFlow.
    import keras
    import measure
    import numpy as np
    import tensorflow as tf

    from jdstyle.input_pipeline import augment
    from jdstyle.models import classifier
    from jdstyle.training import devices

    policy = devices.choose_precision(_PRECISION.value)
    keras.config.set_dtype_policy(policy)
    size, batch_size = _IMAGE_SIZE.value, _BATCH_SIZE.value
    measure.print_header(
        backbone=_BACKBONE.value,
        size=size,
        batch=batch_size,
        precision=keras.config.dtype_policy().name,
        rounds=_ROUNDS.value,
    )
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch_size, size, size, 3)).astype("uint8")
    images = tf.constant(images)
    labels = np.ones((batch_size, 1), "float32")
    network = classifier.build(classifier.Architecture(_BACKBONE.value, size))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    network.compile(keras.optimizers.AdamW(1e-4), loss, jit_compile=False)

    step = "training step"
    taken = measure.alternate(
        {
            step: lambda: network.train_on_batch(images, labels),
            "jdstyle": _repeat(augment.build(0), images),
            "jdstyle, --xla": _repeat(augment.build(0), images, xla=True),
            # As near as Keras's layers come; no XLA for the rotation.
            "Keras layers": _repeat(_keras_layers(), images),
        },
        _ROUNDS.value,
    )
    rows = []
    for name, turns in taken.items():
        times = 1 if name == step else _TIMES
        share = measure.ratio(turns, taken[step], 100 / times)
        ms = measure.cpu_ms(turns, times * batch_size)
        rows.append([name, measure.show(ms), measure.show(share)])
    print(measure.table(["", "cpu-ms per photo", "% of the step"], rows))

    pictures = []
    for xla in (False, True):
        augmentation = augment.build(0)
        run = tf.function(augmentation, jit_compile=xla)
        pictures.append(run(images, training=True))
    difference = np.abs(pictures[0] - pictures[1]).max()
    print(f"\nWith and without XLA pixels differ by at most {difference:.2g}.")


def _repeat(augmentation, images, *, xla=False):
    import tensorflow as tf

    run = tf.function(
        lambda images: augmentation(images, training=True), jit_compile=xla
    )
    return lambda: [run(images) for _ in range(_TIMES)]


def _keras_layers():
    import keras

    # Fractions of a full turn; erased with random values, as ours.
    return keras.Sequential(
        [
            keras.layers.RandomRotation(15 / 360, dtype="float32"),
            keras.layers.RandomFlip("horizontal", dtype="float32"),
            keras.layers.RandomErasing(
                0.5, scale=(0.02, 0.4), value_range=(0, 255), dtype="float32"
            ),
        ]
    )


if __name__ == "__main__":
    cli.run(main)
