"""A whole run: its directory, its photos, the training, its results."""

import os
import shutil
import time

from absl import logging

from jdstyle.datasets import records
from jdstyle.datasets import usable
from jdstyle.files import lock
from jdstyle.models import starts
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.runs import model_card
from jdstyle.serving import seen
from jdstyle.training import frozen
from jdstyle.training import recipe
from jdstyle.training import run_results
from jdstyle.training import student
from jdstyle.training import trainer
from jdstyle.training.signals import Signals


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
    skipped=(),
    teacher=None,
    licence=None,
):
    """Runs a training from the prepared photos to the written results.

    A run that was interrupted goes on from its last saved state. The directory
    is held meanwhile, and SIGTERM, SIGINT and SIGHUP are caught.

    Args:
        builder: a prepared TFDS builder.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        workdir: run directory.
        flag_texts: dict from flag name to the flag as text, for `flags.cfg`.
        task: "train", "pretrain" or "distill".
        fold: as in `records.read_photos`.
        cache: as in `records.read_photos`.
        checkpoint_minutes: as in `trainer.train`.
        skipped: names of styles that --skip_unusable left out, for the record.
        teacher: `distillation.Teacher` of the training photos, or None.
        licence: string, of the data, for the model card; or None.

    Returns:
        The dict in `results.json`; at once if this run has finished before.

    Raises:
        InputError: as `directory.start`, `recipe.require_start`, `read_photos`
            and `trainer.train`; or if another process is at work there.
        Failure, Stopped: as `trainer.train`.
    """
    start = time.monotonic()
    source = records.source(builder)
    known = records.style_names(builder)
    style_names = [known[column] for column in columns]
    architecture = recipe.make_architecture(settings, len(columns))
    record = {
        "task": task,
        **source._asdict(),
        "styles": style_names,
        "skipped": list(skipped),
        "backbone": architecture.backbone,
        "image_size": architecture.image_size,
        "sharing": architecture.sharing if len(columns) > 1 else None,
        "frozen": settings.frozen,
        "loss": settings.loss,
        "flip": settings.flip,
        "architecture": architecture._asdict(),
        "fold": fold,
        "init_from": settings.init_from,
        "seed": settings.seed,
        "teacher": teacher and teacher.digest(),
    }
    starts.require_same_fold(settings.init_from, source.fingerprint, fold)
    with lock.hold(workdir, "workdir"), Signals() as signals:
        finished = directory.start(workdir, flag_texts, record)
        if finished is not None:
            print("This run has finished before; these are its results.")
            if model_card.is_due(workdir, licence):
                model_card.write(workdir, finished, licence=licence)
            return finished
        start_from = (
            settings.backbone,
            settings.image_size,
            settings.init_from,
        )
        if settings.init_from != "scratch":
            # A download that fails, after a minute of reading photos.
            recipe.require_start(*start_from)
        train_photos, validation_photos = (
            records.read_photos(builder, part, fold=fold, cache=cache)
            for part in ("train", "validation")
        )
        labels = {
            "the training photos": train_photos.labels[:, columns],
            "the validation photos": validation_photos.labels[:, columns],
        }
        for sentence in usable.describe(style_names, labels):
            logging.warning(sentence)
        own = seen.of_photos(builder, train_photos.ids, validation_photos.ids)
        of_start = seen.of_start(settings.init_from)
        photos = (train_photos, validation_photos, columns, settings, workdir)
        if settings.frozen:
            trained = frozen.train(
                *photos,
                style_names=style_names,
                data_set_dir=os.path.dirname(builder.data_dir),
            )
            if of_start is None or of_start.trained & own.trained:
                # What that backbone makes of them knows their labels.
                trained = trained._replace(unseen=None)
        else:
            options = {"style_names": style_names, "signals": signals}
            options["checkpoint_minutes"] = checkpoint_minutes
            if teacher is None:
                trained = trainer.train(*photos, **options)
            else:
                trained = student.train(*photos, teacher=teacher, **options)
        finished = run_results.write(
            trained,
            *photos,
            style_names=style_names,
            photos_seen=seen.union([own, of_start]),
            start=start,
        )
        model_card.write(workdir, finished, licence=licence)
        # Of no more use, and larger than all the rest.
        shutil.rmtree(
            os.path.join(workdir, checkpoints.DIRECTORY), ignore_errors=True
        )
        return finished
