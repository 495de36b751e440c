"""Groups of photos, and folds with equal shares of each style."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph


def merge(groups, others):
    """Joins two groupings of the same photos.

    Args:
        groups: int array >= 0, shape `(n,)`.
        others: likewise.

    Returns:
        int array, shape `(n,)`: photos that share a group in either grouping,
        also through others, share one.
    """
    groups, others = np.asarray(groups), np.asarray(others)
    # Each photo joins its group in the one to its group in the other.
    offset = groups.max() + 1
    component = components(groups, others + offset, offset + others.max() + 1)
    return np.unique(component[groups], return_inverse=True)[1]


def stratified_folds(labels, groups, fractions, seed):
    """Divides photos into parts with equal shares of every style.

    Iterative stratification: the style with the fewest photos left to place
    comes first, and each of its groups goes where that style is wanted most.
    Photos without a style come last and even out the sizes. Groups are never
    divided. Where some labels of a style are unknown, the photos that are known
    to lack it are divided likewise: they may be the fewer.

    Args:
        labels: int array, shape `(n, num_styles)`: 1, 0, or -1 where unknown.
        groups: int array, shape `(n,)`.
        fractions: list of positive floats that sum to 1, one per part.
        seed: int, for ties and the order of groups.

    Returns:
        int array, shape `(n,)`: the index of each photo's part.

    Raises:
        ValueError: if the shapes differ or the fractions do not sum to 1.

    Source: Sechidis, Tsoumakas and Vlahavas, "On the Stratification of
    Multi-label Data" (2011), algorithm 1, on groups instead of photos.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    if labels.ndim != 2 or groups.shape != labels.shape[:1]:
        raise ValueError(
            "`labels` must have shape (n, num_styles) and `groups` (n,). "
            f"Received: {labels.shape} and {groups.shape}."
        )
    if min(fractions) <= 0 or not np.isclose(sum(fractions), 1.0):
        raise ValueError(
            "`fractions` must be positive and sum to 1. Received: "
            f"{fractions!r}."
        )
    rng = np.random.default_rng(seed)
    _, groups = np.unique(groups, return_inverse=True)
    sizes = np.bincount(groups)
    labels = answers(labels)
    # A last column of ones: photos themselves, for those without a style left.
    counts = np.zeros((len(sizes), labels.shape[1] + 1), np.int64)
    np.add.at(counts, groups, np.c_[labels, np.ones(len(labels), np.int64)])
    # Large groups first: they are the hardest to place.
    order = np.lexsort([rng.random(len(sizes)), -sizes])
    return _place(counts, fractions, order, rng)[groups]


def answers(labels):
    """Returns what photos say of styles, as columns of 0s and 1s.

    Args:
        labels: as in `stratified_folds`.

    Returns:
        int array, shape `(n, num_styles + m)`: which photos have each style,
        then, for each of m styles with an unknown label, which are known to
        lack it.
    """
    labels = np.asarray(labels)
    gaps = (labels < 0).any(axis=0)
    parts = [labels == 1, labels[:, gaps] == 0]
    return np.concatenate(parts, axis=1).astype(np.int64)


def _place(counts, fractions, order, rng):
    """Returns the part of each group, given what it counts of each style."""
    left = counts.sum(axis=0)
    wanted = np.outer(fractions, left)
    part_of = np.full(len(counts), -1)
    while left.any():
        style = _rarest(left)
        for group in order[(counts[order, style] > 0) & (part_of[order] < 0)]:
            part = _neediest(wanted, style, rng)
            part_of[group] = part
            wanted[part] -= counts[group]
            left -= counts[group]
    return part_of


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


def components(rows, columns, size):
    """Numbers the connected components of a graph given by its edges.

    Args:
        rows: int array, one end of each edge.
        columns: int array, the other ends.
        size: int, how many nodes there are.

    Returns:
        int array, shape `(size,)`.
    """
    graph = sparse.coo_array(
        (np.ones(len(rows), bool), (rows, columns)), shape=(size, size)
    )
    return csgraph.connected_components(graph, directed=False)[1]
