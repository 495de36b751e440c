"""Writes a SavedModel's networks and rules as a file for another runtime.

    python -m jdstyle.export --saved_model=RUN/saved_model --format=openvino \\
        --precision=bfloat16

Takes the model of train or fuse. The file maps float images to probabilities
and decisions; it is run beside the SavedModel on photos, and what differs is
printed and written beside it.
"""

import functools

from absl import flags

from jdstyle import cli
from jdstyle.errors import InputError

_SAVED_MODEL = flags.DEFINE_string(
    "saved_model", None, "Directory of the SavedModel."
)
_FORMAT = flags.DEFINE_enum(
    "format",
    None,
    ["onnx", "openvino", "litert"],
    "onnx: an .onnx file. openvino: an .xml file and a .bin file. litert: a "
    ".tflite file.",
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16", "int8"],
    "What the networks compute in. bfloat16 is OpenVINO's alone; int8 is "
    "calibrated on validation photos. The rules stay in float32.",
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The file to write. Default: <saved_model>-<precision> and the format's "
    "suffix.",
)
_DATASET = flags.DEFINE_string(
    "dataset",
    "demo",
    "The data set whose photos check and calibrate: demo, jd_fashion, "
    "deepfashion/coarse, deepfashion/fine or label_table/NAME.",
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared data sets."
)
_SPLIT = flags.DEFINE_enum(
    "split", "test", ["train", "validation", "test"], "Photos that check."
)
_CALIBRATION_PHOTOS = flags.DEFINE_integer(
    "calibration_photos",
    200,
    "Validation photos that say how large the activations get, for int8.",
    lower_bound=1,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Photos per call of the models.", lower_bound=1
)


def main(argv):
    del argv
    for flag in (_SAVED_MODEL, _FORMAT):
        if flag.value is None:
            raise InputError(
                f"--{flag.name} is required: {flags.FLAGS[flag.name].help}"
            )
    # Here, so that --help does not wait for TensorFlow.
    from jdstyle import runtimes
    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.runtimes import comparison
    from jdstyle.runtimes import formats
    from jdstyle.runtimes import frozen_graph

    form, precision = _FORMAT.value, _PRECISION.value
    saved_model = _SAVED_MODEL.value.rstrip("/")
    output = _OUTPUT.value or formats.default_output(
        saved_model, form, precision
    )
    formats.check(form, precision, output)
    builder = prepared.open_prepared(_DATASET.value, _DATA_DIR.value)
    frozen = frozen_graph.freeze(saved_model)
    names, sizes = frozen.style_names, frozen.image_sizes
    read = functools.partial(
        records.read_photos, builder, cache="stream", style_names=names
    )
    photos = read(_SPLIT.value)
    calibration = None
    if precision == "int8":
        calibration = comparison.calibration_photos(
            read("validation"),
            sizes,
            _CALIBRATION_PHOTOS.value,
        )
    formats.write(frozen, form, precision, output, calibration)
    result, differences = comparison.compare(
        photos,
        names,
        comparison.read_images(photos, sizes, _BATCH_SIZE.value),
        frozen.run,
        runtimes.load(output),
    )
    record = {
        "saved_model": saved_model,
        "format": form,
        "precision": precision,
        "inputs": frozen.inputs,
        "styles": names,
        **photos.source._asdict(),
        "split": _SPLIT.value,
        "calibration_photos": len(calibration or []),
    }
    comparison.write(output, record, result, differences)
    print(comparison.format_result(result, differences))
    print(f"Model: {output}")
    print(f"Results: {output}.json")


if __name__ == "__main__":
    cli.run(main)
