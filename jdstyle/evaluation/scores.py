"""Scores with their baseline and interval."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from jdstyle.evaluation import bagging
from jdstyle.evaluation import calibration
from jdstyle.evaluation import metrics
from jdstyle.evaluation import reliability

# What a score is worth, by the part that its photos played: none at all; they
# trained none of the networks that score them and chose nothing that decides
# them, but the epochs of these networks; or they chose.
TEST = "test"
NESTED = "out of fold, nested"
OPTIMISTIC = "optimistic: these photos chose epochs and thresholds"

# Of what the macro row is the mean.
_MEANS = ("f2", "baseline_f2", "pr_auc", "log_loss")


def score(
    style_names,
    labels,
    probabilities,
    decisions,
    source,
    *,
    kind=None,
    thresholds=None,
    chosen_on=None,
    seed=0,
):
    """Scores the decisions on a set of photos.

    A style without a positive has no score: its values are None, and the macro
    mean is that of the other styles.

    Args:
        style_names: list of strings.
        labels: int array, shape `(n, num_styles)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n, num_styles)`.
        decisions: int array of 0s and 1s, shape `(n, num_styles)`.
        source: `records.Source` of the photos, which the result repeats.
        kind: `TEST`, `NESTED` or `OPTIMISTIC`, which the result repeats; None
            where nothing is known of these photos.
        thresholds: None, or a float per style, to be in the result with its
            interval.
        chosen_on: None if these photos chose the thresholds, or a pair of
            labels and probabilities per style that did.
        seed: int, of the bootstraps.

    Returns:
        dict with `kind`, `photos`, `dataset`, `fingerprint`, `num_leaking`,
        `styles` and, for several styles, `macro`. `styles` maps a name to
        `known` (the photos whose label is), `positives`, `predicted`,
        `precision`, `recall`, `f2`, `f2_low` and `f2_high` (95 % bootstrap
        interval over photos), `baseline_f2` (everything positive), `pr_auc`
        (average precision), `log_loss` (nats) and `mean_to_share`: the mean
        probability by the share of positives, 1 where they agree; and
        `reliability`, as `reliability.bins` says; with `thresholds` also
        `threshold`, `threshold_low` and `threshold_high`, the last two of
        `bagging.interval`. `macro` also has `styles`, the number of styles that
        it is the mean of.
    """
    counts = metrics.counts(labels, decisions)
    f2 = metrics.fbeta(*counts)
    precision, recall = metrics.precision_recall(*counts)
    samples = metrics.bootstrap_fbeta(labels, decisions, seed=seed)
    low, high = metrics.interval(samples)
    columns = {
        "precision": precision,
        "recall": recall,
        "f2": f2,
        "f2_low": low,
        "f2_high": high,
        "baseline_f2": metrics.all_positive_fbeta(labels),
    }
    has_positives = (labels == 1).any(axis=0)
    scores = {}
    for i, name in enumerate(style_names):
        scores[name] = {
            "known": int((labels[:, i] >= 0).sum()),
            "positives": int((labels[:, i] == 1).sum()),
            # Where the label is unknown, a decision counts nowhere.
            "predicted": int(decisions[labels[:, i] >= 0, i].sum()),
            **{key: float(column[i]) for key, column in columns.items()},
            "pr_auc": pr_auc(labels[:, i], probabilities[:, i]),
        }
        if has_positives[i]:
            scores[name] |= _calibration(labels[:, i], probabilities[:, i])
        else:
            undefined = ["pr_auc", "log_loss", "mean_to_share", "reliability"]
            scores[name] |= dict.fromkeys([*columns, *undefined])
        if thresholds is not None:
            of_style, predicted = labels[:, i], probabilities[:, i]
            if chosen_on is not None:
                of_style, predicted = chosen_on[i]
            low, high = bagging.interval(of_style, predicted, seed)
            scores[name] |= {
                "threshold": float(thresholds[i]),
                "threshold_low": low,
                "threshold_high": high,
            }
    result = {
        "kind": kind,
        "photos": len(labels),
        **source._asdict(),
        "styles": scores,
    }
    if len(style_names) > 1:
        result["macro"] = _macro(
            [row for row in scores.values() if row["positives"]],
            samples[:, has_positives],
        )
    return result


def overall(result):
    """Returns the scores that stand for a whole result.

    Args:
        result: dict of `score`.

    Returns:
        dict: the macro mean, or the row of the only style.

    Raises:
        ValueError: if there are several styles and no macro mean.
    """
    if "macro" in result:
        return result["macro"]
    (row,) = result["styles"].values()
    return row


def _calibration(labels, probabilities):
    """Says how far probabilities are those of one style's labels."""
    known = labels >= 0
    positive = labels[known] == 1
    predicted = probabilities[known]
    losses = calibration.log_losses(positive, calibration.logits(predicted))
    return {
        "log_loss": float(losses.mean()),
        "mean_to_share": float(predicted.sum(dtype="float64") / positive.sum()),
        "reliability": reliability.bins(labels, probabilities),
    }


def _macro(scores, samples):
    macro = dict.fromkeys(["f2", "f2_low", "f2_high", *_MEANS[1:]])
    if scores:
        for key in _MEANS:
            macro[key] = float(np.mean([row[key] for row in scores]))
        low, high = metrics.interval(samples.mean(axis=1))
        macro |= {"f2_low": float(low), "f2_high": float(high)}
    return {**macro, "styles": len(scores)}


def pr_auc(labels, probabilities):
    """Computes the average precision of one style, on the known labels.

    Args:
        labels: int array, shape `(n,)`: 1, 0, or -1 where unknown.
        probabilities: float array in [0, 1], shape `(n,)`.

    Returns:
        float in [0, 1]; 0 without a positive label, where it is not defined.
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
        labels: int array, shape `(n, num_styles)`.
        probabilities: float array, shape `(n, num_styles)`.

    Returns:
        `pandas.DataFrame`, for `directory.write_table`.
    """
    columns = {"id": ids}
    for i, name in enumerate(style_names):
        columns[f"label {name}"] = labels[:, i]
        columns[f"probability {name}"] = probabilities[:, i]
    return pd.DataFrame(columns)
