"""A page of what other thresholds change: a table, and a curve per style."""

import os
import tempfile

from jdstyle.decisions import changes
from jdstyle.decisions import curves
from jdstyle.evaluation import pages


def write(path, style_names, labels, probabilities, wishes, rows, *, notes):
    """Writes the page, one HTML file that needs nothing else.

    Args:
        path: file to write.
        style_names: list of strings.
        labels: int array, shape `(n, num_styles)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n, num_styles)`.
        wishes: list of a `floors.Wish` or None per style.
        rows: dict from style to dict, as `changes.table` takes it.
        notes: list of strings, paragraphs above the table.
    """
    with tempfile.TemporaryDirectory() as folder:
        sections = [
            ("Before and after", [*notes, changes.table(rows, _betas(wishes))])
        ]
        for i, (name, wish) in enumerate(zip(style_names, wishes, strict=True)):
            row = rows[name]
            curve = None
            if row["recall_after"] is not None:
                curve = curves.points(
                    labels[:, i], probabilities[:, i], wish and wish.share
                )
            picture = os.path.join(folder, f"{i}.svg")
            with open(picture, "w", encoding="utf-8") as file:
                file.write(curves.draw(curve, row, wish, name))
            caption = f"{name}: {describe(wish)}; {_move(row)}."
            sections.append((name, [pages.Picture(picture, caption)]))
        pages.write("Thresholds", sections, path)


def describe(wish):
    """Says what is asked of a style.

    Args:
        wish: `floors.Wish`, or None.
    """
    if wish is None:
        return "its threshold stays"
    if wish.threshold is not None:
        return "by hand"
    aim = f"the best F{wish.beta:g}"
    if wish.cost is not None:
        miss, false = wish.cost
        aim = f"the least cost, {miss:g} a miss and {false:g} a false alarm"
    floors = [
        f"{name} of at least {floor:g}"
        for name, floor in (
            ("a precision", wish.precision_floor),
            ("a recall", wish.recall_floor),
        )
        if floor
    ]
    parts = [aim + (f" with {' and '.join(floors)}" if floors else "")]
    if wish.share is not None:
        parts.append(f"where {wish.share:.4g} of the photos have it")
    return ", ".join(parts)


def _betas(wishes):
    return [2.0 if wish is None else wish.beta for wish in wishes]


def _move(row):
    thresholds = [row[f"threshold_{when}"] for when in ("before", "after")]
    text = "threshold {:.3g} before (circle), {:.3g} now (diamond)"
    text = text.format(*thresholds)
    if row["recall_after"] is None:
        return f"{text}, and no curve without photos of either label"
    return text
