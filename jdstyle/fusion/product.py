"""From a set of runs to one product: joined, blended, related, exported."""

import os
import time

import numpy as np
import pandas as pd
from absl import logging
from scipy import special

from jdstyle.evaluation import charts
from jdstyle.evaluation import scores
from jdstyle.fusion import ensemble
from jdstyle.fusion import evidence
from jdstyle.fusion import label_sets
from jdstyle.fusion import nested
from jdstyle.fusion import relations
from jdstyle.fusion import rule_fit
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.serving import saved_model
from jdstyle.serving import seen

GAINS_FILE = "rule_gains.csv"
MUTUAL_TABLE_FILE = "mutual_table.csv"
MUTUAL_PICTURE = "mutual_table.png"
# What stands in a folder of a product.
HELD = (
    *(directory.FLAGS_FILE, directory.RUN_FILE, directory.RESULTS_FILE),
    *(directory.SAVED_MODEL_DIR, directory.OUT_OF_FOLD_FILE, GAINS_FILE),
    *(MUTUAL_TABLE_FILE, MUTUAL_PICTURE),
)


def fuse(
    runs,
    photos,
    style_names,
    output_dir,
    options,
    *,
    missing=(),
    skip_unusable=False,
):
    """Fuses finished runs and exports them as one SavedModel.

    Args:
        runs: list of `finished.FinishedRun`, of one data set.
        photos: dict from "train" and "validation" to `records.Photos` of that
            data set, with the labels of all of its styles.
        style_names: list of these styles' names.
        output_dir: takes the SavedModel, tables and `results.json`; exists. The
            caller binds the probabilities to the product, once both are in
            their places.
        options: `rules.Options`.
        missing: strings, of `completeness.find_runs`: what the runs lack. The
            results repeat them.
        skip_unusable: as in `evidence.gather`.

    Returns:
        `(results, gathered, gains)`: the dict in `results.json`, the
        `evidence.Evidence`, and the dict of `nested.tables`, what each rule
        gained.

    Raises:
        InputError: if the runs or their tables do not fit together.
    """
    start = time.monotonic()
    for text in missing:
        logging.warning("Fused without it: %s", text)
    gathered = evidence.gather(
        runs, photos, style_names, skip_unusable=skip_unusable
    )
    joined = gathered.joined
    # Without those of which no style is left.
    members = {
        name: of_member
        for name, of_member in finished.members(runs).items()
        if name in joined.members
    }
    logging.info(
        "%d runs, %d members (%s), %d styles, %d photos out of fold",
        len(runs),
        len(members),
        ", ".join(members),
        len(joined.style_names),
        len(joined.ids),
    )
    fitted, corrected, gains = rule_fit.fit(gathered, options)
    decided = nested.decide(gathered, options)
    gains = nested.tables(gathered, decided, gains, options.seed)

    _write_tables(output_dir, gathered, corrected, gains)
    saved_model.export(
        ensemble.load(members, joined.style_names, fitted),
        joined.style_names,
        os.path.join(output_dir, directory.SAVED_MODEL_DIR),
        short_side=photos["train"].short_side,
        shares=special.expit(
            label_sets.prior(joined.labels, gathered.others).astype(float)
        ),
        seen=seen.union(
            seen.read(os.path.join(run.directory, directory.SAVED_MODEL_DIR))
            for of_member in members.values()
            for run in of_member
        ),
    )
    results = {
        "styles": joined.style_names,
        "members": list(members),
        "runs": [run.directory for run in runs],
        "missing": list(missing),
        "skipped": [
            name
            for name in style_names
            if name not in joined.style_names
            and any(name in run.style_names for run in runs)
        ],
        "fusion": options.fusion,
        "calibration": {
            name: array.tolist()
            for name, array in fitted.calibrated._asdict().items()
        },
        "relations": fitted.kinds,
        "label_sets": fitted.found
        and {
            "sets": len(fitted.found.sets),
            "tau": float(fitted.found.tau),
        },
        "first_thresholds": fitted.first_thresholds.tolist(),
        "thresholds": fitted.thresholds.tolist(),
        "alpha": fitted.alpha.tolist(),
        "beta": fitted.beta.tolist(),
        "limits": [fitted.least, fitted.most],
        "at_least": _names(joined.style_names, fitted.adds),
        "at_most": _names(joined.style_names, fitted.drops),
        "validation": nested.score(
            gathered,
            decided,
            thresholds=fitted.thresholds,
            chosen_on=list(zip(joined.labels.T, corrected.T, strict=True)),
            seed=options.seed,
        ),
        "minutes": (time.monotonic() - start) / 60,
    }
    directory.write_json(
        os.path.join(output_dir, directory.RESULTS_FILE), results
    )
    _draw(output_dir, gathered)
    return results, gathered, gains


def _names(style_names, on):
    return [name for name, is_on in zip(style_names, on, strict=True) if is_on]


def _write_tables(output_dir, gathered, corrected, gains):
    """Writes probabilities, P(A|B), and what the rules gained, if any."""
    joined = gathered.joined
    style_names = joined.style_names
    directory.write_table(
        os.path.join(output_dir, directory.OUT_OF_FOLD_FILE),
        scores.probability_table(
            joined.ids, style_names, joined.labels, corrected
        ),
    )
    directory.write_table(
        os.path.join(output_dir, MUTUAL_TABLE_FILE),
        relations.mutual_table(
            style_names, gathered.counts, gathered.given
        ).reset_index(),
    )
    if gains:
        directory.write_table(
            os.path.join(output_dir, GAINS_FILE),
            pd.concat(gains, names=["rule"]).reset_index(),
        )


def _draw(output_dir, gathered):
    """Draws P(A|B), which no product fails for."""
    path = os.path.join(output_dir, MUTUAL_PICTURE)
    try:
        charts.mutual_table(
            gathered.joined.style_names,
            relations.conditional(gathered.counts, gathered.given),
            np.diag(gathered.counts),
            path,
        )
    except Exception as error:  # Whatever it is, the product is there.
        if os.path.exists(path):
            os.remove(path)  # Of an earlier product.
        logging.warning(
            "%s cannot be drawn (%s: %s); %s has its numbers.",
            path,
            type(error).__name__,
            error,
            MUTUAL_TABLE_FILE,
        )


def gains_table(gains):
    """Lays out gains for people: which rule is on where, and what it gains.

    Args:
        gains: dict from rule to DataFrame, as `fuse` returns it, not empty.

    Returns:
        DataFrame of texts, a row per style and one of the macro mean: F2 by
        thresholds alone, what each rule gained or why it is off, and all rules.
    """
    *each, total = gains.values()
    columns = {"thresholds": total["f2_before"].map("{:.3f}".format)}
    for rule, table in zip(gains, each, strict=False):
        columns[rule] = [
            kept if kept.startswith("no:") else f"{gain:+.3f}{_more(kept)}"
            for gain, kept in zip(table["gain"], table["kept"], strict=True)
        ]
    columns["all rules"] = total["f2_after"].map("{:.3f}".format)
    columns["gain"] = total["gain"].map("{:+.3f}".format)
    columns["95 % interval"] = [
        f"{low:+.3f} to {high:+.3f}"
        for low, high in zip(total["gain_low"], total["gain_high"], strict=True)
    ]
    return pd.DataFrame(columns, index=total.index)


def _more(kept):
    """Says whose wish a rule is, and in how many styles it is on."""
    more = kept.removeprefix("yes").removeprefix(": ")
    return f" ({more})" if more else ""
