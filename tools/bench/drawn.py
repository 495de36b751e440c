"""Made photos for the benchmarks: drawn garments, the same on every machine."""

import io


def originals(number, side=800):
    """Returns drawn garments as JPEGs of quality 80.

    Args:
        number: int.
        side: int, height and width in pixels.

    Returns:
        List of bytes, at a side of 800 about 100 kB each.
    """
    import numpy as np

    from jdstyle import styles
    from jdstyle.datasets.demo import drawings

    labels = [int(name in ("Lady", "Office lady")) for name in styles.NAMES]
    photos = []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        image = drawings.draw(labels, rng, size=side)
        file = io.BytesIO()
        image.crop((0, side // 8, side, side // 8 + side)).save(
            file, "JPEG", quality=80
        )
        photos.append(file.getvalue())
    return photos


def prepared(photos, short_side=320):
    """Returns the JPEGs as `prepare` stores them."""
    from jdstyle.photos import normalise

    return [normalise.normalise(photo, short_side).jpeg for photo in photos]
