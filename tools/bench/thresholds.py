"""Measures what exact and bagged thresholds lose against the true optimum.

    python tools/bench/thresholds.py
    python tools/bench/thresholds.py --truth=TRUTH.csv --scores=SCORES.csv

Made scores, whose distributions say which threshold is the best for F2 and what
any other one loses: two bells, two bells where three in ten positives look like
the others, and two skewed ones; 21, 39, 72 and 361 positives among 10,982
photos, as a fold of the challenge has of its rarest styles. Beside it what the
plain mean of the draws' thresholds loses.

With --truth and --scores, two tables of one column per label: thresholds are
chosen on some of the rows, at random, and scored on the others.
"""

from absl import flags

from jdstyle import cli
from jdstyle import path_flags
from jdstyle.errors import InputError

_REPETITIONS = flags.DEFINE_integer(
    "repetitions", 60, "Sets per row.", lower_bound=1
)
_PHOTOS = flags.DEFINE_integer(
    "photos", 10_982, "Photos per made set.", lower_bound=500
)
_TIMED = flags.DEFINE_integer(
    "timed", 55_000, "Scores per style, of 13, that are timed.", lower_bound=500
)
_TRUTH = path_flags.DEFINE_path(
    "truth", None, "CSV file of 0s and 1s, a column per label."
)
_SCORES = path_flags.DEFINE_path(
    "scores", None, "CSV file of probabilities, the same rows and columns."
)
_ROWS = flags.DEFINE_integer(
    "rows",
    None,
    "Rows of --truth that choose. Default: half of them.",
    lower_bound=2,
)

_POSITIVES = (21, 39, 72, 361)
_STYLES = 13


def main(argv):
    del argv
    import given
    import measure

    tables = given.read(_TRUTH.value, _SCORES.value)
    measure.print_header(repetitions=_REPETITIONS.value)
    if tables:
        _show_real(*tables)
    else:
        _show_losses()
        _show_seconds()


def _shapes():
    """Returns per shape the distributions of positives' and others' logits.

    Each is a list of `(share, distribution)`.
    """
    from scipy import stats

    others = [(1.0, stats.norm(-4))]
    return {
        "bells": ([(1.0, stats.norm(-2))], others),
        "bells, hopeless": (
            [(0.7, stats.norm(-1)), (0.3, stats.norm(-4))],
            others,
        ),
        # The logits of probabilities that follow beta distributions.
        "skewed": (
            [(1.0, stats.genlogistic(2, loc=-1))],
            [(1.0, stats.genlogistic(0.5, loc=-4))],
        ),
    }


def _draw(mixture, number, rng):
    """Draws logits."""
    import numpy as np

    shares = [share for share, _ in mixture]
    numbers = rng.multinomial(number, shares)
    return np.concatenate(
        [
            of.rvs(many, random_state=rng)
            for (_, of), many in zip(mixture, numbers, strict=True)
        ]
    )


def _above(mixture, logits):
    """Returns the share of a distribution at or above logits."""
    return sum(share * of.sf(logits) for share, of in mixture)


def _show_losses():
    import measure

    rows = []
    for shape, (positives, others) in _shapes().items():
        for number in _POSITIVES:
            rows.append([shape, f"{number}"])
            rows[-1] += _losses(positives, others, number)
    print(
        measure.table(
            [
                *("shape", "positives", "best F2", "flatters itself by"),
                *("exact loses", "mean of thresholds loses", "bagged loses"),
                *("bagged / exact", "auto / exact", "in its 90 % interval"),
            ],
            rows,
        )
    )


