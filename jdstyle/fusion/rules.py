"""Fits what turns members' probabilities into decisions, out of fold."""

import typing

import numpy as np

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.fusion import blending
from jdstyle.fusion import out_of_fold
from jdstyle.fusion import plausibility
from jdstyle.fusion import relation_fit
from jdstyle.fusion import relation_search
from jdstyle.fusion import relations
from jdstyle.fusion import scorer


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


class Evidence(typing.NamedTuple):
    """What rules are fitted to.

    Attributes:
        joined: `out_of_fold.OutOfFold`.
        counts: int array `(styles, styles)`, N(A and B) of training labels.
        limits: fewest and most styles of a training photo.
        source: `records.Source` of the photos.
    """

    joined: out_of_fold.OutOfFold
    counts: np.ndarray
    limits: tuple
    source: records.Source


def gather(runs, builder):
    """Joins the runs' probabilities, and counts the training labels.

    Args:
        runs: list of `run_sets.Run`.
        builder: a prepared TFDS builder, the runs' data set.

    Returns:
        `Evidence`.

    Raises:
        InputError: as `out_of_fold.join`, if labels are unknown, or if a style
            has no positive out of fold.
    """
    # With folds, every photo of train and validation has trained some run.
    has_folds = runs[0].fold is not None
    labels = np.concatenate(
        [
            records.read_photos(builder, part, cache="stream").labels
            for part in (["train", "validation"] if has_folds else ["train"])
        ]
    )
    if (labels < 0).any():
        raise InputError(
            "Relations between styles need known labels; "
            f"{builder.info.full_name} has unknown ones."
        )
    known = list(builder.info.metadata["styles"])
    joined = out_of_fold.join(runs, known)
    _require_positives(joined)
    labels = labels[:, [known.index(name) for name in joined.styles]]
    return Evidence(
        joined,
        relations.cooccurrence(labels),
        plausibility.limits(labels),
        records.source(builder),
    )


def _require_positives(joined):
    for name, column in zip(joined.styles, joined.labels.T, strict=True):
        if not column.any():
            raise InputError(
                f"No photo out of fold has {name}, among {len(column)}: there "
                "is nothing to fit its threshold to. Train more folds "
                "(--fold), or leave its runs out with --runs."
            )


def make_rules(evidence, options):
    """Blends the members and fits what turns them into decisions.

    Args:
        evidence: `Evidence`.
        options: `Options`.

    Returns:
        `(rules, blended, gains)`: `scorer.Rules`; float32 `(n, styles)`, the
        blended probabilities, cross-fitted; gains as in `fuse`.

    Raises:
        InputError: if the limits are out of range.
    """
    joined = evidence.joined
    num_styles = len(joined.styles)
    least, most = (
        given if given is not None else found
        for given, found in zip(
            (options.least, options.most), evidence.limits, strict=True
        )
    )
    if not 0 <= least <= most <= num_styles:
        raise InputError(
            "--min_styles and --max_styles must satisfy 0 <= min <= max <= "
            f"{num_styles}. Received: {least} and {most}."
        )
    blend, blended = blending.fit(
        joined.labels,
        joined.probabilities,
        joined.folds,
        options.fusion,
        seed=options.seed,
    )
    conditional = relations.conditional(evidence.counts).astype(np.float32)
    if options.relations == "none":
        first = relation_search.first_thresholds(joined.labels == 1, blended)
        alpha = np.ones(num_styles, np.float32)
        beta = np.zeros((num_styles, num_styles), np.float32)
        fitted, gains = (first, alpha, beta, first), None
    else:
        *fitted, gains = relation_fit.fit(
            joined.labels,
            blended,
            joined.folds,
            conditional,
            full_matrix=options.relations == "full",
            seed=options.seed,
        )
        gains = gains.rename(index=dict(enumerate(joined.styles)))
        gains = gains.rename_axis("style")
    first, alpha, beta, chosen = fitted
    rules = scorer.Rules(
        blend, first, conditional, alpha, beta, chosen, least, most
    )
    return rules, blended, gains
