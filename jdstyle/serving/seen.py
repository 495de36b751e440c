"""Which photos a product has seen: those that trained it, those that chose.

Photos are told apart by digests, so that this is known for the photos of any
data set, whatever it is called. A score on photos that trained a network says
nothing of others, and none is printed.
"""

import os
import re
import typing

from jdstyle.datasets import sources
from jdstyle.errors import InputError
from jdstyle.evaluation import scores
from jdstyle.runs import directory
from jdstyle.serving import assets


class Seen(typing.NamedTuple):
    """Digests of photos, of `sources.photo_digests`.

    Attributes:
        trained: set of strings, photos that trained some network.
        chose: set of strings, photos that chose an epoch, a threshold or a
            rule; some may have trained another network.
    """

    trained: set[str]
    chose: set[str]


def read(saved_model):
    """Returns the `Seen` of a product; None where it does not say.

    Args:
        saved_model: path of its directory.

    Raises:
        InputError: if what it says is broken.
    """
    found = []
    for name in (assets.TRAINED, assets.CHOSE):
        path = os.path.join(saved_model, "assets", name)
        if not os.path.exists(path):
            return None  # Written before 0.4.
        found.append(_read_digests(path))
    return Seen(*found)


def _read_digests(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for number, line in enumerate(lines, start=1):
        if not re.fullmatch("[0-9a-f]{16}", line):
            raise InputError(
                f"{path}:{number}: expected 16 hexadecimal digits, got "
                f"{line[:20]!r}. Export the product again."
            )
    return set(lines)


def of_photos(builder, train_ids, validation_ids):
    """Returns the `Seen` of a training by itself, whatever it starts from.

    Args:
        builder: a prepared TFDS builder.
        train_ids: sequence of strings, of the photos that train.
        validation_ids: likewise, of those that validate.
    """
    digests = sources.photo_digests(builder, [*train_ids, *validation_ids])
    parts = digests[: len(train_ids)], digests[len(train_ids) :]
    return Seen(*map(set, parts))


def of_start(init_from):
    """Returns the `Seen` of what a training starts from.

    Args:
        init_from: as in `recipe.Settings`: of a run that does not say, None; of
            anything else (ImageNet, nothing, a backbone's file) no photos.
    """
    if not os.path.isdir(init_from):
        return Seen(set(), set())
    return read(os.path.join(init_from, directory.SAVED_MODEL_DIR))


def union(several):
    """Returns the `Seen` of several together; None if one does not say.

    Args:
        several: iterable of `Seen` or None.
    """
    several = list(several)
    if None in several:
        return None
    return Seen(
        *(set().union(*of_each) for of_each in zip(*several, strict=True))
    )


def require_unseen(saved_model, digests, part):
    """Returns the `kind` of a product's score on photos.

    Args: as `kind`.

    Raises:
        InputError: as `kind`, or if some of the photos trained the product.
    """
    found = kind(saved_model, digests, part)
    if found is None:
        raise InputError(
            f"--split={part}: photos of it trained a network of {saved_model}; "
            "a score on them says nothing of others. Pass --split=test or "
            "another --dataset. What the networks make of photos that they "
            f"have not seen stands in {directory.RESULTS_FILE} beside the "
            "SavedModel."
        )
    return found


def add(saved_model, digests):
    """Notes in a product that more photos have chosen its thresholds.

    Args:
        saved_model: path of its directory, of one that says what it has seen,
            and whose sums are written after this.
        digests: list of strings, of `sources.photo_digests`.
    """
    path = os.path.join(saved_model, "assets", assets.CHOSE)
    chose = _read_digests(path) | set(digests)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{digest}\n" for digest in sorted(chose))


def kind(saved_model, digests, part):
    """Says what a product's score on photos is worth.

    Args:
        saved_model: path of its directory.
        digests: list of strings, of `sources.photo_digests`.
        part: "train", "validation" or "test", which decides for products that
            do not say what they have seen.

    Returns:
        `scores.TEST` or `scores.OPTIMISTIC`; None if some of the photos trained
        the product, so that there must be no score.

    Raises:
        InputError: as `read`.
    """
    seen = read(saved_model)
    if seen is None:
        of_parts = {"test": scores.TEST, "validation": scores.OPTIMISTIC}
        return of_parts.get(part)
    if not seen.trained.isdisjoint(digests):
        return None
    return scores.TEST if seen.chose.isdisjoint(digests) else scores.OPTIMISTIC
