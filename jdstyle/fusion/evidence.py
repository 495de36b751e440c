"""What rules are fitted to: out-of-fold probabilities and training labels."""

import typing

import numpy as np

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.fusion import out_of_fold
from jdstyle.fusion import plausibility
from jdstyle.fusion import relations


class Evidence(typing.NamedTuple):
    """What rules are fitted to.

    Attributes:
        joined: `out_of_fold.OutOfFold`.
        counts: int64 array `(num_styles, num_styles)`, N(A and B) of the
            training labels.
        limits: two ints, fewest and most styles of a training photo.
        source: `records.Source` of the photos.
    """

    joined: out_of_fold.OutOfFold
    counts: np.ndarray
    limits: tuple[int, int]
    source: records.Source


def gather(runs, photos, style_names):
    """Joins the runs' probabilities and counts the training labels.

    Args:
        runs: list of `finished.FinishedRun`, all with folds or all without.
        photos: dict from "train" and "validation" to `records.Photos`, read
            without a fold; only their labels are used.
        style_names: list of the data set's style names, a name per column of
            these labels.

    Returns:
        `Evidence`; its styles are those that some run knows.

    Raises:
        InputError: as `out_of_fold.join`; or if a label is unknown, or a style
            has no positive out of fold.
    """
    # With folds, every photo of train and validation has trained some run.
    has_folds = runs[0].fold is not None
    parts = ["train", "validation"] if has_folds else ["train"]
    labels = np.concatenate([photos[part].labels for part in parts])
    source = photos["train"].source
    if (labels < 0).any():
        raise InputError(
            "Relations between styles need known labels; "
            f"{source.dataset} has unknown ones."
        )
    joined = out_of_fold.join(runs, style_names)
    _require_positives(joined)
    labels = labels[:, [style_names.index(name) for name in joined.style_names]]
    return Evidence(
        joined,
        relations.cooccurrence(labels),
        plausibility.limits(labels),
        source,
    )


def _require_positives(joined):
    for name, column in zip(joined.style_names, joined.labels.T, strict=True):
        if not column.any():
            raise InputError(
                f"None of the {len(column)} photos out of fold has {name}: "
                "there is nothing to fit its threshold to. Train more folds "
                "(--fold), or leave its runs out with --runs."
            )
