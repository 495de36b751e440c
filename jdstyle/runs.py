"""A whole run: its directory, its photos, the training, its results."""

import os
import time

from jdstyle import experiment
from jdstyle import input_pipeline
from jdstyle import recipe
from jdstyle import results
from jdstyle import training
from jdstyle.errors import InputError


def execute(
    builder, columns, settings, workdir, *, flag_texts, task, fold, cache
):
    """Runs a training from the prepared photos to the written results.

    Args:
        builder: a prepared TFDS builder.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        workdir: run directory.
        flag_texts: dict from flag name to the flag as text, for `flags.cfg`.
        task: "train" or "pretrain".
        fold, cache: as in `input_pipeline.read_photos`.

    Returns:
        The dict in `results.json`; at once if this run has finished before.

    Raises:
        InputError: as `experiment.start`, `read_photos` and `training.train`.
    """
    start = time.monotonic()
    metadata = builder.info.metadata
    names = [metadata["styles"][column] for column in columns]
    form = recipe.architecture(settings, len(columns))
    record = {
        "task": task,
        "dataset": builder.info.full_name,
        "fingerprint": metadata["fingerprint"],
        "styles": names,
        "backbone": form.backbone,
        "image_size": form.image_size,
        "sharing": form.sharing if len(columns) > 1 else None,
        "architecture": form._asdict(),
        "fold": fold,
        "init_from": settings.init_from,
        "seed": settings.seed,
    }
    _require_same_fold(settings.init_from, metadata["fingerprint"], fold)
    finished = experiment.start(workdir, flag_texts, record)
    if finished is not None:
        print("This run has finished before; these are its results.")
        return finished
    train_photos, validation_photos = (
        input_pipeline.read_photos(builder, part, fold=fold, cache=cache)
        for part in ("train", "validation")
    )
    trained = training.train(
        train_photos, validation_photos, columns, settings, workdir, names=names
    )
    return results.write(
        trained, validation_photos, names, columns, workdir, start=start
    )


def _require_same_fold(init_from, fingerprint, fold):
    """Refuses a start that has trained on the photos that will validate."""
    path = os.path.join(
        experiment.run_directory(init_from), experiment.RUN_FILE
    )
    if not os.path.isfile(path):
        return  # No run: weights from elsewhere, or refused later.
    donor = experiment.read_json(path)
    if donor["fingerprint"] == fingerprint and donor.get("fold") != fold:
        raise InputError(
            f"--init_from={init_from} was trained with --fold="
            f"{donor.get('fold')} on these photos: it has seen some that "
            f"validate with --fold={fold}, and the score would flatter. Start "
            "from a run of the same fold."
        )
