"""Measures `predict` and `evaluate` against the model's own rate.

    python tools/bench/scoring.py
    python tools/bench/scoring.py --saved_model=RUN/saved_model

The model's own rate: its signature called with batches of photo bytes that
are in memory, one after the other. `evaluate` reads them from records and
scores its decisions; `predict` reads files, checks and scales them as
`prepare` does. All of it in one process, in turn, loading the model left out.
On a CPU nothing that is computed is free, however it overlaps: the CPU seconds
per photo say what the limit is.
"""

import os
import tempfile

from absl import flags

from jdstyle import cli
from jdstyle import path_flags

_SAVED_MODEL = path_flags.DEFINE_path(
    "saved_model", None, "A SavedModel; default: --backbone, not trained."
)
_BACKBONE = flags.DEFINE_string("backbone", "ResNet50", "A Keras Application.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 224, "Pixels.")
_PHOTOS = flags.DEFINE_integer(
    "photos", 192, "Photos, at most 1,000.", lower_bound=10, upper_bound=1000
)
_SIDE = flags.DEFINE_integer("side", 800, "Of the files, in pixels.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Photos per call.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Rounds.", lower_bound=1)
_TARGET = 0.93  # Of the model's own rate.


def main(argv):
    del argv
    import measure

    measure.print_header(
        photos=_PHOTOS.value, batch=_BATCH_SIZE.value, rounds=_ROUNDS.value
    )
    with tempfile.TemporaryDirectory() as folder:
        works, counts = _works(folder)
        turns = measure.alternate(works, _ROUNDS.value)
    rows = []
    for name, of_name in turns.items():
        rates = [counts[name] / turn.wall for turn in of_name]
        ratio = measure.figure(
            rate * turn.wall / counts["own"]
            for rate, turn in zip(rates, turns["own"], strict=True)
        )
        met = "met" if ratio.median >= _TARGET else "missed"
        rows.append(
            [
                name,
                measure.show(measure.figure(rates), 1),
                measure.show(measure.cpu_ms(of_name, counts[name])),
                "" if name == "own" else f"{measure.show(ratio)}: {met}",
            ]
        )
    target = f"of the model's own rate (at least {_TARGET})"
    header = ["what", "photos per second", "CPU-ms per photo", target]
    print(measure.table(header, rows))


def _works(folder):
    """Makes photos and a model; returns works and numbers of photos by name."""
    import made
    from absl import logging

    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.datasets.builder import Options
    from jdstyle.serving import evaluation
    from jdstyle.serving import loader
    from jdstyle.serving import prediction

    logging.set_verbosity(logging.WARNING)
    model = _SAVED_MODEL.value or made.export_model(
        folder, _BACKBONE.value, _IMAGE_SIZE.value, made.STYLES
    )
    classify, names = loader.load(model)
    table = made.write_table(
        folder, _PHOTOS.value, _SIDE.value, names, folds=True
    )
    place = ("label_table/made", os.path.join(folder, "data"))
    prepared.prepare(
        prepared.make_builder(*place, Options(), table=table, images_dir=None)
    )
    builder = prepared.open_prepared(*place)
    encoded = records.read_photos(builder, "validation").encoded
    size = _BATCH_SIZE.value

    def own():
        for top in range(0, len(encoded), size):
            classify(encoded[top : top + size])["probabilities"].numpy()

    def evaluate():
        evaluation.evaluate(
            model, builder, "validation", folder, batch_size=size
        )

    def predict():
        prediction.predict(
            model,
            [os.path.join(folder, "000")],
            os.path.join(folder, "predictions.csv"),
            os.path.join(folder, "errors.csv"),
            batch_size=size,
        )

    # Loading the model is not measured: it is at hand.
    loader.load = lambda *_: (classify, names)
    works = {"own": own, "evaluate": evaluate, "predict": predict}
    counts = {name: len(encoded) for name in works}
    return works, counts | {"predict": _PHOTOS.value}


if __name__ == "__main__":
    cli.run(main)
