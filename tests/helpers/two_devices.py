"""Trains on one device and on two logical ones, in a process of its own.

Which logical devices there are is said before TensorFlow computes anything.
"""

import json
import subprocess
import sys

import binaries


def train(kind, data_dir, folder):
    """Returns the losses of each epoch on one device, and on two.

    Two virtual ones of one CPU or GPU. Augmentation, which draws other numbers
    on each device, and an average are tried as well.

    Args:
        kind: "CPU" or "GPU".
        data_dir: folder of the data set `label_table/tiny`.
        folder: path.
    """
    done = subprocess.run(
        [sys.executable, __file__, kind, data_dir, str(folder)],
        env=binaries.environment(small=True),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def _main(kind, data_dir, folder):
    import tensorflow as tf

    physical = tf.config.list_physical_devices(kind)[0]
    limit = {"memory_limit": 2048} if kind == "GPU" else {}
    tf.config.set_logical_device_configuration(
        physical, [tf.config.LogicalDeviceConfiguration(**limit)] * 2
    )
    import numpy as np
    import small_settings

    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.training import devices
    from jdstyle.training import trainer

    tiny = prepared.open_prepared("label_table/tiny", data_dir)
    parts = [
        records.read_photos(tiny, part) for part in ("train", "validation")
    ]
    # One photo in the last batch is fewer than there are devices.
    parts[1] = parts[1]._replace(
        ids=parts[1].ids[:13],
        labels=parts[1].labels[:13],
        encoded=parts[1].encoded[:13],
    )
    alike = small_settings.SETTINGS._replace(augment=False)
    losses = []
    for name, number, settings in [
        ("one", 1, alike),
        ("two", 2, alike),
        ("augmented", 2, small_settings.SETTINGS._replace(ema=0.9)),
    ]:
        strategy = tf.distribute.get_strategy()
        if number == 2:
            strategy = tf.distribute.MirroredStrategy(
                [f"{kind}:{i}" for i in range(number)]
            )
        devices.default_strategy = lambda chosen=strategy: chosen
        workdir = f"{folder}/{name}"
        tf.io.gfile.makedirs(workdir)
        trained = trainer.train(*parts, [0], settings, workdir)
        assert trained.record["replicas"] == number
        assert np.isfinite(trained.logits).all()
        with open(f"{workdir}/history.csv", encoding="utf-8") as file:
            header, *rows = [line.strip().split(",") for line in file]
        losses.append([float(row[header.index("loss")]) for row in rows])
    print(json.dumps(losses[:2]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
