"""The report of a reproduction: its tables and pictures, as one page."""

import os

import pandas as pd

from jdstyle.evaluation import pages
from jdstyle.evaluation import score_tables
from jdstyle.evaluation import scores
from jdstyle.fusion import product
from jdstyle.reproduction import drawings

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
            "macro F2": score_tables.decimals(macro["f2"]),
            "95 % interval": score_tables.interval(macro),
            "all positive": score_tables.decimals(macro["baseline_f2"]),
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
            row[name] = score_tables.decimals(_row(result, style)["f2"])
        of_last = _row(of_each[last], style)
        row["95 % interval"] = score_tables.interval(of_last)
        row["all positive"] = score_tables.decimals(of_last["baseline_f2"])
        row |= score_tables.known_cell(of_last, of_each[last])
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
            [drawings.classes(pictures, style_names, results["positives"])],
        ),
        (
            "Which styles occur together",
            [
                "P(A | B) = N(A and B) / N(B), counted in the training labels.",
                drawings.mutual(output_dir, style_names),
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
                drawings.backbones(
                    pictures,
                    style_names,
                    results["product"],
                    results["positives"],
                ),
            ],
        ),
        (
            "Probabilities",
            [
                "The share of photos that have a style, over the probability "
                'that "fusion, relations" gave them: on the diagonal where the '
                "probabilities are right.",
                drawings.probabilities(
                    pictures, results["product"]["fusion, relations"]
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
                drawings.ablation(pictures, results["ablation"]),
            ],
        ),
        (
            "What each rule gained",
            [
                "F2 of the fusion, out of fold, nested: each fold is decided "
                "by rules that were fitted, chosen and gated on the others. A "
                "rule is on only in those styles in which it gains more than "
                "chance.",
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
        f"Scored on {results['photos']} photos, {results['kind']}.{notes} "
        'Intervals are 95 % bootstrap intervals over photos; "all positive" '
        "is the F2 of calling every photo positive.",
    ]
    if is_jd:
        ours = scores.overall(results["product"]["fusion, relations"])["f2"]
        blocks.append(
            pd.DataFrame(
                {
                    "macro F2": ["this product", "the paper, official"],
                    "score": [score_tables.decimals(ours), f"{PAPER_TEST:.4f}"],
                    "on": [results["kind"], "test"],
                }
            )
        )
    return blocks


def _row(result, style):
    return result["styles"].get(style) or scores.overall(result)