def _losses(positives, others, number):
    """Returns the cells of a row: mean losses, and how often intervals hold."""
    import numpy as np
    from scipy.special import expit
    from scipy.special import logit

    from jdstyle.evaluation import bagging
    from jdstyle.evaluation import thresholds

    rest = _PHOTOS.value - number

    def f2(logits):
        found = number * _above(positives, logits)
        predicted = found + rest * _above(others, logits)
        return 5 * found / (4 * number + predicted)

    grid = np.linspace(-15, 10, 20_001)
    at_best = f2(grid)
    place = at_best.argmax()
    labels = np.arange(_PHOTOS.value) < number
    losses, flatter, holds = [], [], []
    for seed in range(_REPETITIONS.value):
        rng = np.random.default_rng([number, seed])
        logits = [_draw(positives, number, rng), _draw(others, rest, rng)]
        probabilities = expit(np.concatenate(logits))
        scores, _, best = bagging._resample(labels, probabilities, seed)
        chosen = [
            bagging.choose(labels, probabilities, "exact", seed),
            scores[best].mean(),
            bagging.choose(labels, probabilities, "bagged", seed),
            bagging.choose(labels, probabilities, "auto", seed),
        ]
        scored = f2(logit(np.array(chosen)))
        losses.append(at_best[place] - scored)
        _, itself = thresholds.best_threshold(labels, probabilities)
        flatter.append(itself - scored[0])
        low, high = bagging.interval(labels, probabilities, seed)
        holds.append(low <= expit(grid[place]) <= high)
    exact, of_mean, bagged, auto = np.mean(losses, axis=0)
    return [
        f"{at_best[place]:.3f}",
        f"{np.mean(flatter):.3f}",
        *(f"{loss:.4f}" for loss in (exact, of_mean, bagged)),
        f"{bagged / exact:.2f}",
        f"{auto / exact:.2f}",
        f"{np.mean(holds):.0%}",
    ]


def _show_seconds():
    """Measures thresholds and intervals of many scores."""
    import measure
    import numpy as np

    from jdstyle.evaluation import bagging

    rng = np.random.default_rng(0)
    rates = np.geomspace(4e-4, 0.7, _STYLES)[:, np.newaxis]
    labels = rng.random((_STYLES, _TIMED.value)) < rates
    labels[:, 0] = True  # A style of few scores has a positive all the same.
    scores = rng.normal(0.4 + 0.2 * labels, 0.2).clip(0, 1).astype("float32")

    def choose(kind):
        for y, p in zip(labels, scores, strict=True):
            bagging.choose(y, p, kind)
            bagging.interval(y, p)

    turns = measure.alternate(
        {kind: lambda kind=kind: choose(kind) for kind in bagging.KINDS}, 3
    )
    rows = [
        [kind, measure.show(measure.figure(turn.cpu for turn in turns[kind]))]
        for kind in bagging.KINDS
    ]
    title = f"thresholds and intervals, {_STYLES} x {_TIMED.value:,} scores"
    print(f"\n{measure.table([title, 'CPU-seconds'], rows)}")


def _show_real(labels, probabilities):
    """Chooses on some rows of real scores, and scores on the others."""
    import measure
    import numpy as np

    number = _ROWS.value or len(labels) // 2
    if number >= len(labels):
        raise InputError(
            f"--rows must leave some of {len(labels)} rows to score. "
            f"Received: {number}."
        )
    rows, changes = [], []
    for name, y, p in zip(
        labels, labels.to_numpy().T, probabilities.to_numpy().T, strict=True
    ):
        scored = _score_others(y, p, number)
        if not len(scored):
            continue
        exact, bagged, auto = scored.mean(axis=0)
        changes.append([bagged - exact, auto - exact])
        positives = y.mean() * number
        rows.append([name, f"{positives:.0f}", f"{exact:.3f}"])
        rows[-1] += [f"{change:+.4f}" for change in changes[-1]]
    macro = [f"{change:+.4f}" for change in np.mean(changes, axis=0)]
    rows.append(["macro mean", "", "", *macro])
    header = ["label", "positives that choose", "exact", "bagged", "auto"]
    print(measure.table(header, rows))


def _score_others(labels, probabilities, number):
    """Returns F2 by exact, bagged and auto thresholds, `(repetitions, 3)`.

    Draws without a positive to choose by, or to score, are left out.
    """
    import numpy as np

    from jdstyle.evaluation import bagging
    from jdstyle.evaluation import metrics

    f2 = []
    for seed in range(_REPETITIONS.value):
        rng = np.random.default_rng(seed)
        some = rng.permutation(len(labels)) < number
        if not labels[some].any() or not labels[~some].any():
            continue
        decisions = [
            probabilities[~some]
            >= bagging.choose(labels[some], probabilities[some], kind, seed)
            for kind in ("exact", "bagged", "auto")
        ]
        thrice = np.stack([labels[~some]] * 3, axis=1)
        f2.append(
            metrics.fbeta(*metrics.counts(thrice, np.stack(decisions, axis=1)))
        )
    return np.array(f2)


if __name__ == "__main__":
    cli.run(main)
