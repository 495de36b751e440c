"""What a set of runs can teach: honest probabilities of unseen photos."""

import numpy as np

from jdstyle.errors import InputError
from jdstyle.evaluation import calibration
from jdstyle.fusion import blending


def logits(joined, photos):
    """Returns what runs say of a student's training photos.

    Each photo's probability is the mean over the members, each by networks that
    have not seen it, with the two numbers per style that calibrate it, as in
    `fuse`. These are fitted to the training photos alone.

    Args:
        joined: `out_of_fold.OutOfFold`.
        photos: `records.Photos`, the training photos, in any order; those that
            validate the student are not among them.

    Returns:
        float64 array `(n, num_styles)`, a row for each photo, in their order.

    Raises:
        InputError: if of a photo no network has said anything without having
            seen it; with the folds of such photos.
    """
    places = {photo: place for place, photo in enumerate(joined.ids.tolist())}
    rows = [places.get(photo, -1) for photo in photos.ids.tolist()]
    missing = np.array(rows) < 0
    if missing.any():
        folds = ", ".join(map(str, np.unique(photos.folds[missing])))
        raise InputError(
            f"{missing.sum()} of the {len(rows)} training photos have no "
            "probability by a network that was not trained on them: the runs "
            f"lack those that validate on their folds, {folds}. Train them: "
            "jdstyle.sweep with --folds=all."
        )
    labels = joined.labels[rows]
    folds = joined.folds[rows]
    _, blended = blending.fit(
        labels,
        joined.probabilities[rows],
        folds,
        "mean",
    )
    found = calibration.logits(blended)
    return calibration.fit(labels, found, folds).apply(found)
