"""COCO's annotations of objects: the categories of the boxes in each photo.

https://cocodataset.org/#format-data, object detection: an object with `images`
(`id`, `file_name`), `annotations` (`image_id`, `category_id`) and `categories`
(`id`, `name`).
"""

from jdstyle.datasets import column_roles
from jdstyle.datasets.formats import json_text
from jdstyle.datasets.formats import tables
from jdstyle.errors import InputError
from jdstyle.errors import shown

_PARTS = ("images", "annotations", "categories")


def read(text, path):
    """Reads COCO's annotations.

    Args:
        text: string, the file.
        path: of the file, for messages.

    Returns:
        `tables.Table` with a style for each category that some photo has, in
        the order of their ids.

    Raises:
        InputError: for any fault, with its place: "file: annotations[3]".
    """
    whole = json_text.parse(text, path)
    for part in _PARTS:
        if not isinstance(whole, dict) or not isinstance(whole.get(part), list):
            there = list(whole) if isinstance(whole, dict) else whole
            raise InputError(
                f"{path}: expected COCO's annotations of objects, which have "
                f"the lists {', '.join(_PARTS)}; {part} is no list. There is: "
                f"{shown(there)}. For JSON lines, an object on each "
                "line, pass --format=jsonl."
            )
    names, places = _read_categories(whole["categories"], path)
    images = _by_id(whole["images"], "images", path)
    if not images:
        raise InputError(f"{path}: images is empty.")
    found = {number: {} for number in images}  # A dict keeps the order.
    for where, item in _objects(whole["annotations"], "annotations", path):
        image = _require_id(item, "image_id", images, "images", where)
        category = _require_id(item, "category_id", names, "categories", where)
        found[image][names[category]] = None
    if not whole["annotations"]:
        raise InputError(f"{path}: annotations is empty, so no photo has any.")
    used = {name for of_image in found.values() for name in of_image}
    unused = [name for name in names.values() if name not in used]
    header, rows = _rows(images)
    understood = ["Read as COCO's annotations (--format=coco)."]
    if unused:
        understood.append(f"Ignored: no photo has {tables.sample(unused)}.")
    return tables.with_tags(
        tables.Table(
            path=path,
            where=f"{path}: images",
            header=header,
            lines=lambda: iter(rows),
            image="file_name",
        ),
        rows,
        [tuple(found[number]) for number in images],
        understood,
        places={names[n]: places[names[n]] for n in sorted(names)},
    )


def _read_categories(categories, path):
    """Returns dicts: the name of each category by id, its place by name."""
    names, places = {}, {}
    for number, (where, item) in _by_id(categories, "categories", path).items():
        name = item.get("name")
        if not json_text.is_text(name):
            raise InputError(
                f"{where}.name: expected a text, got {shown(name)}."
            )
        names[number] = name = name.strip()
        if places.setdefault(name, where) != where:
            raise InputError(
                f"{where}.name: {shown(name)} is also that of {places[name]}."
            )
    return names, places


def _rows(images):
    """Returns the header and the rows of the photos."""
    more = [
        name
        for name in column_roles.RESERVED
        if any(name in item for _, item in images.values())
    ]
    rows = []
    for where, item in images.values():
        for name in ["file_name", *more]:
            value = item.get(name, "")
            is_number = name != "file_name" and json_text.is_int(value)
            if not (is_number or json_text.is_text(value)) and (
                name == "file_name" or value not in ("", None)
            ):
                raise InputError(
                    f"{where}.{name}: expected a text, got "
                    f"{shown(value) if name in item else 'none'}."
                )
        cells = [item.get(name) for name in ["file_name", *more]]
        rows.append((where, ["" if c is None else str(c) for c in cells]))
    return ["file_name", *more], rows


def _by_id(items, part, path):
    """Returns a dict from the id of each object to `(where, object)`."""
    found = {}
    for where, item in _objects(items, part, path):
        number = item.get("id")
        if not json_text.is_int(number):
            raise InputError(
                f"{where}.id: expected a whole number, got {shown(number)}."
            )
        if number in found:
            raise InputError(
                f"{where}.id: {number} is also that of {found[number][0]}."
            )
        found[number] = (where, item)
    return found


def _objects(items, part, path):
    for i, item in enumerate(items):
        where = f"{path}: {part}[{i}]"
        if not isinstance(item, dict):
            raise InputError(f"{where}: expected an object, got {shown(item)}.")
        yield where, item


def _require_id(item, key, known, part, where):
    number = item.get(key)
    if not json_text.is_int(number) or number not in known:
        raise InputError(
            f"{where}.{key}: expected the id of one of {part}, got "
            f"{shown(number) if key in item else 'none'}."
        )
    return number
