"""jdstyle's training step in turn with a bare Keras step; see `gpu.py`."""

import contextlib
import itertools
import time


def measure_training(
    *, backbone, image_size, batch_size, precision, blocks, seconds, xla
):
    """Measures both steps, and the augmentation alone.

    Args:
        backbone: as a flag of `train`.
        image_size: likewise.
        batch_size: likewise.
        precision: likewise.
        xla: likewise.
        blocks: int, blocks that count; one more comes first.
        seconds: float, how long a block is.

    Returns:
        dict of JSON values: `header`; `training` and `first_step`, dicts from a
        side's name to its photos per second of each block and to seconds;
        `share`, the augmentation in percent of jdstyle's step.
    """
    import clocked
    import measure

    settings = clocked.settings(
        backbone=backbone,
        image_size=image_size,
        batch_size=batch_size,
        steps_per_epoch=10**6,  # The clock ends it.
        precision=precision,
        xla=xla,
    )
    clock = _make_clock(settings, blocks, seconds)
    # No saved state in between counts.
    with contextlib.suppress(_Enough):
        clocked.train(
            lambda _: clock,
            clocked.photos(32),
            settings,
            checkpoint_minutes=1e6,
        )
    ending = ", XLA" if xla else ""
    ours, bare = f"jdstyle{ending}", f"bare Keras{ending}"
    pairs = zip(clock.rates["ours"], clock.rates["augment"], strict=True)
    return {
        "header": measure.header(
            backbone=backbone,
            size=image_size,
            batch=batch_size,
            precision=precision,
            blocks=blocks,
        ),
        "training": {ours: clock.rates["ours"], bare: clock.rates["bare"]},
        "first_step": {ours: clock.first["ours"], bare: clock.first["bare"]},
        "share": {
            f"Augmentation beside the step{ending}": [
                100 * step / augment for step, augment in pairs
            ]
        },
    }


class _Enough(Exception):
    """All blocks are measured."""


def _make_clock(settings, blocks, seconds):
    """Returns a callback that measures a block of each side in turn.

    Its attributes are `rates`, a dict from "ours", "bare" and "augment" to
    photos per second, one per block, and `first`, the seconds of first steps.
    """
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.rates = {"ours": [], "bare": [], "augment": []}
            self.first = {}

        def on_train_begin(self, logs=None):
            start = time.monotonic()
            self._bare, self._augment = _make_bare(settings)
            self._bare(1)
            self.first["bare"] = time.monotonic() - start
            self._augment(1)
            self._block = 0
            self._start(warm=False)

        def on_train_batch_end(self, batch, logs=None):
            elapsed = time.monotonic() - self._begin
            if not batch:
                self.first["ours"] = elapsed
                self._start(warm=True)
                return
            if self._warming:
                # What was prefetched while others worked is used up.
                if elapsed > seconds / 2:
                    self._start(warm=False)
                return
            self._steps += 1
            if elapsed < seconds:
                return
            counted = self._block > 0
            for name, run in [
                ("ours", None),
                ("bare", self._bare),
                ("augment", self._augment),
            ]:
                taken = elapsed if run is None else _timed(run, self._steps)
                if counted:
                    rate = self._steps * settings.batch_size / taken
                    self.rates[name].append(rate)
            self._block += 1
            if self._block > blocks:
                raise _Enough
            self._start(warm=True)

        def _start(self, *, warm):
            self._warming, self._steps = warm, 0
            self._begin = time.monotonic()

    return Clock()


def _timed(run, steps):
    start = time.monotonic()
    run(steps)
    return time.monotonic() - start


def _make_bare(settings):
    """Returns functions of a number of steps: a bare network's, and ours of
    the augmentation alone. Both wait for the device once, at the end."""
    import keras
    import numpy as np
    import tensorflow as tf

    from jdstyle.input_pipeline import augment
    from jdstyle.models import classifier

    network = classifier.build(
        classifier.Architecture(settings.backbone, settings.image_size)
    )
    network.compile(
        keras.optimizers.AdamW(1e-4),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=settings.xla,
    )
    network.optimizer.build(network.trainable_variables)
    network.make_train_function()
    side = settings.image_size
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (settings.batch_size, side, side, 3), "uint8")
    images = tf.identity(tf.constant(images))
    labels = tf.ones((settings.batch_size, 1))
    batches = itertools.repeat((images, labels))

    def train(steps):
        for _ in range(steps):
            logs = network.train_function(batches)
        return float(logs["loss"])

    augmentation = augment.build(settings.seed)
    compiled = tf.function(
        lambda images: augmentation(images, training=True),
        jit_compile=settings.xla,
    )

    def augment_alone(steps):
        for _ in range(steps):
            augmented = compiled(images)
        return float(augmented[0, 0, 0, 0])

    return train, augment_alone
