"""A frozen graph as a file for ONNX Runtime."""

from jdstyle.runtimes import frozen_graph
from jdstyle.runtimes import optional

# The lowest that has what the graph needs for int8 per channel.
_OPSET = 17


def write(frozen, precision, path, calibration):
    """Writes a frozen graph as a .onnx file.

    Args:
        frozen: `frozen_graph.Frozen`.
        precision: "float32" or "int8".
        path: path of the file.
        calibration: as in `exported.write`; None for float32.
    """
    del precision  # The calibration tells.
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
        _quantize(model, frozen.inputs, path, calibration)


def load(path):
    """Loads a .onnx file; see `exported.load`."""
    onnxruntime = optional.require("onnxruntime")
    options = onnxruntime.SessionOptions()
    # Threads that wait would otherwise burn the cores they wait on.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    names = [given.name for given in session.get_inputs()]
    return lambda images: tuple(
        session.run(frozen_graph.OUTPUTS, dict(zip(names, images, strict=True)))
    )


def _quantize(model, names, path, calibration):
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
