"""The core of a SavedModel as one graph that any runtime can take."""

import typing

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2
from tensorflow.core.framework import graph_pb2
from tensorflow.lite.python import util
from tensorflow.python.framework import convert_to_constants

from jdstyle.serving import loader

OUTPUTS = ("probabilities", "labels")


class Frozen(typing.NamedTuple):
    """A network, or several and their rules, without variables or branches.

    Attributes:
        graph_def: `GraphDef`. Its placeholders are `images_SIZE`, one per size,
            float32 `(n, SIZE, SIZE, 3)`, n > 0, RGB in [0, 255]; its outputs
            `probabilities`, float32 `(n, num_styles)`, and `labels`, int32.
        image_sizes: list of ints, in the order of the inputs.
        style_names: list of strings.
        run: the core itself, as a function like those of `exported.load`.
    """

    graph_def: graph_pb2.GraphDef
    image_sizes: list
    style_names: list
    run: typing.Callable

    @property
    def inputs(self):
        """List of the inputs' names."""
        return [f"images_{size}" for size in self.image_sizes]


def freeze(directory):
    """Freezes the core of a SavedModel of `saved_model.export`.

    The blend's float64 becomes float32 and a missing member's NaN 0.5, which
    the blend does not read: not every runtime has the one, and some multiply
    the other by 0 instead of leaving it out.

    Args:
        directory: path of the SavedModel.

    Returns:
        `Frozen`.

    Raises:
        InputError: as `loader.load_program`.
    """
    loaded, style_names = loader.load_program(directory)
    specs, _ = loaded.core.concrete_functions[0].structured_input_signature
    sizes = [spec.shape[1] for spec in specs]

    @tf.function(
        input_signature=[
            tf.TensorSpec(spec.shape, tf.float32, name=f"images_{size}")
            for spec, size in zip(specs, sizes, strict=True)
        ]
    )
    def core(*images):
        outputs = loaded.core(*images)
        return {name: outputs[name] for name in OUTPUTS}

    function = convert_to_constants.convert_variables_to_constants_v2(
        core.get_concrete_function()
    )
    graph_def = function.graph.as_graph_def()
    # A function's outputs come in the order of their names.
    for name, output in zip(sorted(OUTPUTS), function.outputs, strict=True):
        graph_def.node.add(
            name=name,
            op="Identity",
            input=[output.name.removesuffix(":0")],
            attr={"T": _type(output.dtype)},
        )
    for node in graph_def.node:
        _simplify(node)
    graph_def = _fold_constants(graph_def, sizes)

    def run(images):
        outputs = loaded.core(*map(tf.constant, images))
        return tuple(outputs[name].numpy() for name in OUTPUTS)

    return Frozen(graph_def, sizes, style_names, run)


def rules_nodes(nodes, is_convolution):
    """Names what comes after the last convolution: the head and the rules.

    Decisions compare numbers that may lie close to each other: a format that
    rounds to 8 bits must leave these alone.

    Args:
        nodes: list of `(name, inputs, outputs, kind)` of a graph: a string, two
            lists of anything that identifies a tensor, a string.
        is_convolution: function of a kind.

    Returns:
        Set of the names of the nodes that reach no convolution.
    """
    users = {}
    for name, inputs, _, _ in nodes:
        for tensor in inputs:
            users.setdefault(tensor, []).append(name)
    by_name = {name: (outputs, kind) for name, _, outputs, kind in nodes}
    reaches = {}
    # Depth first with a stack of our own: a network is deeper than Python's.
    for start in by_name:
        stack = [start]
        while stack:
            name = stack[-1]
            outputs, kind = by_name[name]
            after = [user for out in outputs for user in users.get(out, [])]
            unknown = [user for user in after if user not in reaches]
            if name not in reaches and unknown and not is_convolution(kind):
                stack.extend(unknown)
                continue
            reaches.setdefault(
                name,
                is_convolution(kind) or any(reaches[user] for user in after),
            )
            stack.pop()
    return {name for name in by_name if not reaches[name]}


def _fold_constants(graph_def, sizes):
    """Computes what does not depend on images, with TensorFlow's optimiser."""
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    return util.run_graph_optimizations(
        graph_def,
        [graph.get_tensor_by_name(f"images_{size}:0") for size in sizes],
        [graph.get_tensor_by_name(f"{name}:0") for name in OUTPUTS],
        util.get_grappler_config(["constfold", "dependency", "pruning"]),
        graph,
    )


def _simplify(node):
    """Turns a node's float64 to float32 and its constant NaNs to 0.5."""
    for key in node.attr:
        if node.attr[key].type == tf.float64.as_datatype_enum:
            node.attr[key].type = tf.float32.as_datatype_enum
    if node.op != "Const":
        return
    tensor = node.attr["value"].tensor
    if tf.dtypes.as_dtype(tensor.dtype) in (tf.float32, tf.float64):
        values = tf.make_ndarray(tensor)
        if values.dtype == np.float64 or np.isnan(values).any():
            values = np.where(np.isnan(values), 0.5, values)
            tensor.CopyFrom(tf.make_tensor_proto(values.astype(np.float32)))


def _type(dtype):
    value = attr_value_pb2.AttrValue()
    value.type = dtype.as_datatype_enum
    return value
