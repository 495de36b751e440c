"""Tables of labels and probabilities: read, and bound to their product."""

import os
import re

import numpy as np
import pandas as pd

from jdstyle.errors import InputError
from jdstyle.files import cells
from jdstyle.files import sums
from jdstyle.runs import directory

# The sums of a product stand for all of its files.
_PRODUCT = f"{directory.SAVED_MODEL_DIR}/{sums.FILE}"


def bind(folder, name):
    """Notes that a table and the product beside it belong together.

    Args:
        folder: path, of both, which are whole.
        name: of the table.
    """
    sums.write(folder, [name, _PRODUCT])


def find(saved_model):
    """Finds the table of the photos that chose a product's thresholds.

    Args:
        saved_model: directory of the SavedModel.

    Returns:
        Its path: beside the SavedModel.

    Raises:
        InputError: if there is none, if nothing says that it is this product's,
            or if one of the two has changed since.
    """
    folder, product = os.path.split(os.path.abspath(saved_model))
    instead = "Pass --split to choose on photos of a prepared data set."
    names = [directory.OUT_OF_FOLD_FILE, directory.VALIDATION_FILE]
    there = [n for n in names if os.path.isfile(os.path.join(folder, n))]
    if not there:
        raise InputError(
            f"{folder} must hold the scores that chose the thresholds of "
            f"--saved_model={saved_model}: {' or '.join(names)}. {instead}"
        )
    path = os.path.join(folder, there[0])
    bound = f"{product}/{sums.FILE}"
    if not {there[0], bound} <= sums.read(folder).keys():
        raise InputError(
            f"{os.path.join(folder, sums.FILE)} must say that {path} belongs "
            f"to {saved_model}: an older jdstyle wrote them, or one of them "
            f"was brought here. {instead}"
        )
    try:
        sums.check(folder, [there[0], bound])
    except InputError as error:
        raise InputError(
            f"{error} The scores are of another product. {instead}"
        ) from error
    return path


def read(path, style_names):
    """Reads a table of `scores.probability_table`.

    Args:
        path: of the CSV.
        style_names: list of strings, the styles that it must have.

    Returns:
        DataFrame, its index the ids: `line`, int, where the row stands, and per
        style `label NAME`, 0.0, 1.0 or -1.0, and `probability NAME`, in [0, 1].

    Raises:
        InputError: for any fault, with file and line.
    """
    try:
        # The header as a row: a longer row is an error then, not an index.
        rows = pd.read_csv(
            path,
            header=None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
        )
    except (OSError, ValueError) as error:
        line = "".join(re.findall(r"in line (\d+)", str(error))[:1]) or "1"
        raise InputError(f"{path}:{line}: {error}") from error
    ids = _cells(rows, "id", path)
    if not len(ids) or (ids == "").any():
        line = 2 + int(np.argmax(ids == "")) if len(ids) else 2
        raise InputError(f"{path}:{line}: expected a photo's id.")
    columns = {"line": np.arange(2, len(rows) + 1)}
    for style in style_names:
        for name, is_accepted, accepted in [
            (f"label {style}", lambda x: np.isin(x, (-1, 0, 1)), "0, 1 or -1"),
            # Written so that a NaN is refused.
            (
                f"probability {style}",
                lambda x: (x >= 0) & (x <= 1),
                "a number in [0, 1]",
            ),
        ]:
            texts = _cells(rows, name, path)
            # What is not a number becomes NaN.
            numbers = pd.Series(pd.to_numeric(texts, errors="coerce"))
            columns[name] = numbers.astype(float).to_numpy()
            wrong = np.flatnonzero(~is_accepted(columns[name]))
            if len(wrong):
                raise InputError(
                    f"{path}:{columns['line'][wrong[0]]}: expected as {name!r} "
                    f"{accepted}, got {texts.iloc[wrong[0]]!r}."
                )
    # At once: a table that grows column by column is copied for each.
    index = pd.Index(map(cells.read, ids), dtype=object)
    return pd.DataFrame(columns, index=index)


def _cells(rows, name, path):
    """Returns a column's texts, without the header."""
    header = rows.iloc[0].tolist()
    if header.count(name) != 1:
        raise InputError(
            f"{path}:1: expected one column {name!r}, got "
            f"{', '.join(map(str, header))}."
        )
    return rows[header.index(name)].iloc[1:]
