"""Made photos and label tables, for the benches of whole programs."""

import csv
import os

STYLES = tuple(f"style{i:02}" for i in range(13))


def write_table(folder, num_photos, side, styles=STYLES, *, folds=False):
    """Writes photos of noise in large cells and their table, unless there.

    Photos cost a fraction of drawn garments to make, are as costly to decode,
    and no two are alike.

    Args:
        folder: path; takes `photos.csv` and a folder of JPEGs.
        num_photos: int.
        side: int, height and width in pixels.
        styles: names; a photo has each style with 1/4, at least one.
        folds: adds a column `fold`, in which a tenth of the photos trains and
            the rest validates.

    Returns:
        Path of the table.
    """
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    table = os.path.join(folder, "photos.csv")
    if os.path.isfile(table):
        return table
    labels = rng.random((num_photos, len(styles))) < 0.25
    chosen = rng.integers(0, len(styles), num_photos)
    labels[np.arange(num_photos), chosen] = True
    rows = [["image", *styles, *(["fold"] if folds else [])]]
    for i in range(num_photos):
        if i % 1000 == 0:
            os.makedirs(os.path.join(folder, f"{i // 1000:03}"))
        image = f"{i // 1000:03}/{i:06}.jpg"
        cells = rng.integers(0, 256, (12, 12, 3), np.uint8)
        photo = Image.fromarray(cells).resize((side, side), Image.BILINEAR)
        if side > 300:  # Grain: as many bytes as a photo has.
            grain = rng.integers(0, 25, (side, side, 1), np.uint8)
            photo = Image.fromarray(np.asarray(photo) // 2 + 60 + grain)
        photo.save(os.path.join(folder, image), "JPEG", quality=80)
        fold = [1 if i % 10 == 0 else 2] if folds else []
        rows.append([image, *map(int, labels[i]), *fold])
    with open(table, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return table


def prepare(folder, num_photos, side):
    """Runs `prepare` on made photos; returns its `processes.Cost`."""
    import processes

    photos = os.path.join(folder, f"{num_photos}-{side}")
    os.makedirs(photos, exist_ok=True)
    return processes.run(
        *("-m", "jdstyle.prepare", "--dataset=label_table/made"),
        f"--table={write_table(photos, num_photos, side)}",
        f"--data_dir={os.path.join(photos, 'data')}",
        "--overwrite",
    )


def export_model(folder, backbone, image_size, style_names):
    """Exports a network that is not trained; returns the SavedModel's path.

    Args:
        folder: path; takes the SavedModel.
        backbone: name of a backbone.
        image_size: height and width, in pixels.
        style_names: list of strings.
    """
    from jdstyle.models import classifier
    from jdstyle.serving import saved_model

    model = classifier.build(
        classifier.Architecture(backbone, image_size, len(style_names))
    )
    directory = os.path.join(folder, "saved_model")
    thresholds = [0.5] * len(style_names)
    saved_model.export(
        saved_model.Thresholded(model, thresholds), style_names, directory
    )
    return directory
