"""What is said of near-duplicates, and when there are too many of them."""

import typing

import numpy as np
from absl import logging

from jdstyle.errors import InputError

# What `prepare --duplicates` may say.
MODES = ("group", "warn", "off")
_WARN_ABOVE = 0.05  # Of the photos.
_REFUSE_ABOVE = 0.2
_SHOWN = 3  # Photos, pairs or styles in a message.


class Report(typing.NamedTuple):
    """Near-duplicates that a label file does not group itself.

    Attributes:
        num_photos: how many photos have one.
        num_groups: how many groups they form.
        largest: ids of photos of the largest group, the first few.
        largest_size: photos in it.
        num_contradicting: groups in which photos have contradicting labels,
            those that the file groups included.
        contradictions: list of sentences, the first of those.
    """

    num_photos: int
    num_groups: int
    largest: list[str]
    largest_size: int
    num_contradicting: int
    contradictions: list[str]

    def sentences(self):
        """Returns a list of sentences for whoever prepares the photos."""
        said = []
        if self.num_photos:
            more = ", ..." if self.largest_size > len(self.largest) else ""
            said.append(
                f"{self.num_photos} photos are near-duplicates, in "
                f"{self.num_groups} groups. The largest has "
                f"{self.largest_size}: {', '.join(self.largest)}{more}."
            )
        if self.num_contradicting:
            said.append(
                f"In {self.num_contradicting} groups of near-duplicates labels "
                "contradict each other. The first: "
                f"{'; '.join(self.contradictions)}. Training would learn both "
                "answers for one picture: correct the labels. A photo of "
                "several styles is one row with a 1 for each, not a copy per "
                "style."
            )
        return said


def report(rows, duplicates, given, style_names):
    """Describes near-duplicates.

    Args:
        rows: list of `labels.Row`.
        duplicates: int array, shape `(n,)`: photos with one number are near-
            duplicates.
        given: int array, shape `(n,)`: photos with one number are grouped by
            the label file.
        style_names: list of strings, in label order.

    Returns:
        `Report`.
    """
    _, first, numbers = np.unique(
        duplicates, return_index=True, return_inverse=True
    )
    # In the order of the rows, as the messages name the first.
    numbers = np.argsort(np.argsort(first))[numbers]
    pairs = np.unique(np.stack([numbers, given]), axis=1)
    counted = np.bincount(pairs[0]) > 1  # In more than one group of the file.
    sizes = np.where(counted, np.bincount(numbers), 0)
    largest = np.flatnonzero(numbers == np.argmax(sizes))[:_SHOWN]
    contradicting = _find_contradicting(rows, numbers)
    return Report(
        num_photos=int(sizes.sum()),
        num_groups=int(np.sum(counted)),
        largest=[rows[i].id for i in largest] if counted.any() else [],
        largest_size=int(sizes.max()),
        num_contradicting=len(contradicting),
        contradictions=[
            _describe_pair(rows, np.flatnonzero(numbers == g), style_names)
            for g in contradicting[:_SHOWN]
        ],
    )


def require_few(found, total, mode):
    """Tells of near-duplicates; stops where most likely something is wrong.

    Args:
        found: `Report`.
        total: number of photos.
        mode: one of `MODES`, or None: "group", but only if they are few.

    Raises:
        InputError: if near-duplicates are more than a fifth of the photos and
            `mode` is None.
    """
    share = found.num_photos / total
    said = found.sentences()
    if share > _REFUSE_ABOVE and mode is None:
        raise InputError(
            f"{' '.join(said)} That is {share:.0%} of the photos, more than "
            f"{_REFUSE_ABOVE:.0%}. Look at some of them. If they are copies, "
            "remove all but one of each, or keep them together: "
            "--duplicates=group. If they are different photos, divide them "
            "freely: --duplicates=off."
        )
    if share > _WARN_ABOVE:
        said[0] += f" That is {share:.0%} of the photos: look at some of them."
        logging.warning("%s", said.pop(0))
    if found.num_contradicting:
        logging.warning("%s", said.pop())


def _find_contradicting(rows, numbers):
    """Returns the groups in which some photos have a style, others not."""
    values = np.array([row.labels for row in rows], np.int8)
    has, lacks = (
        np.zeros((numbers.max() + 1, values.shape[1]), bool) for _ in range(2)
    )
    for table, value in ((has, 1), (lacks, 0)):
        photo, style = np.nonzero(values == value)
        table[numbers[photo], style] = True
    return np.flatnonzero((has & lacks).any(axis=1))


def _describe_pair(rows, members, style_names):
    """Says how the first two photos of a group that disagree do so."""
    values = np.array([rows[i].labels for i in members], np.int8)
    style = np.flatnonzero(
        (values == 1).any(axis=0) & (values == 0).any(axis=0)
    )[0]
    with_it = np.flatnonzero(values[:, style] == 1)[0]
    without = np.flatnonzero(values[:, style] == 0)[0]
    one, other = sorted((with_it, without))
    known = np.flatnonzero(
        (values[one] != values[other])
        & (np.minimum(values[one], values[other]) == 0)
    )
    named = [
        f"{style_names[s]} {values[one, s]} and {values[other, s]}"
        for s in known[:_SHOWN]
    ]
    more = ", ..." if len(known) > _SHOWN else ""
    ids = f"{rows[members[one]].id} and {rows[members[other]].id}"
    return f"{ids} ({', '.join(named)}{more})"
