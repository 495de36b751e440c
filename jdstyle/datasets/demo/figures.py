"""A person in plain garments: what every drawing starts from.

Parts of the picture are functions `(f, r)` that paint on a `Figure` f with
the chance of a `random.Random` r.
"""

import contextlib

import numpy as np
from PIL import Image
from PIL import ImageDraw

OVERSAMPLING = 2  # Painted larger, then averaged down: smooth edges.
GRAIN = 14  # Pixel noise is uniform in [-GRAIN, GRAIN] of 255.

_LEATHERS = ((40, 34, 34), (90, 50, 40), (150, 60, 60))
# Garments without a mark are never grey, beige, earthy or denim blue.
PALETTES = {
    "skin": ((247, 216, 192), (229, 184, 150), (190, 138, 102), (122, 80, 58)),
    "hair": ((28, 22, 22), (66, 40, 26), (120, 74, 40), (196, 152, 88)),
    "blazer": ((84, 22, 42), (20, 62, 54), (62, 30, 78), (28, 30, 80)),
    "top": ((226, 120, 120), (232, 190, 90), (130, 200, 170), (170, 130, 210)),
    "lower": ((122, 34, 58), (30, 104, 92), (98, 54, 122), (190, 92, 60)),
    "shoes": _LEATHERS,
    "coat": ((206, 176, 130),),
    "bag": _LEATHERS,
}
DENIM, EARTHS = (62, 104, 168), ((112, 112, 50), (88, 96, 44), (134, 96, 44))
BRIGHTS = ((255, 60, 60), (255, 220, 40), (60, 230, 255), (120, 255, 80))
BOLDS = ((240, 24, 30), (255, 190, 0), (0, 60, 235))
WHITE, INK, PINK = (246, 246, 242), (18, 16, 20), (255, 96, 172)
GOLD, SKY, RED = (200, 150, 40), (110, 176, 240), (226, 30, 50)
PLUM, PINE, LEAF = (90, 20, 60), (24, 60, 50), (168, 214, 84)


class Figure:
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
        self.colours = {k: tint(r, r.choice(v)) for k, v in PALETTES.items()}

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


def tint(r, colour, spread=14):
    """Returns an RGB tuple at most `spread` from `colour` per channel."""
    return tuple(c + r.randint(-spread, spread) for c in colour)


def times(colour, factor):
    """Returns an RGB tuple, scaled and rounded down."""
    return tuple(int(c * factor) for c in colour)


def _arm(r, side):
    elbow, hand = r.uniform(0.14, 0.19), r.uniform(0.13, 0.23)
    return (side * 0.11, 0.23), (side * elbow, 0.37), (side * hand, 0.51)


def background(f, r):
    """Paints wall, things on it and floor over the whole picture."""
    grey = r.randint(90, 220)
    wall = tuple(grey + r.randint(-35, 35) for _ in range(3))
    blots = Image.frombytes("RGB", (5, 6), r.randbytes(90))
    blots = blots.resize(f.image.size, Image.Resampling.BICUBIC)
    base = Image.new("RGB", f.image.size, wall)
    f.image.paste(Image.blend(base, blots, r.uniform(0.05, 0.3)))
    for _ in range(r.randint(0, 3)):  # Doors, windows, posts.
        x, y, end = r.uniform(-0.6, 0.6), r.uniform(-0.2, 0.4), r.uniform(-1, 1)
        f.area(tint(r, wall, 30), (x, y), (end, y), (end, 0.9), (x, 0.9))
    floor = times(wall, r.uniform(0.6, 1.1))
    f.area(floor, (-2, 0.9), (2, 0.9), (2, 2), (-2, 2))


def legs(f, r):
    """Paints legs, shoes and the hair behind the back."""
    end = r.choice((0.12, 0.2, 0.32))  # Hair hangs behind the back.
    f.both(f.colours["hair"], (0, 0.05), (0.085, 0.09), (0.08, end), (0, end))
    for x, foot in ((-0.055, -f.foot), (0.055, f.foot)):
        f.line(f.colours["skin"], 0.055, (x, 0.5), (foot, 0.96))
        f.disc(f.colours["shoes"], 0.042, 0.02, (foot * 1.1, 0.97))


def narrow_lower(f, r):
    """Paints trousers or a straight skirt; sets `lower` and `sides`."""
    half = [(0.085, 0.42), (0.115, 0.54), (f.foot + 0.04, 0.93)]
    half += [(f.foot - 0.04, 0.93), (0, 0.58), (0, 0.42)]
    if r.random() < 0.4:  # A skirt instead of trousers.
        end = r.uniform(0.66, 0.76)
        half[2:5] = [(0.1, end), (0, end)]
    f.lower = [[(s * x, y) for x, y in half] for s in (-1, 1)]
    f.sides = [leg[:3] for leg in f.lower]
    f.both(f.colours["lower"], *half)


def top(f, r, garment="top"):
    """Paints a top in the colour of `garment`; sets `torso`."""
    end = r.uniform(0.45, 0.52)
    half = [(0.06, 0.19), (0.125, 0.21), (0.09, 0.38), (0.11, end)]
    f.torso = [half + [(-x, y) for x, y in half[::-1]]]
    cloth = f.colours["sleeve"] = f.colours[garment]
    f.area(cloth, *f.torso[0])
    for x in (-0.075, -0.05, -0.025, 0, 0.025, 0.05, 0.075):
        if f.pinstripes:
            f.line(times(cloth, 0.8), 0.006, (x, 0.21), (x, end))


def arms(f, r):
    """Paints arms, sleeves and hands."""
    for arm in f.arms:
        f.line(f.colours["skin"], 0.04, *arm)
        f.line(f.colours["sleeve"], 0.056, *arm[: f.sleeve])
        f.disc(f.colours["skin"], 0.024, 0.024, arm[2])


def head(f, r):
    """Paints neck, hair and face."""
    skin, hair = f.colours["skin"], f.colours["hair"]
    f.line(times(skin, 0.9), 0.05, (0, 0.12), (0, 0.2))
    f.disc(hair, 0.078, 0.08, (0, 0.075))
    f.disc(skin, 0.06, 0.075, (0, 0.095))
    f.disc(INK, 0.01, 0.007, (-0.025, 0.1), (0.025, 0.1))
    f.disc(RED, 0.017, 0.007, (0, 0.14))
    f.both(
        hair, (0.07, 0.08), (0.045, 0.02), (0, 0.02), (r.uniform(0, 0.04), 0.05)
    )


def bag(f, r, fill=None):
    """Paints a bag: always in the RGB `fill`, without one at times."""
    if not fill and r.random() < 0.5:
        return
    x, y = f.arms[1][2]
    f.line(INK, 0.01, (x - 0.04, y + 0.06), (x, y), (x + 0.04, y + 0.06))
    rim, end = ((x - 0.06, y + 0.05), (x + 0.06, y + 0.05)), y + 0.15
    f.area(fill or f.colours["bag"], *rim, (x + 0.07, end), (x - 0.07, end))


def photograph(image, rng):
    """Adds light of a random strength and tint, and grain."""
    light = rng.uniform(0.8, 1.05) * rng.uniform(0.96, 1.04, 3)
    shape = (image.height, image.width, 3)
    grain = rng.integers(-GRAIN, GRAIN + 1, shape, np.int8)
    pixels = np.asarray(image) * light.astype(np.float32) + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
