"""Drawings of people in garments for the built-in data set.

Each style leaves a mark of its own at a place or property of its own, so the
marks of several styles combine on one picture. Which marks show is noisy
(`RATES`); pose, proportions, colours, background and grain always vary.
"""

import random

from jdstyle.datasets.demo import figures

# How often a mark shows on a photo (with, without) its style, in the order of
# `styles.STYLES`. Raise the second number to make a style harder.
RATES = {
    "Sports": (0.85, 0.03),  # Bright side stripes, trainers.
    "Casual": (0.85, 0.03),  # Denim.
    "Office lady": (0.85, 0.03),  # Dark blazer with lapels.
    "Japanese": (0.85, 0.03),  # Sailor collar.
    "Korean": (0.85, 0.03),  # Long beige coat.
    "Western": (0.85, 0.03),  # Sunglasses, bold bag.
    "British": (0.85, 0.03),  # Tartan.
    "Girl": (0.85, 0.03),  # Pink bow and dots.
    "Lady": (0.85, 0.03),  # Flared skirt, necklace.
    "Minimalist": (0.85, 0.03),  # Greys and white, no pinstripes.
    "Natural": (0.85, 0.03),  # Earth tones, leaves.
    "Punk": (0.85, 0.03),  # Lightning, studded black belt, boots.
    "Ethnic": (0.85, 0.03),  # Zigzag bands above the hem.
}


def _greys(f, r):
    f.pinstripes = False
    light, dark = (r.randint(195, 235),) * 3, (r.randint(60, 90),) * 3
    f.colours |= {"top": light, "lower": light, "shoes": light, "blazer": dark}


def _earths(f, r):
    f.colours |= {
        k: figures.tint(r, r.choice(figures.EARTHS)) for k in ("top", "lower")
    }
    f.colours["blazer"] = figures.times(f.colours["top"], 0.55)


def _denim(f, r):
    f.colours["lower"] = figures.tint(r, figures.DENIM)


def _coat_back(f, r):
    hem, end = r.uniform(0.25, 0.3), r.uniform(0.78, 0.88)
    points = (0, 0.2), (0.14, 0.2), (0.18, 0.45), (hem, end), (0, end)
    f.both(f.colours["coat"], *points)


def _flared_skirt(f, r):
    hem, end = r.uniform(0.18, 0.24), r.uniform(0.68, 0.76)
    f.sides = [[(s * 0.08, 0.42), (s * hem, end)] for s in (-1, 1)]
    f.lower = [f.sides[0] + f.sides[1][::-1]]
    f.area(f.colours["lower"], *f.lower[0])
    for i in range(-2, 3):
        fold = (i * 0.02, 0.5), (i * hem * 0.4, end)
        f.line(figures.times(f.colours["lower"], 0.75), 0.008, *fold)


def _tartan(f, r):
    ground, step = figures.tint(r, (178, 28, 40)), r.uniform(0.075, 0.1)
    with f.within(f.lower):
        f.area(ground, (-1, 0.3), (1, 0.3), (1, 1), (-1, 1))
        for offset, width, down, across in (
            (0, 0.4 * step, figures.PLUM, figures.PINE),
            (step / 2, 0.008, figures.WHITE, figures.GOLD),
        ):
            for i in range(9):
                x = i * step + offset - 0.3
                f.line(down, width, (x, 0.3), (x, 1))
                f.line(across, width, (-1, x + 0.7), (1, x + 0.7))


def _leaves(f, r):
    with f.within(f.lower):
        for i in range(36):
            x = (i % 6 - 2.5) * 0.075 + r.uniform(-0.015, 0.015)
            y = 0.45 + i // 6 * 0.085 + r.uniform(-0.02, 0.02)
            tip = x + r.choice((-0.04, 0.04))
            leaf = (x, y), (tip, y + 0.012), (tip, y + 0.06), (x, y + 0.04)
            f.area(figures.LEAF, *leaf)
            f.line(figures.PINE, 0.006, (x, y), (tip, y + 0.06))


def _zigzag_bands(f, r):
    end, first = f.sides[0][-1][1], r.randrange(4)
    top = end - 0.23
    with f.within(f.lower):
        f.area(figures.PLUM, (-1, top), (1, top), (1, 1), (-1, 1))
        for row in range(4):
            y = top + 0.03 + row * 0.055
            teeth = [(i * 0.03 - 0.36, y + i % 2 * 0.03) for i in range(25)]
            f.line(figures.BRIGHTS[(first + row) % 4], 0.022, *teeth)


def _blazer(f, r):
    figures.top(f, r, "blazer")
    f.sleeve = 3
    f.area(figures.WHITE, (-0.05, 0.19), (0.05, 0.19), (0, 0.42))
    lapel = (0.05, 0.19), (0.095, 0.25), (0.065, 0.28), (0, 0.43)
    f.both(tuple(c + 44 for c in f.colours["blazer"]), *lapel)


