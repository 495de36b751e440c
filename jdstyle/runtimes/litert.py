"""A frozen graph as a file for LiteRT, which was TensorFlow Lite."""

# The schema's classes say that each of their lists may be missing.
# pyright: reportOptionalIterable=false, reportOptionalSubscript=false
# pyright: reportArgumentType=false

import os

import tensorflow as tf
from tensorflow.lite.python import convert
from tensorflow.lite.tools import flatbuffer_utils

from jdstyle.runtimes import frozen_graph
from jdstyle.runtimes import optional


def write(frozen, precision, path, calibration):
    """Writes a frozen graph as a .tflite file.

    Args:
        frozen: `frozen_graph.Frozen`.
        precision: "float32" or "int8".
        path: path of the file.
        calibration: as in `exported.write`; None for float32.
    """
    del precision  # The calibration tells.
    function = tf.compat.v1.wrap_function(
        lambda: tf.import_graph_def(frozen.graph_def, name=""), []
    )
    tensors, outputs = (
        {name: function.graph.get_tensor_by_name(f"{name}:0") for name in names}
        for names in (frozen.inputs, frozen_graph.OUTPUTS)
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
        content = _quantize(content)
    with open(path, "wb") as file:
        file.write(content)


def load(path):
    """Loads a .tflite file; see `exported.load`."""
    interpreter = optional.require("ai_edge_litert.interpreter").Interpreter(
        model_path=path, num_threads=len(os.sched_getaffinity(0))
    )
    runner = interpreter.get_signature_runner()
    names = sorted(
        runner.get_input_details(), key=lambda name: int(name.split("_")[1])
    )

    def run(images):
        outputs = runner(**dict(zip(names, images, strict=True)))
        return tuple(outputs[name] for name in frozen_graph.OUTPUTS)

    return run


def _quantize(calibrated):
    """Rounds to 8 bits as TensorFlow's `QuantizationDebugger` does it.

    The converter's own step takes no list of what to leave alone.
    """
    runtime = optional.require("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_content=calibrated)
    operations = interpreter._get_ops_details()
    kept = frozen_graph.rules_nodes(
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
    return _without_round_trips(
        convert.mlir_quantize(
            calibrated,
            denylisted_nodes=[
                names[tensor]
                for i in kept
                for tensor in operations[i]["outputs"]
            ],
        )
    )


def _without_round_trips(content):
    """Takes out of a file what rounds floats to 8 bits and back at once.

    The quantizer does so to what a sigmoid returns, even where it is told to
    leave it alone: probabilities would be multiples of 1 / 256.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(content)
    codes = [code.builtinCode for code in model.operatorCodes]
    for graph, signature in zip(
        model.subgraphs, model.signatureDefs, strict=True
    ):
        before = {}
        exact = {}
        for operation in graph.operators:
            code = codes[operation.opcodeIndex]
            source, result = operation.inputs[0], operation.outputs[0]
            if code == flatbuffer_utils.schema_fb.BuiltinOperator.QUANTIZE:
                before[result] = source
            if code == flatbuffer_utils.schema_fb.BuiltinOperator.DEQUANTIZE:
                exact[result] = before.get(source, result)
        for operation in graph.operators:
            operation.inputs = [exact.get(i, i) for i in operation.inputs]
        graph.outputs = [exact.get(i, i) for i in graph.outputs]
        for output in signature.outputs:
            output.tensorIndex = exact.get(
                output.tensorIndex, output.tensorIndex
            )
        graph.operators = [
            operation
            for operation in graph.operators
            if exact.get(operation.outputs[0], operation.outputs[0])
            == operation.outputs[0]
        ]
        used = {i for operation in graph.operators for i in operation.inputs}
        graph.operators = [
            operation
            for operation in graph.operators
            if operation.outputs[0] not in before
            or operation.outputs[0] in used
        ]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
