"""Drawings of people in garments for the built-in data set.

Each style leaves a mark of its own at a place or property of its own, so the
marks of several styles combine on one picture. Which marks show is noisy
(`RATES`); pose, proportions, colours, background and grain always vary.
"""

import contextlib
import random

import numpy as np
from PIL import Image
from PIL import ImageDraw

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
OVERSAMPLING = 2  # Painted larger, then averaged down: smooth edges.
GRAIN = 14  # Pixel noise is uniform in [-GRAIN, GRAIN] of 255.

# Garments without a mark are never grey, beige, earthy or denim blue.
PALETTES = {
    "skin": ((247, 216, 192), (229, 184, 150), (190, 138, 102), (122, 80, 58)),
    "hair": ((28, 22, 22), (66, 40, 26), (120, 74, 40), (196, 152, 88)),
    "blazer": ((84, 22, 42), (20, 62, 54), (62, 30, 78), (28, 30, 80)),
    "top": ((226, 120, 120), (232, 190, 90), (130, 200, 170), (170, 130, 210)),
    "lower": ((122, 34, 58), (30, 104, 92), (98, 54, 122), (190, 92, 60)),
    "shoes": ((40, 34, 34), (90, 50, 40), (150, 60, 60)),
    "coat": ((206, 176, 130),),
    "bag": ((40, 34, 34), (90, 50, 40), (150, 60, 60)),
}
DENIM, EARTHS = (62, 104, 168), ((112, 112, 50), (88, 96, 44), (134, 96, 44))
BRIGHTS = ((255, 60, 60), (255, 220, 40), (60, 230, 255), (120, 255, 80))
BOLDS = ((240, 24, 30), (255, 190, 0), (0, 60, 235))
WHITE, INK, PINK = (246, 246, 242), (18, 16, 20), (255, 96, 172)
GOLD, SKY, RED = (200, 150, 40), (110, 176, 240), (226, 30, 50)
PLUM, PINE, LEAF = (90, 20, 60), (24, 60, 50), (168, 214, 84)


