"""Fuses one network of many styles, and says what that takes.

    python tools/bench/many_styles.py --styles=300 --photos=2000

The photos are noise, and the run is made: a network with random weights, and
made probabilities for the photos that validate. `fuse` is the real binary in a
process of its own; starting it counts.
"""

import os
import re
import tempfile

from absl import flags

from jdstyle import cli

_STYLES = flags.DEFINE_integer("styles", 300, "Styles.", lower_bound=2)
_PHOTOS = flags.DEFINE_integer(
    "photos", 2_000, "Photos; nine in ten validate.", lower_bound=20
)
_RELATIONS = flags.DEFINE_enum(
    "relations",
    "auto",
    ["auto", "equation2", "full", "none"],
    "As the flag of fuse.",
)

_IMAGE_SIZE = 64
_GOAL_SECONDS = 120
_GOAL_MEGABYTES = 2000


def main(argv):
    del argv
    import made
    import measure
    import processes

    measure.print_header(styles=_STYLES.value, photos=_PHOTOS.value)
    with tempfile.TemporaryDirectory() as folder:
        names = [f"style{i:03}" for i in range(_STYLES.value)]
        data = [
            "--dataset=label_table/made",
            f"--data_dir={os.path.join(folder, 'data')}",
        ]
        table = made.write_table(
            folder, _PHOTOS.value, _IMAGE_SIZE, names, folds=True
        )
        processes.run("-m", "jdstyle.prepare", f"--table={table}", *data)
        runs_dir = os.path.join(folder, "runs")
        _write_run(os.path.join(runs_dir, "all"), data)
        cost = processes.run(
            *("-m", "jdstyle.fuse", f"--runs_dir={runs_dir}", *data),
            f"--relations={_RELATIONS.value}",
        )
    met = cost.wall < _GOAL_SECONDS and cost.peak < _GOAL_MEGABYTES
    print(
        measure.table(
            ["styles", "seconds", "CPU-seconds", "MB", "warnings", "goal"],
            [
                [
                    f"{_STYLES.value}",
                    f"{cost.wall:.0f}",
                    f"{cost.cpu:.0f}",
                    f"{cost.peak:.0f}",
                    str(len(re.findall(r"\w*Warning", cost.said))),
                    f"{_GOAL_SECONDS} s, {_GOAL_MEGABYTES} MB: "
                    f"{'met' if met else 'missed'}",
                ]
            ],
        )
    )


def _write_run(folder, data):
    """Writes what a training of all styles would leave, untrained."""
    import numpy as np

    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.evaluation import scores
    from jdstyle.files import sums
    from jdstyle.models import classifier
    from jdstyle.runs import directory

    builder = prepared.open_prepared(*(flag.split("=")[1] for flag in data))
    photos = records.read_photos(builder, "validation", cache="stream")
    names = records.style_names(builder)
    noise = np.random.default_rng(0).normal(0, 0.3, photos.labels.shape)
    probabilities = np.clip(0.2 + 0.6 * photos.labels + noise, 0, 1)
    os.makedirs(folder)
    architecture = classifier.Architecture(
        "MobileNetV3Small", _IMAGE_SIZE, len(names)
    )
    classifier.build(architecture).save_weights(
        os.path.join(folder, directory.BEST_WEIGHTS)
    )
    sums.write(folder, [directory.BEST_WEIGHTS])
    record = {
        "task": "train",
        **photos.source._asdict(),
        "styles": names,
        "backbone": architecture.backbone,
        "image_size": architecture.image_size,
        "sharing": architecture.sharing,
        "architecture": architecture._asdict(),
        "fold": None,
    }
    directory.write_json(os.path.join(folder, directory.RUN_FILE), record)
    directory.write_table(
        os.path.join(folder, directory.VALIDATION_FILE),
        scores.probability_table(
            photos.ids, names, photos.labels, probabilities.astype(np.float32)
        ),
    )
    result = scores.score(
        names,
        photos.labels,
        probabilities,
        (probabilities >= 0.5).astype(int),
        photos.source,
    )
    directory.write_json(
        os.path.join(folder, directory.RESULTS_FILE), {"validation": result}
    )


if __name__ == "__main__":
    cli.run(main)
