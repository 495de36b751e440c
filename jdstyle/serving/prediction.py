"""Runs a SavedModel over photo files."""

import contextlib
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
from jdstyle.serving import bad_photos
from jdstyle.serving import kept_lines
from jdstyle.serving import loader


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
            `probability NAME` and `label NAME` per style; it may be a pipe or a
            device.
        errors: path of the CSV `id,path,reason`; written only where a photo
            cannot be read, or where one of an earlier run is there. None: the
            log tells.
        submission: write `id,0,1,...` without a header instead: the official
            format, with the ids of `finding.name_as_challenge`.
        batch_size: photos per call of the model.
        short_side: int, pixels, as in `prepare`; None for what the product
            says.

    Returns:
        `(done, failed)`: numbers of photos.

    Raises:
        InputError: as `finding`, `loader.load` and `kept_lines.open_lines`;
            or if an output is a photo or both outputs are one.
        Stopped: after a signal, with what is kept.
    """
    found = finding.find(paths)
    if submission:
        found = finding.name_as_challenge(found)
    _require_no_photos(output, errors, found)
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
    with kept_lines.open_lines(
        output,
        None if submission else _header(style_names),
        kept_lines.digest(
            saved_model, [*style_names, submission, short_side], found
        ),
        num_columns=1 + len(style_names) * (1 if submission else 2),
        num_photos=len(found),
    ) as lines:
        left = [item for item in found if item[0] not in lines.ids]
        progress = reader.Progress("Predicted", len(left))
        batches = _batches(left, batch_size, short_side, failures)
        for ids, outputs in loader.run_ahead(classify, batches):
            valid = outputs["valid"]
            failures += [
                (photo_id, paths[photo_id], "the model cannot read it")
                for photo_id in itertools.compress(ids, ~valid)
            ]
            lines.write(
                _lines(
                    itertools.compress(ids, valid),
                    outputs["probabilities"][valid],
                    outputs["labels"][valid],
                    submission,
                )
            )
            done = len(lines.ids) - len(found) + len(left)
            progress.show(done + len(failures), len(failures))
    bad_photos.write(errors, failures)
    return len(lines.ids), len(failures)


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


def _require_no_photos(output, errors, found):
    """Refuses to write over a photo, or one file over the other."""
    written = [path for path in (output, errors) if path is not None]
    written = [path for path in written if not atomic.is_stream(path)]
    if len(set(map(atomic.resolve, written))) < len(written):
        raise InputError(
            f"--output and --errors must be two files, not {output} twice."
        )
    there = [os.stat(path) for path in written if os.path.isfile(path)]
    for _, photo in found if there else ():
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(photo)
            if any(os.path.samestat(status, other) for other in there):
                raise InputError(
                    f"{photo} is a photo to predict and would be written over. "
                    "Name other files with --output and --errors."
                )
