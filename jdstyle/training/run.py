"""A whole run: its directory, its photos, the training, its results."""

import os
import shutil
import time

import numpy as np
import tensorflow as tf
from absl import logging

from jdstyle.datasets import records
from jdstyle.datasets import usable
from jdstyle.evaluation import bagging
from jdstyle.evaluation import calibration
from jdstyle.evaluation import scores
from jdstyle.files import lock
from jdstyle.models import classifier
from jdstyle.models import starts
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.runs import model_card
from jdstyle.runs import probability_tables
from jdstyle.serving import prevalence
from jdstyle.serving import saved_model
from jdstyle.serving import seen
from jdstyle.training import frozen
from jdstyle.training import recipe
from jdstyle.training import student
from jdstyle.training import tensorboard
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
        photos = (train_photos, validation_photos, columns, settings, workdir)
        if settings.frozen:
            trained = frozen.train(
                *photos,
                style_names=style_names,
                data_set_dir=os.path.dirname(builder.data_dir),
            )
        else:
            options = {"style_names": style_names, "signals": signals}
            options["checkpoint_minutes"] = checkpoint_minutes
            if teacher is None:
                trained = trainer.train(*photos, **options)
            else:
                trained = student.train(*photos, teacher=teacher, **options)
        finished = _write_results(
            trained,
            train_photos.ids,
            validation_photos,
            style_names,
            columns,
            settings,
            workdir,
            shares=prevalence.shares(labels["the training photos"]),
            photos_seen=seen.of_run(
                builder,
                train_photos.ids,
                validation_photos.ids,
                settings.init_from,
            ),
            start=start,
        )
        model_card.write(workdir, finished, licence=licence)
        # Of no more use, and larger than all the rest.
        shutil.rmtree(
            os.path.join(workdir, checkpoints.DIRECTORY), ignore_errors=True
        )
        return finished


def _pool(trained, labels):
    """Returns labels and logits of all photos that no network was trained on.

    Args:
        trained: `trainer.Trained`.
        labels: int array `(n, num_styles)`, of the photos that validate.

    Returns:
        Two arrays `(m, num_styles)`, m >= n, the n photos first; the label is
        -1 where it is not known or there is no logit.
    """
    if trained.unseen is None:
        return labels, trained.logits
    more, logits = trained.unseen
    there = np.isfinite(logits)
    return (
        np.concatenate([labels, np.where(there, more, -1)]),
        np.concatenate([trained.logits, np.where(there, logits, 0)]),
    )


def _write_results(
    trained,
    train_ids,
    photos,
    style_names,
    columns,
    settings,
    workdir,
    *,
    shares,
    photos_seen,
    start,
):
    """Calibrates, chooses thresholds, exports the SavedModel, writes results.

    `results.json` comes last: a directory that has it is complete.

    Args:
        trained: `trainer.Trained`.
        train_ids: array of strings, of the photos that trained.
        photos: `records.Photos` that validated.
        style_names: list of strings, one per column.
        columns: list of ints, the styles' columns in the labels.
        settings: `recipe.Settings`.
        workdir: run directory.
        shares: list of floats, of `prevalence.shares`.
        photos_seen: `seen.Seen`, or None.
        start: `time.monotonic()` when the run began.

    Returns:
        The dict in `results.json`.
    """
    labels = photos.labels[:, columns]
    pooled, logits = _pool(trained, labels)
    fitted = calibration.fit(
        pooled, logits, np.zeros(len(pooled)), seed=settings.seed
    )
    classifier.correct_logits(
        trained.classifier,
        recipe.make_architecture(settings, len(columns)),
        fitted.shift,
        fitted.scale,
    )
    # In float32, as the SavedModel computes them.
    predicted = tf.sigmoid(fitted.apply(logits)).numpy()
    probabilities = predicted[: len(labels)]
    directory.write_table(
        os.path.join(workdir, directory.VALIDATION_FILE),
        scores.probability_table(
            photos.ids, style_names, labels, probabilities
        ),
    )
    choosing = directory.VALIDATION_FILE
    if len(pooled) > len(labels):
        choosing = directory.OUT_OF_FOLD_FILE
        ids = np.concatenate([photos.ids, train_ids])
        directory.write_table(
            os.path.join(workdir, choosing),
            scores.probability_table(ids, style_names, pooled, predicted),
        )
    pairs = list(zip(pooled.T, predicted.T, strict=True))
    chosen = [
        bagging.choose(*of_style, settings.threshold, settings.seed)
        for of_style in pairs
    ]
    model = trained.classifier
    saved_model.export(
        saved_model.Thresholded(
            classifier.average_mirrored(model) if settings.flip else model,
            chosen,
        ),
        style_names,
        os.path.join(workdir, directory.SAVED_MODEL_DIR),
        short_side=photos.short_side,
        shares=shares,
        seen=photos_seen,
    )
    probability_tables.bind(workdir, choosing)
    decisions = (probabilities >= np.array(chosen, np.float32)).astype(int)
    results = {
        "styles": style_names,
        "thresholds": chosen,
        "validation": scores.score(
            style_names,
            labels,
            probabilities,
            decisions,
            photos.source,
            kind=scores.OPTIMISTIC,
            thresholds=chosen,
            chosen_on=pairs,
            seed=settings.seed,
        ),
        **trained.record,
        # What is in the SavedModel and not in the weights.
        "logit_scales": fitted.scale.tolist(),
        "logit_corrections": fitted.apply(trained.correction).tolist(),
        "minutes": (time.monotonic() - start) / 60,
        # Of this process, on all cores, loading included.
        "cpu_minutes": time.process_time() / 60,
    }
    tensorboard.show_reliability(workdir, results["validation"])
    directory.write_json(os.path.join(workdir, directory.RESULTS_FILE), results)
    return results
