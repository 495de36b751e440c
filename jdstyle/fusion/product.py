"""From a set of runs to one product: joined, blended, related, exported."""

import os
import time

import numpy as np
import pandas as pd
from absl import logging

from jdstyle.evaluation import charts
from jdstyle.evaluation import scores
from jdstyle.fusion import relations
from jdstyle.fusion import rules as fusion_fit
from jdstyle.fusion import scorer
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.serving import saved_model as serving
from jdstyle.sweeps import completeness

PROBABILITIES_FILE = "out_of_fold_probabilities.csv"
GAINS_FILE = "relation_gains.csv"
MUTUAL_TABLE_FILE = "mutual_table.csv"
MUTUAL_PICTURE = "mutual_table.png"


def fuse(
    runs_dir,
    builder,
    output_dir,
    options,
    *,
    include=None,
    allow_missing=False,
):
    """Fuses the finished runs of a folder and exports them as one SavedModel.

    Args:
        runs_dir: folder of run directories.
        builder: a prepared TFDS builder, the runs' data set.
        output_dir: takes the SavedModel, tables and `results.json`; exists.
        options: `fusion_fit.Options`.
        include: None or list of patterns, as in `run_sets.find_runs`.
        allow_missing: as in `completeness.find_runs`; what is missing stands in
            the results.

    Returns:
        `(results, evidence, gains)`: the dict in `results.json`, the
        `fusion_fit.Evidence`, and a DataFrame with a row per style, what the
        relations gained; None without relations.

    Raises:
        InputError: if runs are missing or do not fit together.
    """
    start = time.monotonic()
    runs, missing = completeness.find_runs(
        runs_dir,
        builder.info.metadata["fingerprint"],
        include,
        allow_missing=allow_missing,
    )
    for text in missing:
        logging.warning("Fused without it: %s", text)
    members = finished.members(runs)
    evidence = fusion_fit.gather(runs, builder)
    joined, names = evidence.joined, evidence.joined.styles
    logging.info(
        "%d runs, %d members (%s), %d styles, %d photos out of fold",
        len(runs),
        len(members),
        ", ".join(members),
        len(names),
        len(joined.ids),
    )
    rules, blended, gains = fusion_fit.make_rules(evidence, options)
    corrected = scorer.correct(rules, blended).numpy()
    decisions = scorer.decide(rules, corrected).numpy()

    _write_tables(output_dir, evidence, corrected, gains)
    saved_model = os.path.join(output_dir, directory.SAVED_MODEL_DIR)
    serving.export(load(members, names, rules), names, saved_model)
    results = {
        "styles": names,
        "members": list(members),
        "runs": [run.directory for run in runs],
        "missing": missing,
        "fusion": options.fusion,
        "first_thresholds": rules.first_thresholds.tolist(),
        "thresholds": rules.thresholds.tolist(),
        "alpha": rules.alpha.tolist(),
        "beta": rules.beta.tolist(),
        "limits": [rules.least, rules.most],
        "validation": scores.score(
            names,
            joined.labels,
            corrected,
            decisions,
            evidence.source,
        ),
        "minutes": (time.monotonic() - start) / 60,
    }
    directory.write_json(
        os.path.join(output_dir, directory.RESULTS_FILE), results
    )
    return results, evidence, gains


def load(members, names, rules):
    """Loads every network of the members.

    Args:
        members: of `finished.members`.
        names: list of the fused styles' names.
        rules: `fusion.Rules`.

    Returns:
        `scorer.Fusion`.
    """
    networks = [
        scorer.Network(
            batch_norm_folding.fold_batch_norms(
                classifier.load_run(run.directory)[0]
            ),
            number,
            [names.index(style) for style in run.styles],
        )
        for number, runs in enumerate(members.values())
        for run in runs
    ]
    return scorer.Fusion(networks, list(members), len(names), rules)


def _write_tables(output_dir, evidence, corrected, gains):
    joined, counts = evidence.joined, evidence.counts
    names = joined.styles
    directory.write_table(
        os.path.join(output_dir, PROBABILITIES_FILE),
        scores.probability_table(joined.ids, names, joined.labels, corrected),
    )
    table = relations.mutual_table(names, counts).reset_index()
    directory.write_table(os.path.join(output_dir, MUTUAL_TABLE_FILE), table)
    charts.mutual_table(
        names,
        relations.conditional(counts),
        np.diag(counts),
        os.path.join(output_dir, MUTUAL_PICTURE),
    )
    if gains is not None:
        directory.write_table(
            os.path.join(output_dir, GAINS_FILE), gains.reset_index()
        )


def gains_table(gains):
    """Returns the gains of `fuse` as a table of texts, a row per style."""
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
