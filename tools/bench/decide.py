"""Measures whether the floors of `decide` hold on photos that chose nothing.

    python tools/bench/decide.py
    python tools/bench/decide.py --truth=TRUTH.csv --scores=SCORES.csv

Photos are drawn with replacement; these choose the threshold of a floor, and
those that are not drawn, a good third, are held back and scored. A floor holds
there where the precision or recall reaches it, and within its interval where
the upper end of its 95 % bootstrap interval does. Beside it the same with the
best threshold that reaches the floor on the photos that choose it. Then what
mistakes cost on photos held back, by three ways to choose, and how long 13
styles of 55,000 photos take, from scores to product, table and page.

With --truth and --scores, two tables of one column per label, the floors alone.
"""

import tempfile

from absl import flags

from jdstyle import cli
from jdstyle import path_flags

_REPETITIONS = flags.DEFINE_integer(
    "repetitions", 20, "Draws per style.", lower_bound=1
)
_PHOTOS = flags.DEFINE_integer(
    "photos", 5_000, "Photos per made style.", lower_bound=2_000
)
_TIMED = flags.DEFINE_integer(
    "timed", 55_000, "Photos of 13 styles that are timed.", lower_bound=500
)
_TRUTH = path_flags.DEFINE_path(
    "truth", None, "CSV file of 0s and 1s, a column per label."
)
_SCORES = path_flags.DEFINE_path(
    "scores", None, "CSV file of probabilities, the same rows and columns."
)

_FLOORS = (0.3, 0.6, 0.8)
_POSITIVES = (40, 100, 300, 1000)
_SETS = 5  # Made styles of each kind.
_COSTS = ((5, 1), (1, 1), (1, 5))


def main(argv):
    del argv
    import given
    import measure

    tables = given.read(_TRUTH.value, _SCORES.value)
    measure.print_header(repetitions=_REPETITIONS.value)
    if tables:
        truth, scores = (table.to_numpy().T for table in tables)
        _show_floors({"given": list(zip(truth, scores, strict=True))})
    else:
        _show_floors(
            {
                f"{number} positives": [
                    _make(number, seed) for seed in range(_SETS)
                ]
                for number in _POSITIVES
            }
        )
        _show_costs()
        _show_seconds()


def _make(positives, seed, *, sharpness=1.0, photos=None):
    """Returns labels and probabilities of a made style.

    Probabilities are honest where `sharpness` is 1, and too sure above it.
    """
    import numpy as np
    from scipy import special

    photos = photos or _PHOTOS.value
    rng = np.random.default_rng([positives, seed])
    labels = rng.random(photos) < positives / _PHOTOS.value
    # From hardly to easily told apart.
    apart = 1.5 + 0.5 * (seed % _SETS)
    logits = apart * rng.normal(apart * labels) - apart**2 / 2
    logits += special.logit(positives / _PHOTOS.value)
    return labels, special.expit(sharpness * logits)


def _show_floors(kinds):
    import measure

    rows = []
    for kind, styles in kinds.items():
        for name in ("precision", "recall"):
            for floor in _FLOORS:
                rows.append([kind, name, f"{floor}"])
                rows[-1] += _try_floor(styles, name, floor)
    header = ["styles", "floor of", "floor", "(style, draw)", "refused"]
    header += ["holds", "holds within interval"]
    header += ["other measure", "plain holds", "within", "plain other"]
    print(measure.table(header, rows))


def _try_floor(styles, name, floor):
    """Returns the cells of a row."""
    import numpy as np

    from jdstyle.decisions import floors

    wish = floors.Wish(**{f"{name}_floor": floor})
    ours, plain, refused, tried = [], [], 0, 0
    for labels, probabilities in styles:
        for seed in range(_REPETITIONS.value):
            rng = np.random.default_rng(seed)
            drawn = rng.integers(len(labels), size=len(labels))
            held = np.ones(len(labels), bool)
            held[drawn] = False
            choosing = labels[drawn], probabilities[drawn]
            if not (choosing[0] == 1).any() or not (labels[held] == 1).any():
                continue
            tried += 1
            found = floors.choose(*choosing, wish, seed)
            if isinstance(found, floors.Reach):
                refused += 1
                continue
            of_plain = _choose_plainly(*choosing, name, floor)
            for to, threshold in ((ours, found), (plain, of_plain)):
                decided = probabilities[held] >= threshold
                to.append(_score_held(labels[held], decided, name, floor))
    if not ours:
        return [f"{tried}", f"{refused}", *["-"] * 6]
    cells = [f"{tried}", f"{refused}"]
    for of in (ours, plain):
        holds, within, other = np.mean(of, axis=0)
        cells += [f"{holds:.0%}", f"{within:.0%}", f"{other:.3f}"]
    return cells


