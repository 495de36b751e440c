"""Charts of labels and scores, as PNG files: same numbers, same bytes.

A name that no font of this machine can write has its number in its place.
"""

import numpy as np
from matplotlib.figure import Figure

from jdstyle.evaluation import lettering
from jdstyle.files import atomic

# Okabe and Ito (2008): colour-blind readers can tell them apart as well.
_COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"]
# A cell, a bar or a name of more styles could not be read, and a picture of 300
# styles takes gigabytes.
MOST_STYLES = 30
_SLANTED = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}


def most_frequent(counts):
    """Chooses the styles that a picture has room for.

    Args:
        counts: int array, shape `(n,)`: photos with each style.

    Returns:
        int array, sorted: all columns, or of more than `MOST_STYLES` those of
        the most photos; of equals the lower column.
    """
    order = np.argsort(-np.asarray(counts), kind="stable")
    return np.sort(order[:MOST_STYLES])


def mutual_table(style_names, conditional, counts, path):
    """Draws how often one style occurs with another, as a heat map.

    Of many styles it draws those of `most_frequent`, and its title says so.

    Args:
        style_names: list of n strings.
        conditional: float array in [0, 1], shape `(n, n)`: P(A | B) with A in
            the rows and B in the columns. A column whose N(B) is 0 is not read;
            it is hatched.
        counts: int array, shape `(n,)`: N(B), photos with each style.
        path: PNG file to write.

    Raises:
        ValueError: if shapes differ or a value lies outside its range.
    """
    n = len(style_names)
    counts = _array("counts", counts, n)
    conditional = np.where(counts > 0, conditional, np.nan)
    conditional = _array("conditional", conditional, n, n, most=1)
    title = "P(A | B): share of B's photos that have A"
    numbers = None
    if n > MOST_STYLES:
        title += f". The {MOST_STYLES} most frequent of {n} styles"
        drawn = most_frequent(counts)
        numbers = [1 + column for column in drawn]
        style_names = [style_names[column] for column in drawn]
        counts, conditional = counts[drawn], conditional[np.ix_(drawn, drawn)]
        n = MOST_STYLES
    size = max(0.56 * n, 4)
    figure, axes = canvas(size, size)
    image = axes.imshow(conditional, cmap="Blues", vmin=0, vmax=1)
    for (a, b), value in np.ndenumerate(conditional):
        if np.isfinite(value):
            # Where white on "Blues" has the better contrast (WCAG 2).
            ink = "white" if value > 0.71 else "black"
            axes.text(b, a, f"{value:.2f}", ha="center", va="center", c=ink)
    unseen = np.flatnonzero(counts == 0)
    for b in unseen:
        axes.axvspan(b - 0.5, b + 0.5, fc="0.9", ec="0.6", hatch="//", lw=0)
    names = lettering.choose(style_names, numbers)
    ticks = [
        f"{k} ({c:,.0f})" for k, c in zip(names.texts, counts, strict=True)
    ]
    plain = {"parse_math": False, "family": names.families}
    axes.set_xticks(range(n), ticks, **plain, **_SLANTED)
    axes.set_yticks(range(n), ticks, **plain)
    hatched = "; hatched: no photo has B" if len(unseen) else ""
    axes.set_xlabel(f"B (photos){hatched}{names.note()}", **plain)
    axes.set_ylabel("A (photos)")
    axes.set_title(title, loc="left")
    # 0.2 inches away and 0.25 wide, whatever the size of the table.
    bar = figure.add_axes((1 + 0.2 / size, 0, 0.25 / size, 1))
    figure.colorbar(image, cax=bar)
    save(figure, path)


