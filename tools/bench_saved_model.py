"""Measures a SavedModel: size, load time, time per photo at batch 1 and 32.

    python tools/bench_saved_model.py --saved_model=RUN/saved_model

Photos are the demo's drawings, as `prepare` stores them.
"""

import os
import platform
import time

from absl import flags

from jdstyle import cli
from jdstyle.errors import InputError

_SAVED_MODEL = flags.DEFINE_string(
    "saved_model", None, "Directory of the SavedModel."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared data sets."
)
_BATCH_SIZES = flags.DEFINE_list("batch_sizes", ["1", "32"], "Photos per call.")
_REPEATS = flags.DEFINE_integer(
    "repeats", 7, "Rounds; the median counts.", lower_bound=1
)


def main(argv):
    del argv
    if _SAVED_MODEL.value is None:
        raise InputError("--saved_model is required: a SavedModel's directory.")
    import numpy as np
    import tensorflow as tf

    from jdstyle import input_pipeline
    from jdstyle import serving
    from jdstyle.datasets import prepared

    for size in _BATCH_SIZES.value:
        if not size.isdecimal() or int(size) < 1:
            raise InputError(
                f"--batch_sizes must be ints > 0. Received: {size!r}."
            )
    print(
        f"TensorFlow {tf.__version__}, {os.cpu_count()} CPUs, "
        f"{platform.machine()}, {_REPEATS.value} rounds"
    )
    builder = prepared.open_prepared("demo", _DATA_DIR.value)
    photos = input_pipeline.read_photos(builder, "validation").encoded
    megabytes = _size(_SAVED_MODEL.value) / 1e6
    start = time.monotonic()
    classify, style_names = serving.load(_SAVED_MODEL.value)
    print(f"{'size':24} {megabytes:10.1f} MB, {len(style_names)} styles")
    print(f"{'load':24} {time.monotonic() - start:10.1f} s")
    for batch_size in map(int, _BATCH_SIZES.value):
        batch = tf.gather(photos, tf.range(batch_size) % len(photos))
        classify(batch)  # Plans memory and threads.
        rounds = []
        for _ in range(_REPEATS.value):
            wall, cpu = time.monotonic(), time.process_time()
            classify(batch)
            rounds.append((time.monotonic() - wall, time.process_time() - cpu))
        times = np.sort(1e3 * np.array(rounds) / batch_size, axis=0)
        wall, cpu = np.median(times, axis=0)
        print(
            f"{f'photo, batch {batch_size}':24} {wall:10.1f} ms "
            f"({times[0, 0]:.1f} to {times[-1, 0]:.1f}), {cpu:.1f} cpu-ms"
        )


def _size(directory):
    return sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(directory)
        for name in names
    )


if __name__ == "__main__":
    cli.run(main)
