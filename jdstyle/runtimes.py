"""Runs an exported file on batches of images."""

import os

from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.runtimes import formats
from jdstyle.runtimes import frozen_graph
from jdstyle.runtimes import optional


def load(path):
    """Loads what `exporting.write` wrote.

    Args:
        path: a .onnx, .xml (OpenVINO) or .tflite file.

    Returns:
        Function of a list of images, one float32 array `(n, size, size, 3)` per
        size, n > 0, RGB in [0, 255], that returns `(probabilities, labels)`:
        float32 and int32 arrays `(n, styles)`.

    Raises:
        InputError: if there is no such file, if it is not what was written
            (as `sums.check`), or if its runtime is not installed.
    """
    if not os.path.exists(path):
        raise InputError(f"No such model: {path}")
    loaders = {
        ".onnx": _load_onnx,
        ".xml": _load_openvino,
        ".tflite": _load_litert,
    }
    suffix = os.path.splitext(path)[1]
    if suffix not in loaders:
        raise InputError(
            f"A model is a file {' '.join(loaders)}. Received: {path}"
        )
    names = list(map(os.path.basename, formats.parts(path)))
    sums.check(os.path.dirname(path) or ".", names)
    return loaders[suffix](path)


def _load_onnx(path):
    onnxruntime = optional.require("onnxruntime")
    options = onnxruntime.SessionOptions()
    # Threads that wait would else burn the cores they wait on.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    names = [given.name for given in session.get_inputs()]
    return lambda images: tuple(
        session.run(frozen_graph.OUTPUTS, dict(zip(names, images, strict=True)))
    )


def _load_openvino(path):
    openvino = optional.require("openvino")
    core = openvino.Core()
    model = core.read_model(path)
    precision = model.get_rt_info(["jdstyle", "precision"]).astype(str)
    # Without a hint, what has bfloat16 computes a float32 file in it.
    hint = {"bfloat16": "bf16"}.get(precision, "f32")
    compiled = core.compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": hint}
    )

    def run(images):
        outputs = compiled(images)
        return tuple(outputs[name] for name in frozen_graph.OUTPUTS)

    return run


def _load_litert(path):
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