def class_distribution(style_names, counts, total, path, known=None):
    """Draws the photos per style as bars on a log axis.

    Args:
        style_names: list of n strings.
        counts: int array, shape `(n,)`, or a dict from the name of a split to
            such an array, for a panel each.
        total: int, number of photos, or a dict with the splits of `counts`.
        path: PNG file to write.
        known: None, or as `counts`: the photos whose label is known, of which
            shares are.

    Raises:
        ValueError: if shapes or splits differ or a count exceeds its total.
    """
    if not isinstance(counts, dict):
        counts, total = {"": counts}, {"": total}
        known = known if known is None else {"": known}
    if not isinstance(total, dict) or total.keys() != counts.keys():
        raise ValueError(
            "`total` must have the splits of `counts`. "
            f"Received: {total} and {list(counts)}."
        )
    n = len(style_names)
    # A single photo's bar can be seen, and numbers fit beside the longest.
    left, longest = 0.5, max(10, *map(np.max, counts.values()))
    powers = 10 ** np.arange(1 + int(np.log10(longest)))
    names = lettering.choose(style_names)
    plain = {"parse_math": False, "family": names.families}
    figure, axes = canvas(4.4, 0.34 * n + 0.2)
    for i, (split, values) in enumerate(counts.items()):
        values = _array("counts", values, n, most=total[split])
        if i > 0:
            axes = figure.add_axes((1.06 * i, 0, 1, 1))
        axes.barh(range(n), values, height=0.7, color=_COLOURS[0])
        axes.set_xscale("log")
        axes.set_xlim(left, longest * (longest / left) ** 0.5)
        axes.set_xticks(powers, [f"{power:,}" for power in powers])
        axes.minorticks_off()
        of_known = np.full(n, total[split]) if known is None else known[split]
        for row, count in enumerate(values):
            share = 100 * count / max(of_known[row], 1)
            text = f"{count:,.0f} ({share:.2f} %)"
            place: dict = {"textcoords": "offset points", "va": "center"}
            axes.annotate(text, (max(count, left), row), (4, 0), **place)
        axes.set_ylim(n - 0.4, -0.6)
        axes.set_yticks(range(n), names.texts, **plain)
        axes.tick_params(labelleft=i == 0)
        title = f"{split}: {total[split]:,} photos".removeprefix(": ")
        axes.set_title(title, loc="left", parse_math=False)
        note = names.note() if i == 0 else ""
        axes.set_xlabel(f"photos, log scale{note}", **plain)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def grouped_bars(
    labels, series, path, *, ylabel, low=None, high=None, baseline=None
):
    """Draws a group of bars per label, a bar per series.

    Args:
        labels: list of n strings, below the groups.
        series: dict from name to float array >= 0, shape `(n,)`; NaN: no bar. A
            single series has its values written above the bars.
        path: PNG file to write.
        ylabel: string, what the values are.
        low: dict, as `series`: lower ends of the 95 % intervals of all series
            or of some.
        high: dict, upper ends for the series in `low`.
        baseline: float or float array of shape `(n,)`, a line across each
            group: the score of calling everything positive.

    Raises:
        ValueError: if shapes or names differ, a value is negative or an
            interval ends below its start.
    """
    n, low, high = len(labels), low or {}, high or {}
    if not low.keys() == high.keys() <= series.keys():
        raise ValueError(
            "`low` and `high` must have the same names, all in `series`. "
            f"Received: {list(low)}, {list(high)} and {list(series)}."
        )
    width = 0.8 / max(len(series), 1.3)
    figure, axes = canvas(max(5, (0.17 * len(series) + 0.15) * n), 3.6)
    legend = {}
    for i, (name, values) in enumerate(series.items()):
        values = top = _array(f"series[{name!r}]", values, n)
        x = np.arange(n) + (i - (len(series) - 1) / 2) * width
        # Where the colours repeat, hatching tells the series apart.
        turn, colour = divmod(i, len(_COLOURS))
        filled: dict = {"color": _COLOURS[colour], "hatch": "//" * turn}
        legend[name] = axes.bar(x, values, width, ec="white", lw=0.5, **filled)
        if name in low:
            bottom = _array(f"low[{name!r}]", low[name], n)
            top = _array(f"high[{name!r}]", high[name], n)
            # From end to end: a bootstrap interval need not hold the score.
            half = _array("high - low", top - bottom, n) / 2
            style: dict = {"fmt": "none", "ecolor": "0.25", "capsize": 2}
            interval = axes.errorbar(x, bottom + half, half, **style)
        for at, y, value in zip(x, np.fmax(values, top), values, strict=True):
            if len(series) == 1 and np.isfinite(value):
                place: dict = {"textcoords": "offset points", "ha": "center"}
                axes.annotate(f"{value:.3f}", (at, y), (0, 3), **place)
    if low:
        legend["95 % interval"] = interval
    if baseline is not None:
        heights = _array("baseline", np.broadcast_to(baseline, n), n)
        ends = np.arange(n) - 0.44, np.arange(n) + 0.44
        # A white rim, to be seen on dark bars.
        axes.hlines(heights, *ends, colors="white", lw=3.5)
        line = axes.hlines(heights, *ends, colors="black", lw=1.5)
        legend["everything positive"] = line
    names = lettering.choose(labels)
    plain = {"parse_math": False, "family": names.families}
    axes.set_xticks(range(n), names.texts, **plain, **_SLANTED)
    axes.set_xlabel(names.note().strip(), **plain)
    axes.set_xlim(-0.55, n - 0.45)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.88")
    axes.set_axisbelow(True)
    entries = legend.values(), legend.keys()
    box = axes.legend(*entries, loc="upper left", bbox_to_anchor=(1, 1))
    for text in box.get_texts():
        text.set_parse_math(False)
    save(figure, path)


def canvas(width, height):
    """Returns a figure and axes that fill it; labels hang outside."""
    figure = Figure(figsize=(width, height), dpi=150)
    return figure, figure.add_axes((0, 0, 1, 1))


def _array(name, values, *shape, most=np.inf):
    values = np.asarray(values, "float64")
    if values.shape != shape or np.any((values < 0) | (values > most)):
        raise ValueError(
            f"`{name}` must have shape {shape} and lie in [0, {most}]. "
            f"Received: shape {values.shape}, {np.ravel(values)}."
        )
    return values


def save(figure, path):
    # As large as the labels need, and without the version of matplotlib.
    style = {"bbox_inches": "tight", "metadata": {"Software": None}}
    with atomic.aside(path, "wb") as file:
        figure.savefig(file, format="png", **style)
