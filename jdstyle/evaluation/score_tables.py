"""Scores with their baseline and interval as tables for people."""

import pandas as pd

from jdstyle.evaluation import scores


def table(result):
    """Lays out what `score` returned for people: styles and macro mean.

    Args:
        result: dict of `score`.

    Returns:
        DataFrame of texts, a row per style and one of the macro mean.
    """
    rows = dict(result["styles"])
    if "macro" in result:
        rows["macro mean"] = result["macro"]
    lines = [
        {
            "style": name,
            "F2": decimals(row["f2"]),
            "95 % interval": interval(row),
            "all positive": decimals(row["baseline_f2"]),
            "PR-AUC": decimals(row["pr_auc"]),
            # Not in results that older versions wrote.
            "log loss": decimals(row.get("log_loss", "")),
            "mean p / share": decimals(row.get("mean_to_share", "")),
            "precision": decimals(row.get("precision", "")),
            "recall": decimals(row.get("recall", "")),
            **known_cell(row, result),
            "positives": row.get("positives", ""),
            "predicted": row.get("predicted", ""),
            **_threshold_cells(row, result),
        }
        for name, row in rows.items()
    ]
    return pd.DataFrame(lines)


def format_table(result):
    """Formats what `score` returned: its kind, the styles, the notes."""
    # Not in results that older versions wrote.
    heading = [f"Score, {result['kind']}:"] if result.get("kind") else []
    lines = table(result).to_string(index=False)
    return "\n".join([*heading, lines, *notes(result)])


def known_cell(row, result):
    """Returns the cell of a row's known labels, if some styles lack any."""
    photos, styles = result["photos"], result["styles"].values()
    # Not in results that older versions wrote.
    lack = any(of.get("known", photos) < photos for of in styles)
    return {"known": row.get("known", "")} if lack else {}


def notes(result):
    """Yields the lines that belong below what `score` returned."""
    rows = result["styles"].values()
    defined = [row for row in rows if row["f2"] is not None]
    if len(defined) < len(rows):
        note = "-: no positive among these photos, hence no score."
        if "macro" in result:
            note += f" The macro mean is of {len(defined)} styles."
        yield note
    if result.get("kind") == scores.NESTED:
        yield "Of what scores these photos, they chose the epochs alone."
    # Not in results that older versions wrote.
    if num_leaking := result.get("num_leaking"):
        yield (
            f"{num_leaking} groups of near-duplicate photos lie on both sides "
            "of a split or fold (prepare --allow_leaks or --duplicates=warn): "
            "the scores are optimistic."
        )


def decimals(value):
    """Formats a score with three decimals; None as "-", text as it is."""
    if isinstance(value, str):
        return value
    return "-" if value is None else f"{value:.3f}"


def interval(row):
    """Formats the interval of one row of `score`; "-" without a score."""
    if row["f2"] is None:
        return "-"
    return f"{decimals(row['f2_low'])} to {decimals(row['f2_high'])}"


def _threshold_cells(row, result):
    """Returns the cells of a row on its threshold, if these photos chose it."""
    # None of the styles has one where others chose it, nor a macro mean ever.
    if not any("threshold" in of for of in result["styles"].values()):
        return {}
    cells = dict.fromkeys(["threshold", "90 % interval"], "")
    if "threshold" in row:
        low, high = row["threshold_low"], row["threshold_high"]
        cells["threshold"] = f"{row['threshold']:.3g}"
        cells["90 % interval"] = (
            "-" if low is None else f"{low:.3g} to {high:.3g}"
        )
    return cells
