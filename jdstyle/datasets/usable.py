"""Which styles can be trained or fused; what to do about the others."""

from absl import logging

from jdstyle.datasets import summary
from jdstyle.errors import InputError

_MOST_SHOWN = 20


def of_parts(style_names, parts, *, skip, where="trained"):
    """Returns the styles that have positives and negatives in all parts.

    Args:
        style_names: list of strings.
        parts: as in `summary.describe_support`.
        skip: bool, --skip_unusable: go on without the others.
        where: what cannot be done with the others, for the message.

    Returns:
        List of names; the others are logged.

    Raises:
        InputError: as `without`.
    """
    lacks = {}
    for i, name in enumerate(style_names):
        of_style = {part: labels[:, [i]] for part, labels in parts.items()}
        sentences = summary.describe_support([name], of_style)
        if sentences:
            lacks[name] = " ".join(sentences)
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
