"""The built-in data set: drawings of people in garments, no download.

Labels follow the real joint distribution: the 192 label sets of the 54,908
training rows of the JD AI Fashion Challenge with their counts
(`label_sets.csv`). Rare styles are raised to `MIN_POSITIVES`.
"""

import csv
import importlib.resources
import io

import numpy as np
import tensorflow_datasets as tfds

from jdstyle import styles
from jdstyle.datasets import builder
from jdstyle.datasets import labels
from jdstyle.datasets.demo import drawings

NUM_PHOTOS = 4000
MIN_POSITIVES = 40  # Of 4,000: in the real rows Sports would have 8.


class Demo(builder.PhotoBuilder):
    """4,000 drawings; each style leaves a visible but noisy mark.

    Args:
        options: `builder.Options`.
        num_photos: int, fewer for a test.
        **kwargs: of `tfds.core.GeneratorBasedBuilder`.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, options, num_photos=NUM_PHOTOS, **kwargs):
        drawn = draw_labels(num_photos, seed=options.seed)
        rows = [
            labels.Row(
                id=f"demo{i:05d}",
                path=None,
                labels=tuple(row),
                split=None,
                fold=None,
                group=None,
                where=f"drawing {i}",
            )
            for i, row in enumerate(drawn.tolist())
        ]
        super().__init__(
            style_names=styles.NAMES,
            rows=rows,
            # Drawn one by one: alike in shape, yet none is another's copy.
            options=options._replace(duplicates="off"),
            **kwargs,
        )

    def _read_photo(self, row):
        number = int(row.id.removeprefix("demo"))
        rng = np.random.default_rng([self.options.seed, number])
        file = io.BytesIO()
        # BMP: `normalise` compresses it once.
        drawings.draw(row.labels, rng).save(file, "BMP")
        return file.getvalue()


def draw_labels(num_photos, seed, min_positives=MIN_POSITIVES):
    """Draws label sets from the real joint distribution.

    Where a style has too few positives, photos that hold no rare style are
    given label sets with it, drawn from the real ones: P(others | style) stays.

    Args:
        num_photos: int.
        seed: int.
        min_positives: least number of positives per style; scaled down in
            proportion where `num_photos` is less than 4,000.

    Returns:
        int array of 0s and 1s, shape `(num_photos, 13)`.
    """
    sets, counts = read_label_sets()
    rng = np.random.default_rng(seed)
    drawn = sets[rng.choice(len(sets), num_photos, p=counts / counts.sum())]
    least = min(min_positives, min_positives * num_photos // NUM_PHOTOS)
    rare = counts @ sets * num_photos / counts.sum() < 2 * least
    for style in np.argsort(counts @ sets):
        wanting = max(least - int(drawn[:, style].sum()), 0)
        has_style = np.flatnonzero(sets[:, style])
        chances = counts[has_style] / counts[has_style].sum()
        common = np.flatnonzero(~drawn[:, rare].any(axis=1))
        replaced = rng.choice(common, wanting, replace=False)
        drawn[replaced] = sets[rng.choice(has_style, wanting, p=chances)]
    return drawn


def read_label_sets():
    """Returns `(sets, counts)`: int arrays `(192, 13)` and `(192,)`."""
    source = importlib.resources.files("jdstyle.datasets.demo")
    with (source / "label_sets.csv").open(encoding="utf-8") as file:
        rows = np.array(list(csv.reader(file))[1:], int)
    return rows[:, 1:], rows[:, 0]
