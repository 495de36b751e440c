"""Finds copies of photos: cropped, scaled, re-encoded, brighter or darker.

A cheap test of all pairs, by blocks, finds candidates, and a second one that
errs on different photos confirms them. Which two depends on what photos show:
see `comparison` and `thing_copies` in `jdstyle.photos`.
"""

import hashlib

import numpy as np

from jdstyle.datasets import folds
from jdstyle.photos import comparison
from jdstyle.photos import looks
from jdstyle.photos import textures
from jdstyle.photos import thing_copies
from jdstyle.photos import tones

# Of 255 bits. Two photos of different garments in the same setting come as
# close as this, a crop of 4 % as far.
MAX_DISTANCE = 80
# Cells of 8 x 8 that copies correlate in, or differ in by at most so many gray
# levels (root mean square): a cheap test for many pairs at once.
_COARSE = 8
_LEAST_COARSE = 0.85
_SAME_COARSE = 1.0
_BLOCK = 2048  # Rows and columns: 16 MB per product.
_PAIRS = 512  # Compared at once, 50 MB.


def find(photos, chosen=None):
    """Numbers photos so that near-duplicates share a number.

    Two photos also share a number when a chain of near-duplicates joins them.
    Memory is bounded: a few hundred bytes per photo, and blocks of pairs.

    Args:
        photos: array of dtype `looks.LOOK`, shape `(n,)`; may be a
            `numpy.memmap`, of which only parts are read at a time.
        chosen: int array, shape `(m,)`, which photos; None for all.

    Returns:
        int array of group numbers from 0, shape `(m,)`.

    Raises:
        ValueError: if `photos` is something else.
    """
    if photos.ndim != 1 or photos.dtype != looks.LOOK:
        raise ValueError(
            "`photos` must be an array of dtype `looks.LOOK`, shape (n,). "
            f"Received: {photos.dtype} {photos.shape}."
        )
    chosen = np.arange(len(photos)) if chosen is None else np.asarray(chosen)
    # Equal photos once: m copies of a placeholder would be m * m pairs.
    digests = [
        hashlib.blake2b(photos[i].tobytes(), digest_size=16).digest()
        for i in chosen
    ]
    _, first, number = np.unique(
        np.array(digests, "V16"), return_index=True, return_inverse=True
    )
    return _Search(photos, chosen[first]).groups()[number]


