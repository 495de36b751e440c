"""Writes a SavedModel's networks and rules as a file for another runtime.

    python -m jdstyle.export --saved_model=RUN/saved_model --format=openvino \\
        --precision=bfloat16

Takes a SavedModel that `train` or `fuse` wrote. The file maps float images to
probabilities and decisions. It is run beside the SavedModel on photos, and
every decision that differs is printed and written beside it. Without --dataset
they are photos of the data set that the model has learned.
"""

import functools

from absl import flags

from jdstyle import cli
from jdstyle import data_flags
from jdstyle import path_flags
from jdstyle import product_flags
from jdstyle.datasets import labels
from jdstyle.files import places
from jdstyle.runtimes import formats

flags.adopt_module_key_flags(data_flags)
flags.adopt_module_key_flags(product_flags)

_FORMAT = flags.DEFINE_enum(
    "format",
    None,
    list(formats.FORMATS),
    "onnx writes an .onnx file, openvino an .xml file and a .bin file beside "
    "it, litert a .tflite file. Required.",
    required=True,
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    formats.PRECISIONS,
    "What the networks compute in; the rules stay in float32. bfloat16 is for "
    "openvino only; int8 is calibrated on validation photos.",
)
_OUTPUT = path_flags.DEFINE_output(
    "output",
    None,
    "The file to write. By default it stands beside the SavedModel: "
    "<saved_model>-<precision> with the suffix of the format.",
    stream=False,  # It is compared with the SavedModel.
)
_SPLIT = flags.DEFINE_enum(
    "split", "test", labels.SPLITS, "The photos to compare the decisions on."
)
_CALIBRATION_PHOTOS = flags.DEFINE_integer(
    "calibration_photos",
    200,
    "How many validation photos show how large the activations get; used by "
    "--precision=int8 only.",
    lower_bound=1,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Photos per call of the models.", lower_bound=1
)


def main(argv):
    del argv
    file_format, precision = _FORMAT.value, _PRECISION.value
    saved_model = places.beside(product_flags.SAVED_MODEL.value)
    output = _OUTPUT.value or formats.default_output(
        saved_model, file_format, precision
    )
    formats.check(file_format, precision, output)
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.datasets import sources
    from jdstyle.runtimes import comparison
    from jdstyle.runtimes import exported
    from jdstyle.runtimes import frozen_graph
    from jdstyle.serving import assets
    from jdstyle.serving import loader
    from jdstyle.serving import seen

    loader.require_directory(saved_model)
    builder = prepared.open_prepared(
        data_flags.dataset_of(saved_model), data_flags.DATA_DIR.value
    )
    frozen = frozen_graph.freeze(saved_model)
    read = functools.partial(
        records.read_photos,
        builder,
        cache="stream",
        style_names=frozen.style_names,
    )
    photos = read(_SPLIT.value)
    calibration = None
    if precision == "int8":
        calibration = comparison.calibration_photos(
            read("validation"),
            frozen.image_sizes,
            _CALIBRATION_PHOTOS.value,
        )
    digests = sources.photo_digests(builder, photos.ids)
    kind = seen.kind(saved_model, digests, _SPLIT.value)
    record = {
        "saved_model": saved_model,
        "format": file_format,
        "precision": precision,
        "inputs": frozen.inputs,
        "styles": frozen.style_names,
        "short_side": assets.read_short_side(saved_model),
        **photos.source._asdict(),
        "split": _SPLIT.value,
        "calibration_photos": len(calibration or []),
    }
    with exported.written(
        frozen, file_format, precision, output, calibration
    ) as run:
        result, differences = comparison.compare(
            photos,
            kind,
            frozen.style_names,
            comparison.read_images(
                photos, frozen.image_sizes, _BATCH_SIZE.value
            ),
            frozen.run,
            run,
        )
        comparison.write(output, record, result, differences)
    print(comparison.format_result(result, differences))
    print(f"Model: {output}")
    print(f"Results: {output}.json")


if __name__ == "__main__":
    cli.run(main)
