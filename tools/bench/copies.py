"""Pictures and copies of them, for the bench of near-duplicates."""

import io
import pathlib
import typing

import numpy as np
from PIL import Image
from PIL import ImageDraw

from jdstyle.datasets import folds
from jdstyle.datasets import near_duplicates
from jdstyle.photos import looks

find = near_duplicates.find


def _crop(image, share, rng):
    """Cuts a share of each side's length off, on both ends by chance."""
    left, top = rng.uniform(0, share, 2)
    return image.crop(
        (
            round(image.width * left),
            round(image.height * top),
            round(image.width * (1 - share + left)),
            round(image.height * (1 - share + top)),
        )
    )


def _scale(image, factor):
    size = [round(side * factor) for side in image.size]
    return image.resize(size, Image.Resampling.BICUBIC)


def _change(image, function):
    values = np.asarray(image, np.float32)
    return Image.fromarray(function(values).clip(0, 255).round().astype("u1"))


# Each is saved as JPEG of the quality.
COPIES = {
    "quality 50": (50, lambda image, rng: image),
    "quality 75": (75, lambda image, rng: image),
    "quality 95": (95, lambda image, rng: image),
    "half size": (80, lambda image, rng: _scale(image, 0.5)),
    "a third": (85, lambda image, rng: _scale(image, 1 / 3)),
    "1.5 times": (85, lambda image, rng: _scale(image, 1.5)),
    "crop 1 %": (90, lambda image, rng: _crop(image, 0.01, rng)),
    "crop 2 %": (90, lambda image, rng: _crop(image, 0.02, rng)),
    "crop 3 %": (90, lambda image, rng: _crop(image, 0.03, rng)),
    "crop 4 %": (90, lambda image, rng: _crop(image, 0.04, rng)),
    "crop 5 %": (90, lambda image, rng: _crop(image, 0.05, rng)),
    "x 0.7": (90, lambda image, rng: _change(image, lambda v: v * 0.7)),
    "x 0.85": (90, lambda image, rng: _change(image, lambda v: v * 0.85)),
    "x 1.15": (90, lambda image, rng: _change(image, lambda v: v * 1.15)),
    "x 1.3": (90, lambda image, rng: _change(image, lambda v: v * 1.3)),
    "contrast 0.8": (
        90,
        lambda image, rng: _change(image, lambda v: v * 0.8 + 25.6),
    ),
    "gamma 0.8": (
        90,
        lambda image, rng: _change(image, lambda v: 255 * (v / 255) ** 0.8),
    ),
}
_OF_BRIGHTNESS = [
    name for name in COPIES if name[0] in "xcg" and "crop" not in name
]


class Score(typing.NamedTuple):
    """How well the copies of a set's pictures are found.

    Attributes:
        pictures: how many different ones.
        precision: of the pairs that are found.
        recall: mean over the kinds of copies.
        recalls: dict from the kind to its recall.
        joined: different pictures that share a group with another when there
            are no copies.
        before: the same with the hash of 4 gray levels.
    """

    pictures: int
    precision: float
    recall: float
    recalls: dict[str, float]
    joined: int
    before: int

    def cells(self):
        """Returns the texts of a row below `COLUMNS`."""
        worst = min(self.recalls, key=self.recalls.get)
        return [
            f"{self.pictures:,}",
            f"{self.precision:.4f}",
            f"{self.recall:.4f}",
            f"{self.recalls[worst]:.2f} ({worst})",
            f"{self.joined:,}",
            f"{self.before:,}",
        ]


COLUMNS = [
    *("pictures", "precision", "recall", "least recall"),
    *("joined without copies", "before"),
]


