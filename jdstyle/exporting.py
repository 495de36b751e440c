"""A SavedModel's core as a file for another runtime."""

import os

import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.lite.python import convert

from jdstyle import freezing
from jdstyle import optional
from jdstyle.errors import InputError

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
    """Writes a frozen graph as a file, aside first.

    Args:
        frozen: `freezing.Frozen`.
        form: a key of `PRECISIONS`.
        precision: one of its precisions.
        output: path of the file; one of OpenVINO has a .bin beside it.
        calibration: list of photos, each a list of float32 arrays
            `(1, size, size, 3)`, one per size; for int8.
    """
    os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
    stem, suffix = os.path.splitext(output)
    unfinished = f"{stem}.tmp{suffix}"
    writers = {
        "onnx": _write_onnx,
        "openvino": _write_openvino,
        "litert": _write_litert,
    }
    if precision != "int8":
        calibration = None
    writers[form](frozen, precision, unfinished, calibration)
    if form == "openvino":
        os.replace(f"{stem}.tmp.bin", f"{stem}.bin")
    os.replace(unfinished, output)


def _write_onnx(frozen, precision, path, calibration):
    tf2onnx = optional.require("tf2onnx.convert")
    onnx = optional.require("onnx")
    outputs = [f"{name}:0" for name in freezing.OUTPUTS]
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

    kept = freezing.rules_nodes(
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
            for name in (*frozen.inputs, *freezing.OUTPUTS)
            if {name, f"{name}:0"} & value.get_names()
        )
        value.get_tensor().set_names({name})
    if calibration is not None:
        nncf = optional.require("nncf")
        kept = freezing.rules_nodes(
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
            # Activations of a swish are not symmetric.
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(calibration),
            ignored_scope=nncf.IgnoredScope(names=sorted(kept), validate=False),
        )
    model.set_rt_info(precision, ["jdstyle", "precision"])
    # Halved weights would halve the rules' thresholds as well.
    openvino.save_model(model, path, compress_to_fp16=False)


def _write_litert(frozen, precision, path, calibration):
    graph_def = frozen.graph_def
    if calibration is not None:
        graph_def = with_plain_sigmoids(graph_def)
    function = tf.compat.v1.wrap_function(
        lambda: tf.import_graph_def(graph_def, name=""), []
    )
    tensors, outputs = (
        {name: function.graph.get_tensor_by_name(f"{name}:0") for name in names}
        for names in (frozen.inputs, freezing.OUTPUTS)
    )
    # Only what belongs to an object gets named inputs and outputs.
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.prune(tensors, outputs)], tf.Module()
    )
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            dict(zip(frozen.inputs, images, strict=True))
            for images in calibration
        )
        converter._experimental_calibrate_only = True
    content = converter.convert()
    if calibration is not None:
        content = _quantize_litert(content)
    with open(path, "wb") as file:
        file.write(content)


def _quantize_litert(calibrated):
    """Rounds to 8 bits as TensorFlow's `QuantizationDebugger` does it.

    The converter's own step takes no list of what to leave alone.
    """
    litert = optional.require("ai_edge_litert.interpreter")
    interpreter = litert.Interpreter(model_content=calibrated)
    operations = interpreter._get_ops_details()
    kept = freezing.rules_nodes(
        [
            (i, operation["inputs"], operation["outputs"], operation["op_name"])
            for i, operation in enumerate(operations)
        ],
        lambda kind: kind in ("CONV_2D", "DEPTHWISE_CONV_2D"),
    )
    names = {
        tensor["index"]: tensor["name"]
        for tensor in interpreter.get_tensor_details()
    }
    return convert.mlir_quantize(
        calibrated,
        denylisted_nodes=[
            names[tensor] for i in kept for tensor in operations[i]["outputs"]
        ],
    )


def with_plain_sigmoids(graph_def):
    """Writes the sigmoids behind the networks as 1 / (1 + exp(-x)).

    The quantizer rounds what a sigmoid returns to multiples of 1 / 256, also
    where it is told to leave it alone.
    """
    nodes = [
        (node.name, [_node_name(i) for i in node.input], [node.name], node.op)
        for node in graph_def.node
    ]
    kept = freezing.rules_nodes(nodes, lambda kind: "Conv" in kind)
    result = graph_pb2.GraphDef()
    result.CopyFrom(graph_def)
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, name="x")
        tf.identity(1.0 / (1.0 + tf.exp(-x)), name="y")
    pattern = graph.as_graph_def().node
    for node in list(result.node):
        if node.op != "Sigmoid" or node.name not in kept:
            continue
        places = {"x": node.input[0], "y": node.name}
        node.name = f"{node.name}/replaced"
        for part in pattern:
            if part.name == "x":
                continue
            added = result.node.add()
            added.CopyFrom(part)
            added.name = places.setdefault(
                part.name, f"{node.name}/{part.name}"
            )
            del added.input[:]
            added.input.extend(places[name] for name in part.input)
    return result


def _node_name(tensor):
    return tensor.removeprefix("^").split(":")[0]
