"""What a column of a label table seems to be: its name, and what it holds."""

import itertools
import re
import typing

from jdstyle import styles
from jdstyle.datasets import given_splits

_MOST_VALUES = 100  # Different ones of a column, to tell what it holds.
_CHUNK = 4096  # Rows.

RESERVED = ("split", "fold", "group")
# All names below are as `_bare` leaves them.
_IMAGES = re.compile(
    "(image|img|photo|picture|pic|file)s?(rel|relative)?"
    "(name|path|file|filename|filepath|id|index)?"
    "|(rel|relative)?(path|filename|filepath)|fname|fpath"
)
PHOTO = re.compile(
    r".\.(jpe?g|jpe|jfif|png|webp|gif|bmp|hei[cf]|avif|tiff?)$", re.I
)
_INDEX = re.compile("|unnamed:.*|index|idx|id|row(id|number)?|n[ro]|number|#")
FLAGS = {
    split: re.compile(f"(is|in|for)({words})(set|split)?|({words})flag")
    for split, words in {
        "train": "train|training",
        "validation": "val|valid|validation|dev",
        "test": "test|testing",
    }.items()
}
_FOLDS = re.compile(
    "(k|cv|stratified)folds?(id)?|folds?(id|no|nr|num|number|index|idx)"
)
# Styles may be called so too, as matching sets and folds of cloth are.
_PERHAPS = re.compile(
    "(data|sub|train(val)?test)?(set|split)s?|partition|phase|usage|cv"
    "|(is|in|for)?(eval|evaluation|holdout)(set)?|evaluationstatus"
    "|train|training|val|valid|validation|dev|test|testing"
    "|folds?|groups?(id)?"
)
# As in cv_split, split_1 or my fold 2; a split hem or a side split is a style.
_CORE = {"split", "splits", "fold", "folds", "kfold", "subset", "partition"}
_BESIDE = {
    *("", "cv", "k", "data", "train", "val", "validation", "test", "random"),
    *("stratified", "outer", "inner", "final", "my", "new", "old", "id", "no"),
}


class Content(typing.NamedTuple):
    """What a column holds.

    Attributes:
        values: set of its different cells without blanks around them, of many
            the first ones.
        counts: whether it numbers the rows from 0 or 1.
    """

    values: set[str]
    counts: bool

    def within(self, words):
        """Whether there is something, and nothing but these words."""
        values = {text.lower() for text in self.values} - {""}
        return bool(values) and values <= {*words}

    def is_numbers(self):
        """Whether there is something, and nothing but whole numbers."""
        values = self.values - {""}
        # pandas writes the ints of a column with gaps as 1.0.
        return bool(values) and all(
            text.removesuffix(".0").isdecimal() for text in values
        )


def survey(lines, width):
    """Returns a list of the `Content` of each column.

    Args:
        lines: iterable of `(where, values)`; rows of another length are passed
            over, as whoever reads them refuses them.
        width: int, number of columns.
    """
    found = [set() for _ in range(width)]
    counts = [True] * width
    done = 0
    rows = (values for _, values in lines if len(values) == width)
    while chunk := list(itertools.islice(rows, _CHUNK)):
        for i, column in enumerate(zip(*chunk, strict=True)):
            if len(found[i]) < _MOST_VALUES:
                found[i] |= {*column}
            counts[i] = counts[i] and any(
                all(text == str(n) for n, text in enumerate(column, start))
                for start in (done, done + 1)
            )
        done += len(chunk)
    return [
        Content({text.strip() for text in values}, counts[i])
        for i, values in enumerate(found)
    ]


def role(name, content):
    """Says what a column other than the image's is.

    Args:
        name: string.
        content: `Content`.

    Returns:
        One of `RESERVED`; "words", which all name a split; a split that cells
        say yes or no to; "folds"; "numbers of the rows"; "empty", of a reserved
        one; "perhaps", if it may be some of these or a style; else None.
    """
    bare = _bare(name)
    if bare in RESERVED:
        return bare if content.values != {""} else "empty"
    words = {text.lower() for text in content.values} & {*given_splits.WORDS}
    # One other word makes no style of it: the row of that word is refused.
    if words and (content.within(words) or _may_divide(name)):
        return "words"
    for split, pattern in FLAGS.items():
        if pattern.fullmatch(bare):
            return split
    if _FOLDS.fullmatch(bare):
        return "folds"
    is_flags = content.within(given_splits.YES + given_splits.NO)
    if _INDEX.fullmatch(bare) and (
        content.counts or (content.is_numbers() and not is_flags)
    ):
        return "numbers of the rows"
    if _may_divide(name) and (is_flags or content.is_numbers()):
        return "perhaps"
    return None


def guess_image(header, contents, chosen):
    """Returns the column of the photos: by what it holds, its name, its place.

    Args:
        header: list of strings.
        contents: list of `Content`, of each column.
        chosen: list of the columns that are styles.
    """
    free = [i for i in range(len(header)) if i not in chosen]
    free = [
        i for i in free if not contents[i].within(given_splits.YES + ("0",))
    ]
    photos = [
        i
        for i in free
        if contents[i].values and all(map(PHOTO.search, contents[i].values))
    ]
    called = [i for i in free if _IMAGES.fullmatch(_bare(header[i]))]
    both = [i for i in photos if i in called]
    for found in ([0] if 0 in photos else []), both, photos, called:
        if found:
            return found[0]
    others = [i for i in free if role(header[i], contents[i]) is None]
    return others[0] if others else 0


def _may_divide(name):
    words = [word.strip("0123456789") for word in styles.plain(name).split()]
    return _PERHAPS.fullmatch("".join(words)) or (
        _CORE.intersection(words) and _BESIDE.union(_CORE).issuperset(words)
    )


def _bare(name):
    return styles.plain(name).replace(" ", "")
