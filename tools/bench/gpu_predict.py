"""`predict` beside the network and the host alone; see `gpu.py`."""

import os
import tempfile

# Photos are costly to make: the rest are links to these, decoded each time.
_MADE = 256


def measure_predict(*, backbone, image_size, batch_size, photos, side, blocks):
    """Measures photo files to decisions, with a network that is not trained.

    Args:
        backbone: as a flag of `train`.
        image_size: likewise.
        batch_size: photos per call of the model.
        photos: int, files.
        side: height and width of the files, in pixels.
        blocks: int, rounds that count; one more comes first.

    Returns:
        dict of JSON values: `header`, and `rates`, a dict from "network alone",
        "host alone" and "predict" to photos per second of each round.
    """
    import measure
    from absl import logging

    logging.set_verbosity(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        works = _works(folder, backbone, image_size, batch_size, photos, side)
        turns = measure.alternate(works, blocks)
    return {
        "header": measure.header(
            backbone=backbone, size=image_size, batch=batch_size, photos=photos
        ),
        "rates": {
            name: [photos / turn.wall for turn in taken]
            for name, taken in turns.items()
        },
    }


def _works(folder, backbone, image_size, batch_size, photos, side):
    import made

    from jdstyle.photos import files
    from jdstyle.photos import finding
    from jdstyle.photos import reader
    from jdstyle.serving import assets
    from jdstyle.serving import loader
    from jdstyle.serving import prediction

    model = made.export_model(folder, backbone, image_size, made.STYLES)
    classify, names = loader.load(model)
    short_side = assets.read_short_side(model)
    album = _make_photos(folder, photos, side)

    def read():
        return reader.read_ahead(
            finding.find([album]),
            lambda item: files.read_file(item[1])[0],
            short_side=short_side,
            window=3 * batch_size,
        )

    jpegs = [photo.jpeg for _, photo, _ in read()]

    def network():
        batches = (
            (None, jpegs[top : top + batch_size])
            for top in range(0, len(jpegs), batch_size)
        )
        for _ in loader.run_ahead(classify, batches):
            pass

    def host():
        for _ in read():
            pass

    def predict():
        done, failed = prediction.predict(
            model,
            [album],
            os.path.join(folder, "predictions.csv"),
            os.path.join(folder, "errors.csv"),
            batch_size=batch_size,
        )
        if (done, failed) != (photos, 0):
            raise RuntimeError(f"{failed} of {photos} photos failed.")

    # Loading the model is not measured: it is at hand.
    loader.load = lambda *_: (classify, names)
    return {"network alone": network, "host alone": host, "predict": predict}


def _make_photos(folder, photos, side):
    """Returns a folder of so many photos."""
    import made

    number = min(photos, _MADE)
    made.write_table(folder, number, side)
    originals = os.path.join(folder, "000")
    album = os.path.join(folder, "album")
    os.makedirs(album)
    for i in range(photos):
        source = os.path.join(originals, f"{i % number:06}.jpg")
        os.link(source, os.path.join(album, f"{i:06}.jpg"))
    return album