def _choose_plainly(labels, probabilities, name, floor):
    """Returns the best threshold that reaches a floor on these photos."""
    import numpy as np

    from jdstyle.decisions import floors

    tried = floors.candidates(labels == 1, probabilities)
    values = {
        "precision": tried.hits / (tried.hits + tried.alarms),
        "recall": tried.hits / tried.positives,
    }
    f2 = tried.hits / (4 * tried.positives + tried.hits + tried.alarms)
    return tried.scores[np.where(values[name] >= floor, f2, -1).argmax()]


def _score_held(labels, decided, name, floor):
    """Returns whether a floor holds, within its interval, and the other."""
    from jdstyle.decisions import changes

    row = changes.score(labels, decided, decided)
    other = "recall" if name == "precision" else "precision"
    return (
        row[f"{name}_after"] >= floor,
        row[f"{name}_after_high"] >= floor,
        row[f"{other}_after"],
    )


def _show_costs():
    """Shows mean costs on fresh photos, of ways to choose a threshold."""
    import measure
    import numpy as np

    from jdstyle.decisions import floors

    rows = []
    for sharpness, kind in ((1.0, "honest"), (1.7, "too sure")):
        for number in _POSITIVES:
            for cost in _COSTS:
                wish = floors.Wish(cost=cost)
                of_ways = []
                for seed in range(_REPETITIONS.value):
                    made = _make(number, seed, sharpness=sharpness)
                    fresh = _make(
                        *(number, seed + 10 * _REPETITIONS.value * _SETS),
                        sharpness=sharpness,
                        photos=10 * _PHOTOS.value,
                    )
                    ways = (
                        floors.choose(*made, wish, seed),
                        cost[1] / sum(cost),
                        _cheapest(*made, cost),
                    )
                    of_ways.append([_cost(*fresh, t, cost) for t in ways])
                ours, plain, cheapest = np.mean(of_ways, axis=0)
                rows.append([kind, f"{number}", f"{cost[0]}:{cost[1]}"])
                rows[-1] += [
                    f"{ours:.4f}",
                    f"{plain / ours - 1:+.1%}",
                    f"{cheapest / ours - 1:+.1%}",
                ]
    header = ["probabilities", "positives", "miss:false", "cost of a photo"]
    header += ["false / (miss + false)", "cheapest on the photos"]
    print(f"\n{measure.table(header, rows)}")


def _cheapest(labels, probabilities, cost):
    """Returns the threshold of the least cost on the photos themselves."""
    from jdstyle.decisions import floors

    tried = floors.candidates(labels, probabilities)
    costs = cost[0] * (tried.positives - tried.hits) + cost[1] * tried.alarms
    if costs.min() > cost[0] * tried.positives:
        return 2.0  # To accept nothing is cheaper.
    return tried.scores[costs.argmin()]


def _cost(labels, probabilities, threshold, cost):
    decided = probabilities >= threshold
    misses, alarms = (labels & ~decided).mean(), (~labels & decided).mean()
    return cost[0] * misses + cost[1] * alarms


def _show_seconds():
    """Measures a whole decision, once scores and product are read."""
    import made
    import measure

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        saved_model = made.export_model(folder, "MobileNet", 32, made.STYLES)
        for name, options in (
            ("floors", {"precision_floor": ["0.1"]}),
            ("costs", {"cost": ["5:1"]}),
            ("F1", {"beta": 1.0}),
        ):
            turns = [_time(folder, saved_model, options) for _ in range(3)]
            seconds = [
                measure.show(
                    measure.figure(getattr(turn, of) for turn in turns)
                )
                for of in ("wall", "cpu")
            ]
            rows.append([name, *seconds])
    title = f"13 styles of {_TIMED.value:,} photos, after loading"
    print(f"\n{measure.table([title, 'seconds', 'CPU-seconds'], rows)}")


def _time(folder, saved_model, options):
    import os

    import made
    import measure
    import numpy as np
    from scipy import special

    from jdstyle.decisions import graph
    from jdstyle.decisions import new_product
    from jdstyle.decisions import scored
    from jdstyle.decisions import wishes

    rng = np.random.default_rng(0)
    rates = np.geomspace(4e-3, 0.7, len(made.STYLES))
    labels = rng.random((_TIMED.value, len(rates))) < rates
    labels[:9] = True  # Of few photos, too.
    # As networks are: too sure.
    logits = 3 * rng.normal(2 * labels) - 3 + special.logit(rates)
    probabilities = special.expit(logits)
    photos = scored.Scored(
        np.arange(len(labels)).astype(str),
        labels.astype("int32"),
        probabilities.astype("float32"),
        {"dataset": "made", "fingerprint": "f" * 64, "num_leaking": 0},
        "made photos",
        path=os.path.join(folder, "scores.csv"),
    )
    with open(photos.path, "w", encoding="utf-8") as file:
        file.write("is copied\n")
    product = graph.Decided(saved_model)
    asked = wishes.read(product.style_names, **options)
    output_dir = os.path.join(folder, "decided")
    os.makedirs(output_dir, exist_ok=True)

    def work():
        choice = new_product.choose(product, photos, asked)
        new_product.write(product, photos, asked, choice, output_dir)

    return measure.once(work)


if __name__ == "__main__":
    cli.run(main)
