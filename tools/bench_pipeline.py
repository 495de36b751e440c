"""Prints photos per CPU-second of each part of the input pipeline.

    python tools/bench_pipeline.py

Photos are made: garments drawn at 800 x 800 pixels, and the same as `prepare`
stores them. CPU-seconds count all threads of this process, so other load on the
machine matters little. Each line is the median of --repeats rounds, with the
slowest and the fastest.
"""

import io
import platform
import time

from absl import flags

from jdstyle import cli

_NUM_PHOTOS = flags.DEFINE_integer(
    "num_photos", 256, "Distinct photos.", lower_bound=32
)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Rounds.", lower_bound=1)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Height and width of the output.", lower_bound=16
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Photos per batch.")
_SHORT_SIDE = flags.DEFINE_integer(
    "short_side", 320, "As in prepare, in pixels."
)


def main(argv):
    del argv
    # Here, so that --help does not wait for TensorFlow.
    import numpy as np
    import tensorflow as tf

    from jdstyle import augment
    from jdstyle import decoding
    from jdstyle import resampling
    from jdstyle.datasets import photos

    print(
        f"{_cpu()}, TensorFlow {tf.__version__}, "
        f"{_NUM_PHOTOS.value} photos, output {_IMAGE_SIZE.value} px, batches "
        f"of {_BATCH_SIZE.value}, {_REPEATS.value} rounds"
    )
    originals = [_draw(i) for i in range(_NUM_PHOTOS.value)]
    _bench(
        "prepare: check, hash, re-encode (800 x 800)",
        lambda: [photos.normalise(o, _SHORT_SIDE.value) for o in originals],
        len(originals),
    )
    stored = [photos.normalise(o, _SHORT_SIDE.value).jpeg for o in originals]
    size = _IMAGE_SIZE.value
    for name, encoded in [("800 x 800", originals), ("prepared", stored)]:
        for part, decode in [
            ("decode whole", lambda i, data: decoding.decode(data, size)),
            (
                "decode and crop",
                lambda i, data: decoding.decode_random_crop(
                    data, size, seed=tf.stack([0, i])
                ),
            ),
        ]:
            dataset = tf.data.Dataset.from_tensor_slices(encoded).enumerate()
            dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
            dataset = dataset.batch(_BATCH_SIZE.value)
            _bench(
                f"{part} to uint8 batches ({name})",
                lambda dataset=dataset: list(dataset),
                len(encoded),
            )

    batch = np.zeros((_BATCH_SIZE.value, size, size, 3), "uint8")
    augmentation = augment.build(seed=0)
    for name, xla in [("", False), (", XLA", True)]:
        step = tf.function(
            lambda images: augmentation(images, training=True), jit_compile=xla
        )
        _bench(
            f"rotate, flip and erase a batch{name}",
            lambda step=step: [step(batch) for _ in range(8)],
            8 * _BATCH_SIZE.value,
        )

    labels = np.zeros((54_908, 1), "int32")
    labels[:104] = 1
    acceptance = resampling.acceptance_probabilities(labels, [0.5])
    draw = tf.function(
        lambda epoch: resampling.draw_epoch(
            tf.constant(labels), acceptance, seed=0, epoch=epoch
        )
    )
    _bench(
        "resample 104 positives of 54,908 (kept photos)",
        lambda: [draw(tf.constant(e, tf.int64)) for e in range(50)],
        50 * 208,
    )


def _bench(name, work, num_photos):
    work()  # Traces and warms up.
    rates = []
    for _ in range(_REPEATS.value):
        start = time.process_time()
        work()
        rates.append(num_photos / (time.process_time() - start))
    rates.sort()
    print(
        f"{name:52} {rates[len(rates) // 2]:9,.0f} photos per CPU-second "
        f"({rates[0]:,.0f} to {rates[-1]:,.0f})",
        flush=True,
    )


def _draw(number):
    """A drawn garment, 800 x 800, as a JPEG of about 100 kB."""
    import numpy as np

    from jdstyle import styles
    from jdstyle.datasets import drawings

    rng = np.random.default_rng(number)
    labels = [int(name in ("Lady", "Office lady")) for name in styles.NAMES]
    image = drawings.draw(labels, rng, size=800).crop((0, 100, 800, 900))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()


def _cpu():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [
                line.partition(":")[2].strip()
                for line in file
                if line.startswith("model name")
            ]
    except OSError:
        return platform.processor()
    return f"{len(names)} x {names[0]}"


if __name__ == "__main__":
    cli.run(main)
