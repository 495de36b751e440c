"""The pictures of a reproduction's report, each a PNG file and its caption."""

import os

import numpy as np

from jdstyle.evaluation import charts
from jdstyle.evaluation import lettering
from jdstyle.evaluation import pages
from jdstyle.evaluation import reliability
from jdstyle.evaluation import scores
from jdstyle.fusion import product
from jdstyle.reproduction import steps


def _picture(path, caption, style_names):
    return pages.Picture(path, caption, lettering.choose(style_names).legend)


def _drawn(positives):
    """Returns the columns that pictures have room for, and what that leaves.

    Args:
        positives: dict from split to a dict with `positives`, a list of ints.
    """
    counts = np.sum([row["positives"] for row in positives.values()], axis=0)
    columns = charts.most_frequent(counts)
    if len(columns) == len(counts):
        return columns, ""
    return (
        columns,
        f" The {len(columns)} most frequent of {len(counts)} styles.",
    )


def classes(pictures, style_names, positives):
    """Draws how many photos of each style the parts of the data have.

    Args:
        pictures: folder of the PNG files.
        style_names: list of strings.
        positives: dict from split to a dict with `photos`, an int, and
            `positives` and `known`, an int per style.

    Returns:
        `pages.Picture`.
    """
    path = os.path.join(pictures, "class_distribution.png")
    columns, note = _drawn(positives)
    counts, known = (
        {split: np.array(row[key])[columns] for split, row in positives.items()}
        for key in ("positives", "known")
    )
    photos = {split: row["photos"] for split, row in positives.items()}
    charts.class_distribution(
        [style_names[column] for column in columns],
        counts,
        photos,
        path,
        known,
    )
    if any((known[split] < photos[split]).any() for split in photos):
        note += " Shares are of the photos whose label is known."
    return _picture(
        path,
        f"Photos per style in each part of the data.{note}",
        [style_names[column] for column in columns],
    )


def mutual(output_dir, style_names):
    """Takes the picture of P(A | B) that `product.fuse` drew.

    Args:
        output_dir: folder of the reproduction.
        style_names: list of strings.

    Returns:
        `pages.Picture`, or where there is none a sentence.
    """
    path = os.path.join(output_dir, steps.FUSED, product.MUTUAL_PICTURE)
    if not os.path.isfile(path):
        return f"It could not be drawn; see `{product.MUTUAL_TABLE_FILE}`."
    return _picture(
        path, "P(A | B): the share of B's photos that have A.", style_names
    )


def backbones(pictures, style_names, of_each, positives):
    """Draws the F2 of each style by each backbone and by their fusion.

    Args:
        pictures: folder of the PNG files.
        style_names: list of strings.
        of_each: dict from a name to a dict of `scores.score`.
        positives: as in `classes`.

    Returns:
        `pages.Picture`.
    """
    columns, note = _drawn(positives)
    style_names = [style_names[column] for column in columns]

    def column(result, key):
        # Without a score, None: NaN, which draws nothing.
        rows = [result["styles"][name] for name in style_names]
        return np.array([row[key] for row in rows], float)

    path = os.path.join(pictures, "backbones.png")
    last = of_each["fusion, relations"]
    charts.grouped_bars(
        style_names,
        {name: column(result, "f2") for name, result in of_each.items()},
        path,
        ylabel="F2",
        low={"fusion, relations": column(last, "f2_low")},
        high={"fusion, relations": column(last, "f2_high")},
        baseline=column(last, "baseline_f2"),
    )
    return _picture(
        path, f"F2 per style; the product with its interval.{note}", style_names
    )


def ablation(pictures, steps_scored):
    """Draws the macro F2 after each step.

    Args:
        pictures: folder of the PNG files.
        steps_scored: dict from a step's title to a dict of `scores.score`.

    Returns:
        `pages.Picture`.
    """
    path = os.path.join(pictures, "ablation.png")
    macros = [scores.overall(result) for result in steps_scored.values()]
    charts.grouped_bars(
        list(steps_scored),
        {"macro F2": np.array([macro["f2"] for macro in macros])},
        path,
        ylabel="macro F2",
        low={"macro F2": np.array([macro["f2_low"] for macro in macros])},
        high={"macro F2": np.array([macro["f2_high"] for macro in macros])},
        baseline=macros[-1]["baseline_f2"],
    )
    return pages.Picture(path, "Macro F2 after each step, with its interval.")


def probabilities(pictures, result):
    """Draws which share of photos has a style, over its probability.

    Args:
        pictures: folder of the PNG files.
        result: dict of `scores.score`.

    Returns:
        `pages.Picture`, or where there is none a sentence.
    """
    path = os.path.join(pictures, "reliability.png")
    drawn = reliability.draw(result, path)
    if not drawn:
        return "No style has a positive among these photos."
    return _picture(
        path,
        "Bins of as many photos each, with 95 % intervals, on log axes. A "
        "hollow point on the edge: no photo of the bin has the style.",
        drawn,
    )
