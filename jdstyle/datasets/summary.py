"""Which styles have too few photos to train on or to be scored."""

_MOST_LINES = 20


def describe(style_names, parts):
    """Says which styles lack positives or negatives in which part.

    Args:
        style_names: list of strings.
        parts: dict from a part's name ("test", "fold 3") to its labels, int
            array `(n, styles)`: 1, 0, or -1 where unknown.

    Returns:
        List of sentences, one per style that lacks something; empty if none.
    """
    lines = []
    for i, name in enumerate(style_names):
        columns = {part: labels[:, i] for part, labels in parts.items()}
        lacking = [p for p, c in columns.items() if not (c == 1).any()]
        full = [
            part
            for part, column in columns.items()
            if part not in lacking and not (column == 0).any()
        ]
        if lacking:
            lines.append(f"{name}: no positive in {', '.join(lacking)}.")
        if full:
            lines.append(f"{name}: only positives in {', '.join(full)}.")
    if len(lines) > _MOST_LINES:
        more = len(lines) - _MOST_LINES
        lines[_MOST_LINES:] = [f"And {more} more such lines."]
    return lines
