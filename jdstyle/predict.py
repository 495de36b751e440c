"""Recognises the styles of photos with a SavedModel.

    python -m jdstyle.predict --saved_model=RUN/saved_model \\
        --output=predictions.csv PHOTO_OR_FOLDER ...

Photos are checked and turned upright as `prepare` does it. One that cannot be
read gets a line in the errors file and does not stop the rest.
"""

from absl import flags
from absl import logging

from jdstyle import cli
from jdstyle.errors import InputError

_SAVED_MODEL = flags.DEFINE_string(
    "saved_model", None, "Directory of the SavedModel."
)
_OUTPUT = flags.DEFINE_string("output", "predictions.csv", "The CSV to write.")
_ERRORS = flags.DEFINE_string(
    "errors", None, "CSV of unreadable photos. Default: <output>.errors.csv."
)
_FORMAT = flags.DEFINE_enum(
    "format",
    "csv",
    ["csv", "submission"],
    "csv: id, then probability and label per style, with a header. submission: "
    "the challenge's id,0,1,... without a header.",
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Photos per call of the model.", lower_bound=1
)
_SHORT_SIDE = flags.DEFINE_integer(
    "short_side",
    None,
    "Short side that larger photos are scaled down to, in pixels. The default "
    "is that of the photos that trained the model, which the product knows.",
    lower_bound=16,
)


def main(argv):
    if _SAVED_MODEL.value is None:
        raise InputError("--saved_model is required: a SavedModel's directory.")
    if len(argv) < 2:
        raise InputError("Name at least one photo or folder.")
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.serving import prediction

    errors = _ERRORS.value or f"{_OUTPUT.value}.errors.csv"
    done, failed = prediction.predict(
        _SAVED_MODEL.value,
        argv[1:],
        _OUTPUT.value,
        errors,
        submission=_FORMAT.value == "submission",
        batch_size=_BATCH_SIZE.value,
        short_side=_SHORT_SIDE.value,
    )
    print(f"{done} photos: {_OUTPUT.value}")
    if failed:
        logging.warning("%d photos could not be read: %s", failed, errors)


if __name__ == "__main__":
    cli.run(main, arguments=True)
