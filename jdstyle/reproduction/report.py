"""The report's tables and pictures, from the scores of a reproduction."""

import os

import numpy as np
import pandas as pd

from jdstyle.evaluation import charts
from jdstyle.evaluation import pages
from jdstyle.evaluation import scores as report
from jdstyle.fusion import product
from jdstyle.reproduction import steps

# Macro F2 of the report of the challenge's third place, in its order.
REPORTED_STEPS = (0.44, 0.57, 0.59, 0.60, 0.63)
REPORTED_TEST = 0.6524


def ablation_table(ablation, reported):
    """Returns a row per step: macro F2, its interval and the baseline.

    Args:
        ablation: dict from title to `report.score`.
        reported: None, or a number per step, the report's own.
    """
    rows = []
    for i, (title, score) in enumerate(ablation.items()):
        overall = report.overall(score)
        row = {
            "step": title,
            "macro F2": report.decimals(overall["f2"]),
            "95 % interval": report.interval(overall),
            "all positive": report.decimals(overall["baseline_f2"]),
        }
        if reported:
            row["in the report"] = f"{reported[i]:.2f}"
        rows.append(row)
    return pd.DataFrame(rows)


def style_table(scores, last):
    """Returns a row per style: F2 by each of several, the last with interval.

    Args:
        scores: dict from name to `report.score`.
        last: the name whose interval is shown.
    """
    rows = []
    for style in [*scores[last]["styles"], "macro mean"]:
        row = {"style": style}
        for name, score in scores.items():
            row[name] = report.decimals(_row(score, style)["f2"])
        of_last = _row(scores[last], style)
        row["95 % interval"] = report.interval(of_last)
        row["all positive"] = report.decimals(of_last["baseline_f2"])
        row["positives"] = of_last.get("positives", "")
        rows.append(row)
    return pd.DataFrame(rows)


def write(output_dir, results, evidence, gains):
    """Writes `report.html` and `report.md` with their pictures.

    Args:
        output_dir: path of an existing folder.
        results: dict, as `reproduce` writes it to `results.json`.
        evidence: `evidence.Evidence` of the last step.
        gains: DataFrame of `product.fuse`.

    Returns:
        Path of the HTML page.
    """
    pictures = os.path.join(output_dir, "pictures")
    os.makedirs(pictures, exist_ok=True)
    names = evidence.joined.style_names
    is_jd = results["dataset"].startswith("jd_fashion")
    ablation = ablation_table(
        results["ablation"], REPORTED_STEPS if is_jd else None
    )
    sections = [
        ("What was run", _describe(results, is_jd)),
        (
            "Photos per style",
            [_draw_classes(pictures, names, results["positives"])],
        ),
        (
            "Which styles meet",
            [
                "P(A | B) = N(A and B) / N(B), of the training labels.",
                _draw_mutual(output_dir),
            ],
        ),
        (
            "Backbones and their fusion",
            [
                "F2 per style. Members and fusion decide by a threshold per "
                "style; the last column is the product, with relations and a "
                "plausible number of styles.",
                style_table(results["product"], "fusion, relations"),
                _draw_backbones(pictures, names, results["product"]),
            ],
        ),
        (
            "With and without transfer",
            [
                "F2 per style of the first backbone. The interval is of the "
                "networks with transfer.",
                style_table(results["transfer"], "with"),
            ],
        ),
        (
            "Ablation",
            [
                "Macro F2 of the first backbone; each step keeps what the "
                "steps above it brought.",
                ablation,
                _draw_ablation(pictures, results["ablation"]),
            ],
        ),
        (
            "What the relations gained",
            [
                "Of the fusion, out of fold: each fold is decided by what the "
                "others taught. A style that gained nothing keeps its plain "
                "threshold.",
                product.gains_table(gains).reset_index(),
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
    flatters = (
        ""
        if results["part"] == "test"
        else " They also chose the thresholds: the scores flatter."
    )
    # Not in results that older versions wrote.
    leaks = (
        f" {results['num_leaking']} groups of near-duplicate photos lie on "
        "both sides of a given split or fold: the scores flatter."
        if results.get("num_leaking")
        else ""
    )
    blocks = [
        pages.Code(results["command"]),
        f"{results['num_runs']} trainings on {results['dataset']} (data "
        f"`{results['fingerprint'][:12]}`), commit `{results['commit']}`, "
        f"{results['machine']}. Trainings took {results['cpu_minutes']:.0f} "
        "CPU minutes.",
        f"Scored on the {results['photos']} {results['part']} photos.{flatters}"
        f"{leaks} Intervals are 95 % bootstraps over photos; all positive is "
        "the F2 of saying yes to every photo.",
    ]
    if is_jd:
        ours = report.overall(results["product"]["fusion, relations"])["f2"]
        blocks.append(
            pd.DataFrame(
                {
                    "macro F2": ["this product", "the third place's, official"],
                    "test": [report.decimals(ours), f"{REPORTED_TEST:.4f}"],
                }
            )
        )
    return blocks


def _draw_classes(pictures, names, positives):
    path = os.path.join(pictures, "class_distribution.png")
    charts.class_distribution(
        names,
        {split: np.array(row["positives"]) for split, row in positives.items()},
        {split: row["photos"] for split, row in positives.items()},
        path,
    )
    return pages.Picture(path, "Photos per style in each part of the data.")


def _draw_mutual(output_dir):
    path = os.path.join(output_dir, steps.FUSED, product.MUTUAL_PICTURE)
    return pages.Picture(path, "P(A | B): share of B's photos that have A.")


def _draw_backbones(pictures, names, scores):
    path = os.path.join(pictures, "backbones.png")
    last = "fusion, relations"
    _bars(names, scores, last, path)
    return pages.Picture(path, "F2 per style; the product with its interval.")


def _draw_ablation(pictures, ablation):
    path = os.path.join(pictures, "ablation.png")
    macros = [report.overall(score) for score in ablation.values()]
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


def _bars(names, scores, last, path):
    def column(score, key):
        # Without a score, None: NaN, which draws nothing.
        return np.array([score["styles"][name][key] for name in names], float)

    charts.grouped_bars(
        names,
        {name: column(score, "f2") for name, score in scores.items()},
        path,
        ylabel="F2",
        low={last: column(scores[last], "f2_low")},
        high={last: column(scores[last], "f2_high")},
        baseline=column(scores[last], "baseline_f2"),
    )


def _row(score, style):
    return score["styles"].get(style) or report.overall(score)
