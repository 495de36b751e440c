"""Which cells of a label table say that a label is not known."""

from jdstyle.datasets import labels
from jdstyle.errors import InputError
from jdstyle.errors import shown

EMPTY = "empty"  # The word for a cell without any.


def parse(words):
    """Returns the cells that --unknown means, as `plain` leaves them.

    Args:
        words: list of strings, or None: no label is unknown.

    Returns:
        frozenset of strings.

    Raises:
        InputError: if there is none, or one is a label.
    """
    if words is None:
        return frozenset()
    cells = {plain(word) for word in words}
    if not cells or "" in cells:
        raise InputError(
            f"--unknown must name the cells that mean unknown: {EMPTY}, -1 or "
            "another text, several with commas between them. Received: "
            f"{shown(','.join(words))}."
        )
    for cell in sorted(cells & {plain(answer) for answer in labels.LABELS}):
        raise InputError(
            f"--unknown must not name {shown(cell)}, which is a label."
        )
    return frozenset(cells | ({""} if EMPTY in cells else set()))


def plain(cell):
    """Returns a cell so that -1.0 is -1 and NaN is nan."""
    return cell.strip().lower().removesuffix(".0")


def blank(content, unknown):
    """Empties the unknown ones of what a column of labels holds.

    Args:
        content: `column_roles.Content`.
        unknown: of `parse`.

    Returns:
        `column_roles.Content`; as it came where the column holds other things
        than labels.
    """
    rest = {text for text in content.values if plain(text) not in unknown}
    answers = {text.lower() for text in rest} <= {*labels.LABELS, ""}
    if not answers or rest == content.values:
        return content
    return content._replace(values=rest | {""})


def require_known(style_names, rows, where, flag):
    """Refuses a style of which no row knows anything.

    Args:
        style_names: list of strings.
        rows: iterable of `labels.Row`.
        where: "file:line" of the header.
        flag: list of strings, --unknown.

    Raises:
        InputError: with these styles.
    """
    columns = zip(*(row.labels for row in rows), strict=True)
    never = [
        shown(name)
        for name, column in zip(style_names, columns, strict=True)
        if max(column) < 0
    ]
    if never:
        raise InputError(
            f"{where}: no row has a known label of {', '.join(never)} "
            f"(--unknown={','.join(flag)}). Leave such styles out with "
            "--styles, or label some photos."
        )
