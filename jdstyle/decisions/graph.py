"""A product's thresholds: where its graph has them, and others in their place.

Networks, blend and relations stay as they are, to the bit, as do the limits on
the styles of a photo: only the numbers change that probabilities are compared
with. They are a constant of the function `core`, which all signatures call.
"""

import os
import shutil

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import function_pb2
from tensorflow.core.framework import op_def_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import function_def_to_graph
from tensorflow.python.saved_model import fingerprinting_utils

from jdstyle.errors import InputError
from jdstyle.files import places
from jdstyle.files import sums
from jdstyle.files import swap
from jdstyle.serving import loader
from jdstyle.serving import seen

# Between a comparison and the labels: limits turn styles on and off.
_LIMITS = ("Identity", "LogicalAnd", "LogicalNot", "LogicalOr")
# Photos that are decided at a time: `fusion.rules` says why.
_PHOTOS = 1 << 10


class Decided:
    """What decides the photos of a product, apart from its networks.

    Args:
        directory: path of the SavedModel, which is checked.

    Attributes:
        style_names: list of strings.
        thresholds: float32 array `(num_styles,)`.
        has_limits: bool, whether the number of a photo's styles is limited.

    Raises:
        InputError: as `loader.check`, or if the decisions are no comparison
            with thresholds.
    """

    def __init__(self, directory):
        self.style_names = loader.check(directory)
        self._directory = directory
        with open(os.path.join(directory, places.GRAPH_FILE), "rb") as file:
            self._saved = saved_model_pb2.SavedModel.FromString(file.read())
        try:
            self._find()
        except (KeyError, IndexError, ValueError) as error:
            raise InputError(
                f"{directory} does not decide by thresholds as this jdstyle "
                f"writes them ({error}). Make it anew with `train` or `fuse`."
            ) from error

    def _find(self):
        """Finds the comparison behind the labels, and what it compares."""
        meta_graph = self._saved.meta_graphs[0]
        objects = meta_graph.object_graph_def
        (core,) = (
            child.node_id
            for child in objects.nodes[0].children
            if child.local_name == "core"
        )
        (name,) = objects.nodes[core].function.concrete_functions
        (self._function,) = (
            function
            for function in meta_graph.graph_def.library.function
            if function.signature.name == name
        )
        self._nodes = {node.name: node for node in self._function.node_def}
        self._bound = objects.concrete_functions[name].bound_inputs
        outputs = objects.concrete_functions[name].output_signature.dict_value
        # As TensorFlow flattens a dict.
        results = {
            key: self._behind_identity(self._function.ret[output.name])
            for key, output in zip(
                sorted(outputs.fields),
                self._function.signature.output_arg,
                strict=True,
            )
        }
        self._labels = self._node(results["labels"])
        (comparison,) = self._comparisons(self._labels.input[0])
        self._comparison = self._nodes[comparison]
        self.has_limits = (
            self._node(self._labels.input[0]) is not self._comparison
        )
        compared = self._behind_identity(self._comparison.input[0])
        if compared != results["probabilities"]:
            raise ValueError("other numbers than its probabilities")
        self.thresholds = tf.make_ndarray(self._constant())
        if self.thresholds.shape != (len(self.style_names),):
            raise ValueError(f"thresholds of shape {self.thresholds.shape}")

    def _node(self, tensor):
        return self._nodes[tensor.partition(":")[0]]

    def _behind_identity(self, tensor):
        while self._node(tensor).op == "Identity":
            tensor = self._node(tensor).input[0]
        return tensor

    def _comparisons(self, tensor):
        """Returns the names of the comparisons that limits stand on."""
        node = self._node(tensor)
        if node.op == "GreaterEqual":
            return {node.name}
        if node.op not in _LIMITS:
            return set()
        return set().union(*map(self._comparisons, node.input))

    def _constant(self):
        """Returns the `TensorProto` of the thresholds, to read or change."""
        name = self._comparison.input[1].partition(":")[0]
        if name in self._nodes:
            node = self._nodes[name]
        else:
            # TensorFlow hands it to the function; it comes after the images.
            names = [arg.name for arg in self._function.signature.input_arg]
            graph = self._saved.meta_graphs[0]
            place = names.index(name) - len(names)
            bound = graph.object_graph_def.nodes[self._bound[place]]
            (node,) = (
                node
                for node in graph.graph_def.node
                if node.name == bound.constant.operation
            )
        if node.op != "Const":
            raise ValueError(f"thresholds of the kind {node.op}")
        return node.attr["value"].tensor

    def decide(self, probabilities, thresholds, *, limits=True):
        """Decides photos by the product's own operations.

        Args:
            probabilities: float array, shape `(n, num_styles)`, of the product.
            thresholds: float array, shape `(num_styles,)`.
            limits: bool, whether limits on the styles of a photo apply.

        Returns:
            int32 array of 0s and 1s, shape `(n, num_styles)`.
        """
        probabilities = np.asarray(probabilities, np.float32)
        thresholds = np.asarray(thresholds, np.float32)
        if not (limits and self.has_limits):
            return (probabilities >= thresholds).astype(np.int32)
        graph, names = function_def_to_graph.function_def_to_graph_def(
            self._rest()
        )

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, len(thresholds)], tf.float32),
                tf.TensorSpec([len(thresholds)], tf.float32),
            ],
            autograph=False,
        )
        def run(given, limit):
            (found,) = tf.graph_util.import_graph_def(
                graph,
                input_map={"given:0": given, "limit:0": limit},
                return_elements=[names[f"{self._labels.name}:y:0"]],
            )
            return found

        decisions = np.empty(probabilities.shape, np.int32)
        for top in range(0, len(decisions), _PHOTOS):
            block = slice(top, top + _PHOTOS)
            decisions[block] = run(probabilities[block], thresholds)
        return decisions

    def _rest(self):
        """Returns a function of what comes after the probabilities."""
        inputs = {
            self._comparison.input[0]: "given",
            self._comparison.input[1]: "limit",
        }
        rest = function_pb2.FunctionDef(
            signature=op_def_pb2.OpDef(
                name="rest",
                input_arg=[
                    op_def_pb2.OpDef.ArgDef(
                        name=name, type=tf.float32.as_datatype_enum
                    )
                    for name in inputs.values()
                ],
            )
        )
        left, taken = [self._labels.name], set()
        while left:
            name = left.pop()
            if name in taken:
                continue
            taken.add(name)
            node = rest.node_def.add()
            node.CopyFrom(self._nodes[name])
            del node.input[:]
            for tensor in self._nodes[name].input:
                node.input.append(inputs.get(tensor, tensor))
                if tensor not in inputs:
                    left.append(tensor.partition(":")[0])
        return rest

    def write(self, thresholds, directory, *, limits=True, digests=None):
        """Writes the product with other thresholds; the old one stays.

        The last that is done with this object: its graph changes.

        Args:
            thresholds: float array, shape `(num_styles,)`.
            directory: path of the new SavedModel; an older one is replaced.
            limits: as in `decide`.
            digests: None, or list of `sources.photo_digests`, of photos that
                chose the thresholds.
        """
        self._constant().CopyFrom(
            tf.make_tensor_proto(np.float32(thresholds), tf.float32)
        )
        if not limits:
            self._labels.input[0] = f"{self._comparison.name}:z:0"
        with swap.written(directory) as unfinished:
            for name in sums.read(self._directory):
                path = os.path.join(unfinished, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                if name != places.GRAPH_FILE:
                    shutil.copyfile(os.path.join(self._directory, name), path)
            with open(
                os.path.join(unfinished, places.GRAPH_FILE), "wb"
            ) as file:
                file.write(self._saved.SerializeToString(deterministic=True))
            fingerprinting_utils.write_fingerprint(unfinished)
            if digests and seen.read(unfinished) is not None:
                seen.add(unfinished, digests)
            sums.write(unfinished)
