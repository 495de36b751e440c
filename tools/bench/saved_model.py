"""A fused SavedModel: size, load, first call, and its networks one by one.

    python tools/bench/saved_model.py
    python tools/bench/saved_model.py --saved_model=RUN/saved_model

Without --saved_model one is made of random networks for all 13 styles, and
stands beside the sum of their forward passes: what is above 1 is decoding,
fusion and rules. Photos are drawn garments, as `prepare` stores them.
"""

import os
import tempfile
import time

from absl import flags

from jdstyle import cli
from jdstyle import path_flags
from jdstyle.errors import InputError

_SAVED_MODEL = path_flags.DEFINE_path(
    "saved_model", None, "Directory of a SavedModel to measure instead."
)
_BACKBONES = flags.DEFINE_list(
    "backbones", ["ResNet50", "DenseNet121"], "Of the made one."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Of the made one.", lower_bound=16
)
_BATCH_SIZES = flags.DEFINE_list("batch_sizes", ["1", "32"], "Photos per call.")
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Rounds that count.", lower_bound=1)


def main(argv):
    del argv
    for size in _BATCH_SIZES.value:
        if not size.isdecimal() or int(size) < 1:
            raise InputError(
                f"--batch_sizes must be ints > 0. Received: {size!r}."
            )
    # Here, so that --help does not wait for TensorFlow.
    import measure

    measure.print_header(rounds=_ROUNDS.value)
    if _SAVED_MODEL.value is not None:
        _measure(_SAVED_MODEL.value, None)
        return
    networks = _networks()
    with tempfile.TemporaryDirectory() as folder:
        directory = os.path.join(folder, "saved_model")
        _export(networks, directory)
        _measure(directory, networks)


def _measure(directory, networks):
    import drawn
    import measure
    import tensorflow as tf

    from jdstyle.serving import loader

    photos = drawn.prepared(drawn.originals(32))
    rows = [["size", f"{_size(directory) / 1e6:.1f} MB"]]
    if networks:
        weights = sum(4 * n.model.count_params() for n in networks)
        rows.append(["weights of its networks", f"{weights / 1e6:.1f} MB"])
    start = time.monotonic()
    classify, style_names = loader.load(directory)
    rows.append(["load", f"{time.monotonic() - start:.1f} s"])
    start = time.monotonic()
    classify(tf.constant(photos[:1]))
    rows.append(["first call", f"{time.monotonic() - start:.1f} s"])
    rows.append(["styles", str(len(style_names))])
    for batch_size in map(int, _BATCH_SIZES.value):
        batch = tf.gather(photos, tf.range(batch_size) % len(photos))
        fused = "photo files"
        sides = {fused: lambda batch=batch: classify(batch)}
        sides |= _forwards(networks or [], batch_size)
        taken = measure.alternate(sides, _ROUNDS.value)
        for name, turns in taken.items():
            ms = measure.show(measure.cpu_ms(turns, batch_size), 1)
            wall = measure.figure(1e3 * t.wall / batch_size for t in turns)
            text = f"{ms} cpu-ms, {measure.show(wall, 1)} ms per photo"
            rows.append([f"{name}, batch {batch_size}", text])
        if networks:
            sums = [
                measure.Round(sum(t.cpu for t in turn), 0.0)
                for turn in zip(
                    *(t for name, t in taken.items() if name != fused),
                    strict=True,
                )
            ]
            ratio = measure.show(measure.ratio(taken[fused], sums), 3)
            rows.append([f"over the sum, batch {batch_size}", ratio])
    print(measure.table(["", "measured"], rows))


def _networks():
    """Returns networks with random weights, as `ensemble.load` does trained."""
    from jdstyle import styles
    from jdstyle.fusion import ensemble
    from jdstyle.models import batch_norm_folding
    from jdstyle.models import classifier

    form = classifier.Architecture("", _IMAGE_SIZE.value, len(styles.NAMES))
    return [
        ensemble.Network(
            batch_norm_folding.fold_batch_norms(
                classifier.build(form._replace(backbone=backbone))
            ),
            number,
            list(range(len(styles.NAMES))),
        )
        for number, backbone in enumerate(_BACKBONES.value)
    ]


def _export(networks, directory):
    import numpy as np

    from jdstyle import styles
    from jdstyle.fusion import blending
    from jdstyle.fusion import ensemble
    from jdstyle.fusion import rules
    from jdstyle.serving import saved_model

    count = len(styles.NAMES)
    fitted = rules.Rules(
        blend=blending.Blend(
            "mean",
            np.full((len(networks), count), 1 / len(networks)),
        ),
        first_thresholds=np.full(count, 0.5, "float32"),
        conditional=np.eye(count, dtype="float32"),
        alpha=np.ones(count, "float32"),
        beta=np.zeros((count, count), "float32"),
        thresholds=np.full(count, 0.5, "float32"),
        least=1,
        most=5,
    )
    scorer = ensemble.Ensemble(networks, _BACKBONES.value, count, fitted)
    saved_model.export(scorer, list(styles.NAMES), directory)


def _forwards(networks, batch_size):
    """Returns a function per network that runs it alone on ready pixels."""
    import tensorflow as tf

    size = _IMAGE_SIZE.value
    images = tf.random.stateless_uniform(
        (batch_size, size, size, 3), [0, 0], 0.0, 255.0
    )

    def forward(model):
        run = tf.function(lambda images: model(images, training=False))
        return lambda: run(images)

    return {
        f"{name} alone": forward(network.model)
        for name, network in zip(_BACKBONES.value, networks, strict=False)
    }


def _size(directory):
    return sum(
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(directory)
        for name in names
    )


if __name__ == "__main__":
    cli.run(main)
