"""Reliability: what share of the photos with some probability has a style."""

import numpy as np

# Of the photos, by their probability: the rarest styles lie in the last few.
_MOST_BINS = 20
_LEAST_PHOTOS = 20
_Z = 1.959964  # Of a 95 % interval.
_COLOUR = "#0072B2"
# Panels of the picture, side by side.
_ACROSS = 5


def bins(labels, probabilities):
    """Bins one style's photos by probability, as many in each bin.

    Bins of equal width would hold nearly all photos of a rare style in the
    first, and the others hardly any.

    Args:
        labels: int array, shape `(n,)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n,)`.

    Returns:
        List of dicts, the lowest probabilities first: `photos`, `probability`
        (their mean), `share` (of positives), `share_low` and `share_high` (95 %
        interval). At most 20, of at least 20 photos where there are so many;
        empty where no label is known.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical
    Inference" (1927), for the interval.
    """
    known = np.asarray(labels) >= 0
    positive, probabilities = labels[known] == 1, probabilities[known]
    if not len(positive):
        return []
    order = np.argsort(probabilities, kind="stable")
    number = np.clip(len(order) // _LEAST_PHOTOS, 1, _MOST_BINS)
    return [
        {
            "photos": len(places),
            "probability": float(probabilities[places].mean(dtype="float64")),
            "share": float(positive[places].mean()),
            **_wilson(int(positive[places].sum()), len(places)),
        }
        for places in np.array_split(order, number)
    ]


def _wilson(positives, photos):
    share, more = positives / photos, _Z**2 / photos
    middle = share + more / 2
    half = np.sqrt(more * (share * (1 - share) + more / 4))
    low, high = (middle - half) / (1 + more), (middle + half) / (1 + more)
    return {
        "share_low": float(low) if positives else 0.0,
        "share_high": float(high) if positives < photos else 1.0,
    }


def draw(result, path):
    """Draws a panel per style: shares over probabilities, on log axes.

    Calibrated probabilities lie on the diagonal. What is below the axes lies on
    their edge; a bin without positives is a hollow point there. Styles without
    a positive have no panel; of many styles those with the most are drawn.

    Args:
        result: dict of `scores.score`.
        path: PNG file to write.

    Returns:
        List of the names of the styles that are drawn; without any, nothing is
        written.
    """
    # Not above: scores are computed where no picture is drawn.
    from jdstyle.evaluation import charts
    from jdstyle.evaluation import lettering

    # Not in results that older versions wrote.
    rows = result["styles"].items()
    styles = {name: row for name, row in rows if row.get("reliability")}
    positives = [row["positives"] for row in styles.values()]
    drawn = [list(styles)[place] for place in charts.most_frequent(positives)]
    if not drawn:
        return drawn
    names = lettering.choose(drawn)
    # What so many photos can still tell from 0.
    least = 0.3 / max(result["photos"], 30)
    columns = min(_ACROSS, len(drawn))
    plain: dict = {"parse_math": False, "family": names.families}
    figure, axes = charts.canvas(2, 2)
    for place, name in enumerate(drawn):
        row, column = divmod(place, columns)
        if place > 0:
            axes = figure.add_axes((1.15 * column, -1.25 * row, 1, 1))
        _draw_bins(axes, styles[name]["reliability"], least)
        axes.set_title(names.texts[place], loc="left", fontsize=10, **plain)
        is_lowest = place + columns >= len(drawn)
        axes.tick_params(labelleft=column == 0, labelbottom=is_lowest)
        if column == 0:
            axes.set_ylabel("share of photos")
        if is_lowest:
            note = names.note() if place == len(drawn) - 1 else ""
            text = f"mean probability{note}"
            axes.set_xlabel(text, **plain)
    charts.save(figure, path)
    return drawn


def _draw_bins(axes, of_style, least):
    x, shares, low, high = (
        np.maximum([of_bin[key] for of_bin in of_style], least)
        for key in ("probability", "share", "share_low", "share_high")
    )
    axes.plot([least, 1], [least, 1], color="0.6", lw=1)
    axes.vlines(x, low, high, color="0.6", lw=1)
    filled = np.where(shares > least, _COLOUR, "white")
    axes.scatter(x, shares, s=14, c=filled, ec=_COLOUR, zorder=3)
    limits = 0.8 * least, 1.25
    axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits)
    axes.minorticks_off()
