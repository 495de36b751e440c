"""Recognises the styles of photos with a SavedModel.

    python -m jdstyle.predict --saved_model=RUN/saved_model \\
        --output=predictions.csv PHOTO_OR_FOLDER ...

A folder's photos are found by their content, whatever their names, also behind
links to folders; what is left out is counted. Photos are checked, turned
upright and scaled down as `prepare` does it. One that cannot be read gets a
line in the file of errors and does not stop the rest.

The id of a photo in a folder is its path in that folder, suffix included, as in
a label table; of a photo that is named its name. Where two would have one id,
the ids of all are their paths as they were named.
"""

from absl import flags
from absl import logging

from jdstyle import cli
from jdstyle import path_flags
from jdstyle import prevalence_flags
from jdstyle import product_flags
from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import places

flags.adopt_module_key_flags(product_flags)

_OUTPUT = path_flags.DEFINE_output(
    "output",
    "predictions.csv",
    "The CSV file to write; - is standard output. After a stop, a file beside "
    "it keeps the lines, and the same command goes on from there.",
)
_ERRORS = path_flags.DEFINE_output(
    "errors",
    None,
    "The CSV file that lists photos that cannot be read. By default "
    "<output>.errors.csv, and the log where the output is no file.",
)
_FORMAT = flags.DEFINE_enum(
    "format",
    "csv",
    ["csv", "submission"],
    "csv writes a header, then the id and each style's probability and label. "
    "submission writes the challenge's id,0,1,... without a header, the id "
    "being the photo's name without its folder and suffix.",
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Photos per call of the model.", lower_bound=1
)
_SHORT_SIDE = flags.DEFINE_integer(
    "short_side",
    None,
    "The short side that larger photos are scaled down to, in pixels. By "
    "default that of the photos that trained the model.",
    lower_bound=16,
)
_PREVALENCE = prevalence_flags.define()


def main(argv):
    if len(argv) < 2:
        raise InputError("Name at least one photo or folder.")
    photos = path_flags.expand(argv[1:])
    output, errors = _OUTPUT.value, _ERRORS.value
    if errors is None and not atomic.is_stream(output):
        errors = f"{output}.errors.csv"
        places.require_file(errors, "errors")
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.serving import prediction

    done, failed = prediction.predict(
        product_flags.SAVED_MODEL.value,
        photos,
        output,
        errors,
        submission=_FORMAT.value == "submission",
        batch_size=_BATCH_SIZE.value,
        short_side=_SHORT_SIDE.value,
        shares=_PREVALENCE.value,
    )
    print(f"{done} photos: {output}", file=cli.stream_beside(output))
    if failed:
        logging.warning(
            "%d photos could not be read: %s", failed, errors or "see above"
        )
    if not done:
        raise InputError(
            f"None of the {failed} photos could be read. "
            f"{errors or 'The log'} says why."
        )


if __name__ == "__main__":
    cli.run(main, arguments=True, stopped=cli.GOES_ON)
