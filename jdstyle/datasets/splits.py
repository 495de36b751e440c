"""Which photos train, which validate, which test, and the folds."""

import typing

import numpy as np
from absl import logging

from jdstyle.datasets import folds
from jdstyle.datasets import training_needs
from jdstyle.errors import InputError

_SHOWN = 3  # Groups in a message.


class Assignment(typing.NamedTuple):
    """Where each photo goes.

    Attributes:
        splits: array of "train", "validation" or "test", shape `(n,)`.
        folds: int array, shape `(n,)`; -1 for test photos.
        num_grouped: photos that share a group with another.
        num_leaking: groups that a split or fold tears apart.
        leaks: list of sentences, the first of those groups.
        validation_fold: the fold that validates, or None where the label file
            says which photos do.
    """

    splits: np.ndarray
    folds: np.ndarray
    num_grouped: int
    num_leaking: int
    leaks: list[str]
    validation_fold: int | None


def assign(
    rows, duplicates, *, num_folds, test_fraction, seed, keep_together=True
):
    """Assigns splits and folds: what the label file says, and the rest fairly.

    - Test: the rows marked so. Where the file knows neither test nor
      validation rows nor folds, `test_fraction` of all.
    - Folds, over all photos that do not test: the file's, else `num_folds`
      stratified ones. Photos of one group stay together.
    - Validation: the rows marked so, else the fold that leaves the fewest
      styles without a positive, in it or in the others; of equals the last. Of
      a style with unknown labels negatives are wanted as well.

    Args:
        rows: list of `labels.Row`.
        duplicates: int array, shape `(n,)`: photos with one number are near-
            duplicates.
        num_folds: int >= 2.
        test_fraction: float in [0, 1).
        seed: int.
        keep_together: whether near-duplicates stay together; groups of the file
            always do.

    Returns:
        An `Assignment`.

    Raises:
        InputError: if some rows have a fold and others do not, or if none of
            the photos could train or none validate.
    """
    labels = np.array([row.labels for row in rows])
    merged = folds.merge(duplicates, given_groups(rows))
    groups = merged if keep_together else given_groups(rows)
    given = np.array([row.split or "train" for row in rows], object)
    _require_all_folds(rows)
    training_needs.require_two_places(rows, groups)
    has_folds = any(row.fold is not None for row in rows if row.split != "test")

    splits = given.copy()
    if not has_folds and set(given) == {"train"} and test_fraction > 0:
        fractions = [test_fraction, 1.0 - test_fraction]
        part = folds.stratified_folds(labels, groups, fractions, seed)
        splits[part == 0] = "test"

    in_folds = splits != "test"
    fold = np.full(len(rows), -1)
    if has_folds:
        fold[in_folds] = [row.fold for row in rows if row.split != "test"]
    else:
        fold[in_folds] = 1 + folds.stratified_folds(
            labels[in_folds],
            groups[in_folds],
            [1.0 / num_folds] * num_folds,
            seed + 1,
        )
    validation_fold = None
    if in_folds.any() and "validation" not in splits:
        validation_fold = _choose_validation(labels[in_folds], fold[in_folds])
        splits[in_folds & (fold == validation_fold)] = "validation"
    if "train" not in splits and set(given) != {"test"}:
        raise InputError(
            f"Of {len(rows)} photos none are left to train: "
            f"{np.sum(splits == 'test')} test and the others validate. Add "
            f"photos, or pass --test_fraction=0. Received: {test_fraction}."
        )
    leaking = _find_leaking(merged, splits, fold)
    return Assignment(
        splits,
        fold,
        num_grouped=int(np.sum(np.bincount(merged)[merged] > 1)),
        num_leaking=len(leaking),
        leaks=[
            " and ".join(
                f"{rows[i].id} ({_place(splits[i], fold[i])})" for i in pair
            )
            for pair in leaking[:_SHOWN]
        ],
        validation_fold=validation_fold,
    )


def require_no_leaks(num_leaking, leaks, allow_leaks):
    """Stops where given splits or folds tear near-duplicates apart.

    Args:
        num_leaking: as in `Assignment`.
        leaks: as in `Assignment`.
        allow_leaks: go on, with a warning.

    Raises:
        InputError: with the count, the first pairs and the flag.
    """
    if not num_leaking:
        return
    said = (
        f"{num_leaking} groups of near-duplicate photos lie on both sides of a "
        f"split or fold. The first: {'; '.join(leaks)}."
    )
    if not allow_leaks:
        raise InputError(
            f"{said} Scores would be optimistic. Place the photos of a group "
            "together, leave out the columns or files that divide them, or "
            "pass --allow_leaks: the results will say so."
        )
    logging.warning(
        "%s Scores will be optimistic, and the results will say so.", said
    )


def given_groups(rows):
    """Numbers the `group` column; a row without one is its own group.

    Args:
        rows: list of `labels.Row`.

    Returns:
        int array, shape `(n,)`.
    """
    numbers = {}
    return np.array(
        [
            numbers.setdefault(
                ("row", i) if row.group is None else ("group", row.group),
                len(numbers),
            )
            for i, row in enumerate(rows)
        ]
    )


def _require_all_folds(rows):
    in_folds = [row for row in rows if row.split != "test"]
    with_fold = [row for row in in_folds if row.fold is not None]
    if with_fold and len(with_fold) < len(in_folds):
        row = next(row for row in in_folds if row.fold is None)
        raise InputError(
            f"{row.where}: no fold, though other rows have one. Give every "
            "row that is not a test row a fold, or none."
        )


def _choose_validation(labels, fold):
    """Returns the fold that leaves the fewest styles without a positive."""
    labels = folds.answers(labels)
    numbers, place = np.unique(fold, return_inverse=True)
    counts = np.zeros((len(numbers), labels.shape[1]), np.int64)
    np.add.at(counts, place, labels)
    lacking = (counts == 0) | (counts == counts.sum(axis=0))
    fewest = lacking.sum(axis=1)
    return int(numbers[np.flatnonzero(fewest == fewest.min())[-1]])


def _find_leaking(groups, splits, fold):
    """Returns a pair of photos in different places for each torn group."""
    places = np.array([f"{s} {f}" for s, f in zip(splits, fold, strict=True)])
    _, place = np.unique(places, return_inverse=True)
    # A row per group and place where it lies, with the first photo there.
    lying, first = np.unique(
        np.stack([groups, place], axis=1), axis=0, return_index=True
    )
    torn = np.flatnonzero(lying[1:, 0] == lying[:-1, 0])
    # Of a group in three places, one pair.
    _, once = np.unique(lying[torn, 0], return_index=True)
    return [sorted(first[[i, i + 1]]) for i in torn[once]]


def _place(split, fold):
    return split if fold < 0 else f"{split}, fold {fold}"
