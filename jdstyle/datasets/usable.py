"""Which styles can be trained or fused; what to do about the others."""

import numpy as np
from absl import logging

from jdstyle.errors import InputError

_MOST_LINES = 20
_MOST_SHOWN = 20


def lacking(style_names, parts):
    """Says which styles lack positives or negatives in which part.

    Args:
        style_names: list of different names.
        parts: dict from a part's name ("test", "fold 3") to its labels, int
            array `(n, num_styles)`: 1, 0, or -1 where unknown.

    Returns:
        dict from the name of each style that lacks something to a list of
        sentences, one or two.
    """
    lacks = {}
    for i, name in enumerate(style_names):
        columns = {part: labels[:, i] for part, labels in parts.items()}
        empty = [p for p, c in columns.items() if not (c == 1).any()]
        full = [
            part
            for part, column in columns.items()
            if part not in empty and not (column == 0).any()
        ]
        sentences = []
        if empty:
            sentences.append(f"{name}: no positive in {', '.join(empty)}.")
        if full:
            sentences.append(f"{name}: only positives in {', '.join(full)}.")
        if sentences:
            lacks[name] = sentences
    return lacks


def describe(style_names, parts):
    """Returns the sentences of `lacking` as a list, no more than one reads."""
    lines = [
        line
        for sentences in lacking(style_names, parts).values()
        for line in sentences
    ]
    if len(lines) > _MOST_LINES:
        more = len(lines) - _MOST_LINES
        lines[_MOST_LINES:] = [f"And {more} more such lines."]
    return lines


def trainable(rows, splits):
    """Returns which styles can be trained, each by a network of its own.

    Args:
        rows: list of `labels.Row`.
        splits: array of each photo's split, as in `splits.Assignment`.

    Returns:
        List of the numbers, from 1, of the styles with positives and negatives
        among the training and among the validation photos.
    """
    labels = np.array([row.labels for row in rows])
    numbers = range(1, labels.shape[1] + 1)
    lacks = lacking(
        numbers,
        {part: labels[splits == part] for part in ("train", "validation")},
    )
    return [number for number in numbers if number not in lacks]


def of_parts(style_names, parts, *, skip, where="trained"):
    """Returns the styles that have positives and negatives in all parts.

    Args:
        style_names: as in `lacking`.
        parts: as in `lacking`.
        skip: bool, --skip_unusable: go on without the others.
        where: what cannot be done with the others, for the message.

    Returns:
        List of names; the others are logged.

    Raises:
        InputError: as `without`.
    """
    lacks = {
        name: " ".join(sentences)
        for name, sentences in lacking(style_names, parts).items()
    }
    return without(style_names, lacks, skip=skip, where=where)


def without(style_names, lacks, *, skip, where):
    """Returns the styles that lack nothing, if the others may be left out.

    Args:
        style_names: list of strings.
        lacks: dict from the name of each unusable style to a sentence.
        skip: as in `of_parts`.
        where: as in `of_parts`.

    Returns:
        List of names.

    Raises:
        InputError: if styles are unusable and `skip` is False, with all of
            them; or if no other is left.
    """
    usable = [name for name in style_names if name not in lacks]
    if not lacks:
        return usable
    shown = " ".join(list(lacks.values())[:_MOST_SHOWN])
    if len(lacks) > _MOST_SHOWN:
        others = ", ".join(list(lacks)[_MOST_SHOWN:])
        shown += f" The same is true of: {others}."
    told = (
        f"{len(lacks)} of {len(style_names)} styles cannot be {where}: {shown}"
    )
    if not usable:
        raise InputError(f"{told} There is no other style.")
    if not skip:
        raise InputError(
            f"{told} Pass --skip_unusable to go on with the other "
            f"{len(usable)}, or get photos of them."
        )
    logging.warning("Skipped: %s", told)
    return usable
