"""Groups of styles that share the last stage of a backbone: --groups."""

from absl import logging

from jdstyle import styles
from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.fusion import relations


def choose(text, builder, *, fold, columns=None):
    """Returns the groups that --groups means, and logs them.

    Args:
        text: string: a number of groups, or the groups themselves, see
            `parse`.
        builder: a prepared TFDS builder.
        fold: as in `records.read_photos`.
        columns: list of ints, the styles that are trained; None: all.

    Returns:
        List of lists of places in `columns`, ints from 0; each place is in one
        of them.

    Raises:
        InputError: if there cannot be so many groups, or as `parse`.
    """
    style_names = records.style_names(builder)
    if columns is None:
        columns = list(range(len(style_names)))
    style_names = [style_names[column] for column in columns]
    if text.isdecimal():
        if not 1 <= int(text) <= len(style_names):
            raise InputError(
                f"--groups must be from 1 to {len(style_names)}. "
                f"Received: {text}."
            )
        photos = records.read_photos(
            builder, "train", fold=fold, cache="stream"
        )
        groups = cluster(photos.labels[:, columns], int(text))
    else:
        groups = parse(text, style_names)
    for number, group in enumerate(groups, start=1):
        listed = ", ".join(style_names[column] for column in group)
        logging.info("Group %d: %s", number, listed)
    return groups


def cluster(labels, num_groups):
    """Makes groups of styles that often occur together.

    Args:
        labels: int array, shape `(n, num_styles)`: 1, 0, or -1 where unknown,
            which counts nowhere.
        num_groups: int from 1 to num_styles.

    Returns:
        List of lists of columns, as `relations.related_groups`.
    """
    return relations.related_groups(
        relations.cooccurrence(labels),
        num_groups,
        relations.occurrence(labels),
    )


def parse(text, style_names):
    """Parses groups of styles, each named once, by number or by name.

    Args:
        text: string, such as "1,2;Punk": groups between semicolons.
        style_names: list of strings, the data set's styles by column.

    Returns:
        List of lists of columns, ints from 0, each sorted.

    Raises:
        InputError: if a style is not known, or not there exactly once.
    """
    groups = [
        sorted(
            styles.find(style.strip(), style_names, flag="--groups")
            for style in part.split(",")
        )
        for part in text.split(";")
    ]
    placed = [column for group in groups for column in group]
    for column, name in enumerate(style_names):
        if placed.count(column) != 1:
            raise InputError(
                f"--groups must name each style once; {name} is there "
                f"{placed.count(column)} times in {text!r}."
            )
    return groups
