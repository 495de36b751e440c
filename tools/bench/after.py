"""Measures what comes after the networks, against what it should take.

    python tools/bench/after.py

Exact thresholds, P(A|B), and in the graph relations, thresholds and
plausibility. Everything is made: probabilities around labels that follow the
challenge's label sets. The targets are for two free cores.
"""

from absl import flags

from jdstyle import cli

_SCORES = flags.DEFINE_integer(
    "scores", 1_000_000, "Scores per style, of 13.", lower_bound=10
)
_ROWS = flags.DEFINE_integer(
    "rows", 10_000_000, "Rows of labels for P(A|B).", lower_bound=10
)
_GRAPH_ROWS = flags.DEFINE_integer(
    "graph_rows", 2_000_000, "Rows through the graph.", lower_bound=10
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 65_536, "Rows per call of the graph.", lower_bound=1
)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Rounds.", lower_bound=1)

_NOISE = 0.3  # Of the made probabilities: a sixth of the decisions is wrong.


def main(argv):
    del argv
    import measure

    measure.print_header(batch=_BATCH_SIZE.value, rounds=_ROUNDS.value)
    header = ["part", "seconds", "CPU-seconds", "a second", "should take"]
    rows = [*_thresholds(), *_conditional(), *_graph()]
    print(measure.table(header, rows))


def _row(part, work, count, unit, target):
    """Measures work on so many units, which should take `target` seconds."""
    import measure

    turns = measure.alternate({part: work}, _ROUNDS.value)[part]
    wall = measure.figure(turn.wall for turn in turns)
    cpu = measure.figure(turn.cpu for turn in turns)
    return [
        part,
        measure.show(wall),
        measure.show(cpu),
        f"{count / wall.median / 1e6:,.1f} million {unit}",
        f"{target:.2f}: {'met' if wall.median <= target else 'missed'}",
    ]


def _made(num_rows):
    """Returns labels, bool, and probabilities, float32, `(num_rows, 13)`."""
    import numpy as np

    from jdstyle.datasets.demo import builder

    sets, counts = builder.read_label_sets()
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(sets), num_rows, p=counts / counts.sum())
    labels = sets.astype(bool)[chosen]
    noise = rng.standard_normal(labels.shape, np.float32)
    probabilities = 0.2 + 0.6 * labels.astype("float32") + _NOISE * noise
    return labels, np.clip(probabilities, 0, 1)


def _thresholds():
    import numpy as np

    from jdstyle.evaluation import thresholds

    labels, scores = _made(_SCORES.value)
    labels[0] = True  # A style of few rows has a positive all the same.
    labels = np.ascontiguousarray(labels.T)
    for dtype in ("float32", "float64"):
        columns = np.ascontiguousarray(scores.T.astype(dtype))

        def search(columns=columns):
            for y, p in zip(labels, columns, strict=True):
                thresholds.best_threshold(y, p)

        part = f"exact thresholds, 13 x {_SCORES.value:,} {dtype} scores"
        target = 1.5 * _SCORES.value / 1e6
        yield _row(part, search, labels.size, "scores", target)


def _conditional():
    from jdstyle.fusion import relations

    labels, _ = _made(min(_ROWS.value, 1_000_000))
    labels = labels.repeat(-(-_ROWS.value // len(labels)), axis=0)
    labels = labels[: _ROWS.value]
    for dtype in ("bool", "int32"):
        typed = labels.astype(dtype)

        def count(typed=typed):
            relations.conditional(relations.cooccurrence(typed))

        part = f"P(A\\|B) of {len(labels):,} rows x 13, {dtype}"
        yield _row(part, count, len(labels), "rows", len(labels) / 1e7)


def _graph():
    import numpy as np
    import tensorflow as tf

    from jdstyle.fusion import relations
    from jdstyle.fusion import rules

    labels, usual = _made(_GRAPH_ROWS.value)
    conditional = relations.conditional(relations.cooccurrence(labels))
    fitted = rules.Rules(
        blend=None,
        first_thresholds=np.full(13, 0.5, "float32"),
        conditional=conditional.astype("float32"),
        alpha=np.full(13, 0.9, "float32"),
        beta=np.full((13, 13), 0.02, "float32"),
        thresholds=np.full(13, 0.5, "float32"),
        least=1,
        most=5,
    )

    @tf.function(input_signature=[tf.TensorSpec((None, 13), tf.float32)])
    def score(blended):
        return rules.decide(fitted, rules.correct(fitted, blended))

    for name, made in [
        ("as networks give them", usual),
        ("at worst", np.full_like(usual, 0.9)),
    ]:
        size = _BATCH_SIZE.value
        batches = [
            tf.constant(made[top : top + size])
            for top in range(0, len(made), size)
        ]
        outside = np.mean([_share_outside(fitted, b) for b in batches])

        def run(batches=batches):
            for batch in batches:
                score(batch)

        part = (
            f"relations, thresholds, plausibility, {name}: "
            f"{100 * outside:.0f} % of rows out of limits"
        )
        yield _row(part, run, len(made), "rows", len(made) / 3e6)


def _share_outside(fitted, blended):
    """The share of rows that plausibility has to rank."""
    import numpy as np

    from jdstyle.fusion import rules

    on = rules.correct(fitted, blended) >= fitted.thresholds
    number = np.sum(on, axis=1)
    return np.mean((number < fitted.least) | (number > fitted.most))


if __name__ == "__main__":
    cli.run(main)
