"""Looks into a SavedModel before anything in it runs.

A SavedModel is a program. Loading one already runs parts of it, so its file is
parsed as plain data here and compared with what `saved_model.export` writes.
"""

import os
import re

from google.protobuf import message
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from jdstyle.errors import InputError
from jdstyle.files import litter
from jdstyle.files import places
from jdstyle.files import sums
from jdstyle.serving import allowed_operations
from jdstyle.serving import assets

_FILES = re.compile(  # A saved_model.pbtxt, which TensorFlow reads, is none.
    rf"{sums.FILE}|saved_model\.pb|fingerprint\.pb"
    rf"|assets/({'|'.join(map(re.escape, assets.NAMES))})"
    r"|variables/variables\.(index|data-\d{5}-of-\d{5})"
)
_FILES_INPUT = {"image_bytes": "DT_STRING"}
_SCORES = {
    "probabilities": "DT_FLOAT",
    "labels": "DT_INT32",
    "valid": "DT_BOOL",
}
_MEMBERS = {"member_probabilities": "DT_FLOAT"}
# Of fused products, as of version 0.3.0; others may do without.
_OPTIONAL = {"label_set": "DT_INT32"}
# Inputs and outputs of each signature.
_SIGNATURES = {
    "serving_default": (_FILES_INPUT, _SCORES),
    "pixels": ({"images": "DT_FLOAT"}, _SCORES),
    "members": (_FILES_INPUT, _SCORES | _MEMBERS),
}
# TensorFlow's own signature that assigns the assets' paths.
_INITIALISER = "__saved_model_init_op"
_OBJECTS = {
    "asset": ("",),
    "bare_concrete_function": ("",),
    "constant": ("", "tf.TrackableConstant"),
    "function": ("",),
    "user_object": ("",),
    "variable": ("",),
}
_USER_OBJECTS = ("_generic_user_object", "signature_map") + tuple(
    f"trackable_{kind}_wrapper" for kind in ("dict", "list", "tuple")
)
_DTYPES = ("DT_FLOAT", "DT_INT32", "DT_INT64")


def check(directory):
    """Checks that `saved_model.export` may have written a SavedModel.

    Looks at files, assets, signatures, objects and every operation of its graph
    and functions; nothing is loaded or run.

    Args:
        directory: path of the SavedModel.

    Raises:
        InputError: if something else is in it, with the file and the place.
    """
    _check_files(directory)
    path = os.path.join(directory, places.GRAPH_FILE)
    try:
        meta_graph = _read(path)
        _check_content(meta_graph)
        _check_columns(assets.read_styles(directory), meta_graph.signature_def)
        members = meta_graph.signature_def["members"].outputs
        assets.require_whole(
            directory,
            [asset.filename for asset in meta_graph.asset_file_def],
            members["member_probabilities"].tensor_shape.dim[1:2],
        )
        assets.read_short_side(directory)
        assets.read_shares(directory)
    except ValueError as error:
        raise InputError(
            f"{path} is refused and was not run: {error}. jdstyle does not "
            "write such a SavedModel. Use one that `train` or `fuse` wrote."
        ) from error


def _check_files(directory):
    for inside in litter.files_below(directory):
        if not _FILES.fullmatch(inside.replace(os.sep, "/")):
            raise InputError(
                f"{os.path.join(directory, inside)} does not belong to a "
                "SavedModel of jdstyle; nothing was run. Remove it if you know "
                "where it comes from."
            )


def _read(path):
    saved_model = saved_model_pb2.SavedModel()
    try:
        with open(path, "rb") as file:
            saved_model.ParseFromString(file.read())
    except (OSError, message.DecodeError) as error:
        raise ValueError(f"it cannot be read ({error})") from error
    graphs = saved_model.meta_graphs
    if len(graphs) != 1:
        raise ValueError(f"it holds {len(graphs)} graphs")
    meta_graph = graphs[0]
    if not meta_graph.HasField("object_graph_def"):
        raise ValueError("it is of TensorFlow 1")
    return meta_graph


def _check_content(meta_graph):
    found = sorted(a.filename for a in meta_graph.asset_file_def)
    expected = set(found) & set(assets.NAMES) | set(assets.ALWAYS)
    if found != sorted(expected):  # Also of one that is there twice.
        raise ValueError(
            f"its assets are {found}, expected {', '.join(assets.NAMES)}"
        )
    _check_signatures(meta_graph.signature_def)
    _check_objects(meta_graph.object_graph_def)
    savers = _check_graph(meta_graph)
    functions = meta_graph.graph_def.library.function
    names = _check_functions(functions, savers)
    for node in meta_graph.graph_def.node:
        _require_there(node, names)


