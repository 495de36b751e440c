"""Which split a row of a label table names, by a word or by columns of yes."""

from jdstyle.errors import InputError
from jdstyle.errors import shown

WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
YES = ("1", "1.0", "true", "t", "yes", "y")
NO = ("0", "0.0", "false", "f", "no", "n", "")
# What a row is that none of the columns names. A column for test rows alone
# leaves open which of the others validate; one for training rows alone leaves
# open more, and is refused.
_OTHERS = {
    ("validation",): "train",
    ("test",): None,
    ("test", "validation"): "train",
    ("test", "train"): "validation",
    ("train", "validation"): "test",
}


def parse_word(text, name, where):
    """Returns the split that a cell names, None if it is empty.

    Args:
        text: string, without blanks at its ends.
        name: string, the column's name.
        where: "file:line".

    Raises:
        InputError: if it is no word for a split.
    """
    if not text:
        return None
    if text.lower() not in WORDS:
        raise InputError(
            f"{where}: {name} must be one of {', '.join(WORDS)}, got "
            f"{shown(text)}."
        )
    return WORDS[text.lower()]


def parse_flags(cells, flags, header, where):
    """Returns the split that columns such as `is_valid` say, or None.

    Args:
        cells: list of strings, a row.
        flags: dict from "train", "validation" or "test" to the column of it.
        header: list of strings, the names of the columns.
        where: "file:line".

    Raises:
        InputError: if a cell says neither yes nor no, if two columns say yes,
            or if none does and the row may be in several splits.
    """
    found = []
    for split, column in flags.items():
        text = cells[column].lower()
        if text in YES:
            found.append(split)
        elif text not in NO:
            raise InputError(
                f"{where}: {header[column]} must be 0 or 1, got "
                f"{shown(cells[column])}."
            )
    names = " and ".join(header[column] for column in flags.values())
    if len(found) > 1:
        raise InputError(f"{where}: {names} name more than one split.")
    if found:
        return found[0]
    others = tuple(sorted(flags))
    if others not in _OTHERS:
        raise InputError(
            f"{where}: {names} does not say whether this row is for validation "
            "or for testing. Write a column split of train, validation and "
            "test instead."
        )
    return _OTHERS[others]
