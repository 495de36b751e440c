"""A finished product with other thresholds: chosen, scored, written."""

import functools
import math
import os
import shutil
import typing

import numpy as np
import pandas as pd
from absl import logging

from jdstyle.decisions import changes
from jdstyle.decisions import floors
from jdstyle.decisions import page
from jdstyle.errors import InputError
from jdstyle.evaluation import scores
from jdstyle.files import atomic
from jdstyle.runs import directory

TABLE_FILE = "decisions.csv"
PAGE_FILE = "decisions.html"
# All that `write` writes.
HELD = (
    *(directory.FLAGS_FILE, directory.RUN_FILE, directory.RESULTS_FILE),
    *(directory.SAVED_MODEL_DIR, directory.OUT_OF_FOLD_FILE),
    *(TABLE_FILE, PAGE_FILE),
)
OPTIMISTIC = (
    "A little optimistic: these photos also chose the thresholds. In brackets "
    "95 % intervals, by bootstrap over photos."
)


class Choice(typing.NamedTuple):
    """Other thresholds of a product and what they change.

    Attributes:
        thresholds: float32 array `(num_styles,)`.
        rows: dict from style to what `changes.score` returned of it, with
            `threshold_before` and `threshold_after`.
        notes: list of strings, what else is to be known.
    """

    thresholds: np.ndarray
    rows: dict
    notes: list


def choose(product, scored, wishes, *, limits=True, seed=0):
    """Chooses thresholds, and scores the product's decisions by them.

    Args:
        product: `graph.Decided`.
        scored: `scored.Scored`.
        wishes: list of a `floors.Wish` or None per style.
        limits: bool, whether limits on the styles of a photo go on applying.
        seed: int >= 0, of draws.

    Returns:
        `Choice`.

    Raises:
        InputError: where floors cannot be kept, with what can be had.
    """
    names = product.style_names
    chosen, refused, notes = product.thresholds.copy(), [], []
    for i, (name, wish) in enumerate(zip(names, wishes, strict=True)):
        if wish is None:
            continue
        lacks = _lacks(scored.labels[:, i])
        if lacks and wish.threshold is None:
            sentence = f"{name}: {lacks} among these photos"
            if wish.precision_floor or wish.recall_floor:
                refused.append(f"{sentence}, no floor can be shown to hold.")
            else:
                notes.append(f"{sentence}: its threshold stays.")
            continue
        found = floors.choose(
            scored.labels[:, i], scored.probabilities[:, i], wish, seed
        )
        if isinstance(found, floors.Reach):
            refused.append(_explain(name, wish, found))
        else:
            chosen[i] = found
    if refused:
        raise InputError(
            "Floors are kept where the lower end of the 95 % interval keeps "
            f"them. No threshold does so on {scored.said}:\n"
            + "\n".join(refused)
            + "\nAsk for less there, as in --precision_floor=STYLE:VALUE; 0 is "
            "no floor."
        )
    before = product.decide(scored.probabilities, product.thresholds)
    after = product.decide(scored.probabilities, chosen, limits=limits)
    if limits and product.has_limits:
        _require_floors(product, scored, wishes, after)
    rows = {}
    for i, (name, wish) in enumerate(zip(names, wishes, strict=True)):
        rows[name] = {
            "threshold_before": float(product.thresholds[i]),
            "threshold_after": float(chosen[i]),
            **changes.score(
                scored.labels[:, i],
                before[:, i],
                after[:, i],
                beta=2.0 if wish is None else wish.beta,
                share=None if wish is None else wish.share,
                seed=seed,
            ),
        }
    if product.has_limits:
        notes.append(
            "The limits on the styles of a photo apply as before, after the "
            "thresholds."
            if limits
            else "The limits on the styles of a photo are off."
        )
    for note in notes:
        logging.warning(note)
    return Choice(chosen, rows, notes)


def write(product, scored, wishes, choice, output_dir, *, limits=True):
    """Writes the new product, with scores, table, page and results beside it.

    `results.json` comes last: a directory that has it is complete.

    Args:
        product: as in `choose`; of no use afterwards.
        scored: as in `choose`.
        wishes: as in `choose`.
        choice: of `choose`.
        output_dir: folder, that `directory.start` has claimed; the caller binds
            the scores to the product, once both are in their places.
        limits: as in `choose`.
    """
    names = product.style_names
    place = functools.partial(os.path.join, output_dir)
    _write_scores(place(directory.OUT_OF_FOLD_FILE), scored, names)
    table = pd.DataFrame.from_dict(choice.rows, orient="index")
    directory.write_table(
        place(TABLE_FILE), table.rename_axis("style").reset_index()
    )
    page.write(
        place(PAGE_FILE),
        names,
        scored.labels,
        scored.probabilities,
        wishes,
        choice.rows,
        notes=[
            f"Chosen and scored on {scored.said}.",
            OPTIMISTIC,
            *choice.notes,
        ],
    )
    saved_model = place(directory.SAVED_MODEL_DIR)
    product.write(
        choice.thresholds, saved_model, limits=limits, digests=scored.digests
    )
    results = {
        "styles": names,
        "thresholds": choice.thresholds.tolist(),
        "limits": limits and product.has_limits,
        "asked": [wish and wish._asdict() for wish in wishes],
        "validation": {
            **scored.source,
            "kind": scores.OPTIMISTIC,
            "photos": len(scored.ids),
            "styles": choice.rows,
        },
    }
    directory.write_json(place(directory.RESULTS_FILE), results)


def _write_scores(path, scored, style_names):
    """Writes the scores beside the product, to choose on them once more."""
    if scored.path is None:
        table = scores.probability_table(
            scored.ids, style_names, scored.labels, scored.probabilities
        )
        directory.write_table(path, table)
        return
    with open(scored.path, "rb") as old, atomic.aside(path, "wb") as new:
        shutil.copyfileobj(old, new)


def _lacks(labels):
    """Says what a style lacks to choose by; "" where it lacks nothing."""
    for label, text in ((1, "none has it"), (0, "all have it")):
        if not (labels == label).any():
            return text
    return ""


def _explain(name, wish, reach):
    """Says which floor cannot be kept, and what can."""
    # Rounded down, so that it is accepted.
    best = math.floor(1000 * reach.best) / 1000
    asked = getattr(wish, f"{reach.floor}_floor")
    beside = ""
    if reach.floor == "precision" and wish.recall_floor:
        beside = f" beside a recall of {wish.recall_floor:g}"
    return (
        f"{name}: a {reach.floor} of {asked:g}{beside} is asked for, the best "
        f"is {best:.3f}, at a recall of {reach.recall:.3f} and a precision of "
        f"{reach.precision:.3f} on these photos."
    )


def _require_floors(product, scored, wishes, after):
    """Refuses floors that limits on the styles of a photo break."""
    broken = []
    for i, (name, wish) in enumerate(
        zip(product.style_names, wishes, strict=True)
    ):
        if wish is None or wish.threshold is not None:
            continue
        labels, decisions_there = floors.known(scored.labels[:, i], after[:, i])
        hits = np.count_nonzero(labels & (decisions_there == 1))
        kept = floors.keeps(
            hits,
            np.count_nonzero(decisions_there) - hits,
            np.count_nonzero(labels),
            wish,
            floors.alarm_weight(labels, wish.share),
        )
        if not all(kept):
            broken.append(name)
    if broken:
        raise InputError(
            "The product limits how many styles a photo has, which breaks the "
            f"floors of {', '.join(broken)}. Pass --nolimits to decide by "
            "thresholds alone, or ask for less there."
        )
