"""The labels of prepared records, read once for all who ask."""

import typing

import numpy as np
import tensorflow_datasets as tfds

from jdstyle.datasets import records
from jdstyle.errors import InputError


class Labels(typing.NamedTuple):
    """The labels of a whole data set.

    Attributes:
        style_names: list of strings, the styles of the columns.
        labels: dict from split to int array `(n, num_styles)`: 1, 0, or -1
            where unknown.
        folds: dict from split to int array `(n,)`: which fold a photo is in; of
            the test photos -1.
    """

    style_names: list[str]
    labels: dict[str, np.ndarray]
    folds: dict[str, np.ndarray]


def read(builder):
    """Reads the labels of every split; decodes no photo.

    Args:
        builder: a prepared TFDS builder.

    Returns:
        `Labels`.
    """
    of_split = {
        split: _read_columns(builder, split) for split in builder.info.splits
    }
    return Labels(
        style_names=records.style_names(builder),
        labels={split: of["labels"] for split, of in of_split.items()},
        folds={split: of["fold"] for split, of in of_split.items()},
    )


def folds_of(labels):
    """Returns the numbers of a data set's folds, sorted.

    Args:
        labels: `Labels`.
    """
    folds = [of for split, of in labels.folds.items() if split != "test"]
    return np.unique(np.concatenate(folds)).tolist()


def training_parts(labels, folds, style_names):
    """Returns the labels of each part that trainings will see.

    Args:
        labels: `Labels`.
        folds: sequence of ints that validate in turn; empty for the data set's
            own validation photos.
        style_names: list of the styles whose labels to return.

    Returns:
        dict from what the part is to int array `(n, num_styles)`, for
        `usable.lacking`.

    Raises:
        InputError: without folds, if there are no training or no validation
            photos.
    """
    columns = [labels.style_names.index(name) for name in style_names]
    splits = [s for s in ("train", "validation") if s in labels.labels]
    of_split = [labels.labels[split][:, columns] for split in splits]
    missing = {"train", "validation"} - set(splits)
    if missing and not folds:
        raise InputError(
            f"The data set has no {' and no '.join(sorted(missing))} photos: "
            "there is nothing to train and validate on. Pass --folds, or "
            "prepare it with a split."
        )
    if not folds:
        names = {"train": "training", "validation": "validation"}
        return {
            f"the {names[split]} photos": of
            for split, of in zip(splits, of_split, strict=True)
        }
    of_all = np.concatenate(of_split)
    numbers = np.concatenate([labels.folds[split] for split in splits])
    parts = {}
    for fold in folds:
        for name, chosen in [
            ("training", numbers != fold),
            ("validation", numbers == fold),
        ]:
            parts[f"the {name} photos of --fold={fold}"] = of_all[chosen]
    return parts


def _read_columns(builder, split):
    """Returns a dict of the arrays `labels` and `fold` of a split."""
    examples = builder.as_dataset(
        split=split,
        decoders=tfds.decode.PartialDecoding({"labels", "fold"}),
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    batches = list(examples.batch(1024).as_numpy_iterator())
    return {
        name: np.concatenate([batch[name] for batch in batches])
        for name in ("labels", "fold")
    }
