"""The table and the picture of `growth.py`."""

import math

import measure
from matplotlib.figure import Figure


def tabulate(curves):
    """Returns a Markdown table.

    Args:
        curves: dict from a kind to a list of `(number, seconds, peak)`:
            `seconds` is a dict from what was done to CPU-seconds, `peak` is in
            MB.
    """
    rows = []
    for kind, points in curves.items():
        before = None
        for number, seconds, peak in points:
            for work, spent in seconds.items():
                grows = ""
                if before:
                    steps = math.log(number / before[0])
                    rise = math.log(spent / before[1][work]) / steps
                    grows = f"n^{rise:.2f}"
                rows.append(
                    [
                        f"{number:,} {kind}",
                        work,
                        f"{spent:,.3g}",
                        f"{float(f'{1e3 * spent / number:.3g}'):,g}",
                        grows,
                        f"{peak:,.0f}",
                    ]
                )
            before = number, seconds
    header = ["", "work", "CPU-seconds", "ms for each", "grows as", "peak MB"]
    return measure.table(header, rows)


def draw(curves, path):
    """Draws CPU-seconds above memory, a column per kind, as a PNG."""
    page = Figure(figsize=(4 * len(curves), 6), layout="constrained")
    axes = page.subplots(2, len(curves), squeeze=False)
    for column, (kind, points) in zip(axes.T, curves.items(), strict=True):
        numbers = [number for number, _, _ in points]
        for work in points[0][1]:
            spent = [seconds[work] for _, seconds, _ in points]
            (line,) = column[0].loglog(numbers, spent, "o-", label=work)
            # Through the last point: what is above it is a fixed cost.
            linear = [spent[-1] * n / numbers[-1] for n in numbers]
            column[0].loglog(numbers, linear, ":", color=line.get_color())
        column[0].legend(fontsize=8)
        peaks = [peak for _, _, peak in points]
        column[1].semilogx(numbers, peaks, "o-")
        column[1].set_ylim(0, 1.1 * max(peaks))
        column[1].set_xlabel(kind)
    axes[0, 0].set_ylabel("CPU-seconds (dotted: linear)")
    axes[1, 0].set_ylabel("peak memory, MB")
    page.savefig(path, dpi=100)
