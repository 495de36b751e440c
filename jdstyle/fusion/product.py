"""From a set of runs to one product: joined, blended, related, exported."""

import os
import time

import numpy as np
import pandas as pd
from absl import logging

from jdstyle.evaluation import charts
from jdstyle.evaluation import scores
from jdstyle.fusion import ensemble
from jdstyle.fusion import evidence
from jdstyle.fusion import relations
from jdstyle.fusion import rules
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.serving import saved_model

PROBABILITIES_FILE = "out_of_fold_probabilities.csv"
GAINS_FILE = "relation_gains.csv"
MUTUAL_TABLE_FILE = "mutual_table.csv"
MUTUAL_PICTURE = "mutual_table.png"


def fuse(runs, photos, style_names, output_dir, options, *, missing=()):
    """Fuses finished runs and exports them as one SavedModel.

    Args:
        runs: list of `finished.FinishedRun`, of one data set.
        photos: dict from "train" and "validation" to `records.Photos` of that
            data set, with the labels of all of its styles.
        style_names: list of these styles' names.
        output_dir: takes the SavedModel, tables and `results.json`; exists.
        options: `rules.Options`.
        missing: strings, of `completeness.find_runs`: what the runs lack. The
            results repeat them.

    Returns:
        `(results, gathered, gains)`: the dict in `results.json`, the
        `evidence.Evidence`, and a DataFrame with a row per style, what the
        relations gained; None without relations.

    Raises:
        InputError: if the runs or their tables do not fit together.
    """
    start = time.monotonic()
    for text in missing:
        logging.warning("Fused without it: %s", text)
    members = finished.members(runs)
    gathered = evidence.gather(runs, photos, style_names)
    joined = gathered.joined
    logging.info(
        "%d runs, %d members (%s), %d styles, %d photos out of fold",
        len(runs),
        len(members),
        ", ".join(members),
        len(joined.style_names),
        len(joined.ids),
    )
    fitted, blended, gains = rules.fit(gathered, options)
    corrected = rules.correct(fitted, blended).numpy()
    decisions = rules.decide(fitted, corrected).numpy()

    _write_tables(output_dir, gathered, corrected, gains)
    saved_model.export(
        ensemble.load(members, joined.style_names, fitted),
        joined.style_names,
        os.path.join(output_dir, directory.SAVED_MODEL_DIR),
        short_side=photos["train"].short_side,
    )
    results = {
        "styles": joined.style_names,
        "members": list(members),
        "runs": [run.directory for run in runs],
        "missing": list(missing),
        "fusion": options.fusion,
        "first_thresholds": fitted.first_thresholds.tolist(),
        "thresholds": fitted.thresholds.tolist(),
        "alpha": fitted.alpha.tolist(),
        "beta": fitted.beta.tolist(),
        "limits": [fitted.least, fitted.most],
        "validation": scores.score(
            joined.style_names,
            joined.labels,
            corrected,
            decisions,
            gathered.source,
        ),
        "minutes": (time.monotonic() - start) / 60,
    }
    directory.write_json(
        os.path.join(output_dir, directory.RESULTS_FILE), results
    )
    return results, gathered, gains


def _write_tables(output_dir, gathered, corrected, gains):
    """Writes probabilities, P(A|B) with its picture, and gains if any."""
    joined, counts = gathered.joined, gathered.counts
    style_names = joined.style_names
    directory.write_table(
        os.path.join(output_dir, PROBABILITIES_FILE),
        scores.probability_table(
            joined.ids, style_names, joined.labels, corrected
        ),
    )
    directory.write_table(
        os.path.join(output_dir, MUTUAL_TABLE_FILE),
        relations.mutual_table(style_names, counts).reset_index(),
    )
    charts.mutual_table(
        style_names,
        relations.conditional(counts),
        np.diag(counts),
        os.path.join(output_dir, MUTUAL_PICTURE),
    )
    if gains is not None:
        directory.write_table(
            os.path.join(output_dir, GAINS_FILE), gains.reset_index()
        )


def gains_table(gains):
    """Lays out gains for people.

    Args:
        gains: DataFrame, as `fuse` returns it.

    Returns:
        DataFrame of texts, a row per style and one of the macro mean.
    """
    return pd.DataFrame(
        {
            "F2 before": gains["f2_before"].map("{:.3f}".format),
            "after": gains["f2_after"].map("{:.3f}".format),
            "gain": gains["gain"].map("{:+.3f}".format),
            "95 % interval": [
                f"{low:+.3f} to {high:+.3f}"
                for low, high in zip(
                    gains["gain_low"], gains["gain_high"], strict=True
                )
            ],
            "alpha": gains["alpha"].map(_short),
            "beta": gains["beta"].map(_short),
            "kept": gains["kept"],
        }
    )


def _short(number):
    return "" if pd.isna(number) else f"{number:.2f}"
