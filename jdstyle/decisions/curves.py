"""Precision against recall of a style, as an SVG picture.

SVG, as a page of 13 such pictures is drawn in a twentieth of the time that PNG
files take, and letters of all languages come from the reader's fonts. Inside of
an `img` element it runs no script and loads nothing.
"""

import html

import numpy as np

from jdstyle.decisions import floors

_WIDTH, _HEIGHT = 460, 330
_LEFT, _TOP, _SIDE_X, _SIDE_Y = 52, 16, 390, 262
_MOST_POINTS = 300
# Okabe and Ito (2008), as in `charts`; the two points differ in shape as well.
_CURVE, _BEFORE, _AFTER = "#0072B2", "#000000", "#D55E00"


def points(labels, probabilities, share=None):
    """Returns precision and recall of every threshold that is worth trying.

    Args:
        labels: int or bool array, shape `(n,)`: 1, 0, or -1 where unknown; some
            of either kind.
        probabilities: float array in [0, 1], shape `(n,)`.
        share: as in `floors.alarm_weight`.

    Returns:
        `(recall, precision)`, two float arrays of at most 300 points, recall
        falling.
    """
    labels, probabilities = floors.known(labels, probabilities)
    weight = floors.alarm_weight(labels, share)
    tried = floors.candidates(labels, probabilities)
    recall = tried.hits / tried.positives
    precision = tried.hits / (tried.hits + weight * tried.alarms)
    # Evenly along the recall, and the last one.
    number = min(len(recall), _MOST_POINTS)
    places = np.unique(np.linspace(0, len(recall) - 1, number).astype(int))
    return recall[places], precision[places]


def draw(curve, row, wish, name):
    """Draws a style's curve, its floors, and where it stood and stands.

    Args:
        curve: of `points`, or None where the style has none.
        row: dict of `changes.score`.
        wish: `floors.Wish`, or None where its threshold stays.
        name: string, the style's.

    Returns:
        String, an SVG document.
    """
    parts = [_axes(name)]
    if curve is not None:
        parts.append(_floors(wish))
        line = " ".join(
            f"{_x(r):.1f},{_y(p):.1f}" for r, p in zip(*curve, strict=True)
        )
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{_CURVE}" '
            'stroke-width="2"/>'
        )
        parts.append(_ranges(row))
        before, after = (
            (_x(row[f"recall_{when}"]), _y(row[f"precision_{when}"]))
            for when in ("before", "after")
        )
        parts.append(
            f'<circle cx="{before[0]:.1f}" cy="{before[1]:.1f}" r="6" '
            f'fill="white" stroke="{_BEFORE}" stroke-width="2"/>'
        )
        x, y = after
        parts.append(
            f'<path d="M{x - 7:.1f},{y:.1f} L{x:.1f},{y - 7:.1f} '
            f'L{x + 7:.1f},{y:.1f} L{x:.1f},{y + 7:.1f} Z" fill="{_AFTER}" '
            'stroke="white" stroke-width="1"/>'
        )
    parts.append("</svg>\n")
    return "\n".join(parts)


def _x(recall):
    return _LEFT + _SIDE_X * recall


def _y(precision):
    return _TOP + _SIDE_Y * (1 - precision)


def _axes(name):
    """Begins the document: frame, grid and what the axes are."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" '
        f'height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">',
        f"<title>{html.escape(name)}: precision against recall</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for fifth in range(6):
        x, y = _x(fifth / 5), _y(fifth / 5)
        parts += [
            _line(x, _y(0), x, _y(1), 'stroke="#ddd"'),
            _line(_x(0), y, _x(1), y, 'stroke="#ddd"'),
            f'<text x="{x}" y="{_y(0) + 18}" text-anchor="middle">'
            f"{fifth / 5:.1f}</text>",
            f'<text x="{_x(0) - 7}" y="{y + 4}" text-anchor="end">'
            f"{fifth / 5:.1f}</text>",
        ]
    middle = _y(0.5)
    parts += [
        f'<text x="{_x(0.5)}" y="{_y(0) + 38}" text-anchor="middle">recall'
        "</text>",
        f'<text x="14" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle})">precision</text>',
    ]
    return "\n".join(parts)


def _floors(wish):
    """Draws dashed lines where floors are."""
    parts = []
    dashed = f'stroke="{_AFTER}" stroke-dasharray="5 4"'
    if wish is not None and wish.threshold is None:
        if wish.precision_floor:
            y = _y(wish.precision_floor)
            parts.append(_line(_x(0), y, _x(1), y, dashed))
        if wish.recall_floor:
            x = _x(wish.recall_floor)
            parts.append(_line(x, _y(0), x, _y(1), dashed))
    return "\n".join(parts)


def _ranges(row):
    """Draws the 95 % intervals of the point that is chosen."""
    x, y = _x(row["recall_after"]), _y(row["precision_after"])
    ends = [
        scale(row[f"{name}_after_{end}"])
        for name, scale in (("recall", _x), ("precision", _y))
        for end in ("low", "high")
    ]
    style = f'stroke="{_AFTER}" stroke-width="1.5"'
    lines = (ends[0], y, ends[1], y), (x, ends[2], x, ends[3])
    return "\n".join(_line(*line, style) for line in lines)


def _line(x1, y1, x2, y2, style):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f"{style}/>"
    )
