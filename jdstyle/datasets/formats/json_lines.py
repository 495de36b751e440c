"""JSON lines as Hugging Face's `imagefolder` has them: `metadata.jsonl`.

An object per line: `file_name` and the labels, as a list, as a text, or as
objects in the photo with a category each.
"""

from jdstyle import styles
from jdstyle.datasets.formats import json_text
from jdstyle.datasets.formats import tables
from jdstyle.datasets.formats import text_columns
from jdstyle.errors import InputError
from jdstyle.errors import shown

FILE_NAME = "file_name"
_EXAMPLE = '{"file_name": "photo.jpg", "labels": ["striped", "floral"]}'
# What objects in a photo call their labels.
_CATEGORIES = (
    *("categories", "category", "labels", "label", "names", "name"),
    *("classes", "class", "category_id", "tags"),
)


def read(text, path, tags=None, file_name=FILE_NAME):
    """Reads JSON lines.

    Args:
        text: string, the file.
        path: of the file, for messages.
        tags: string, the key of the labels; None to look for it.
        file_name: string, the key of the photos' paths.

    Returns:
        `tables.Table` with a column for each key whose values are no lists,
        and one for each label if some key holds lists of labels.

    Raises:
        InputError: for any fault, with its line.
    """
    if text.lstrip().startswith("["):
        raise InputError(
            f"{path}:1: a JSON list, expected JSON lines: an object on each "
            "line, with no brackets around them and no commas between them."
        )
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{path}:{number}"
            record = json_text.parse(line, path, number)
            _require_record(record, file_name, where)
            records.append((where, record))
    if not records:
        raise InputError(f"{path}:1: empty, expected an object on each line.")
    keys = list(dict.fromkeys(key for _, record in records for key in record))
    listed = {
        key: found
        for key in keys
        if (found := _labels_of(key, records)) is not None
    }
    scalars = [
        key
        for key in keys
        if not any(isinstance(r.get(key), (list, dict)) for _, r in records)
    ]
    table = tables.Table(
        path=path,
        where=records[0][0],
        header=scalars,
        lines=lambda: (
            (where, [_cell(record.get(key), key, where) for key in scalars])
            for where, record in records
        ),
        image=file_name,
        understood=(
            *("Read as JSON lines (--format=jsonl).",),
            *(
                f"Ignored: {shown(key)}, which holds lists or objects."
                for key in keys
                if key not in scalars and key not in listed
            ),
        ),
    )
    if not listed and scalars == [file_name]:
        raise InputError(
            f"{table.where}: no key holds labels besides {shown(file_name)}: "
            f"a list of texts, as {_EXAMPLE}. There are: "
            f"{tables.sample(keys, 50)}."
        )
    key = _choose(listed, scalars, tags, table)
    if key is None:
        return table
    others = [f"Ignored: {shown(other)}." for other in listed if other != key]
    return tables.with_tags(
        table,
        list(table.lines()),
        [
            _require_labels(found, record.get(key), key, where)
            for found, (where, record) in zip(listed[key], records, strict=True)
        ],
        [f"The key {shown(key)} holds the labels.", *others],
    )


def _require_record(value, file_name, where):
    if not isinstance(value, dict):
        raise InputError(
            f"{where}: expected an object with {file_name} and labels on each "
            f"line, got {shown(value)}."
        )
    name = value.get(file_name)
    if not json_text.is_text(name):
        raise InputError(
            f"{where}: {shown(file_name)} must be the path of a photo, got "
            f"{shown(name) if file_name in value else 'none'}."
        )


def _labels_of(key, records):
    """Returns the labels of a key in each record, None if it holds none.

    Of a record that lacks it, or holds something else, it is None.
    """
    values = [record.get(key) for _, record in records]
    if not any(isinstance(value, (list, dict)) for value in values):
        return None
    named = text_columns.NAMED.fullmatch(styles.plain(key))
    found = [_names(value, numbers=bool(named)) for value in values]
    # Boxes, vectors and such are no labels.
    return found if any(found) else None


def _names(value, *, numbers):
    """Returns the labels in a value, a tuple of strings, None if none are.

    Args:
        value: of JSON.
        numbers: whether numbers count as labels.
    """
    if isinstance(value, dict):
        key = next((key for key in _CATEGORIES if key in value), None)
        return None if key is None else _names(value[key], numbers=True)
    if isinstance(value, str) or json_text.is_int(value):
        value = [value]
    if not isinstance(value, list):
        return None
    names = []
    for item in value:
        if isinstance(item, dict):
            within = _names(item, numbers=True)
            if within is None:
                return None
            names += within
        elif json_text.is_text(item):
            names.append(item.strip())
        elif numbers and json_text.is_int(item):
            names.append(str(item))
        else:
            return None
    return tuple(names)


def _choose(listed, scalars, tags, table):
    """Returns the key of the labels, None if it is one of the scalars."""
    if tags is not None:
        found = styles.match(tags, list(listed))
        if len(found) == 1:
            return list(listed)[found[0]]
        return None  # `text_columns` looks for it.
    if len(listed) < 2:
        return next(iter(listed), None)
    raise InputError(
        f"{table.where}: several keys hold labels. Choose one with --tags: "
        + ", ".join(
            f"{shown(key)} (as {tables.sample(next(filter(None, found)), 2)})"
            for key, found in listed.items()
        )
        + "."
    )


def _require_labels(found, value, key, where):
    if found is None:
        raise InputError(
            f"{where}: {shown(key)} must be a list of labels, or objects with "
            "categories, as in other lines; [] where there is none. Received: "
            f"{shown(value)}."
        )
    return found


def _cell(value, key, where):
    """Returns a value as a cell of a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str) and (
        not value.strip() or json_text.is_text(value)
    ):
        return value.strip()
    if isinstance(value, float) or json_text.is_int(value):
        return str(value)
    raise InputError(
        f"{where}: {shown(key)} must be a text or a number of at most 64 bits, "
        f"got {shown(value)}."
    )
