"""A folder per class, as torchvision's and Keras's image folders.

`red/1.jpg`, or with a folder per split above: `train/red/1.jpg`.
"""

import collections
import hashlib
import os

from jdstyle.datasets import column_roles
from jdstyle.datasets import given_splits
from jdstyle.datasets.formats import tables
from jdstyle.errors import InputError
from jdstyle.errors import shown


def read(path):
    """Reads which photo lies in which folder.

    Files of the same name and content in several folders of classes are one
    photo of several classes. Hidden files and folders, and files without a
    photo's suffix, are left out and counted.

    Args:
        path: of the folder that holds the classes, or the splits.

    Returns:
        `tables.Table` with a style for each folder.

    Raises:
        InputError: if it is not certain what is a class.
    """
    left_out = collections.Counter()
    splits = _find_splits(path, left_out)
    photos = []  # (split, class, name)
    for split in splits:
        photos += [
            (split, *found) for found in _read_classes(path, split, left_out)
        ]
    classes = {name for _, name, _ in photos}
    if len(classes) < 2:
        raise InputError(
            f"{path}: expected a folder of photos for each of two classes or "
            f"more, got {tables.sample(classes) or 'none'}. For a table pass "
            "--table."
        )
    merged = _merge(path, photos)
    header = ["image", "split"] if any(splits) else ["image"]
    rows = []
    for split, name in merged:
        where = os.path.join(path, name)
        if not where.isprintable():
            where = repr(where)[1:-1]  # Messages are one line.
        rows.append((where, [name, split] if any(splits) else [name]))
    understood = [
        "Read as a folder per class (--format=folders)"
        + (", in a folder per split." if any(splits) else ".")
    ]
    copies = len(photos) - len(merged)
    if copies:
        understood.append(
            f"{copies} files have the name and the content of a photo of "
            "another class: each is one photo of several styles."
        )
    understood += [f"Ignored: {n} {what}." for what, n in left_out.items()]
    return tables.with_tags(
        tables.Table(
            path=path,
            where=path,
            header=header,
            lines=lambda: iter(rows),
            image="image",
        ),
        rows,
        list(merged.values()),
        understood,
    )


def _find_splits(path, left_out):
    """Returns the names of the folders of splits, [""] if there are none."""
    folders, photos = _list(path, left_out)
    if photos:
        raise InputError(
            f"{os.path.join(path, photos[0])}: a photo in no folder of a class "
            f"({len(photos)} such). Move them, or leave --format=folders out "
            "and name a table with --table."
        )
    splits = [name for name in folders if name.lower() in given_splits.WORDS]
    others = [name for name in folders if name not in splits]
    if splits and others:
        raise InputError(
            f"{path}: {tables.sample(splits)} would be read as splits and "
            f"{tables.sample(others)} as classes. Have a folder per split with "
            "the classes in it, or none that is called like a split."
        )
    return splits or [""]


def _read_classes(path, split, left_out):
    """Yields `(class, path in the folder)` of each photo of a split."""
    above = os.path.join(path, split)
    # What lies in the folder itself is counted already.
    folders, photos = _list(above, left_out if split else collections.Counter())
    if photos:
        raise InputError(
            f"{os.path.join(above, photos[0])}: {shown(split)} would be read "
            f"as a split, and there is a photo in no class of it "
            f"({len(photos)} such). Move them, or call the folder otherwise if "
            "it is a class."
        )
    for name in folders:
        folder = os.path.join(above, name)
        deeper, photos = _list(folder, left_out)
        inside = [
            other
            for other in deeper
            if any(_list(os.path.join(folder, other), collections.Counter()))
        ]
        if inside:
            raise InputError(
                f"{os.path.join(folder, inside[0])}: a folder in the folder of "
                f"the class {shown(name)}, whose photos may be of either. "
                f"Move them into {folder}, or each class up."
            )
        if not photos:
            left_out["folders without a photo"] += 1
        for photo in photos:
            yield name, os.path.join(split, name, photo)


def _list(path, left_out):
    """Returns the names of the folders and of the photos in a folder."""
    folders, photos = [], []
    try:
        with os.scandir(path) as entries:
            entries = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror} (--images_dir).") from error
    for entry in entries:
        if entry.name.startswith((".", "__MACOSX", "@eaDir")):
            left_out["hidden files and folders"] += 1
        elif os.path.isdir(entry.path):  # Also of links that go round.
            folders.append(entry.name)
        elif column_roles.PHOTO.search(entry.name):
            photos.append(entry.name)
        else:
            left_out["files without a photo's suffix"] += 1
    return folders, photos


def _merge(path, photos):
    """Returns a dict from `(split, path)` to the classes of a photo."""
    named = collections.defaultdict(list)
    for split, kind, name in photos:
        key = split, os.path.basename(name), _size(os.path.join(path, name))
        named[key].append((kind, name))
    first = {}  # Of each content; of most photos the name tells.
    merged = {}
    for (split, base, size), found in named.items():
        for kind, name in found:
            content = name
            if len(found) > 1 and size:
                content = _digest(os.path.join(path, name))
            key = first.setdefault((split, base, content), (split, name))
            merged.setdefault(key, []).append(kind)
    return dict(sorted(merged.items()))


def _size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # A broken link, which is told where photos are read.


def _digest(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return path
