"""Near-duplicates kept together, and folds with equal shares of each style."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

# Of 256 bits. See tests/test_folds.py for what this catches.
MAX_DISTANCE = 12
_BLOCK = 2048


def near_duplicates(bits, max_distance=MAX_DISTANCE):
    """Numbers photos so that near-duplicates share a number.

    Compares all pairs exactly; two photos also share a number when a chain of
    near-duplicates joins them.

    Args:
        bits: bool array, shape `(n, bits)`: `photos.Photo.bits`.
        max_distance: int, most bits in which near-duplicates differ.

    Returns:
        int array of group numbers, shape `(n,)`.
    """
    signs = np.where(bits, 1.0, -1.0).astype("float32")
    # The product of two +-1 vectors is bits - 2 * (number of different ones).
    least = signs.shape[1] - 2 * max_distance
    rows, columns = [], []
    for first in range(0, len(signs), _BLOCK):
        block = signs[first : first + _BLOCK]
        row, column = np.nonzero(block @ signs[first:].T >= least)
        rows.append(row + first)
        columns.append(column + first)
    return _components(
        np.concatenate(rows), np.concatenate(columns), len(signs)
    )


def merge(groups, others):
    """Joins two groupings of the same photos.

    Args:
        groups, others: int arrays >= 0, shape `(n,)`.

    Returns:
        int array, shape `(n,)`: photos that share a group in either grouping,
        also through others, share one.
    """
    groups, others = np.asarray(groups), np.asarray(others)
    # Each photo joins its group in the one to its group in the other.
    offset = groups.max() + 1
    component = _components(groups, others + offset, offset + others.max() + 1)
    return np.unique(component[groups], return_inverse=True)[1]


def stratified_folds(labels, groups, fractions, seed):
    """Divides photos into parts with equal shares of every style.

    Iterative stratification: the style with the fewest photos left to place
    comes first, and each of its groups goes where that style is wanted most.
    Groups are never divided.

    Args:
        labels: int array of 0s and 1s, shape `(n, styles)`.
        groups: int array, shape `(n,)`.
        fractions: list of floats that sum to 1, one per part.
        seed: int, for ties and the order of groups.

    Returns:
        int array, shape `(n,)`: the index of each photo's part.

    Source: Sechidis, Tsoumakas and Vlahavas, "On the Stratification of
    Multi-label Data" (2011), algorithm 1, on groups instead of photos.
    """
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    _, groups = np.unique(groups, return_inverse=True)
    sizes = np.bincount(groups)
    # A last column of ones: photos themselves, for those without a style left.
    counts = np.zeros((len(sizes), labels.shape[1] + 1), np.int64)
    np.add.at(counts, groups, np.c_[labels, np.ones(len(labels), np.int64)])
    wanted = np.outer(fractions, counts.sum(axis=0)).astype(float)
    part_of = np.full(len(sizes), -1)
    # Large groups first: they are the hardest to place.
    order = np.lexsort([rng.random(len(sizes)), -sizes])
    left = counts.sum(axis=0)
    while left.any():
        style = _rarest(left)
        for group in order[(counts[order, style] > 0) & (part_of[order] < 0)]:
            part = _neediest(wanted, style, rng)
            part_of[group] = part
            wanted[part] -= counts[group]
            left -= counts[group]
    return part_of[groups]


def _rarest(left):
    """The style with the fewest photos left; the photos themselves last."""
    styles = np.where(left[:-1] > 0, left[:-1], np.iinfo(np.int64).max)
    return int(np.argmin(styles)) if left[:-1].any() else len(left) - 1


def _neediest(wanted, style, rng):
    """The part that wants a style most, then photos most, then by chance."""
    best = np.flatnonzero(wanted[:, style] == wanted[:, style].max())
    if len(best) > 1:
        best = best[wanted[best, -1] == wanted[best, -1].max()]
    return best[0] if len(best) == 1 else rng.choice(best)


def _components(rows, columns, size):
    """Numbers the connected components of a graph given by its edges."""
    graph = sparse.coo_array(
        (np.ones(len(rows), bool), (rows, columns)), shape=(size, size)
    )
    return csgraph.connected_components(graph, directed=False)[1]
