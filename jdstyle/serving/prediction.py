"""Runs a SavedModel over photo files."""

import array
import contextlib
import csv
import functools
import itertools
import os

import numpy as np
from absl import logging

from jdstyle import styles
from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import cells
from jdstyle.photos import files
from jdstyle.photos import finding
from jdstyle.photos import reader
from jdstyle.serving import assets
from jdstyle.serving import bad_photos
from jdstyle.serving import kept_lines
from jdstyle.serving import loader
from jdstyle.serving import prevalence


def predict(
    saved_model,
    paths,
    output,
    errors,
    *,
    submission=False,
    batch_size=32,
    short_side=None,
    shares=None,
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
        shares: path of the CSV of --prevalence, or None. What it decides hangs
            on all photos: the output is written once they are scored.

    Returns:
        `(done, failed)`: numbers of photos.

    Raises:
        InputError: as `finding`, `loader.load`, `kept_lines.open_lines` and
            `prevalence.read`; if an output is a photo or both outputs are one;
            or if `shares` are to be written into a stream.
        Stopped: after a signal, with what is kept.
    """
    found = finding.find(paths)
    if submission:
        found = finding.name_as_challenge(found)
    _require_no_photos(output, errors, found)
    if shares:
        _require_file_of_its_own(shares, output, errors)
    classify, style_names = loader.load(saved_model)
    given = shares and prevalence.read(shares, saved_model, style_names)
    short_side = short_side or assets.read_short_side(saved_model)
    if submission and tuple(style_names) != styles.NAMES:
        logging.warning(
            "The challenge expects %d labels per line; this model has %d.",
            len(styles.NAMES),
            len(style_names),
        )
    paths = dict(found)
    failures = []
    header = None if submission else _header(style_names)
    settings, finish = [*style_names, submission, short_side], atomic.put
    if given:
        # What is kept until all are scored is the same for all shares.
        finish = functools.partial(_decide_anew, given, header)
        settings, header = (
            [*style_names, "%.9g", short_side],
            _header(style_names),
        )
    write = functools.partial(
        _lines, is_short=header is None, style="%.9g" if given else "%.6f"
    )
    with kept_lines.open_lines(
        output,
        header,
        kept_lines.digest(saved_model, settings, found),
        num_columns=1 + len(style_names) * (1 if header is None else 2),
        num_photos=len(found),
        finish=finish,
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
                write(
                    itertools.compress(ids, valid),
                    outputs["probabilities"][valid],
                    outputs["labels"][valid],
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


def _lines(ids, probabilities, labels, *, is_short, style="%.6f"):
    for photo_id, scores, flags in zip(ids, probabilities, labels, strict=True):
        if is_short:
            yield [photo_id, *flags]
        else:
            pairs = zip((style % score for score in scores), flags, strict=True)
            yield [photo_id, *itertools.chain.from_iterable(pairs)]


def _decide_anew(given, header, part, output):
    """Writes the output from the lines of all photos, by `prevalence.apply`.

    Args:
        given: `prevalence.Prevalence`.
        header: list of strings, or None for the lines of a submission.
        part: path of the CSV of all photos, which is removed in the end.
        output: path of the output.
    """
    ids, values = [], array.array("f")
    with open(part, **kept_lines.TEXT) as file:
        _, *names = next(rows := csv.reader(file))
        for photo_id, *row in rows:
            ids.append(cells.read(photo_id))
            values.extend(map(float, row))
    # A probability and a label per style.
    pairs = np.array(values, np.float32).reshape(len(ids), len(names) // 2, 2)
    probabilities, labels, _ = prevalence.apply(
        given, pairs[..., 0], pairs[..., 1].astype(int)
    )
    with atomic.aside(output, **kept_lines.TEXT) as file:
        writer = csv.writer(file, lineterminator="\n")
        if header is not None:
            writer.writerow(header)
        lines = _lines(ids, probabilities, labels, is_short=header is None)
        writer.writerows([cells.write(first), *rest] for first, *rest in lines)
    os.remove(part)


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


def _require_file_of_its_own(shares, output, errors):
    if atomic.is_stream(output):
        raise InputError(
            f"--prevalence decides once all photos are scored, and {output} "
            "takes each line at once. Name a file with --output."
        )
    written = [path for path in (output, errors) if path is not None]
    if atomic.resolve(shares) in map(atomic.resolve, written):
        raise InputError(
            f"--prevalence={shares} would be written over. Name other files "
            "with --output and --errors."
        )
