"""Draws a photo beside the probabilities that a SavedModel gives its styles.

    python tools/show_prediction.py --saved_model=RUN/saved_model \\
        --output=prediction.png PHOTO

A bar per style, in colour where the style is recognised; a stroke marks the
style's threshold, as `results.json` beside the SavedModel has it.
"""

import os

from jdstyle import cli
from jdstyle import path_flags
from jdstyle.errors import InputError

_SAVED_MODEL = path_flags.DEFINE_path(
    "saved_model", None, "Directory of the SavedModel.", required=True
)
_OUTPUT = path_flags.DEFINE_output(
    "output",
    "prediction.png",
    "PNG file to write. Default: prediction.png.",
)


def main(argv):
    if len(argv) != 2:
        raise InputError(
            f"Name one photo. Received: {len(argv) - 1} arguments."
        )
    (photo,) = path_flags.expand(argv[1:])
    jpeg = _read_photo(photo, _SAVED_MODEL.value)
    thresholds = _read_thresholds(_SAVED_MODEL.value)
    # Not above, so that neither --help nor an error waits for it.
    cli.start_tensorflow()
    import tensorflow as tf

    from jdstyle.serving import loader

    classify, style_names = loader.load(_SAVED_MODEL.value)
    outputs = classify(tf.constant([jpeg]))
    probabilities = outputs["probabilities"].numpy()[0]
    labels = outputs["labels"].numpy()[0]
    _draw(jpeg, style_names, probabilities, labels, thresholds)
    stream = cli.stream_beside(_OUTPUT.value)
    for name, probability, label in zip(
        style_names, probabilities, labels, strict=True
    ):
        answer = "yes" if label else "no"
        print(f"{name:20} {probability:.3f} {answer}", file=stream)
    print(f"Picture: {_OUTPUT.value}", file=stream)


def _read_photo(path, saved_model):
    """Returns a photo as `predict` shows it to a model: an upright JPEG."""
    from jdstyle.photos import files
    from jdstyle.photos import normalise
    from jdstyle.serving import assets

    try:
        data, _ = files.read_file(path)
        short_side = assets.read_short_side(saved_model)
        return normalise.normalise(data, short_side).jpeg
    except (OSError, ValueError, files.PhotoError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _read_thresholds(saved_model):
    from jdstyle.runs import directory

    run = os.path.dirname(os.path.abspath(saved_model))
    path = os.path.join(run, directory.RESULTS_FILE)
    if not os.path.isfile(path):
        raise InputError(
            "--saved_model must lie in its run directory, whose "
            f"{directory.RESULTS_FILE} holds the thresholds. Missing: {path}."
        )
    return directory.read_json(path)["thresholds"]


def _draw(jpeg, style_names, probabilities, labels, thresholds):
    import io

    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    from jdstyle.evaluation import lettering
    from jdstyle.files import atomic

    image = Image.open(io.BytesIO(jpeg))
    num_styles = len(style_names)
    # Inches. The photo is as high as the bars.
    height, width = max(0.26 * num_styles + 0.6, 2.4), 4.4
    photo_width = height * image.width / image.height
    figure = Figure(
        figsize=(photo_width + width, height), dpi=110, layout="constrained"
    )
    photo, bars = figure.subplots(1, 2, width_ratios=(photo_width, width))
    photo.imshow(image)
    photo.axis("off")
    rows = np.arange(num_styles)
    # Okabe and Ito (2008): told apart by colour-blind readers too.
    colours = ["#0072B2" if label else "#BBBBBB" for label in labels]
    bars.barh(rows, probabilities, height=0.7, color=colours)
    bars.vlines(thresholds, rows - 0.45, rows + 0.45, color="black")
    names = lettering.choose(style_names)
    plain = {"parse_math": False, "family": names.families}
    bars.set_yticks(rows, names.texts, **plain)
    bars.set_ylim(num_styles - 0.4, -0.6)  # The first style on top.
    bars.set_xlim(0, 1)
    bars.set_xlabel(
        f"probability (stroke: threshold; blue: recognised){names.note()}",
        **plain,
    )
    bars.spines[["top", "right"]].set_visible(False)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with atomic.aside(_OUTPUT.value, "wb") as file:
        # A photo's noise makes a PNG large; a palette takes a third of it.
        drawn.quantize(256).save(file, "PNG", optimize=True)


if __name__ == "__main__":
    cli.run(main, arguments=True)
