"""Which format a label file has, and the table that it becomes."""

import os

from jdstyle.datasets import csv_files
from jdstyle.datasets import label_hints
from jdstyle.datasets.formats import coco
from jdstyle.datasets.formats import folders
from jdstyle.datasets.formats import json_lines
from jdstyle.datasets.formats import tables
from jdstyle.datasets.formats import text_columns
from jdstyle.errors import InputError

FORMATS = ("table", "tags", "class", "folders", "jsonl", "coco")
_OF_LINES = (".jsonl", ".ndjson")


def read(
    path,
    images_dir=None,
    *,
    kind=None,
    tags=None,
    image_column=None,
    style_columns=None,
    unknown=frozenset(),
):
    """Reads a label file of any format.

    Args:
        path: of the file; None for a folder per class.
        images_dir: folder of the photos, or None.
        kind: one of `FORMATS`, or None to guess.
        tags: name of the column, or key, of the labels; None to look for it.
        image_column: as in `columns.choose`.
        style_columns: as in `columns.choose`.
        unknown: of `unknown_labels.parse`.

    Returns:
        `tables.Table`.

    Raises:
        InputError: for a fault, or where it is not certain what would be read.
    """
    require_together(path, images_dir, kind, tags)
    if path is None:
        _require_no_metadata(images_dir, kind)
        return folders.read(images_dir)
    if os.path.isdir(path):
        raise InputError(
            f"{path}: a folder, expected a file (--table). For a folder per "
            f"class pass --images_dir={path} --format=folders instead."
        )
    text = csv_files.read_text(path, "--table")
    if kind == "coco" or (kind is None and _is_one_object(text, path)):
        require_together(path, images_dir, "coco", tags)
        return coco.read(text, path)
    is_lines = _is_json(text) or str(path).endswith(_OF_LINES)
    if kind == "jsonl" or (kind != "table" and is_lines):
        key = image_column or json_lines.FILE_NAME
        table = json_lines.read(text, path, tags, key)
    else:
        table = _read_csv(text, path)
        kind = kind or (tags and "tags")
    if table.style_places is not None:
        return table
    return text_columns.resolve(
        table,
        kind=kind if kind in ("table", "tags", "class") else None,
        tags=tags,
        image_column=image_column or table.image,
        style_columns=style_columns,
        unknown=unknown,
    )


def require_together(path, images_dir, kind, tags):
    """Refuses settings of which one excludes another.

    Args: as `read`.

    Raises:
        InputError: names the flags.
    """
    if kind == "folders" and path is not None:
        raise InputError(
            "--format=folders takes the labels from the folders in "
            f"--images_dir. Received: --table={path}."
        )
    if kind == "folders" and images_dir is None:
        raise InputError("--format=folders needs --images_dir.")
    if path is None and (images_dir is None or kind not in (None, "folders")):
        raise InputError(
            "--dataset=label_table/NAME needs --table, or --images_dir with a "
            "folder per class."
        )
    of_tags = (None, "tags", "class", "jsonl")
    if tags is not None and (path is None or kind not in of_tags):
        raise InputError(
            "--tags names a column or a key of --format=tags, class or jsonl. "
            f"Received: --tags={tags} with --format={kind or 'folders'}."
        )


def _require_no_metadata(images_dir, kind):
    """Refuses to guess at folders where Hugging Face would read a file."""
    for name in ("metadata.jsonl", "metadata.csv"):
        path = os.path.join(images_dir, name)
        if kind is None and os.path.exists(path):
            raise InputError(
                f"{path}: the labels may be there or in the names of folders. "
                f"Pass --table={path}, or --format=folders."
            )


def _is_json(text):
    return text.lstrip().startswith(("{", "["))


def _is_one_object(text, path):
    """Whether a file is one JSON text, no object per line."""
    if not _is_json(text) or str(path).endswith(_OF_LINES):
        return False
    first, _, rest = text.strip().partition("\n")
    first, second = first.strip(), rest.strip()
    return not (
        (first.startswith("{") and first.endswith("}") and second[:1] == "{")
        or (not second and '"file_name"' in first and '"images"' not in first)
    )


def _read_csv(text, path):
    where, header = next(csv_files.parse(text, path), (f"{path}:1", []))
    header = [name.strip() for name in header]
    label_hints.require_header(header, where)

    def lines():
        rows = csv_files.parse(text, path)
        next(rows)  # The header.
        return rows

    return tables.Table(path=path, where=where, header=header, lines=lines)
