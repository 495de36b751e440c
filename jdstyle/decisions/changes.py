"""What other thresholds change: scores before and after, with intervals."""

import numpy as np
import pandas as pd

from jdstyle.decisions import floors
from jdstyle.evaluation import metrics

MEASURES = ("precision", "recall", "f_beta", "predicted_share")
_RESAMPLES = 1000


def score(labels, before, after, *, beta=2.0, share=None, seed=0):
    """Scores the decisions on one style before and after.

    Photos differ in their label and in two decisions alone, so that a draw of
    them need only say how many of each of these eight kinds it has: one
    multinomial for all photos.

    Args:
        labels: int or bool array, shape `(n,)`: 1, 0, or -1 where unknown.
        before: int or bool array of decisions, shape `(n,)`.
        after: likewise.
        beta: float > 0, of F-beta.
        share: None, or a float in (0, 1): of the photos to score for, how many
            have the style.
        seed: int >= 0, of the bootstrap.

    Returns:
        dict with `positives` and, for each of `MEASURES`, NAME_before,
        NAME_before_low, NAME_before_high and the same after: floats in [0, 1],
        the ends those of the 95 % bootstrap interval over photos. All of these
        are None without a photo of either label. The predicted share is that of
        the photos whose label is known.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993),
    ch. 13.
    """
    labels = np.asarray(labels)
    there = labels >= 0
    positive = labels[there] == 1
    number = int(np.count_nonzero(positive))
    row: dict = {"positives": number}
    if not 0 < number < len(positive):
        return row | dict.fromkeys(columns())
    kinds = 4 * positive + 2 * (before[there] == 1) + (after[there] == 1)
    counts = np.bincount(kinds, minlength=8)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(kinds), counts / len(kinds), size=_RESAMPLES)
    # Label, before, after.
    counts, drawn = counts.reshape(2, 2, 2), drawn.reshape(-1, 2, 2, 2)
    weight = floors.alarm_weight(positive, share)
    for when, axis in (("before", -1), ("after", -2)):
        measured = _measure(counts.sum(axis=axis), beta, weight)
        samples = _measure(drawn.sum(axis=axis), beta, weight)
        for name in MEASURES:
            low, high = metrics.interval(samples[name])
            row |= {
                f"{name}_{when}": float(measured[name]),
                f"{name}_{when}_low": float(low),
                f"{name}_{when}_high": float(high),
            }
    return row


def columns():
    """Lists the names of what `score` measures."""
    return [
        f"{name}_{when}{end}"
        for when in ("before", "after")
        for name in MEASURES
        for end in ("", "_low", "_high")
    ]


def _measure(counts, beta, weight):
    """Returns the measures of counts `(..., label, decision)`, a dict."""
    misses, hits = counts[..., 1, 0], counts[..., 1, 1]
    rest, alarms = weight * counts[..., 0, 0], weight * counts[..., 0, 1]
    precision, recall = metrics.precision_recall(hits, alarms, misses)
    return {
        "precision": precision,
        "recall": recall,
        "f_beta": metrics.fbeta(hits, alarms, misses, beta),
        "predicted_share": (hits + alarms) / (hits + misses + rest + alarms),
    }


def table(rows, betas):
    """Lays out what `score` returned for people.

    Args:
        rows: dict from style to its dict of `score`, with `threshold_before`
            and `threshold_after` as well.
        betas: list of a float per style, of F-beta.

    Returns:
        DataFrame of texts, two rows per style.
    """
    # One column for all, unless styles have several.
    f_beta = "F-beta"
    if len(set(betas)) == 1:
        f_beta = f"F{betas[0]:g}"
    names = dict(zip(MEASURES, MEASURES, strict=True))
    names |= {"f_beta": f_beta, "predicted_share": "predicted share"}
    lines = []
    for style, row in rows.items():
        for when in ("before", "after"):
            line = {
                "style": style if when == "before" else "",
                "positives": row["positives"] if when == "before" else "",
                "": when,
                "threshold": f"{row[f'threshold_{when}']:.3g}",
            }
            for name, shown in names.items():
                line[shown] = _cell(row, f"{name}_{when}")
            lines.append(line)
    return pd.DataFrame(lines)


def _cell(row, name):
    if row[name] is None:
        return "-"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.3f} ({low:.3f} to {high:.3f})"
