"""DeepFashion's attribute prediction: the official folders to one table."""

import functools
import pathlib
import typing

import numpy as np
from absl import logging

from jdstyle.datasets.deepfashion import lines
from jdstyle.errors import InputError

PARTS = ("coarse", "fine")


class Table(typing.NamedTuple):
    """Rows as the files list them, a photo possibly more than once.

    Attributes:
        names: list of strings, one per label.
        photos: list of n strings, `img/...`.
        labels: int8 array, shape `(n, labels)`: 1 yes, 0 no, -1 unknown.
        splits: list of n times "train", "validation" or "test".
        boxes: list of n boxes `(x1, y1, x2, y2)`, 1-based inclusive pixels, or
            Nones where they were not asked for.
        wheres: list of n "file:line".
    """

    names: list[str]
    photos: list[str]
    labels: np.ndarray
    splits: list[str]
    boxes: list[tuple[int, int, int, int] | None]
    wheres: list[str]


def read(part, manual_dir, *, with_boxes=False, with_categories=False):
    """Reads the annotations of the coarse (1000) or the fine (26) attributes.

    - coarse: `list_attr_cloth.txt` and `list_attr_img.txt` in `Anno_coarse/`
      or, older, `Anno/`, and `Eval/list_eval_partition.txt`.
    - fine: `list_attr_cloth.txt`, `train.txt` and, aligned with it,
      `train_attr.txt` in `Anno_fine/`; val and test alike where they are
      there. A row of attributes has a 0 or 1 for each, or the number of a class
      from 0 for each type of attributes.

    Files that are not asked for are not read.

    Args:
        part: "coarse" or "fine".
        manual_dir: folder of those folders.
        with_boxes: read `list_bbox.txt`, or `train_bbox.txt` and its like.
        with_categories: read `list_category_cloth.txt`, and
            `list_category_img.txt`, or `train_cate.txt` and its like, to a
            label "category NAME" each, after the attributes.

    Returns:
        A `Table`.

    Raises:
        InputError: for any fault, with file and line.
        ValueError: if there is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"`part` must be one of {PARTS}. Received: {part!r}.")
    root = pathlib.Path(manual_dir)
    folders = ("Anno_coarse", "Anno") if part == "coarse" else ("Anno_fine",)
    folder = next((root / f for f in folders if (root / f).is_dir()), None)
    if folder is None:
        raise InputError(
            f"No folder {' or '.join(folders)} in {root} {lines.HINT}."
        )
    names, types = lines.read_names(folder / "list_attr_cloth.txt")
    categories = []
    if with_categories:
        categories, _ = lines.read_names(folder / "list_category_cloth.txt")
    if part == "coarse":
        rows = _read_coarse(folder, names, len(categories), with_boxes)
    else:
        rows = _read_fine(folder, names, types, len(categories), with_boxes)
    return _gather([*names, *(f"category {c}" for c in categories)], rows)


def find_photos(manual_dir):
    """Returns the folder that holds `img`: the user's, or `Img` in it."""
    root = pathlib.Path(manual_dir)
    if (root / "Img" / "img").is_dir() and not (root / "img").is_dir():
        return root / "Img"
    return root


def _gather(names, rows):
    """Makes a `Table` of `(photo, bytes, split, box, where)` rows."""
    photos, labels, splits, boxes, wheres = [], bytearray(), [], [], []
    for photo, values, split, box, where in rows:
        photos.append(photo)
        labels += values  # One byte a label: 0.3 GB for 289,222 rows of 1,000.
        splits.append(split)
        boxes.append(box)
        wheres.append(where)
    labels = np.frombuffer(labels, np.int8).reshape(-1, len(names))
    return Table(names, photos, labels, splits, boxes, wheres)


def _read_coarse(folder, names, num_categories, with_boxes):
    path = folder / "list_attr_img.txt"
    partition = folder.parent / "Eval" / "list_eval_partition.txt"
    splits = lines.PhotoList(partition, lines.parse_split)
    lists = [splits]
    if with_boxes:
        boxes = lines.PhotoList(folder / "list_bbox.txt", lines.parse_box)
        lists.append(boxes)
    if num_categories:
        categories = lines.PhotoList(
            folder / "list_category_img.txt",
            functools.partial(lines.parse_category, count=num_categories),
        )
        lists.append(categories)
    listed = set()
    for where, line in lines.read_list(path):
        name, *words = line.split()
        photo = lines.parse_photo(name, where)
        labels = lines.parse_flags(words, lines.COARSE, names, where)
        if num_categories:
            category = categories.find(photo, where)
            labels += _one_hot(category, num_categories)
        box = boxes.find(photo, where) if with_boxes else None
        yield photo, labels, splits.find(photo, where), box, where
        listed.add(photo)
    for photo_list in lists:
        photo_list.require_within(listed, path)


def _read_fine(folder, names, types, num_categories, with_boxes):
    for partition, split in lines.SPLITS.items():
        partition = partition.decode()
        path = folder / f"{partition}.txt"
        kinds = ["attr"]
        kinds += ["bbox"] * with_boxes + ["cate"] * bool(num_categories)
        paths = [folder / f"{partition}_{kind}.txt" for kind in kinds]
        absent = [p for p in (path, paths[0]) if not p.is_file()]
        if absent and split != "train":
            logging.info("No %s photos: there is no %s", split, absent[0])
            continue
        parse = None
        for where, photo, (at, words), *more in lines.read_aligned(path, paths):
            parse = parse or _choose_parser(words, names, types, at)
            labels = parse(words, where=at)
            box = None
            if with_boxes:
                at, words = more[0]
                box = lines.parse_box(words, at)
            if num_categories:
                at, words = more[-1]
                category = lines.parse_category(words, at, num_categories)
                labels += _one_hot(category, num_categories)
            yield photo, labels, split, box, where


def _choose_parser(words, names, types, where):
    """Returns the parser of a file that begins with these words."""
    groups = [
        [i for i, other in enumerate(types) if other == kind]
        for kind in dict.fromkeys(types)
    ]
    if len(words) == len(names):
        return functools.partial(
            lines.parse_flags, codes=lines.FINE, names=names
        )
    if len(words) == len(groups):
        return functools.partial(
            lines.parse_classes, groups=groups, names=names
        )
    raise InputError(
        f"{where}: expected {len(names)} flags, one per attribute, or "
        f"{len(groups)} class numbers, one per type, got {len(words)} values."
    )


def _one_hot(index, size):
    return bytes(index) + b"\1" + bytes(size - 1 - index)
