"""The report of a reproduction: its tables and pictures, as one page."""

import os

import numpy as np
import pandas as pd

from jdstyle.evaluation import charts
from jdstyle.evaluation import lettering
from jdstyle.evaluation import pages
from jdstyle.evaluation import scores
from jdstyle.fusion import product
from jdstyle.reproduction import steps

# Macro F2 in the paper of the challenge's third place, in its order.
PAPER_STEPS = (0.44, 0.57, 0.59, 0.60, 0.63)
PAPER_TEST = 0.6524


def ablation_table(ablation, of_paper=None):
    """Returns a row per step: macro F2, its interval and the baseline.

    Args:
        ablation: dict from a step's title to a dict of `scores.score`.
        of_paper: None, or a float per step: the paper's macro F2.

    Returns:
        `pandas.DataFrame` of strings.
    """
    rows = []
    for i, (title, result) in enumerate(ablation.items()):
        macro = scores.overall(result)
        row = {
            "step": title,
            "macro F2": scores.decimals(macro["f2"]),
            "95 % interval": scores.interval(macro),
            "all positive": scores.decimals(macro["baseline_f2"]),
        }
        if of_paper:
            row["in the paper"] = f"{of_paper[i]:.2f}"
        rows.append(row)
    return pd.DataFrame(rows)


def style_table(of_each, last):
    """Returns a row per style: its F2 by each of several, and an interval.

    Args:
        of_each: dict from a name to a dict of `scores.score`.
        last: the name whose interval, baseline and positives are shown.

    Returns:
        `pandas.DataFrame` of strings.
    """
    rows = []
    for style in [*of_each[last]["styles"], "macro mean"]:
        row = {"style": style}
        for name, result in of_each.items():
            row[name] = scores.decimals(_row(result, style)["f2"])
        of_last = _row(of_each[last], style)
        row["95 % interval"] = scores.interval(of_last)
        row["all positive"] = scores.decimals(of_last["baseline_f2"])
        row["positives"] = of_last.get("positives", "")
        rows.append(row)
    return pd.DataFrame(rows)


def write(output_dir, results, evidence, gains):
    """Writes `report.html` and `report.md` with their pictures.

    Args:
        output_dir: path of an existing folder.
        results: dict, as `reproduce` writes it to `results.json`.
        evidence: `evidence.Evidence` of the last step.
        gains: dict of `product.fuse`.

    Returns:
        Path of the HTML page.
    """
    pictures = os.path.join(output_dir, "pictures")
    os.makedirs(pictures, exist_ok=True)
    style_names = evidence.joined.style_names
    is_jd = results["dataset"].startswith("jd_fashion")
    ablation = ablation_table(
        results["ablation"], PAPER_STEPS if is_jd else None
    )
    sections = [
        ("What was run", _describe(results, is_jd)),
        (
            "Photos per style",
            [_draw_classes(pictures, style_names, results["positives"])],
        ),
        (
            "Which styles occur together",
            [
                "P(A | B) = N(A and B) / N(B), counted in the training labels.",
                _draw_mutual(output_dir, style_names),
            ],
        ),
        (
            "Backbones and their fusion",
            [
                "F2 per style. The members and their fusion decide by a "
                'threshold per style; the product, "fusion, relations", also '
                "uses relations and a plausible number of styles, where they "
                "gain.",
                style_table(results["product"], "fusion, relations"),
                _draw_backbones(
                    pictures,
                    style_names,
                    results["product"],
                    results["positives"],
                ),
            ],
        ),
        (
            "With and without transfer",
            [
                "F2 per style of the first backbone. The interval is that of "
                "the networks with transfer.",
                style_table(results["transfer"], "with"),
            ],
        ),
        (
            "Ablation",
            [
                "Macro F2 of the first backbone. Each step keeps what the "
                "steps above it added.",
                ablation,
                _draw_ablation(pictures, results["ablation"]),
            ],
        ),
        (
            "What each rule gained",
            [
                "F2 of the fusion, out of fold: each fold is decided by rules "
                "that were fitted to the others. A rule is on only in those "
                "styles in which it gains more than chance.",
                *(
                    [product.gains_table(gains).reset_index()]
                    if gains
                    else ["There was no rule to try."]
                ),
            ],
        ),
    ]
    html_path = os.path.join(output_dir, "report.html")
    pages.write(
        f"jdstyle on {results['dataset']}",
        sections,
        html_path,
        os.path.join(output_dir, "report.md"),
    )
    return html_path


def _describe(results, is_jd):
    notes = ""
    if results["part"] != "test":
        notes += " These photos also chose the thresholds: optimistic."
    # Not in results that older versions wrote.
    if results.get("num_leaking"):
        notes += (
            f" {results['num_leaking']} groups of near-duplicate photos lie "
            "on both sides of a split or fold: the scores are optimistic."
        )
    blocks = [
        pages.Code(results["command"]),
        f"{results['num_runs']} trainings on {results['dataset']} (data "
        f"`{results['fingerprint'][:12]}`), commit `{results['commit']}`, "
        f"{results['machine']}. The trainings took "
        f"{results['cpu_minutes']:.0f} CPU minutes.",
        f"Scored on the {results['photos']} {results['part']} photos.{notes} "
        'Intervals are 95 % bootstrap intervals over photos; "all positive" '
        "is the F2 of calling every photo positive.",
    ]
    if is_jd:
        ours = scores.overall(results["product"]["fusion, relations"])["f2"]
        blocks.append(
            pd.DataFrame(
                {
                    "macro F2": ["this product", "the paper, official"],
                    "test": [scores.decimals(ours), f"{PAPER_TEST:.4f}"],
                }
            )
        )
    return blocks


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


def _draw_classes(pictures, style_names, positives):
    path = os.path.join(pictures, "class_distribution.png")
    columns, note = _drawn(positives)
    charts.class_distribution(
        [style_names[column] for column in columns],
        {
            split: np.array(row["positives"])[columns]
            for split, row in positives.items()
        },
        {split: row["photos"] for split, row in positives.items()},
        path,
    )
    return _picture(
        path,
        f"Photos per style in each part of the data.{note}",
        [style_names[column] for column in columns],
    )


def _draw_mutual(output_dir, style_names):
    path = os.path.join(output_dir, steps.FUSED, product.MUTUAL_PICTURE)
    if not os.path.isfile(path):
        return f"It could not be drawn; see `{product.MUTUAL_TABLE_FILE}`."
    return _picture(
        path, "P(A | B): the share of B's photos that have A.", style_names
    )


def _draw_backbones(pictures, style_names, of_each, positives):
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


def _draw_ablation(pictures, ablation):
    path = os.path.join(pictures, "ablation.png")
    macros = [scores.overall(result) for result in ablation.values()]
    charts.grouped_bars(
        list(ablation),
        {"macro F2": np.array([macro["f2"] for macro in macros])},
        path,
        ylabel="macro F2",
        low={"macro F2": np.array([macro["f2_low"] for macro in macros])},
        high={"macro F2": np.array([macro["f2_high"] for macro in macros])},
        baseline=macros[-1]["baseline_f2"],
    )
    return pages.Picture(path, "Macro F2 after each step, with its interval.")


def _row(result, style):
    return result["styles"].get(style) or scores.overall(result)
