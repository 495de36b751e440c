"""From a set of runs to one product: joined, blended, related, exported."""

import os
import time
import typing

import numpy as np
import pandas as pd
from absl import logging

from jdstyle import blending
from jdstyle import charts
from jdstyle import experiment
from jdstyle import fusion
from jdstyle import input_pipeline
from jdstyle import models
from jdstyle import out_of_fold
from jdstyle import plausibility
from jdstyle import relation_fit
from jdstyle import relations
from jdstyle import report
from jdstyle import run_sets
from jdstyle import serving
from jdstyle import thresholds
from jdstyle.errors import InputError

PROBABILITIES_FILE = "out_of_fold_probabilities.csv"
GAINS_FILE = "relation_gains.csv"
MUTUAL_TABLE_FILE = "mutual_table.csv"
MUTUAL_PICTURE = "mutual_table.png"


class Options(typing.NamedTuple):
    """How members are fused; see the flags of `fuse`.

    `relations` is "none", "shared" (one beta per style) or "full" (a matrix);
    `least` and `most` None take the training labels' limits.
    """

    fusion: str = "mean"
    relations: str = "shared"
    least: int | None = None
    most: int | None = None
    seed: int = 0


def fuse(runs_dir, builder, output_dir, options, *, include=None):
    """Fuses the finished runs of a folder and exports them as one SavedModel.

    Args:
        runs_dir: folder of run directories.
        builder: a prepared TFDS builder, the runs' data set.
        output_dir: takes the SavedModel, tables and `results.json`; exists.
        options: `Options`.
        include: None or list of patterns, as in `run_sets.find_runs`.

    Returns:
        `(results, gains)`: the dict in `results.json`, and a DataFrame with a
        row per style, what the relations gained; None without relations.

    Raises:
        InputError: if runs are missing or do not fit together.
    """
    start = time.monotonic()
    metadata = builder.info.metadata
    runs = run_sets.find_runs(runs_dir, metadata["fingerprint"], include)
    members = run_sets.members(runs)
    joined = out_of_fold.join(runs, list(metadata["styles"]))
    names = joined.styles
    logging.info(
        "%d runs, %d members (%s), %d styles, %d photos out of fold",
        len(runs),
        len(members),
        ", ".join(members),
        len(names),
        len(joined.ids),
    )
    counts, limits = _count_training_labels(builder, joined, names)
    blend, blended = blending.fit(
        joined.labels,
        joined.probabilities,
        joined.folds,
        options.fusion,
        seed=options.seed,
    )
    rules, gains = _make_rules(joined, blend, blended, counts, limits, options)
    corrected = fusion.correct(rules, blended).numpy()
    decisions = fusion.decide(rules, corrected).numpy()

    _write_tables(output_dir, joined, corrected, counts, gains)
    saved_model = os.path.join(output_dir, experiment.SAVED_MODEL_DIR)
    serving.export(_load(members, names, rules), names, saved_model)
    results = {
        "styles": names,
        "members": list(members),
        "runs": [run.directory for run in runs],
        "fusion": options.fusion,
        "thresholds": rules.thresholds.tolist(),
        "alpha": rules.alpha.tolist(),
        "beta": rules.beta.tolist(),
        "limits": [rules.least, rules.most],
        "member_scores": _score_members(joined),
        "blended": _score(joined, blended, rules.first_thresholds),
        "validation": report.score(names, joined.labels, corrected, decisions),
        "minutes": (time.monotonic() - start) / 60,
    }
    experiment.write_json(
        os.path.join(output_dir, experiment.RESULTS_FILE), results
    )
    return results, gains


def _count_training_labels(builder, joined, names):
    """Returns N(A and B), and the fewest and most styles of a photo."""
    # With folds, every photo of train and validation has trained some run.
    parts = ["train", "validation"] if joined.folds.any() else ["train"]
    labels = np.concatenate(
        [
            input_pipeline.read_photos(builder, part, cache="stream").labels
            for part in parts
        ]
    )
    known = list(builder.info.metadata["styles"])
    labels = labels[:, [known.index(name) for name in names]]
    if (labels < 0).any():
        raise InputError(
            "Relations between styles need known labels; "
            f"{builder.info.full_name} has unknown ones."
        )
    return relations.cooccurrence(labels), plausibility.limits(labels)


def _make_rules(joined, blend, blended, counts, limits, options):
    conditional = relations.conditional(counts).astype(np.float32)
    least = limits[0] if options.least is None else options.least
    most = limits[1] if options.most is None else options.most
    num_styles = len(joined.styles)
    if not 0 <= least <= most <= num_styles:
        raise InputError(
            "--min_styles and --max_styles must satisfy 0 <= min <= max <= "
            f"{num_styles}. Received: {least} and {most}."
        )
    if options.relations == "none":
        first = _best_thresholds(joined.labels, blended)
        alpha = np.ones(num_styles, np.float32)
        beta = np.zeros((num_styles, num_styles), np.float32)
        rules = fusion.Rules(
            blend, first, conditional, alpha, beta, first, least, most
        )
        return rules, None
    fitted = relation_fit.fit(
        joined.labels,
        blended,
        joined.folds,
        conditional,
        full_matrix=options.relations == "full",
        seed=options.seed,
    )
    rules = fusion.Rules(
        blend,
        fitted.first_thresholds,
        conditional,
        fitted.alpha,
        fitted.beta,
        fitted.thresholds,
        least,
        most,
    )
    gains = fitted.table.rename(index=dict(enumerate(joined.styles)))
    return rules, gains.rename_axis("style")


def _best_thresholds(labels, probabilities):
    return np.array(
        [
            thresholds.separating(
                thresholds.best_threshold(column, scores)[0], scores
            )
            for column, scores in zip(labels.T, probabilities.T, strict=True)
        ],
        np.float32,
    )


def _score(joined, probabilities, chosen):
    """Scores decisions by thresholds alone, as `report.score`."""
    decisions = (probabilities >= chosen).astype(int)
    return report.score(joined.styles, joined.labels, probabilities, decisions)


def _score_members(joined):
    """Scores each member that has all styles, each at its best thresholds."""
    scores = {}
    for number, name in enumerate(joined.members):
        probabilities = joined.probabilities[:, number]
        if not np.isnan(probabilities).any():
            chosen = _best_thresholds(joined.labels, probabilities)
            scores[name] = _score(joined, probabilities, chosen)
    return scores


def _load(members, names, rules):
    """Loads every network and returns the `fusion.Fusion`."""
    networks = [
        fusion.Network(
            models.load_run(run.directory)[0],
            number,
            [names.index(style) for style in run.styles],
        )
        for number, runs in enumerate(members.values())
        for run in runs
    ]
    return fusion.Fusion(networks, list(members), len(names), rules)


def _write_tables(output_dir, joined, corrected, counts, gains):
    names = joined.styles
    experiment.write_table(
        os.path.join(output_dir, PROBABILITIES_FILE),
        report.probability_table(joined.ids, names, joined.labels, corrected),
    )
    table = relations.mutual_table(names, counts).reset_index()
    experiment.write_table(os.path.join(output_dir, MUTUAL_TABLE_FILE), table)
    charts.mutual_table(
        names,
        relations.conditional(counts),
        np.diag(counts),
        os.path.join(output_dir, MUTUAL_PICTURE),
    )
    if gains is not None:
        experiment.write_table(
            os.path.join(output_dir, GAINS_FILE), gains.reset_index()
        )


def format_gains(gains):
    """Formats the table of `fuse` for people: a line per style."""
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
    ).to_string()


def _short(number):
    return "" if pd.isna(number) else f"{number:.2f}"