def _dots(f, r):
    with f.within(f.torso):
        for i in range(40):
            x = i % 5 * 0.055 - 0.11 + i // 5 % 2 * 0.027
            f.disc(figures.PINK, 0.015, 0.015, (x, 0.22 + i // 5 * 0.04))


def _punk(f, r):
    bolt = (0.08, 0.22), (-0.03, 0.29), (0.05, 0.31), (-0.06, 0.4)
    f.line(figures.INK, 0.05, *bolt)
    f.line(r.choice(figures.BRIGHTS), 0.03, *bolt)
    f.line(figures.INK, 0.06, (-0.105, 0.445), (0.105, 0.445))
    studs = [(i * 0.036 - 0.09, 0.445) for i in range(6)]
    f.disc(figures.WHITE, 0.013, 0.013, *studs)
    for x in (-f.foot, f.foot):
        f.line(figures.INK, 0.075, (x, 0.8), (x, 0.97))


def _coat_front(f, r):
    f.sleeve, f.colours["sleeve"] = 3, f.colours["coat"]
    flap = (0.07, 0.19), (0.14, 0.21), (0.18, 0.6), (0.115, 0.6), (0.075, 0.4)
    f.both(f.colours["coat"], *flap)


def _sports(f, r):
    bright = r.choice(figures.BRIGHTS)
    for side, arm, s in zip(f.sides, f.arms, (-1, 1), strict=True):
        for path in (arm, [(x - s * 0.02, y) for x, y in side]):
            f.line(figures.WHITE, 0.036, *path)
            f.line(bright, 0.016, *path)
        f.disc(figures.WHITE, 0.055, 0.03, (s * f.foot, 0.96))
        f.disc(bright, 0.035, 0.016, (s * f.foot, 0.955))


def _sailor_collar(f, r):
    half = (0.04, 0.185), (0.14, 0.205), (0.145, 0.31), (0.08, 0.32), (0, 0.38)
    f.both(figures.tint(r, figures.SKY), *half)
    for s in (-1, 1):
        edge = (0.125, 0.22), (0.127, 0.295), (0.08, 0.305), (0, 0.365)
        f.line(figures.WHITE, 0.012, *((s * x, y) for x, y in edge))
    f.both(figures.RED, (0, 0.375), (0.06, 0.345), (0.055, 0.415))


def _necklace(f, r):
    beads = [(i * 0.014, 0.245 - 0.0035 * i * i) for i in range(-4, 5)]
    f.disc(figures.GOLD, 0.012, 0.012, *beads)
    f.disc(figures.WHITE, 0.008, 0.008, *beads)


def _western(f, r):
    figures.bag(f, r, r.choice(figures.BOLDS))
    f.line(figures.INK, 0.012, (-0.06, 0.095), (0.06, 0.095))
    f.disc(figures.INK, 0.03, 0.024, (-0.031, 0.102), (0.031, 0.102))


def _bow(f, r):
    f.both(figures.PINK, (0, 0.03), (0.1, -0.02), (0.1, 0.08))
    f.disc(figures.times(figures.PINK, 0.8), 0.022, 0.022, (0, 0.03))


# From back to front: style, what paints its mark, what paints without it.
_LAYERS = (
    ("Minimalist", _greys, None),
    ("Natural", _earths, None),
    ("Casual", _denim, None),
    (None, None, figures.background),
    ("Korean", _coat_back, None),
    (None, None, figures.legs),
    ("Lady", _flared_skirt, figures.narrow_lower),
    ("British", _tartan, None),
    ("Natural", _leaves, None),
    ("Ethnic", _zigzag_bands, None),
    ("Office lady", _blazer, figures.top),
    ("Girl", _dots, None),
    ("Punk", _punk, None),
    ("Korean", _coat_front, None),
    (None, None, figures.arms),
    ("Sports", _sports, None),
    ("Japanese", _sailor_collar, None),
    (None, None, figures.head),
    ("Lady", _necklace, None),
    ("Western", _western, figures.bag),
    ("Girl", _bow, None),
)


def draw(labels, rng, size=128):
    """Draws a person whose garments show, by chance, what the labels say.

    Args:
        labels: sequence of 13 ints, 0 or 1, in the order of `RATES`.
        rng: `numpy.random.Generator`, the only source of chance: the same
            state and labels give the same picture.
        size: int >= 32, width in pixels.

    Returns:
        `PIL.Image.Image`, mode RGB, `size` wide and `size * 5 // 4` high.

    Raises:
        ValueError: if `labels` or `size` is something else.
    """
    return draw_marks(choose_marks(labels, rng), rng, size)


def choose_marks(labels, rng):
    """Draws which marks show: a set of names; arguments as in `draw`."""
    if len(labels) != len(RATES) or not set(labels) <= {0, 1}:
        raise ValueError(
            f"`labels` must be {len(RATES)} values, 0 or 1. "
            f"Received: {labels!r}."
        )
    chances = rng.random(len(RATES))
    rows = zip(RATES.items(), labels, chances, strict=True)
    return {name for (name, rate), y, u in rows if u < rate[0 if y else 1]}


def draw_marks(marks, rng, size=128):
    """Draws a person with exactly these marks.

    The same state of `rng` gives the same person in the same pose on the same
    background, whichever marks show.

    Args:
        marks: set of names, keys of `RATES`.
        rng: as in `draw`, as is what it returns and raises.
        size: as in `draw`.
    """
    if not set(marks) <= RATES.keys() or size < 32:
        raise ValueError(
            f"`marks` must be among {list(RATES)} and `size` at least 32. "
            f"Received: marks={marks!r}, size={size!r}."
        )
    # A stream per layer, so that a mark moves nothing but what it paints.
    seeds = rng.integers(2**62, size=len(_LAYERS) + 1).tolist()
    figure = figures.Figure(random.Random(seeds.pop()), size)
    for (style, mark, otherwise), seed in zip(_LAYERS, seeds, strict=True):
        paint = mark if style in marks else otherwise
        if paint:
            paint(figure, random.Random(seed))
    return figures.photograph(figure.image.reduce(figures.OVERSAMPLING), rng)
