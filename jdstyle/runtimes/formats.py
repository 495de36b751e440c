"""A SavedModel's core as a file for another runtime."""

import contextlib
import logging
import os

import tensorflow as tf

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import sums
from jdstyle.runtimes import frozen_graph
from jdstyle.runtimes import litert
from jdstyle.runtimes import optional

# Each format's precisions. bfloat16 is a matter of the runtime: OpenVINO alone
# computes a float32 file in it.
PRECISIONS = {
    "onnx": ("float32", "int8"),
    "openvino": ("float32", "bfloat16", "int8"),
    "litert": ("float32", "int8"),
}
_SUFFIXES = {"onnx": ".onnx", "openvino": ".xml", "litert": ".tflite"}
# Of ONNX: the lowest that has what the graph needs for int8 per channel.
_OPSET = 17


def check(form, precision, output):
    """Checks a format, a precision and a path before any work.

    Raises:
        InputError: if they do not go together, or a package is missing.
    """
    if precision not in PRECISIONS[form]:
        raise InputError(
            f"--format={form} has no --precision={precision}. There are: "
            + "; ".join(f"{f} in {', '.join(p)}" for f, p in PRECISIONS.items())
            + "."
        )
    if not output.endswith(_SUFFIXES[form]):
        raise InputError(
            f"--output must end with {_SUFFIXES[form]} for --format={form}. "
            f"Received: {output}"
        )
    if os.path.isdir(output):
        raise InputError(f"A file is to be written, not a folder: {output}")
    needed = {
        "onnx": ["tf2onnx", "onnxruntime"],
        "openvino": ["openvino"],
        "litert": ["ai_edge_litert.interpreter"],
    }[form]
    if (form, precision) == ("openvino", "int8"):
        needed.append("nncf")
    for module in needed:
        optional.require(module)


def default_output(saved_model, form, precision):
    """Names the file beside the SavedModel."""
    return f"{saved_model}-{precision}{_SUFFIXES[form]}"


def write(frozen, form, precision, output, calibration=None):
    """Writes a frozen graph as a file, aside first, and its sums.

    Where that fails, nothing is left of the new file.

    Args:
        frozen: `freezing.Frozen`.
        form: a key of `PRECISIONS`.
        precision: one of its precisions.
        output: path of the file; one of OpenVINO has a .bin beside it.
        calibration: list of photos, each a list of float32 arrays
            `(1, size, size, 3)`, one per size; for int8.
    """
    folder = os.path.dirname(output) or "."
    os.makedirs(folder, exist_ok=True)
    stem, suffix = os.path.splitext(output)
    writers = {
        "onnx": _write_onnx,
        "openvino": _write_openvino,
        "litert": litert.write,
    }
    if precision != "int8":
        calibration = None
    with contextlib.ExitStack() as stack:
        # The last in is renamed first, the .bin: without a sum of its own, an
        # older .xml is refused.
        for path in parts(output):
            ending = os.path.splitext(path)[1]
            stack.enter_context(atomic.renamed(f"{stem}.tmp{ending}", path))
        writers[form](frozen, precision, f"{stem}.tmp{suffix}", calibration)
    sums.write(folder, list(map(os.path.basename, parts(output))))


def parts(path):
    """Lists the files of an exported model: one of OpenVINO has a .bin, too."""
    stem, suffix = os.path.splitext(path)
    return [path, f"{stem}.bin"] if suffix == ".xml" else [path]


def _write_onnx(frozen, precision, path, calibration):
    tf2onnx = optional.require("tf2onnx.convert")
    onnx = optional.require("onnx")
    outputs = [f"{name}:0" for name in frozen_graph.OUTPUTS]
    inputs = [f"{name}:0" for name in frozen.inputs]
    model, _ = tf2onnx.from_graph_def(
        frozen.graph_def,
        name="jdstyle",
        input_names=inputs,
        output_names=outputs,
        opset=_OPSET,
        tensors_to_rename={
            name: name.removesuffix(":0") for name in inputs + outputs
        },
    )
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    if calibration is None:
        onnx.save(model, path)
    else:
        _quantize_onnx(model, frozen.inputs, path, calibration)


def _quantize_onnx(model, names, path, calibration):
    quantization = optional.require("onnxruntime.quantization")

    class Photos(quantization.CalibrationDataReader):
        def __init__(self):
            self._photos = iter(calibration)

        def get_next(self):
            images = next(self._photos, None)
            return images and dict(zip(names, images, strict=True))

    kept = frozen_graph.rules_nodes(
        [(n.name, n.input, n.output, n.op_type) for n in model.graph.node],
        lambda kind: kind == "Conv",
    )
    quantization.quantize_static(
        model,
        path,
        Photos(),
        quant_format=quantization.QuantFormat.QDQ,
        nodes_to_exclude=sorted(kept),
        per_channel=True,
        # x86 multiplies unsigned by signed bytes, and no others fast.
        activation_type=quantization.QuantType.QUInt8,
    )


def _write_openvino(frozen, precision, path, calibration):
    openvino = optional.require("openvino")
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(frozen.graph_def, name="")
    model = openvino.convert_model(graph)
    # A graph's inputs and outputs come in an order of OpenVINO's own.
    for value in [*model.inputs, *model.outputs]:
        name = next(
            name
            for name in (*frozen.inputs, *frozen_graph.OUTPUTS)
            if {name, f"{name}:0"} & value.get_names()
        )
        value.get_tensor().set_names({name})
    if calibration is not None:
        nncf = optional.require("nncf")
        nncf.set_log_level(logging.ERROR)  # A line per node that is left alone.
        ranges = optional.require("nncf.quantization.range_estimator")
        kept = frozen_graph.rules_nodes(
            [
                (
                    node.get_friendly_name(),
                    [i.get_source_output() for i in node.inputs()],
                    node.outputs(),
                    node.get_type_name(),
                )
                for node in model.get_ordered_ops()
            ],
            lambda kind: kind in ("Convolution", "GroupConvolution"),
        )
        model = nncf.quantize(
            model,
            nncf.Dataset(
                calibration,
                lambda images: dict(zip(frozen.inputs, images, strict=True)),
            ),
            # Activations of a swish are not symmetric. By default the range
            # is the mean of the photos', and half of them overflow it.
            preset=nncf.QuantizationPreset.MIXED,
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                activations_range_estimator_params=(
                    ranges.RangeEstimatorParametersSet.MINMAX
                ),
            ),
            subset_size=len(calibration),
            ignored_scope=nncf.IgnoredScope(names=sorted(kept), validate=False),
        )
    model.set_rt_info(precision, ["jdstyle", "precision"])
    # Halved weights would halve the rules' thresholds as well.
    openvino.save_model(model, path, compress_to_fp16=False)
