"""Whether an exported model decides as the SavedModel does, and at what F2."""

import itertools
import os

import numpy as np
import pandas as pd
import tensorflow as tf

from jdstyle.evaluation import score_tables
from jdstyle.evaluation import scores
from jdstyle.photos import decoding
from jdstyle.runs import directory

# How many decisions that differ are printed; the CSV has all.
_SHOWN = 10


def read_images(photos, image_sizes, batch_size=1):
    """Decodes photos as the SavedModel does.

    Args:
        photos: `records.Photos`.
        image_sizes: list of ints.
        batch_size: photos per batch.

    Returns:
        Iterator over batches, each a list of float32 arrays
        `(batch, size, size, 3)`, one per size.
    """
    dataset = photos.stream.map(
        lambda photo: tuple(
            tf.cast(image, tf.float32)
            for image in decoding.decode_sizes(photo, image_sizes)
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    dataset = dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)
    return map(list, dataset.as_numpy_iterator())


def calibration_photos(photos, image_sizes, number):
    """Decodes some photos of a part, evenly over all of it.

    Returns:
        List of at most `number` batches of one photo, of `read_images`.
    """
    step = max(1, len(photos.ids) // number)
    chosen = photos._replace(stream=photos.stream.shard(step, 0))
    return list(itertools.islice(read_images(chosen, image_sizes), number))


def compare(photos, kind, style_names, batches, run_before, run_after):
    """Runs two models on the same images and scores both.

    Args:
        photos: `records.Photos`, with the labels of the styles.
        kind: of `seen.kind`; without one there are no scores.
        style_names: list of strings.
        batches: of `read_images`.
        run_before: function like that of `exported.load`.
        run_after: function like that of `exported.load`.

    Returns:
        `(result, differences)`: a dict with `photos`, `largest_difference` of
        probabilities, `decisions` (how many there are), `differing` (how many
        differ) and, with a kind, `before` and `after` of `scores.score`; and a
        table with a line per decision that differs: id, style, label, both
        probabilities and both decisions.
    """
    pairs = [(run_before(images), run_after(images)) for images in batches]
    before, after = (
        tuple(map(np.concatenate, zip(*outputs, strict=True)))
        for outputs in zip(*pairs, strict=True)
    )
    rows, columns = np.nonzero(before[1] != after[1])
    differences = pd.DataFrame(
        {
            "id": photos.ids[rows],
            "style": np.array(style_names)[columns],
            "label": photos.labels[rows, columns],
            "probability before": before[0][rows, columns],
            "probability after": after[0][rows, columns],
            "decision before": before[1][rows, columns],
            "decision after": after[1][rows, columns],
        }
    )
    result = {
        "photos": len(photos.ids),
        "largest_difference": float(np.abs(before[0] - after[0]).max()),
        "decisions": int(before[1].size),
        "differing": len(differences),
    }
    if kind is not None:
        for when, outputs in ("before", before), ("after", after):
            probabilities, decisions = outputs
            result[when] = scores.score(
                style_names,
                photos.labels,
                probabilities,
                decisions,
                photos.source,
                kind=kind,
            )
    return result, differences


def write(output, record, result, differences):
    """Writes `OUTPUT.json` and, where decisions differ, a table beside it.

    A table of an earlier export is replaced, be it by one without lines.

    Args:
        output: path of the exported file.
        record: dict of what was exported.
        result: of `compare`.
        differences: of `compare`.
    """
    table = f"{output}.differences.csv"
    if len(differences) or os.path.exists(table):
        directory.write_table(table, differences)
    directory.write_json(f"{output}.json", record | {"check": result})


def format_result(result, differences):
    """Formats what `compare` returned, for people."""
    lines = [
        f"{result['photos']} photos: probabilities differ by at most "
        f"{result['largest_difference']:.2g}, {result['differing']} of "
        f"{result['decisions']} decisions differ"
    ]
    if len(differences):
        lines.append(differences.head(_SHOWN).to_string(index=False))
        if len(differences) > _SHOWN:
            lines.append(f"... and {len(differences) - _SHOWN} more")
    if "before" not in result:
        lines.append("No F2: these photos trained the networks.")
        return "\n".join(lines)
    lines.append(f"F2, {result['before']['kind']}:")
    rows = []
    names = list(result["before"]["styles"])
    for name in names if len(names) == 1 else [*names, "macro mean"]:
        before, after = (
            _row(result[when], name) for when in ("before", "after")
        )
        rows.append(
            {
                "style": name,
                "F2 before": score_tables.decimals(before["f2"]),
                "95 % interval": score_tables.interval(before),
                "F2 after": score_tables.decimals(after["f2"]),
                "change": _change(before["f2"], after["f2"]),
            }
        )
    lines.append(pd.DataFrame(rows).to_string(index=False))
    lines += score_tables.notes(result["after"])
    return "\n".join(lines)


def _row(score, name):
    return score["styles"].get(name) or scores.overall(score)


def _change(before, after):
    """Both are None together: the photos have a positive or have none."""
    return "-" if before is None else f"{after - before:+.3f}"
