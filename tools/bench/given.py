"""Real labels and scores that benches are given as two CSV files."""

from jdstyle.errors import InputError


def read(truth, scores):
    """Reads two tables of one column per label.

    Args:
        truth: path of a CSV of 0s and 1s, or None.
        scores: path of a CSV of probabilities, the same rows and columns, or
            None.

    Returns:
        Two `pandas.DataFrame`s, or None without paths.

    Raises:
        InputError: if one of them is missing, cannot be read or has another
            shape.
    """
    import pandas as pd

    if truth is None and scores is None:
        return None
    if truth is None or scores is None:
        raise InputError("Pass both --truth and --scores, or neither.")
    tables = []
    for path in (truth, scores):
        try:
            tables.append(pd.read_csv(path))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: {error}") from error
    if tables[0].shape != tables[1].shape:
        raise InputError(
            f"{truth} and {scores} must have the same rows and columns. "
            f"Received: shapes {tables[0].shape} and {tables[1].shape}."
        )
    return tables
