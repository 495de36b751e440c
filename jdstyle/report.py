"""Scores beside their baseline and interval: as numbers and as a table."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from jdstyle import metrics


def score(style_names, labels, probabilities, decisions, *, seed=0):
    """Scores the decisions on a set of photos.

    Args:
        style_names: list of strings.
        labels: int array, shape `(n, styles)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n, styles)`.
        decisions: int array of 0s and 1s, shape `(n, styles)`.
        seed: int, of the bootstrap.

    Returns:
        dict with `photos`, `styles` and, where there are several, `macro`.
        `styles` maps a name to `positives`, `predicted`, `precision`, `recall`,
        `f2`, `f2_low` and `f2_high` (95 % bootstrap interval over photos),
        `baseline_f2` (everything positive) and `pr_auc` (average precision).
    """
    counts = metrics.counts(labels, decisions)
    f2 = metrics.fbeta(*counts)
    precision, recall = metrics.precision_recall(*counts)
    samples = metrics.bootstrap_fbeta(labels, decisions, seed=seed)
    low, high = metrics.interval(samples)
    baseline = metrics.all_positive_fbeta(labels)
    scores = {
        name: {
            "positives": int((labels[:, i] == 1).sum()),
            # Where the label is unknown, a decision counts nowhere.
            "predicted": int(decisions[labels[:, i] >= 0, i].sum()),
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f2": float(f2[i]),
            "f2_low": float(low[i]),
            "f2_high": float(high[i]),
            "baseline_f2": float(baseline[i]),
            "pr_auc": pr_auc(labels[:, i], probabilities[:, i]),
        }
        for i, name in enumerate(style_names)
    }
    result = {"photos": len(labels), "styles": scores}
    if len(style_names) > 1:
        macro_low, macro_high = metrics.interval(samples.mean(axis=1))
        result["macro"] = {
            "f2": float(f2.mean()),
            "f2_low": float(macro_low),
            "f2_high": float(macro_high),
            "baseline_f2": float(baseline.mean()),
            "pr_auc": float(np.mean([s["pr_auc"] for s in scores.values()])),
        }
    return result


def format_table(result):
    """Formats what `score` returned, a line per style and the macro mean."""
    rows = dict(result["styles"])
    if "macro" in result:
        rows["macro mean"] = result["macro"]
    lines = [
        {
            "style": name,
            "F2": f"{row['f2']:.3f}",
            "95 % interval": f"{row['f2_low']:.3f} to {row['f2_high']:.3f}",
            "all positive": f"{row['baseline_f2']:.3f}",
            "PR-AUC": f"{row['pr_auc']:.3f}",
            "precision": _decimals(row, "precision"),
            "recall": _decimals(row, "recall"),
            "positives": row.get("positives", ""),
            "predicted": row.get("predicted", ""),
        }
        for name, row in rows.items()
    ]
    return pd.DataFrame(lines).to_string(index=False)


def _decimals(row, key):
    return f"{row[key]:.3f}" if key in row else ""


def pr_auc(labels, probabilities):
    """Computes the average precision of one style, on the known labels.

    Args:
        labels: int array, shape `(n,)`: 1, 0, or -1 where unknown.
        probabilities: float array, shape `(n,)`.

    Returns:
        float in [0, 1]; 0 where there is no positive.
    """
    known = labels >= 0
    if not (labels == 1).any():  # scikit-learn warns there.
        return 0.0
    return float(average_precision_score(labels[known], probabilities[known]))


def probability_table(ids, style_names, labels, probabilities):
    """Returns the table of `id` and, per style, `label` and `probability`.

    Args:
        ids: sequence of n strings.
        style_names: list of strings.
        labels: int array, shape `(n, styles)`.
        probabilities: float array, shape `(n, styles)`.

    Returns:
        `pandas.DataFrame`, for `experiment.write_table`.
    """
    columns = {"id": ids}
    for i, name in enumerate(style_names):
        columns[f"label {name}"] = labels[:, i]
        columns[f"probability {name}"] = probabilities[:, i]
    return pd.DataFrame(columns)
