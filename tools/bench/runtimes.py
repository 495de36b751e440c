"""Compares a SavedModel with its exports: photos per CPU-second.

    python tools/bench/runtimes.py --saved_model=RUN/saved_model

Every file of jdstyle.export whose packages are installed scores the same pixels
in turns with the SavedModel's core, on all threads. Without --saved_model the
network is a ResNet50 of 224 px with random weights. Pixels are noise: what is
measured does not depend on them. int8 is calibrated on noise too, so that these
files are of no other use.
"""

import os
import tempfile

import measure
from absl import flags

from jdstyle import cli
from jdstyle import path_flags

_SAVED_MODEL = path_flags.DEFINE_path(
    "saved_model", None, "Directory of the SavedModel."
)
_BATCH_SIZES = flags.DEFINE_multi_integer(
    "batch_size", [1, 32], "Photos per call; may be given again.", lower_bound=1
)
_ROUNDS = flags.DEFINE_integer(
    "rounds", 7, "Rounds; the median counts.", lower_bound=1
)
_CALIBRATION_PHOTOS = 8


def main(argv):
    del argv
    import numpy as np

    from jdstyle.runtimes import frozen_graph

    rng = np.random.default_rng(0)

    def noise(photos, sizes):
        return [
            rng.uniform(0, 255, (photos, size, size, 3)).astype(np.float32)
            for size in sizes
        ]

    with tempfile.TemporaryDirectory() as folder:
        saved_model = _SAVED_MODEL.value or _random_network(folder)
        frozen = frozen_graph.freeze(saved_model.rstrip("/"))
        calibration = [
            noise(1, frozen.image_sizes) for _ in range(_CALIBRATION_PHOTOS)
        ]
        files = _files(frozen, calibration, folder)
        measure.print_header(model=saved_model, rounds=_ROUNDS.value)
        for batch_size in _BATCH_SIZES.value:
            images = noise(batch_size, frozen.image_sizes)
            print(f"Batches of {batch_size}\n\n{_table(files, images)}\n")


def _random_network(folder):
    """Exports a ResNet50 as the product has it, batch norms folded."""
    from jdstyle import styles
    from jdstyle.models import batch_norm_folding
    from jdstyle.models import classifier
    from jdstyle.serving import saved_model

    architecture = classifier.Architecture("ResNet50", 224, len(styles.NAMES))
    network = batch_norm_folding.fold_batch_norms(
        classifier.build(architecture)
    )
    directory = os.path.join(folder, "ResNet50")
    scorer = saved_model.Thresholded(network, [0.5] * len(styles.NAMES))
    saved_model.export(scorer, styles.NAMES, directory)
    return directory


def _files(frozen, calibration, folder):
    """Returns a dict from a file's name to its function and its megabytes."""
    from jdstyle.errors import InputError
    from jdstyle.runtimes import exported
    from jdstyle.runtimes import formats

    files = {"SavedModel": (frozen.run, _megabytes(frozen))}
    for name, file_format in formats.FORMATS.items():
        for precision in file_format.precisions:
            path = formats.default_output(
                os.path.join(folder, "model"), name, precision
            )
            try:
                formats.check(name, precision, path)
            except InputError as error:
                print(f"Without {name} {precision}: {error}")
                continue
            exported.write(frozen, name, precision, path, calibration)
            size = os.path.getsize(path)
            if name == "openvino":
                size += os.path.getsize(f"{path.removesuffix('.xml')}.bin")
            files[f"{name} {precision}"] = exported.load(path), size / 1e6
    return files


def _megabytes(frozen):
    return frozen.graph_def.ByteSize() / 1e6


def _table(files, images):
    """Measures all files on a list of images; returns a Markdown table."""
    photos = len(images[0])
    turns = measure.alternate(
        {name: lambda run=run: run(images) for name, (run, _) in files.items()},
        _ROUNDS.value,
    )
    first = turns["SavedModel"]
    return measure.table(
        ["file", "MB", "photos per CPU-second", "times the SavedModel's"],
        [
            [
                name,
                f"{files[name][1]:.1f}",
                measure.show(measure.rate(rounds, photos), 1),
                measure.show(measure.ratio(first, rounds)),
            ]
            for name, rounds in turns.items()
        ],
    )


if __name__ == "__main__":
    cli.run(main)
