"""What limits of styles per photo change on photos that fitted nothing.

    python tools/bench/rule_gates.py --sets=12

Made photos of 13 styles and made probabilities of one network: those of its
photos out of fold fit the rules, 5,000 others are decided by them. By turns
there is no limit, one that always applies, and one where `fusion.gates` lets
it.
"""

from absl import flags

from jdstyle import cli

_SETS = flags.DEFINE_integer("sets", 12, "Sets per row.", lower_bound=1)

_NUM_STYLES = 13
_FRESH = 5_000
# How far apart a style's logits lie, photos out of fold, and the shares of
# photos of one, two, ... styles.
_MANY, _ONE = (0.3, 0.4, 0.2, 0.08, 0.02), (1.0,)
_ROWS = {
    "weak": (0.3, 150, _MANY),
    "weak, more photos": (0.3, 1_000, _MANY),
    "fair": (1.0, 150, _MANY),
    "fair, more photos": (1.0, 1_000, _MANY),
    "good": (2.0, 1_000, _MANY),
    "fair, one style": (1.0, 300, _ONE),
    "very good, one style": (3.0, 300, _ONE),
}


def main(argv):
    del argv
    import measure
    import numpy as np

    measure.print_header(sets=_SETS.value, styles=_NUM_STYLES)
    rows = []
    for name, (signal, photos, shares) in _ROWS.items():
        scores = np.array(
            [
                _score(np.random.default_rng(seed), signal, photos, shares)
                for seed in range(_SETS.value)
            ]
        )
        changes = 1e4 * (scores[:, 1:] - scores[:, :1])
        rows.append(
            [
                name,
                f"{photos}",
                f"1 to {len(shares)}",
                f"{scores[:, 0].mean():.3f}",
                *(
                    f"{column.mean():+.0f} ({column.min():+.0f})"
                    for column in changes.T
                ),
            ]
        )
    print(
        measure.table(
            [
                *("network", "photos out of fold", "styles per photo"),
                *("F2 alone", "always, 1/10,000 (worst)", "gated (worst)"),
            ],
            rows,
        )
    )


def _score(rng, signal, photos, shares):
    """Returns macro F2 of fresh photos: no limit, always one, gated."""
    from jdstyle.fusion import gates
    from jdstyle.fusion import rule_fit
    from jdstyle.fusion import rules

    evidence = _gather(*_make(rng, signal, photos, shares))
    labels, probabilities = _make(rng, signal, _FRESH, shares)
    least, most = evidence.limits
    scores = []
    for limits in ((0, _NUM_STYLES), (least, most), (None, None)):
        # As the table in the README of fusion was measured.
        options = rules.Options("mean", "none", *limits, threshold="exact")
        fitted, _, _ = rule_fit.fit(evidence, options)
        decisions = rules.decide_photos(fitted, probabilities)
        scores.append(gates.f2(labels == 1, decisions == 1).mean())
    return scores


def _make(rng, signal, photos, shares):
    """Returns labels and probabilities; a few styles are frequent."""
    import numpy as np

    frequency = np.arange(1, _NUM_STYLES + 1) ** -0.7
    drawn = np.log(frequency) + rng.gumbel(size=(photos, _NUM_STYLES))
    rank = np.argsort(np.argsort(-drawn))
    many = rng.choice(len(shares), photos, p=shares) + 1
    labels = (rank < many[:, np.newaxis]).astype(np.int32)
    share = labels.mean(axis=0).clip(1e-3, 1 - 1e-3)
    logits = rng.normal(signal * labels) - signal / 2
    logits = signal * logits + np.log(share / (1 - share))
    probabilities = 1 / (1 + np.exp(-logits))
    return labels, probabilities.astype(np.float32)


def _gather(labels, probabilities):
    import numpy as np

    from jdstyle.datasets import records
    from jdstyle.fusion import evidence
    from jdstyle.fusion import out_of_fold
    from jdstyle.fusion import plausibility
    from jdstyle.fusion import relations

    joined = out_of_fold.OutOfFold(
        ids=np.arange(len(labels)).astype(str),
        folds=np.arange(len(labels)) % 5,
        labels=labels,
        probabilities=probabilities[:, np.newaxis],
        members=["made"],
        style_names=[f"style {i}" for i in range(_NUM_STYLES)],
    )
    return evidence.Evidence(
        joined,
        relations.cooccurrence(labels),
        limits=plausibility.limits(labels),
        source=records.Source("made", "f" * 64, num_leaking=0),
    )


if __name__ == "__main__":
    cli.run(main)