def pictures(name, photos_dir, most, made, seed=1):
    """Makes or reads the different pictures of a set.

    Args:
        name: one of the sets.
        photos_dir: folder of JPEGs for the real ones, or None.
        most: int, how many of these to take.
        made: int, how many to make otherwise.
        seed: int, of the made ones; real ones begin with that photo, so that
            two seeds share none while `most` is at most half of them.

    Returns:
        List of `PIL.Image.Image`, RGB; empty without photos.
    """
    if name not in ("real", "tenth", "twentieth"):
        rng = np.random.default_rng(seed)
        drawn = [globals()[f"_{name}"](rng, i) for i in range(made)]
        return [_saved(image, 92) for image in drawn]
    paths = sorted(pathlib.Path(photos_dir or "/nowhere").rglob("*.jpg"))
    step = max(len(paths) // most, 1)
    images = []
    for path in paths[seed % step :: step][:most]:
        with Image.open(path) as image:
            images.append(image.convert("RGB"))
    part = {"real": 1, "tenth": 0.1, "twentieth": 0.05}[name]
    if part < 1:
        images = [
            _saved(_change(image, lambda v: v * part), 92) for image in images
        ]
    return images


def score(name, images, seed=1):
    """Returns the `Score` of a set, given its pictures."""
    rng = np.random.default_rng(seed + 1)
    chosen = range(0, len(images), 2)
    kinds = [
        kind for kind in COPIES if name != "solid" or kind not in _OF_BRIGHTNESS
    ]
    found, old, source = [], [], []
    for i, image in enumerate(images):
        of_one = [image]
        if i in chosen:
            for kind in kinds:
                quality, change = COPIES[kind]
                of_one.append(_saved(change(image, rng), quality))
        found += [looks.look(copy) for copy in of_one]
        old += [_old_hash(copy) for copy in of_one]
        source += [i] * len(of_one)
    source, found = np.array(source), np.stack(found)
    first = np.searchsorted(source, np.arange(len(images)))
    groups = find(found)
    recalls = {
        kind: float(np.mean(groups[first[::2] + 1 + i] == groups[first[::2]]))
        for i, kind in enumerate(kinds)
    }
    return Score(
        len(images),
        _precision(groups, source),
        float(np.mean(list(recalls.values()))),
        recalls,
        _joined(find(found[first])),
        _joined(_old_groups(np.array(old)[first])),
    )


def _precision(groups, source):
    _, both = np.unique(np.stack([groups, source]), axis=1, return_counts=True)
    right, all_pairs = (
        np.sum(sizes * (sizes - 1)) for sizes in (both, np.bincount(groups))
    )
    return float(right / max(all_pairs, 1))


def _joined(groups):
    return int(np.sum(np.bincount(groups)[groups] > 1))


def _old_hash(image):
    """The hash before: its margin was 4 gray levels."""
    cells = image.convert("L").resize((32, 32), Image.Resampling.BOX)
    waves = looks._cosines()
    return (waves @ np.asarray(cells, float) @ waves.T).ravel()[1:] > 4


def _old_groups(bits):
    """The groups before: at most 24 bits differ."""
    signs = np.where(bits, 1, -1).astype(np.float32)
    rows, columns = np.nonzero(signs @ signs.T >= looks.NUM_BITS - 48)
    return folds.components(rows, columns, len(bits))


def made_looks(kind, number, file):
    """Writes made looks to a file; returns them as a `numpy.memmap`.

    Args:
        kind: "different"; "equal hashes", of different thumbnails; "copies",
            of a thumbnail with a little noise.
        number: int.
        file: binary file, open for writing.
    """
    photos = np.memmap(file, looks.LOOK, "w+", shape=(number,))
    rng = np.random.default_rng(0)
    whole = rng.normal(0, 40, photos["cells"].shape[1:])
    for i in range(number):
        cells = whole
        if kind != "copies":
            coarse = rng.integers(0, 256, (8, 8, 3)).astype("u1")
            cells = np.asarray(
                Image.fromarray(coarse).resize((32, 32), 2), float
            )
        cells = cells + rng.normal(0, 2, cells.shape)
        mean = cells.mean(axis=(0, 1))
        cells -= mean
        photos[i]["mean"] = mean
        photos[i]["spread"] = np.sqrt(np.mean(cells**2))
        photos[i]["cells"] = cells * (127 / np.abs(cells).max())
        bits = rng.integers(0, 256, 32) if kind == "different" else 85
        photos[i]["bits"] = bits
    return photos


def _saved(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _with_noise(values, rng, noise):
    values = values + rng.normal(0, noise, values.shape)
    return Image.fromarray(values.clip(0, 255).round().astype("u1"))


def _scene(rng):
    image = Image.new("RGB", (192, 256), tuple(rng.integers(0, 256, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(8):
        x, y = rng.integers(0, 192), rng.integers(0, 256)
        box = [x, y, *(rng.integers(20, 120, 2) + (x, y))]
        shape = draw.rectangle if rng.random() < 0.5 else draw.ellipse
        shape(box, fill=tuple(rng.integers(0, 256, 3)))
    return np.asarray(image, np.float32)


def _woven(rng, i):
    period = rng.integers(3, 10)
    y, x = np.mgrid[:256, :256] // period
    mask = [(x + y) % 2, x % 2, y % 2][i % 3][..., np.newaxis]
    colours = rng.integers(0, 256, (2, 3))
    return _with_noise(np.where(mask, *colours), rng, 8)


def _solid(rng, i):
    del i
    return _with_noise(np.ones((256, 256, 3)) * rng.integers(0, 256, 3), rng, 2)


def _hazy(rng, i):
    del i
    return _with_noise(_scene(rng) * 0.06 + 170, rng, 0.5)


def _dark(rng, i):
    del i
    return _with_noise(_scene(rng) * 0.05, rng, 0.5)


def _jewellery(rng, i):
    """A ring, beads, a stone or a chain, 20 to 44 pixels of 256 wide."""
    image = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(image)
    x, y = rng.integers(118, 138, 2).tolist()
    size = int(rng.integers(10, 22))
    colour = tuple(rng.integers(0, 200, 3))
    near = [tuple((x, y) + rng.integers(-size, size, 2)) for _ in range(6)]
    if i % 4 == 0:
        box = [x - size, y - size, x + size, y + size]
        draw.ellipse(box, outline=colour, width=int(rng.integers(2, 6)))
    elif i % 4 == 1:
        for j in range(int(rng.integers(3, 8))):
            left, top = x - size + 6 * j, y + int(rng.integers(-6, 6))
            draw.ellipse([left, top, left + 6, top + 8], fill=colour)
    elif i % 4 == 2:
        draw.polygon(near[:5], fill=colour)
    else:
        draw.line(near, fill=colour, width=3)
    return _with_noise(np.asarray(image, np.float32), rng, 1)
