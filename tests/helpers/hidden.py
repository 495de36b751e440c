"""Photos of which no label is known, put between others."""

import numpy as np


def insert(labels, *columns, photos=40, seed=0):
    """Puts photos with unknown labels at random places.

    Args:
        labels: int or bool array, shape `(n, num_styles)` or `(n,)`.
        *columns: arrays of n rows; of the photos that are put in between, rows
            of others are taken.
        photos: int, how many.
        seed: int.

    Returns:
        `(known, labels, *columns)`: bool `(n + photos,)`, which are the given
        photos, and the arrays with `photos` rows more; the labels int.
    """
    rng = np.random.default_rng(seed)
    known = rng.permutation(len(labels) + photos) < len(labels)
    others = rng.integers(len(labels), size=photos)
    more = []
    for column in (labels, *columns):
        column = np.asarray(column)
        mixed = np.empty((len(known), *column.shape[1:]), column.dtype)
        mixed[known], mixed[~known] = column, column[others]
        more.append(mixed)
    more[0] = more[0].astype(int)
    more[0][~known] = -1
    return known, *more
