"""Any photos with a label file of some format: the user's own data."""

import os

import tensorflow_datasets as tfds
from absl import logging

from jdstyle import styles
from jdstyle.datasets import builder
from jdstyle.datasets import column_roles
from jdstyle.datasets import columns
from jdstyle.datasets import given_splits
from jdstyle.datasets import label_hints
from jdstyle.datasets import labels
from jdstyle.datasets import photo_paths
from jdstyle.datasets import understood
from jdstyle.datasets import unknown_labels
from jdstyle.datasets.formats import choice
from jdstyle.datasets.formats import tables
from jdstyle.errors import InputError


class LabelTable(builder.PhotoBuilder):
    """A CSV with a header, or a label file of another format.

    The configuration's name tells one table from another: `label_table/NAME`.
    Rows without a known label are left out, and counted in
    `metadata["cleaning"]`.

    Args:
        name: string, the configuration's name.
        table: path of the file; None for a folder per class.
        images_dir: folder that the paths of photos are relative to.
        image_column, style_columns, allow_all_zero, follow_links, format, tags,
            extension, unknown: as in `read_label_table`.
        **kwargs: `options` and those of `tfds.core.GeneratorBasedBuilder`.

    Raises:
        InputError: for a fault in the table, with file and line.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(
        self,
        *,
        name,
        table,
        images_dir,
        image_column=None,
        style_columns=None,
        allow_all_zero=False,
        follow_links=False,
        format=None,
        tags=None,
        extension=None,
        unknown=None,
        **kwargs,
    ):
        style_names, rows = read_label_table(
            table,
            images_dir,
            image_column=image_column,
            style_columns=style_columns,
            allow_all_zero=allow_all_zero,
            follow_links=follow_links,
            format=format,
            tags=tags,
            extension=extension,
            unknown=unknown,
        )
        known = [row for row in rows if max(row.labels) >= 0]
        config = tfds.core.BuilderConfig(
            name=name,
            version=self.VERSION,
            description=f"From {table or images_dir}.",
        )
        super().__init__(
            style_names=style_names, rows=known, config=config, **kwargs
        )
        if num_unknown := len(rows) - len(known):
            self.cleaning["rows left out, without a known label"] = num_unknown


def read_label_table(
    table,
    images_dir=None,
    *,
    image_column=None,
    style_columns=None,
    allow_all_zero=False,
    follow_links=False,
    format=None,
    tags=None,
    extension=None,
    unknown=None,
):
    """Reads a CSV with a header, or a label file of another format.

    A CSV has an image column and a 0/1 column per style, or one of tags or of
    a class. Optional columns, whose cells may be empty: `split` (a word of
    `given_splits`), `fold` (int >= 0) and `group`; see `columns.choose` for
    those of other names. How the file was read, what each column is taken for,
    and what then comes out are logged. Rows that say the same of one image
    count once; where one does not know a label, another may.

    Args:
        table: path of the file, UTF-8; None for a folder per class.
        images_dir: folder that the images are relative to; None for the
            table's.
        image_column: its name; None to look for it.
        style_columns: list of names or "first:last" runs; None for all columns
            that are nothing else.
        allow_all_zero: take rows that are known to have no style.
        follow_links: take images that are links to files outside `images_dir`.
        format: one of `choice.FORMATS`, or None to guess.
        tags: name of the column, or key, of the labels; None to look for it.
        extension: string that the images' names may lack at their end, or None.
        unknown: list of the cells that mean that a label is not known, "empty"
            for an empty one; None: labels must be known.

    Returns:
        `(style_names, rows)`: list of strings, list of `labels.Row` with the
        image's path in `images_dir` as id; rows without a known label too.

    Raises:
        InputError: for any fault, with file and line.
    """
    means_unknown = unknown_labels.parse(unknown)
    read = choice.read(
        table,
        images_dir,
        kind=format,
        tags=tags,
        image_column=image_column,
        style_columns=style_columns,
        unknown=means_unknown,
    )
    header, where = read.header, read.where
    contents = read.contents or [
        unknown_labels.blank(content, means_unknown)
        for content in column_roles.survey(read.lines(), len(header))
    ]
    chosen = columns.choose(
        header,
        contents,
        image_column=image_column or read.image,
        style_columns=style_columns,
        where=where,
        is_style=read.is_style,
        ignore_empty=unknown is not None,
    )
    names = [header[column] for column in chosen.styles]
    places = read.style_places
    styles.require_usable(
        names, places and [places[column] for column in chosen.styles] or where
    )
    folder = images_dir or os.path.dirname(os.path.abspath(table))
    if not os.path.isdir(folder):
        raise InputError(f"No such folder: {folder} (--images_dir).")
    folder = photo_paths.Folder(
        folder, follow_links=follow_links, extension=extension
    )

    rows = {}
    for where, values in read.lines():
        tables.require_width(values, header, where)
        row = _parse_row(
            [value.strip() for value in values],
            header,
            chosen,
            contents,
            folder,
            where,
            means_unknown,
        )
        if not any(row.labels) and not allow_all_zero:
            raise InputError(
                f"{where}: no style is 1. Pass --allow_all_zero to keep photos "
                "without a style."
            )
        labels.add_row(rows, row)
    if not rows:
        raise InputError(f"{where}: no row below the header.")
    if unknown is not None:
        unknown_labels.require_known(names, rows.values(), read.where, unknown)
    rows = list(rows.values())
    understood.log(read, contents, chosen, rows, folder.describe())
    if unknown is not None:
        _warn_of_no_zeros(names, [row.labels for row in rows])
    return names, rows


def _warn_of_no_zeros(names, values):
    """Warns of what may be a misunderstanding of unknown cells."""
    no_zeros = [
        name
        for name, column in zip(names, zip(*values, strict=True), strict=True)
        if 0 not in column
    ]
    if no_zeros:
        logging.warning(
            "No row says 0 of %s, and without photos that lack a style nobody "
            "can learn it. If an unknown cell means no there, write 0.",
            ", ".join(no_zeros),
        )


def _parse_row(cells, header, chosen, contents, folder, where, means_unknown):
    def hint(place, value):
        column = chosen.styles[place]
        return label_hints.for_label(value, column, chosen, header, contents)

    flags = labels.parse_labels(
        [cells[column] for column in chosen.styles],
        [header[column] for column in chosen.styles],
        where,
        hint=hint,
        is_unknown=lambda cell: unknown_labels.plain(cell) in means_unknown,
    )
    photo_id, path = folder.locate(cells[chosen.image], where)
    split = fold = group = None
    if chosen.split is not None:
        name = header[chosen.split]
        split = given_splits.parse_word(cells[chosen.split], name, where)
    elif chosen.flags:
        split = given_splits.parse_flags(cells, chosen.flags, header, where)
    if chosen.fold is not None:
        fold = labels.parse_fold(cells[chosen.fold], where)
    if chosen.group is not None:
        group = cells[chosen.group] or None
    return labels.Row(
        id=photo_id,
        path=path,
        labels=flags,
        split=split,
        fold=fold,
        group=group,
        where=where,
    )
