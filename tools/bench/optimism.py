"""How far told F2 and gains lie from the truth where nothing can be learned.

    python tools/bench/optimism.py --sets=40 --photos=160

Labels are coin flips, probabilities noise. `fuse` fits its rules to photos out
of fold and tells a macro F2 with its interval and what the rules gain. 5,000
others, decided by the product's rules, are the truth. "Chosen" is what the
photos say that chose the rules, "nested" what `fusion.nested` says. A gain is
false where new photos have none.
"""

from absl import flags

from jdstyle import cli

_SETS = flags.DEFINE_integer("sets", 40, "Sets per row.", lower_bound=1)
_PHOTOS = flags.DEFINE_multi_integer(
    "photos", [160, 400, 800], "Photos out of fold.", lower_bound=40
)
_FUSIONS = flags.DEFINE_multi_enum(
    "fusion",
    ["mean", "weighted", "stack"],
    ["mean", "weighted", "stack"],
    "How the members are blended.",
)

_MEMBERS = 3
# Of the photos, how many have each style.
_SHARES = (0.4, 0.3, 0.2, 0.1, 0.1, 0.05)
_FRESH = 5_000


def main(argv):
    del argv
    import measure

    measure.print_header(sets=_SETS.value, members=_MEMBERS, shares=_SHARES)
    rows = []
    for photos in _PHOTOS.value:
        for folds in (1, 5):
            for fusion in _FUSIONS.value:
                rows.append(_row(photos, folds, fusion))
                print(*rows[-1], sep="; ", flush=True)
    print(
        measure.table(
            [
                *("photos", "folds", "fusion", "new photos, F2"),
                *("chosen - new", "nested - new", "gain, nested - new"),
                *("interval misses, %", "false gain above 0, %"),
            ],
            rows,
        )
    )


def _row(photos, folds, fusion):
    """Returns the cells of one setting: what is told against what is true."""
    import numpy as np

    sets = [
        _tell(np.random.default_rng([seed, photos]), photos, folds, fusion)
        for seed in range(_SETS.value)
    ]
    true, chosen, told, gain = (np.array(of) for of in zip(*sets, strict=True))
    new, new_gain = true.T
    errors = chosen - new, told[:, 0] - new, gain[:, 0] - new_gain
    missed = (new < told[:, 1]) | (new > told[:, 2])
    return [
        f"{photos}",
        "without" if folds == 1 else f"{folds}",
        fusion,
        f"{new.mean():.3f}",
        *(
            f"{error.mean():+.3f} (+-{error.std() / len(error) ** 0.5:.3f})"
            for error in errors
        ),
        f"{100 * missed.mean():.0f}",
        f"{100 * np.mean((gain[:, 1] > 0) & (new_gain <= 0)):.0f}",
    ]


def _tell(rng, photos, folds, fusion):
    """Fits rules to made photos, and compares what is told with new ones.

    Returns:
        Macro F2 of new photos and what the rules gain there; what the photos
        say that chose; nested macro F2 with its interval; the nested gain with
        its lower end.
    """
    from jdstyle.fusion import blending
    from jdstyle.fusion import gates
    from jdstyle.fusion import nested
    from jdstyle.fusion import rule_fit
    from jdstyle.fusion import rules

    gathered = _gather(rng, photos, folds)
    options = rules.Options(fusion)
    fitted, corrected, gains = rule_fit.fit(gathered, options)
    labels = gathered.joined.labels == 1
    chosen = gates.f2(labels, rules.decide_photos(fitted, corrected) == 1)
    decided = nested.decide(gathered, options)
    told = nested.score(gathered, decided)["macro"]
    tables = nested.tables(gathered, decided, gains, options.seed)
    gain = tables["all rules"].loc["macro mean"]
    fresh, probabilities = _make(rng, _FRESH)
    blended = blending.apply(fitted.blend, probabilities)
    plain = rules.calibrate(fitted.calibrated, blended).numpy()
    decisions = rules.decide_photos(
        fitted, rules.correct(fitted, blended).numpy()
    )
    new, alone = (
        gates.f2(fresh == 1, of == 1).mean()
        for of in (decisions, plain >= fitted.first_thresholds)
    )
    return (
        (new, new - alone),
        chosen.mean(),
        (told["f2"], told["f2_low"], told["f2_high"]),
        (gain["gain"], gain["gain_low"]),
    )


def _make(rng, photos):
    """Returns labels and probabilities that know nothing of each other."""
    import numpy as np

    labels = (rng.random((photos, len(_SHARES))) < _SHARES).astype(np.int32)
    logits = rng.normal(size=(photos, _MEMBERS, len(_SHARES))) - 1
    return labels, (1 / (1 + np.exp(-logits))).astype(np.float32)


def _gather(rng, photos, folds):
    """Returns the `Evidence` of made photos; without folds, others trained."""
    import numpy as np

    from jdstyle.datasets import records
    from jdstyle.fusion import evidence
    from jdstyle.fusion import out_of_fold
    from jdstyle.fusion import plausibility
    from jdstyle.fusion import relations

    labels, probabilities = _make(rng, photos)
    others = labels[:0] if folds > 1 else _make(rng, 4 * photos)[0]
    counted = labels if folds > 1 else others
    return evidence.Evidence(
        out_of_fold.OutOfFold(
            ids=np.arange(photos).astype(str),
            folds=np.arange(photos) % folds,
            labels=labels,
            probabilities=probabilities,
            members=[f"member {i}" for i in range(_MEMBERS)],
            style_names=[f"style {i}" for i in range(len(_SHARES))],
        ),
        relations.cooccurrence(counted),
        limits=plausibility.limits(counted),
        source=records.Source("made", "f" * 64, num_leaking=0),
        others=others,
        counted=folds > 1,
    )


if __name__ == "__main__":
    cli.run(main)
