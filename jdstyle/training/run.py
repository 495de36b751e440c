"""A whole run: its directory, its photos, the training, its results."""

import os
import shutil
import time

from absl import logging

from jdstyle import results
from jdstyle.datasets import summary
from jdstyle.errors import InputError
from jdstyle.files import lock
from jdstyle.input_pipeline import batches
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.training import recipe
from jdstyle.training import signals as stopping
from jdstyle.training import trainer


def execute(
    builder,
    columns,
    settings,
    workdir,
    *,
    flag_texts,
    task,
    fold,
    cache,
    checkpoint_minutes,
):
    """Runs a training from the prepared photos to the written results.

    One that was interrupted goes on from its last saved state. The directory is
    held meanwhile, and SIGTERM and SIGINT are caught.

    Args:
        builder: a prepared TFDS builder.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        workdir: run directory.
        flag_texts: dict from flag name to the flag as text, for `flags.cfg`.
        task: "train" or "pretrain".
        fold, cache: as in `batches.read_photos`.
        checkpoint_minutes: as in `trainer.train`.

    Returns:
        The dict in `results.json`; at once if this run has finished before.

    Raises:
        InputError: as `directory.start`, `read_photos` and `trainer.train`;
            or if another process is at work in the directory.
        Failure, Stopped: as `trainer.train`.
    """
    start = time.monotonic()
    metadata = builder.info.metadata
    names = [metadata["styles"][column] for column in columns]
    form = recipe.architecture(settings, len(columns))
    record = {
        "task": task,
        "dataset": builder.info.full_name,
        "fingerprint": metadata["fingerprint"],
        "num_leaking": metadata["num_leaking"],
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
    with lock.alone(workdir, "workdir"), stopping.Signals() as signals:
        finished = directory.start(workdir, flag_texts, record)
        if finished is not None:
            print("This run has finished before; these are its results.")
            return finished
        train_photos, validation_photos = (
            batches.read_photos(builder, part, fold=fold, cache=cache)
            for part in ("train", "validation")
        )
        labels = {
            "the training photos": train_photos.labels[:, columns],
            "the validation photos": validation_photos.labels[:, columns],
        }
        for sentence in summary.describe(names, labels):
            logging.warning(sentence)
        trained = trainer.train(
            train_photos,
            validation_photos,
            columns,
            settings,
            workdir,
            names=names,
            checkpoint_minutes=checkpoint_minutes,
            signals=signals,
        )
        finished = results.write(
            trained,
            validation_photos,
            names,
            columns,
            workdir,
            start=start,
            num_leaking=metadata["num_leaking"],
        )
        # Of no more use, and larger than all the rest.
        shutil.rmtree(
            os.path.join(workdir, checkpoints.DIRECTORY), ignore_errors=True
        )
        return finished


def _require_same_fold(init_from, fingerprint, fold):
    """Refuses a start that has trained on the photos that will validate."""
    path = os.path.join(directory.run_directory(init_from), directory.RUN_FILE)
    if not os.path.isfile(path):
        return  # No run: weights from elsewhere, or refused later.
    donor = directory.read_json(path)
    if donor["fingerprint"] == fingerprint and donor.get("fold") != fold:
        raise InputError(
            f"--init_from={init_from} was trained with --fold="
            f"{donor.get('fold')} on these photos: it has seen some that "
            f"validate with --fold={fold}, and the score would flatter. Start "
            "from a run of the same fold."
        )