class _Figure:
    """A picture in the making and the person on it.

    Points are in body coordinates: x from the axis of the body, y from the
    crown (0) to the soles (1), both in body heights, as are all lengths.

    Attributes:
        colours: dict, key of `PALETTES` to RGB.
        arms: two lines (shoulder, elbow, hand).
        torso, lower: lists of polygons, the cloth that patterns fall on.
        sides: the two outer lines of the lower garment, from the waist down.
    """

    def __init__(self, r, size):
        shape = (OVERSAMPLING * size, OVERSAMPLING * (size * 5 // 4))
        self.image = Image.new("RGB", shape)
        self.pen = ImageDraw.Draw(self.image)
        self.scale = shape[1] * r.uniform(0.84, 0.95)
        self.x0 = shape[0] * r.uniform(0.44, 0.56)
        self.y0 = (shape[1] - self.scale) * r.uniform(0.4, 0.9)
        self.lean = r.uniform(-0.06, 0.06)
        self.girth = r.uniform(0.95, 1.2) * r.choice((-1, 1))  # < 0: mirrored.
        self.foot = r.uniform(0.06, 0.11)
        self.arms = [_arm(r, side) for side in (-1, 1)]
        self.sleeve = r.choice((2, 3))  # Points of the arm: short or long.
        self.pinstripes = r.random() < 0.6
        self.colours = {k: _tint(r, r.choice(v)) for k, v in PALETTES.items()}

    def pixels(self, points):
        return [
            (
                self.x0 + self.scale * (x * self.girth + self.lean * (1 - y)),
                self.y0 + self.scale * y,
            )
            for x, y in points
        ]

    def area(self, fill, *points):
        self.pen.polygon(self.pixels(points), fill)

    def both(self, fill, *points):
        """Fills an area and its mirror image."""
        self.area(fill, *points)
        self.area(fill, *((-x, y) for x, y in points))

    def line(self, fill, width, *points):
        width = max(1, round(width * self.scale))
        self.pen.line(self.pixels(points), fill, width, joint="curve")

    def disc(self, fill, rx, ry, *centres):
        rx, ry = rx * self.scale, ry * self.scale
        for x, y in self.pixels(centres):
            self.pen.ellipse((x - rx, y - ry, x + rx, y + ry), fill)

    @contextlib.contextmanager
    def within(self, polygons):
        """Undoes what its block paints outside of the polygons."""
        before = self.image.copy()
        outside = Image.new("L", self.image.size, 255)
        yield
        pen = ImageDraw.Draw(outside)
        for polygon in polygons:
            pen.polygon(self.pixels(polygon), 0)
        self.image.paste(before, mask=outside)


def _tint(r, colour, spread=14):
    return tuple(c + r.randint(-spread, spread) for c in colour)


def _times(colour, factor):
    return tuple(int(c * factor) for c in colour)


def _arm(r, side):
    elbow, hand = r.uniform(0.14, 0.19), r.uniform(0.13, 0.23)
    return (side * 0.11, 0.23), (side * elbow, 0.37), (side * hand, 0.51)


def _background(f, r):
    grey = r.randint(90, 220)
    wall = tuple(grey + r.randint(-35, 35) for _ in range(3))
    blots = Image.frombytes("RGB", (5, 6), r.randbytes(90))
    blots = blots.resize(f.image.size, Image.Resampling.BICUBIC)
    base = Image.new("RGB", f.image.size, wall)
    f.image.paste(Image.blend(base, blots, r.uniform(0.05, 0.3)))
    for _ in range(r.randint(0, 3)):  # Doors, windows, posts.
        x, y, end = r.uniform(-0.6, 0.6), r.uniform(-0.2, 0.4), r.uniform(-1, 1)
        f.area(_tint(r, wall, 30), (x, y), (end, y), (end, 0.9), (x, 0.9))
    floor = _times(wall, r.uniform(0.6, 1.1))
    f.area(floor, (-2, 0.9), (2, 0.9), (2, 2), (-2, 2))


def _greys(f, r):
    f.pinstripes = False
    light, dark = (r.randint(195, 235),) * 3, (r.randint(60, 90),) * 3
    f.colours |= {"top": light, "lower": light, "shoes": light, "blazer": dark}


def _earths(f, r):
    f.colours |= {k: _tint(r, r.choice(EARTHS)) for k in ("top", "lower")}
    f.colours["blazer"] = _times(f.colours["top"], 0.55)


def _denim(f, r):
    f.colours["lower"] = _tint(r, DENIM)


def _coat_back(f, r):
    hem, end = r.uniform(0.25, 0.3), r.uniform(0.78, 0.88)
    points = (0, 0.2), (0.14, 0.2), (0.18, 0.45), (hem, end), (0, end)
    f.both(f.colours["coat"], *points)


def _legs(f, r):
    end = r.choice((0.12, 0.2, 0.32))  # Hair hangs behind the back.
    f.both(f.colours["hair"], (0, 0.05), (0.085, 0.09), (0.08, end), (0, end))
    for x, foot in ((-0.055, -f.foot), (0.055, f.foot)):
        f.line(f.colours["skin"], 0.055, (x, 0.5), (foot, 0.96))
        f.disc(f.colours["shoes"], 0.042, 0.02, (foot * 1.1, 0.97))


def _flared_skirt(f, r):
    hem, end = r.uniform(0.18, 0.24), r.uniform(0.68, 0.76)
    f.sides = [[(s * 0.08, 0.42), (s * hem, end)] for s in (-1, 1)]
    f.lower = [f.sides[0] + f.sides[1][::-1]]
    f.area(f.colours["lower"], *f.lower[0])
    for i in range(-2, 3):
        fold = (i * 0.02, 0.5), (i * hem * 0.4, end)
        f.line(_times(f.colours["lower"], 0.75), 0.008, *fold)


def _narrow_lower(f, r):
    half = [(0.085, 0.42), (0.115, 0.54), (f.foot + 0.04, 0.93)]
    half += [(f.foot - 0.04, 0.93), (0, 0.58), (0, 0.42)]
    if r.random() < 0.4:  # A skirt instead of trousers.
        end = r.uniform(0.66, 0.76)
        half[2:5] = [(0.1, end), (0, end)]
    f.lower = [[(s * x, y) for x, y in half] for s in (-1, 1)]
    f.sides = [leg[:3] for leg in f.lower]
    f.both(f.colours["lower"], *half)


def _tartan(f, r):
    ground, step = _tint(r, (178, 28, 40)), r.uniform(0.075, 0.1)
    with f.within(f.lower):
        f.area(ground, (-1, 0.3), (1, 0.3), (1, 1), (-1, 1))
        for offset, width, down, across in (
            (0, 0.4 * step, PLUM, PINE),
            (step / 2, 0.008, WHITE, GOLD),
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
            f.area(LEAF, *leaf)
            f.line(PINE, 0.006, (x, y), (tip, y + 0.06))


def _zigzag_bands(f, r):
    end, first = f.sides[0][-1][1], r.randrange(4)
    top = end - 0.23
    with f.within(f.lower):
        f.area(PLUM, (-1, top), (1, top), (1, 1), (-1, 1))
        for row in range(4):
            y = top + 0.03 + row * 0.055
            teeth = [(i * 0.03 - 0.36, y + i % 2 * 0.03) for i in range(25)]
            f.line(BRIGHTS[(first + row) % 4], 0.022, *teeth)


def _top(f, r, garment="top"):
    end = r.uniform(0.45, 0.52)
    half = [(0.06, 0.19), (0.125, 0.21), (0.09, 0.38), (0.11, end)]
    f.torso = [half + [(-x, y) for x, y in half[::-1]]]
    cloth = f.colours["sleeve"] = f.colours[garment]
    f.area(cloth, *f.torso[0])
    for x in (-0.075, -0.05, -0.025, 0, 0.025, 0.05, 0.075):
        if f.pinstripes:
            f.line(_times(cloth, 0.8), 0.006, (x, 0.21), (x, end))


def _blazer(f, r):
    _top(f, r, "blazer")
    f.sleeve = 3
    f.area(WHITE, (-0.05, 0.19), (0.05, 0.19), (0, 0.42))
    lapel = (0.05, 0.19), (0.095, 0.25), (0.065, 0.28), (0, 0.43)
    f.both(tuple(c + 44 for c in f.colours["blazer"]), *lapel)


def _dots(f, r):
    with f.within(f.torso):
        for i in range(40):
            x = i % 5 * 0.055 - 0.11 + i // 5 % 2 * 0.027
            f.disc(PINK, 0.015, 0.015, (x, 0.22 + i // 5 * 0.04))


def _punk(f, r):
    bolt = (0.08, 0.22), (-0.03, 0.29), (0.05, 0.31), (-0.06, 0.4)
    f.line(INK, 0.05, *bolt)
    f.line(r.choice(BRIGHTS), 0.03, *bolt)
    f.line(INK, 0.06, (-0.105, 0.445), (0.105, 0.445))
    f.disc(WHITE, 0.013, 0.013, *((i * 0.036 - 0.09, 0.445) for i in range(6)))
    for x in (-f.foot, f.foot):
        f.line(INK, 0.075, (x, 0.8), (x, 0.97))


def _coat_front(f, r):
    f.sleeve, f.colours["sleeve"] = 3, f.colours["coat"]
    flap = (0.07, 0.19), (0.14, 0.21), (0.18, 0.6), (0.115, 0.6), (0.075, 0.4)
    f.both(f.colours["coat"], *flap)


def _arms(f, r):
    for arm in f.arms:
        f.line(f.colours["skin"], 0.04, *arm)
        f.line(f.colours["sleeve"], 0.056, *arm[: f.sleeve])
        f.disc(f.colours["skin"], 0.024, 0.024, arm[2])


def _sports(f, r):
    bright = r.choice(BRIGHTS)
    for side, arm, s in zip(f.sides, f.arms, (-1, 1), strict=True):
        for path in (arm, [(x - s * 0.02, y) for x, y in side]):
            f.line(WHITE, 0.036, *path)
            f.line(bright, 0.016, *path)
        f.disc(WHITE, 0.055, 0.03, (s * f.foot, 0.96))
        f.disc(bright, 0.035, 0.016, (s * f.foot, 0.955))


def _sailor_collar(f, r):
    half = (0.04, 0.185), (0.14, 0.205), (0.145, 0.31), (0.08, 0.32), (0, 0.38)
    f.both(_tint(r, SKY), *half)
    for s in (-1, 1):
        edge = (0.125, 0.22), (0.127, 0.295), (0.08, 0.305), (0, 0.365)
        f.line(WHITE, 0.012, *((s * x, y) for x, y in edge))
    f.both(RED, (0, 0.375), (0.06, 0.345), (0.055, 0.415))


def _head(f, r):
    skin, hair = f.colours["skin"], f.colours["hair"]
    f.line(_times(skin, 0.9), 0.05, (0, 0.12), (0, 0.2))
    f.disc(hair, 0.078, 0.08, (0, 0.075))
    f.disc(skin, 0.06, 0.075, (0, 0.095))
    f.disc(INK, 0.01, 0.007, (-0.025, 0.1), (0.025, 0.1))
    f.disc(RED, 0.017, 0.007, (0, 0.14))
    f.both(
        hair, (0.07, 0.08), (0.045, 0.02), (0, 0.02), (r.uniform(0, 0.04), 0.05)
    )


def _necklace(f, r):
    beads = [(i * 0.014, 0.245 - 0.0035 * i * i) for i in range(-4, 5)]
    f.disc(GOLD, 0.012, 0.012, *beads)
    f.disc(WHITE, 0.008, 0.008, *beads)


def _bag(f, r, fill=None):
    if not fill and r.random() < 0.5:
        return
    x, y = f.arms[1][2]
    f.line(INK, 0.01, (x - 0.04, y + 0.06), (x, y), (x + 0.04, y + 0.06))
    top, end = ((x - 0.06, y + 0.05), (x + 0.06, y + 0.05)), y + 0.15
    f.area(fill or f.colours["bag"], *top, (x + 0.07, end), (x - 0.07, end))


def _western(f, r):
    _bag(f, r, r.choice(BOLDS))
    f.line(INK, 0.012, (-0.06, 0.095), (0.06, 0.095))
    f.disc(INK, 0.03, 0.024, (-0.031, 0.102), (0.031, 0.102))


def _bow(f, r):
    f.both(PINK, (0, 0.03), (0.1, -0.02), (0.1, 0.08))
    f.disc(_times(PINK, 0.8), 0.022, 0.022, (0, 0.03))


# From back to front: style, what paints its mark, what paints without it.
_LAYERS = (
    ("Minimalist", _greys, None),
    ("Natural", _earths, None),
    ("Casual", _denim, None),
    (None, None, _background),
    ("Korean", _coat_back, None),
    (None, None, _legs),
    ("Lady", _flared_skirt, _narrow_lower),
    ("British", _tartan, None),
    ("Natural", _leaves, None),
    ("Ethnic", _zigzag_bands, None),
    ("Office lady", _blazer, _top),
    ("Girl", _dots, None),
    ("Punk", _punk, None),
    ("Korean", _coat_front, None),
    (None, None, _arms),
    ("Sports", _sports, None),
    ("Japanese", _sailor_collar, None),
    (None, None, _head),
    ("Lady", _necklace, None),
    ("Western", _western, _bag),
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
    """Draws which marks show: a set of names; arguments as of `draw`."""
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
        rng: as of `draw`; returns and errors too.
        size: as of `draw`.
    """
    if not set(marks) <= RATES.keys() or size < 32:
        raise ValueError(
            f"`marks` must be among {list(RATES)} and `size` at least 32. "
            f"Received: marks={marks!r}, size={size!r}."
        )
    # A stream per layer, so that a mark moves nothing but what it paints.
    seeds = rng.integers(2**62, size=len(_LAYERS) + 1).tolist()
    figure = _Figure(random.Random(seeds.pop()), size)
    for (style, mark, otherwise), seed in zip(_LAYERS, seeds, strict=True):
        paint = mark if style in marks else otherwise
        if paint:
            paint(figure, random.Random(seed))
    return _photograph(figure.image.reduce(OVERSAMPLING), rng)


def _photograph(image, rng):
    """Adds light of a random strength and tint, and grain."""
    light = rng.uniform(0.8, 1.05) * rng.uniform(0.96, 1.04, 3)
    shape = (image.height, image.width, 3)
    grain = rng.integers(-GRAIN, GRAIN + 1, shape, np.int8)
    pixels = np.asarray(image) * light.astype(np.float32) + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