def _check_signatures(signatures):
    names = set(signatures) - {_INITIALISER}
    if names != set(_SIGNATURES):
        raise ValueError(
            f"its signatures are {', '.join(sorted(names))}, expected "
            f"{', '.join(_SIGNATURES)}"
        )
    for name, (inputs, outputs) in _SIGNATURES.items():
        found = _dtypes(signatures[name].inputs)
        if found != inputs:
            raise ValueError(f"signature {name} takes {found}, not {inputs}")
        found = _dtypes(signatures[name].outputs)
        if found not in (outputs, outputs | _OPTIONAL):
            raise ValueError(f"signature {name} gives {found}, not {outputs}")


def _check_columns(style_names, signatures):
    """Checks that each column of the outputs has a name."""
    for name in _SIGNATURES:
        shape = signatures[name].outputs["probabilities"].tensor_shape
        sizes = [dim.size for dim in shape.dim]
        if sizes != [-1, len(style_names)]:
            raise ValueError(
                f"{assets.STYLES} names {len(style_names)} styles, and the "
                f"probabilities of signature {name} have the shape {sizes}"
            )


def _dtypes(tensors):
    return {
        name: types_pb2.DataType.Name(info.dtype)
        for name, info in tensors.items()
    }


def _check_objects(graph):
    """What TensorFlow builds, restores and initialises while it loads."""
    for node in graph.nodes:
        kind = node.WhichOneof("kind")
        if node.registered_name not in _OBJECTS.get(kind, ()):
            raise ValueError(
                f"it holds an object of the kind {kind} {node.registered_name}"
            )
        if node.registered_saver or node.saveable_objects:
            raise ValueError("an object in it restores itself")
        if (
            kind == "user_object"
            and node.user_object.identifier not in _USER_OBJECTS
        ):
            raise ValueError(
                f"it holds an object of the class {node.user_object.identifier}"
            )
        if kind == "variable":
            dtype = types_pb2.DataType.Name(node.variable.dtype)
            if dtype not in _DTYPES:
                raise ValueError(f"it holds a variable of {dtype}")


def _check_graph(meta_graph):
    """Checks the nodes outside of functions; returns the saver's functions.

    A SavedModel has a function that saves its variables and one that restores
    them. They deal with files, so nothing else may lead to them.
    """
    saver = meta_graph.saver_def
    ends = {
        name.partition(":")[0]
        for name in (saver.save_tensor_name, saver.restore_op_name)
    }
    nodes = meta_graph.graph_def.node
    savers = set()
    for node in nodes:
        _require_known(node, allowed_operations.IN_GRAPH, "the graph")
        called = _called(node.attr)
        if node.name in ends:
            savers |= called
        for name in node.input:
            if name.removeprefix("^").partition(":")[0] in ends:
                raise ValueError(f"node {node.name} uses the saver")
    others = [node for node in nodes if node.name not in ends]
    named = set(meta_graph.object_graph_def.concrete_functions).union(
        *(_called(node.attr) for node in others)
    )
    for signature in meta_graph.signature_def.values():
        named |= {
            info.name.partition(":")[0]
            for info in signature.outputs.values()
            if info.name.partition(":")[0] in ends
        }
    if named & (savers | ends):
        raise ValueError("more than the saver uses the saver's functions")
    return savers


def _check_functions(functions, savers):
    names = {function.signature.name for function in functions}
    if len(names) < len(functions):
        raise ValueError("two of its functions have one name")
    for function in functions:
        name = function.signature.name
        allowed = allowed_operations.IN_FUNCTIONS
        if name in savers:
            allowed = allowed_operations.IN_SAVER
        # TensorFlow may put one such function in the place of another.
        if "api_implements" in function.attr:
            raise ValueError(f"function {name} stands in for others")
        for node in function.node_def:
            _require_known(node, allowed, f"function {name}")
            if _called(node.attr) & savers:
                raise ValueError(f"function {name} uses the saver")
            _require_there(node, names)
    return names


def _require_known(node, allowed, place):
    if node.op not in allowed:
        raise ValueError(
            f"{place} holds the operation {node.op} (node {node.name}), which "
            "is not among those that score photos"
        )


def _require_there(node, names):
    missing = _called(node.attr) - names
    if missing:
        raise ValueError(
            f"node {node.name} calls {', '.join(sorted(missing))}, which it "
            "does not hold"
        )


def _called(attributes):
    """Returns the names of the functions that attributes of a node name."""
    found = set()
    for value in attributes.values():
        for function in (value.func, *value.list.func):
            if function.name:
                found |= {function.name} | _called(function.attr)
    return found
