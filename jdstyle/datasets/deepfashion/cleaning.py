"""Which of DeepFashion's rows and labels are kept."""

import fractions
import os

import numpy as np
from absl import logging

from jdstyle.datasets import labels
from jdstyle.errors import InputError


def clean(table, root, num_attributes):
    """Merges rows of one photo, chooses labels and drops what is unknown.

    Args:
        table: `deepfashion.labels.Table`; its labels are overwritten.
        root: folder that the photos' paths are relative to.
        num_attributes: as in `choose_balanced`.

    Returns:
        `(names, rows, boxes, counts)`: list of the kept labels' names, list of
        `labels.Row`, dict from a row's id to its box if it has one, and dict
        from what was done to how many rows (or labels) it befell.

    Raises:
        InputError: if no label can be kept.
    """
    kept, counts = merge_copies(
        table.photos, table.splits, table.labels, what="path"
    )
    first = {table.photos[i]: table.boxes[i] for i in kept}
    pairs = zip(table.photos, table.boxes, strict=True)
    num_other = sum(box != first[photo] for photo, box in pairs)
    train = [i for i in kept if table.splits[i] == "train"]
    columns = choose_balanced(table.labels[train], table.names, num_attributes)
    values = table.labels[:, columns]
    rows = [
        labels.Row(
            id=table.photos[i],
            path=os.path.join(root, table.photos[i]),
            labels=tuple(values[i].tolist()),
            split=table.splits[i],
            fold=None,
            group=None,
            where=table.wheres[i],
        )
        for i in kept
        if (values[i] >= 0).any()
    ]
    boxes = {row.id: first[row.id] for row in rows if first[row.id]}
    counts = {
        "rows listed": len(table.photos),
        **counts,
        "rows with another box than the path's first, which counts": num_other,
        "rows without a known label": len(kept) - len(rows),
    }
    return [table.names[i] for i in columns], rows, boxes, counts


def merge_copies(keys, splits, values, *, what):
    """Merges what is said of one photo; no copy trains that scores elsewhere.

    Copies in different partitions: only those of the last (test, then
    validation, then train) stay, and the others' labels are lost. Of those that
    stay the first is kept. A label is what the copies know of it; where one
    says yes and another no, it is unknown.

    Args:
        keys: list of n hashables; copies have the same.
        splits: list of n times "train", "validation" or "test".
        values: int8 array, shape `(n, labels)`: 1, 0 or -1; overwritten for
            rows that are kept and had copies.
        what: string, what the keys are, for the counts' names.

    Returns:
        `(kept, counts)`: sorted list of indices of rows, dict from what was
        done to how many rows or labels it befell.
    """
    groups = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    merged = torn = contradicting = 0
    for members in groups.values():
        if len(members) == 1:
            continue
        # Where a photo lies in two partitions, the copy in the later one
        # stays: what scores is never trained on.
        last = max((splits[i] for i in members), key=labels.SPLITS.index)
        same = [i for i in members if splits[i] == last]
        torn += len(members) - len(same)
        merged += len(same) - 1
        yes = (values[same] == 1).any(axis=0)
        no = (values[same] == 0).any(axis=0)
        contradicting += int((yes & no).sum())
        values[same[0]] = np.where(yes == no, -1, yes)
        members[0] = same[0]
    return sorted(members[0] for members in groups.values()), {
        f"rows merged into another of the same {what}": merged,
        f"rows left out, their {what} being in a later partition too": torn,
        f"labels unknown, since rows of the same {what} contradict": (
            contradicting
        ),
    }


def choose_balanced(values, names, num_attributes):
    """Chooses the labels whose rate of positives is nearest to a half.

    The rate is that of the known values; a label needs a yes and a no. Of
    equally balanced ones the first counts.

    Args:
        values: int8 array of training labels, shape `(n, labels)`.
        names: list of strings, one per label.
        num_attributes: int >= 0, how many to choose; 0 for all labels, in
            their order.

    Returns:
        List of indices, the most balanced first.

    Raises:
        InputError: if no label has both a yes and a no.
    """
    positives = np.count_nonzero(values == 1, axis=0).tolist()
    negatives = np.count_nonzero(values == 0, axis=0).tolist()
    counts = list(zip(positives, negatives, strict=True))
    usable = [i for i, (yes, no) in enumerate(counts) if yes and no]
    if not usable:
        raise InputError(
            f"None of the {len(names)} labels has both a yes and a no among "
            f"the {len(values)} training rows."
        )
    # |rate - 1/2|, times 2: exact, so that 1/3 and 2/3 do tie.
    usable.sort(
        key=lambda i: fractions.Fraction(
            abs(counts[i][0] - counts[i][1]), sum(counts[i])
        )
    )
    chosen = usable[:num_attributes] if num_attributes else range(len(names))
    logging.info("Keeping %d of %d labels:", len(chosen), len(names))
    for i in chosen:
        yes, no = counts[i]
        logging.info(
            "  %s: %.1f%% of %d known",
            names[i],
            yes / max(yes + no, 1) * 100,
            yes + no,
        )
    return list(chosen)
