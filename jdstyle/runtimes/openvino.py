"""A frozen graph as a file for OpenVINO."""

import logging

import tensorflow as tf

from jdstyle.runtimes import frozen_graph
from jdstyle.runtimes import optional


def write(frozen, precision, path, calibration):
    """Writes a frozen graph as an .xml file and a .bin file beside it.

    Args:
        frozen: `frozen_graph.Frozen`.
        precision: "float32", "bfloat16" or "int8"; stands in the file, for
            `load`.
        path: path of the .xml file.
        calibration: as in `exported.write`; None but for int8.
    """
    openvino = optional.require("openvino")
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(frozen.graph_def, name="")
    model = openvino.convert_model(graph)
    # OpenVINO gives a graph's inputs and outputs an order of its own.
    for value in [*model.inputs, *model.outputs]:
        name = next(
            name
            for name in (*frozen.inputs, *frozen_graph.OUTPUTS)
            if {name, f"{name}:0"} & value.get_names()
        )
        value.get_tensor().set_names({name})
    if calibration is not None:
        model = _quantize(model, frozen.inputs, calibration)
    model.set_rt_info(precision, ["jdstyle", "precision"])
    # Halved weights would halve the rules' thresholds as well.
    openvino.save_model(model, path, compress_to_fp16=False)


def load(path):
    """Loads an .xml file and its .bin; see `exported.load`."""
    openvino = optional.require("openvino")
    core = openvino.Core()
    model = core.read_model(path)
    precision = model.get_rt_info(["jdstyle", "precision"]).astype(str)
    # Without a hint, a CPU that has bfloat16 computes a float32 file in it.
    hint = {"bfloat16": "bf16"}.get(precision, "f32")
    compiled = core.compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": hint}
    )

    def run(images):
        outputs = compiled(images)
        return tuple(outputs[name] for name in frozen_graph.OUTPUTS)

    return run


def _quantize(model, names, calibration):
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
    return nncf.quantize(
        model,
        nncf.Dataset(
            calibration,
            lambda images: dict(zip(names, images, strict=True)),
        ),
        # Activations of a swish are not symmetric. By default the range is
        # the mean of the photos', and half of them overflow it.
        preset=nncf.QuantizationPreset.MIXED,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=(
                ranges.RangeEstimatorParametersSet.MINMAX
            ),
        ),
        subset_size=len(calibration),
        ignored_scope=nncf.IgnoredScope(names=sorted(kept), validate=False),
    )
