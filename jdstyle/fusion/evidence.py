"""What rules are fitted to: out-of-fold probabilities and training labels."""

import typing

import numpy as np

from jdstyle.datasets import records
from jdstyle.datasets import usable
from jdstyle.errors import InputError
from jdstyle.fusion import out_of_fold
from jdstyle.fusion import plausibility
from jdstyle.fusion import relations
from jdstyle.runs import directory


class Evidence(typing.NamedTuple):
    """What rules are fitted to.

    Attributes:
        joined: `out_of_fold.OutOfFold`.
        counts: int64 array `(num_styles, num_styles)`, N(A and B) of the
            training labels.
        given: None if all of these are known, or what `counts` are counted of,
            of `relations.occurrence`.
        limits: two ints, fewest and most styles of a training photo.
        source: `records.Source` of the photos.
        others: int array `(m, num_styles)`, labels of the training photos that
            are not among those joined, or None.
        counted: bool, whether the joined photos are training photos, too, and
            `counts` and `limits` theirs as well.
    """

    joined: out_of_fold.OutOfFold
    counts: np.ndarray
    limits: tuple[int, int]
    source: records.Source
    others: np.ndarray | None = None
    counted: bool = False
    given: np.ndarray | None = None


def gather(runs, photos, style_names, *, skip_unusable=False):
    """Joins the runs' probabilities and counts the training labels.

    Args:
        runs: list of `finished.FinishedRun`, all with folds or all without.
        photos: dict from "train" and "validation" to `records.Photos`, read
            without a fold; only their ids and labels are used.
        style_names: list of the data set's style names, a name per column of
            these labels.
        skip_unusable: bool, whether to go on without the styles that have no
            positive out of fold.

    Returns:
        `Evidence`; its styles are those that some run knows, its photos those
        of which some label is known.

    Raises:
        InputError: as `out_of_fold.join`; if the runs'
            tables have other photos or labels than the data set; or if styles
            have no positive out of fold, with all of these.
    """
    # With folds, every photo of train and validation has trained some run.
    has_folds = runs[0].fold is not None
    parts = ["train", "validation"] if has_folds else ["train"]
    labels = np.concatenate([photos[part].labels for part in parts])
    source = photos["train"].source
    joined = out_of_fold.join(runs, style_names)
    _require_photos(joined, photos, style_names, has_folds=has_folds)
    joined = _with_known(_with_positives(joined, skip_unusable))
    labels = labels[:, [style_names.index(name) for name in joined.style_names]]
    ids = np.concatenate([photos[part].ids for part in parts])
    return Evidence(
        joined,
        relations.cooccurrence(labels),
        plausibility.limits(labels),
        source,
        others=labels[~np.isin(ids, joined.ids)],
        counted=has_folds,
        given=relations.occurrence(labels) if (labels < 0).any() else None,
    )


def without(evidence, held):
    """Returns what is left where some photos are held back.

    Args:
        evidence: `Evidence`.
        held: bool array, shape `(n,)`: which of the joined photos to hold back,
            not all.

    Returns:
        `(rest, columns)`: `Evidence` in which nothing is of these photos, of
        those styles that the other photos still have; and int array, these
        styles' columns in `evidence`, which may be none.
    """
    joined = evidence.joined
    labels = joined.labels[~held]
    columns = np.flatnonzero((labels == 1).any(axis=0))
    counts, given, limits = evidence.counts, evidence.given, evidence.limits
    if evidence.counted:
        counts = counts - relations.cooccurrence(joined.labels[held])
        if given is not None:
            given = given - relations.occurrence(joined.labels[held])
        limits = plausibility.limits(
            np.concatenate([evidence.others, labels])[:, columns]
        )
    rest = joined._replace(
        ids=joined.ids[~held],
        folds=joined.folds[~held],
        labels=labels[:, columns],
        probabilities=joined.probabilities[~held][:, :, columns],
        style_names=[joined.style_names[column] for column in columns],
    )
    return evidence._replace(
        joined=rest,
        counts=counts[np.ix_(columns, columns)],
        given=None if given is None else given[np.ix_(columns, columns)],
        limits=tuple(min(limit, len(columns)) for limit in limits),
        others=None if evidence.others is None else evidence.others[:, columns],
    ), columns


def _require_photos(joined, photos, style_names, *, has_folds):
    """Raises `InputError` unless the photos and labels are the data set's."""
    parts = ["train", "validation"] if has_folds else ["validation"]
    ids = np.concatenate([photos[part].ids for part in parts])
    labels = np.concatenate([photos[part].labels for part in parts])
    if has_folds:
        folds = np.concatenate([photos[part].folds for part in parts])
        of_runs = np.isin(folds, joined.folds)
        ids, labels = ids[of_runs], labels[of_runs]
    order = np.argsort(ids)  # As those that are joined.
    ids, labels = ids[order], labels[order]
    source = photos["train"].source.dataset
    differing = np.setxor1d(ids, joined.ids)
    if len(differing):
        raise InputError(
            f"The runs' {directory.VALIDATION_FILE} must have the photos of "
            f"{source}: {np.isin(differing, ids).sum()} are missing, "
            f"{np.isin(differing, joined.ids).sum()} are of other data, "
            f"such as {str(differing[0])!r}. Train these runs again."
        )
    columns = [style_names.index(name) for name in joined.style_names]
    wrong = np.argwhere(labels[:, columns] != joined.labels)
    if len(wrong):
        row, column = wrong[0]
        raise InputError(
            f"The runs' {directory.VALIDATION_FILE} must have the labels of "
            f"{source}: {len(wrong)} differ, such as "
            f"{joined.style_names[column]} of photo {str(ids[row])!r}. "
            "Train these runs again."
        )


def _with_known(joined):
    """Returns what is joined without the photos of which nothing is known."""
    known = (joined.labels >= 0).any(axis=1)
    return joined._replace(
        ids=joined.ids[known],
        folds=joined.folds[known],
        labels=joined.labels[known],
        probabilities=joined.probabilities[known],
    )


def _with_positives(joined, skip):
    """Returns what is joined without the styles that no photo has."""
    lacks = {
        name: f"None of the {len(column)} photos out of fold has {name}."
        for name, column in zip(
            joined.style_names, joined.labels.T, strict=True
        )
        if not (column == 1).any()
    }
    names = usable.without(joined.style_names, lacks, skip=skip, where="fused")
    columns = [joined.style_names.index(name) for name in names]
    probabilities = joined.probabilities[:, :, columns]
    there = ~np.isnan(probabilities).all(axis=(0, 2))
    return joined._replace(
        labels=joined.labels[:, columns],
        probabilities=probabilities[:, there],
        members=[
            name
            for name, is_there in zip(joined.members, there, strict=True)
            if is_there
        ],
        style_names=names,
    )
