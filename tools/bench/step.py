"""The program's training step beside a bare Keras step of the same network.

    python tools/bench/step.py

Ours is the whole of `trainer.train` on drawn photos: reading, augmentation,
cost-sensitive loss, EMA, callbacks. After each of its steps comes one of the
bare network: the same backbone, AdamW, Keras's binary cross-entropy, a batch
ready in memory, nothing else. Then the validation beside a bare forward pass of
its photos, and the time to the first step.
"""

import time

from absl import flags

from jdstyle import cli

_BACKBONE = flags.DEFINE_string("backbone", "ResNet50", "Of both networks.")
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Height and width.", lower_bound=16
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 16, "Photos per batch.", lower_bound=2
)
_ROUNDS = flags.DEFINE_integer(
    "rounds", 9, "Steps of each that count.", lower_bound=1
)
_NUM_PHOTOS = flags.DEFINE_integer(
    "num_photos", 64, "Photos to train and to validate on.", lower_bound=2
)
_PRECISION = flags.DEFINE_string("precision", "auto", "As in train.")


def main(argv):
    del argv
    # Here, so that --help does not wait for TensorFlow.
    import measure

    from jdstyle.training import devices

    measure.print_header(
        backbone=_BACKBONE.value,
        size=_IMAGE_SIZE.value,
        batch=_BATCH_SIZE.value,
        precision=devices.choose_precision(_PRECISION.value),
        rounds=_ROUNDS.value,
    )
    turns, first_step = _train()
    speed = measure.ratio(turns["bare step"], turns["our step"])
    passes = measure.ratio(turns["our validation"], turns["forward pass"])
    said = {
        "our step": f"{measure.show(speed)} of the bare step's speed",
        "our validation": f"{passes.median:.2f} forward passes; scores, charts "
        "and one file of weights included",
    }
    rows = []
    for name, taken in turns.items():
        per_turn = _BATCH_SIZE if "step" in name else _NUM_PHOTOS
        ms = measure.cpu_ms(taken, per_turn.value)
        rows.append([name, measure.show(ms, 1), said.get(name, "")])
    print(measure.table(["", "cpu-ms per photo", ""], rows))
    print(f"\nFirst step: {first_step:.0f} s, mostly building its graph.")


def _train():
    """Trains an epoch; returns a dict of lists of `Round`, and seconds."""
    import clocked

    settings = clocked.settings(
        backbone=_BACKBONE.value,
        image_size=_IMAGE_SIZE.value,
        batch_size=_BATCH_SIZE.value,
        steps_per_epoch=_ROUNDS.value + 1,
        precision=_PRECISION.value,
    )
    shown = clocked.photos(_NUM_PHOTOS.value)
    clock = _clock(shown)
    clocked.train(clock, shown, settings)
    return clock.turns, clock.first_step


def _clock(shown):
    """Returns a callback with a bare network that steps in turn with ours."""
    import keras
    import measure
    import numpy as np

    from jdstyle.input_pipeline import batches
    from jdstyle.models import classifier
    from jdstyle.models import forward

    class Clock(keras.callbacks.Callback):
        turns = {
            name: []
            for name in (
                "bare step",
                "our step",
                "forward pass",
                "our validation",
            )
        }
        first_step = None

        def __init__(self, monitors):
            super().__init__()
            self._monitors = monitors

        def on_train_begin(self, logs=None):
            architecture = classifier.Architecture(
                _BACKBONE.value, _IMAGE_SIZE.value
            )
            self._bare = classifier.build(architecture)
            self._bare.compile(
                keras.optimizers.AdamW(1e-4),
                keras.losses.BinaryCrossentropy(from_logits=True),
                jit_compile=False,
            )
            size = _IMAGE_SIZE.value
            shape = (_BATCH_SIZE.value, size, size, 3)
            rng = np.random.default_rng(0)
            images = rng.integers(0, 256, shape).astype("uint8")
            labels = np.ones((len(images), 1), "float32")
            self._step = lambda: self._bare.train_on_batch(images, labels)
            self._restart()

        def on_train_batch_end(self, batch, logs=None):
            ours = measure.Round(
                time.process_time() - self._start.cpu,
                time.monotonic() - self._start.wall,
            )
            bare = measure.once(self._step)
            if batch:  # The first of each builds its graph.
                self.turns["our step"].append(ours)
                self.turns["bare step"].append(bare)
            else:
                type(self).first_step = ours.wall
            self._restart()

        def on_epoch_end(self, epoch, logs):
            dataset = batches.make_eval_dataset(
                shown,
                image_size=_IMAGE_SIZE.value,
                batch_size=_BATCH_SIZE.value,
            )
            bare = forward.make_forward(self._bare)

            def ours():
                self._monitors.best_weights.best = {"val_f2": -1.0}
                for monitor in self._monitors:
                    monitor.on_epoch_end(epoch, logs)

            taken = measure.alternate(
                {
                    "forward pass": lambda: forward.predict_logits(
                        bare, dataset
                    ),
                    "our validation": ours,
                },
                rounds=2,
            )
            self.turns.update(taken)

        def _restart(self):
            self._start = measure.Round(time.process_time(), time.monotonic())

    return Clock


if __name__ == "__main__":
    cli.run(main)
