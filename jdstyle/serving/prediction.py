"""Runs a SavedModel over photo files."""

import contextlib
import csv
import itertools
import os

from absl import logging

from jdstyle import styles
from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.photos import files
from jdstyle.photos import finding
from jdstyle.photos import reader
from jdstyle.serving import assets
from jdstyle.serving import loader

# A file's name may hold bytes that are not UTF-8: they are written as they are.
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}


def predict(
    saved_model,
    paths,
    output,
    errors,
    *,
    submission=False,
    batch_size=32,
    short_side=None,
):
    """Writes a line per photo, and a line per photo that cannot be read.

    Args:
        saved_model: directory of the SavedModel.
        paths: list of files and folders.
        output: path of the CSV: `id` (as `finding.find` gives it), then
            `probability NAME` and `label NAME` per style.
        errors: path of the CSV `id,path,reason`; written only where a photo
            cannot be read.
        submission: write `id,0,1,...` without a header instead: the official
            format, with the ids of `finding.name_as_challenge`.
        batch_size: photos per call of the model.
        short_side: int, pixels, as in `prepare`; None for what the product
            says.

    Returns:
        `(done, failed)`: numbers of photos.

    Raises:
        InputError: as `finding` and `loader.load`.
    """
    found = finding.find(paths)
    if submission:
        found = finding.name_as_challenge(found)
    for path in (output, errors):
        if os.path.isdir(path):
            raise InputError(f"The output must be a file, not a folder: {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    classify, style_names = loader.load(saved_model)
    short_side = short_side or assets.read_short_side(saved_model)
    if submission and tuple(style_names) != styles.NAMES:
        logging.warning(
            "The challenge expects %d labels per line; this model has %d.",
            len(styles.NAMES),
            len(style_names),
        )
    paths = dict(found)
    failures = []
    done = 0
    progress = reader.Progress("Predicted", len(found))
    with atomic.aside(output, newline="", **_TEXT) as file:
        writer = csv.writer(file, lineterminator="\n")
        if not submission:
            writer.writerow(_header(style_names))
        batches = _batches(found, batch_size, short_side, failures)
        for ids, outputs in loader.run_ahead(classify, batches):
            valid = outputs["valid"]
            failures += [
                (photo_id, paths[photo_id], "the model cannot read it")
                for photo_id in itertools.compress(ids, ~valid)
            ]
            writer.writerows(
                _lines(
                    itertools.compress(ids, valid),
                    outputs["probabilities"][valid],
                    outputs["labels"][valid],
                    submission,
                )
            )
            done += valid.sum()
            progress.show(done + len(failures), len(failures))
    _write_errors(errors, failures)
    return int(done), len(failures)


def _batches(found, batch_size, short_side, failures):
    """Yields `(ids, JPEGs)`, two lists; the next ones are read meanwhile."""
    checked = reader.read_ahead(
        found,
        lambda item: files.read_file(item[1])[0],
        short_side=short_side,
        # While one batch is in the model and one waits, one is read.
        window=3 * batch_size,
    )
    while taken := list(itertools.islice(checked, batch_size)):
        ids, jpegs = [], []
        for (photo_id, path), photo, reason in taken:
            if photo is None:
                failures.append((photo_id, path, reason))
            else:
                ids.append(photo_id)
                jpegs.append(photo.jpeg)
        if ids:
            yield ids, jpegs


def _header(style_names):
    columns = [[f"probability {n}", f"label {n}"] for n in style_names]
    return ["id", *itertools.chain.from_iterable(columns)]


def _lines(ids, probabilities, labels, submission):
    for photo_id, scores, flags in zip(ids, probabilities, labels, strict=True):
        if submission:
            yield [photo_id, *flags]
        else:
            pairs = zip(
                (f"{score:.6f}" for score in scores), flags, strict=True
            )
            yield [photo_id, *itertools.chain.from_iterable(pairs)]


def _write_errors(path, failures):
    if not failures:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)  # Of an earlier run.
        return
    with atomic.aside(path, newline="", **_TEXT) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "path", "reason"])
        writer.writerows(failures)
