"""Measures what each kind of relation gains on photos that fitted nothing.

    python tools/bench/related.py
    python tools/bench/related.py --truth=TRUTH.csv --scores=SCORES.csv

The 54,908 label rows of the challenge, by their 192 label sets, and made scores
of one network, about as good as the recipe's: rules are fitted to 43,926 rows
and tried on the others. The scores' errors are independent, or in part the same
among related styles. Then photos per second in the graph.

With --truth and --scores, two tables of one column per label: rules are fitted
to some of the rows, at random, and tried on the others.
"""

import functools
import time

from absl import flags

from jdstyle import cli
from jdstyle import path_flags

_KINDS = ("none", "equation2", "sets", "stack", "both", "auto")
# How much of the scores' errors related styles share, and how far apart the
# scores of a style lie, in deviations.
_SHARED = (0.0, 0.3, 0.6)
_APART = 2.05

_SEEDS = flags.DEFINE_integer(
    "seeds", 1, "Orders of the rows to average over.", lower_bound=1
)
_TRUTH = path_flags.DEFINE_path(
    "truth", None, "CSV file of 0s and 1s, a column per label."
)
_SCORES = path_flags.DEFINE_path(
    "scores", None, "CSV file of probabilities, the same rows and columns."
)
_PHOTOS = flags.DEFINE_integer(
    "photos",
    54_908,
    "Of the challenge's rows so many are taken, at random.",
    lower_bound=100,
    upper_bound=54_908,
)
_FITTING = flags.DEFINE_float(
    "fitting",
    0.8,
    "Share of the rows that fit.",
    lower_bound=0.1,
    upper_bound=0.9,
)
_TIMED = flags.DEFINE_integer(
    "timed", 300_000, "Photos that the graph decides; 0: none.", lower_bound=0
)


def main(argv):
    del argv
    import given
    import measure
    import numpy as np

    tables = given.read(_TRUTH.value, _SCORES.value)
    measure.print_header(seeds=_SEEDS.value)
    if tables:
        labels = tables[0].to_numpy(int)
        probabilities = tables[1].to_numpy(np.float32)
        drawn = [("given", lambda _: (labels, probabilities))]
    else:
        drawn = [(f"{100 * s:.0f} %", _maker(s)) for s in _SHARED]
    rows = []
    for name, make in drawn:
        tried = []
        for seed in range(_SEEDS.value):
            labels, probabilities = make(seed)
            order = np.random.default_rng(seed).permutation(len(labels))
            order = order[: _PHOTOS.value]
            tried.append(_try(labels[order], probabilities[order], seed))
        mean = {k: np.mean([of[k] for of in tried]) for k in _KINDS}
        rows.append([name, *(f"{mean[kind]:.3f}" for kind in _KINDS)])
    print(measure.table(["errors shared", *_KINDS], rows))
    if _TIMED.value and not tables:
        _show_speed(*_maker(0.3)(0))


def _maker(shared):
    """Returns a function of a seed that makes labels and probabilities."""
    import numpy as np
    from scipy import special

    from jdstyle.datasets.demo import builder
    from jdstyle.fusion import relations

    sets, counts = builder.read_label_sets()
    labels = np.repeat(sets, counts, axis=0)
    groups = relations.related_groups(relations.cooccurrence(labels), 4)

    def make(seed):
        rng = np.random.default_rng(seed)
        errors = rng.normal(size=labels.shape)
        for group in groups:
            common = rng.normal(size=(len(labels), 1))
            errors[:, group] *= np.sqrt(1 - shared)
            errors[:, group] += np.sqrt(shared) * common
        seen = errors + _APART * (labels - 0.5)
        logits = _APART * seen + special.logit(labels.mean(axis=0))
        return labels, special.expit(logits).astype(np.float32)

    return make


def _try(labels, probabilities, seed):
    """Returns macro F2 on the rows after those that fit, by kind."""
    from jdstyle.fusion import gates
    from jdstyle.fusion import rules

    fitting = int(_FITTING.value * len(labels))
    held = slice(fitting, None)
    # Nothing can be fitted to fewer.
    enough = labels[:fitting].sum(axis=0) >= 5
    labels, probabilities = labels[:, enough], probabilities[:, enough]
    found = {}
    for kind in _KINDS:
        fitted = _fit(labels[:fitting], probabilities[:fitting], kind, seed)
        corrected = rules.correct(fitted, probabilities[held]).numpy()
        decisions = corrected >= fitted.thresholds
        has = labels[held].any(axis=0)
        found[kind] = gates.f2(labels[held], decisions)[has].mean()
        kept = [k for k in fitted.kinds if k != "none"]
        print(f"{kind}: {found[kind]:.4f}, kept in {len(kept)}: {kept}")
    return found


def _fit(labels, probabilities, kind, seed):
    import numpy as np

    from jdstyle.datasets import records
    from jdstyle.fusion import evidence
    from jdstyle.fusion import out_of_fold
    from jdstyle.fusion import relations
    from jdstyle.fusion import rule_fit
    from jdstyle.fusion import rules

    joined = out_of_fold.OutOfFold(
        ids=np.arange(len(labels)).astype(str),
        folds=np.arange(len(labels)) % 5,
        labels=labels,
        probabilities=probabilities[:, np.newaxis],
        members=["given"],
        style_names=[f"label {i}" for i in range(labels.shape[1])],
    )
    gathered = evidence.Evidence(
        joined,
        relations.cooccurrence(labels),
        limits=(0, labels.shape[1]),
        source=records.Source("given", "f" * 64, num_leaking=0),
    )
    options = rules.Options(relations=kind, seed=seed)
    return rule_fit.fit(gathered, options)[0]


def _show_speed(labels, scores):
    """Prints how many photos a second the graph corrects."""
    import numpy as np
    import tensorflow as tf

    from jdstyle.fusion import rules

    blocks = np.array_split(
        np.resize(scores, (_TIMED.value, labels.shape[1])),
        max(1, _TIMED.value // 8192),
    )
    blocks = [tf.constant(block) for block in blocks]
    order = np.random.default_rng(0).permutation(len(labels))[:11_000]
    for kind in _KINDS[1:-1]:
        fitted = _fit(labels[order], scores[order], kind, 0)
        fitted = fitted._replace(kinds=[kind] * labels.shape[1])
        correct = tf.function(
            functools.partial(rules.correct, fitted), reduce_retracing=True
        )
        for block in blocks[-2:]:
            correct(block)  # Traces.
        start = time.perf_counter()
        for block in blocks:
            correct(block)
        rate = _TIMED.value / (time.perf_counter() - start)
        print(f"{kind}: {rate / 1e6:.2f} million photos a second")


if __name__ == "__main__":
    cli.run(main)