class _Search:
    """Distinct photos and which of them are joined so far."""

    def __init__(self, photos, chosen):
        self._photos, self._chosen = photos, chosen
        self._component = np.arange(len(chosen))
        size = len(chosen)
        self._signs = np.empty((size, looks.NUM_BITS), np.int8)
        self._mean = np.empty((size, 3), np.float32)
        self._spread = np.empty(size, np.float32)
        self._scale = np.empty(size, np.float32)
        self._coarse = np.empty((size, _COARSE**2 * 3), np.int8)
        self._contrast = np.empty(size, np.float32)  # Of the texture.
        self._size = np.empty(size, np.float32)
        self._centre = np.empty((size, 2), np.float32)
        self._threads = np.empty((size, 2, 3), np.float32)
        cells = looks.SIDE // _COARSE
        shape = (-1, _COARSE, cells, _COARSE, cells, 3)
        for top in range(0, size, _BLOCK):
            block = slice(top, top + _BLOCK)
            part = photos[chosen[block]]
            bits = np.unpackbits(part["bits"], axis=1)[:, : looks.NUM_BITS]
            self._signs[block] = 2 * bits.astype(np.int8) - 1
            self._mean[block] = part["mean"]
            self._spread[block] = part["spread"]
            self._scale[block] = comparison.scales(part)
            # Its logarithm; no thing is -inf.
            with np.errstate(divide="ignore"):
                self._size[block] = np.log(part["size"])
            self._centre[block] = part["window"].reshape(-1, 2, 2).mean(axis=1)
            self._threads[block] = part["colours"]
            self._contrast[block] = textures.contrast(part["texture"])
            coarse = part["cells"].reshape(shape).mean(axis=(2, 4))
            self._coarse[block] = np.rint(coarse).reshape(len(part), -1)
        low, high = tones.reach(self._threads)
        error = comparison.SAME_THREADS
        self._reach = low - error, high + error

    def groups(self):
        """Joins all copies; returns a group number for each photo."""
        is_thing = np.isfinite(self._size)
        for members, may_be, are in (
            (
                ~is_thing & (self._spread >= comparison.FLAT),
                self._may_be_copies,
                comparison.are_copies,
            ),
            (
                ~is_thing & (self._spread < comparison.NEARLY_FLAT),
                self._may_be_equal,
                comparison.are_equal,
            ),
            (is_thing, self._may_be_one_thing, thing_copies.are_one_thing),
            (
                self._contrast >= textures.LEAST_CONTRAST,
                self._may_be_woven_alike,
                comparison.are_woven_alike,
            ),
        ):
            self._join(np.flatnonzero(members), may_be, are)
        return np.unique(self._component, return_inverse=True)[1]

    def _join(self, members, find_candidates, confirm):
        for top in range(0, len(members), _BLOCK):
            rows = members[top : top + _BLOCK]
            for left in range(top, len(members), _BLOCK):
                columns = members[left : left + _BLOCK]
                joined = self._component[np.concatenate([rows, columns])]
                if (joined == joined[0]).all():
                    continue
                row, column = find_candidates(rows, columns)
                above = rows[row] < columns[column]
                self._confirm(rows[row[above]], columns[column[above]], confirm)

    def _may_be_copies(self, rows, columns):
        # The product of two +-1 vectors is bits - 2 * (number of different
        # ones): small whole numbers, so float32 is exact.
        least = looks.NUM_BITS - 2 * MAX_DISTANCE
        product = self._signs[rows].astype(np.float32) @ (
            self._signs[columns].T.astype(np.float32)
        )
        near = product >= least
        return self._both(near, rows, columns, self._correlate)

    def _both(self, near, rows, columns, test):
        """Returns the places where pairs are near and pass a further test."""
        some_rows = np.flatnonzero(near.any(axis=1))
        some_columns = np.flatnonzero(near.any(axis=0))
        passed = test(rows[some_rows], columns[some_columns])
        passed &= near[np.ix_(some_rows, some_columns)]
        # Flat: `nonzero` of a matrix is many times slower.
        row, column = np.divmod(
            np.flatnonzero(passed.ravel()), max(passed.shape[1], 1)
        )
        return some_rows[row], some_columns[column]

    def _correlate(self, rows, columns):
        return self._unit(rows) @ self._unit(columns).T >= _LEAST_COARSE

    def _unit(self, members):
        coarse = self._coarse[members].astype(np.float32)
        norm = np.linalg.norm(coarse, axis=1, keepdims=True)
        return coarse / np.maximum(norm, 1)

    def _may_be_equal(self, rows, columns):
        near = self._within(self._mean, rows, columns, comparison.SAME_COLOUR)
        return self._both(near, rows, columns, self._lie_together)

    def _within(self, values, rows, columns, most):
        """Whether no number of a pair's differs by more, `(rows, columns)`."""
        near = np.ones((len(rows), len(columns)), bool)
        for of_all in values.T:
            apart = np.subtract.outer(of_all[rows], of_all[columns])
            near &= np.abs(apart) <= most
        return near

    def _may_be_one_thing(self, rows, columns):
        near = self._within(
            self._centre, rows, columns, thing_copies.MOST_MOVED
        )
        sizes = self._size[:, np.newaxis]
        near &= self._within(sizes, rows, columns, thing_copies.MOST_GROWTH)
        return self._both(near, rows, columns, self._correlate)

    def _may_be_woven_alike(self, rows, columns):
        near = self._within(self._mean, rows, columns, comparison.SAME_COLOUR)
        # The threads of one as those of the other, in either order.
        for threads in (slice(None), slice(None, None, -1)):
            there = np.ones(near.shape, bool)
            for place in np.ndindex(2, 3):
                low, high = (end[rows][:, *place] for end in self._reach)
                colour = self._threads[columns][:, threads][:, *place]
                there &= np.less_equal.outer(low, colour)
                there &= np.greater_equal.outer(high, colour)
            near |= there
        return self._both(near, rows, columns, self._correlate_textures)

    def _correlate_textures(self, rows, columns):
        one, other = (
            self._photos[self._chosen[i]]["texture"] for i in (rows, columns)
        )
        return textures.correlate_all(one, other) >= comparison.LEAST_WEAVE

    def _lie_together(self, rows, columns):
        one, other = (
            self._coarse[i] * self._scale[i, np.newaxis]
            for i in (rows, columns)
        )
        squares = [np.sum(a**2, axis=1) for a in (one, other)]
        apart = np.add.outer(*squares) - 2 * one @ other.T
        return apart <= one.shape[1] * _SAME_COARSE**2

    def _confirm(self, rows, columns, confirm):
        """Joins those pairs that are copies and not yet joined."""
        while len(rows):
            apart = self._component[rows] != self._component[columns]
            rows, columns = rows[apart], columns[apart]
            if not len(rows):
                return
            pairs = rows[:_PAIRS], columns[:_PAIRS]
            rows, columns = rows[_PAIRS:], columns[_PAIRS:]
            distance = (self._signs[pairs[0]] != self._signs[pairs[1]]).sum(1)
            first, second = (self._photos[self._chosen[i]] for i in pairs)
            joined = confirm(first, second, distance)
            if joined.any():
                ends = [self._component[i[joined]] for i in pairs]
                size = len(self._component)
                joined = folds.components(*ends, size)
                self._component = joined[self._component]
