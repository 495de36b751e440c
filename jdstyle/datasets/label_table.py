"""Any photos with a CSV of 0/1 columns: the user's own data."""

import tensorflow_datasets as tfds

from jdstyle.datasets import builder
from jdstyle.datasets import labels


class LabelTable(builder.PhotoBuilder):
    """A CSV with a header: an image column and a 0/1 column per style.

    Optional columns: `split`, `fold`, `group`. The configuration's name tells
    one table from another: `label_table/NAME`.

    Args:
        name: string, the configuration's name.
        table: path of the CSV.
        images_dir: folder that the image column is relative to.
        image_column, style_columns, allow_all_zero: as in
            `labels.read_label_table`.
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
        **kwargs,
    ):
        style_names, rows = labels.read_label_table(
            table,
            images_dir,
            image_column=image_column,
            style_columns=style_columns,
            allow_all_zero=allow_all_zero,
        )
        config = tfds.core.BuilderConfig(
            name=name, version=self.VERSION, description=f"From {table}."
        )
        super().__init__(
            style_names=style_names, rows=rows, config=config, **kwargs
        )
