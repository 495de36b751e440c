"""Tests for `jdstyle.runtimes.frozen_graph`."""

import numpy as np
import pytest
import tensorflow as tf

from jdstyle.runtimes import frozen_graph
from jdstyle.serving import loader

pytestmark = pytest.mark.long


def run_graph(frozen, images):
    """Runs a frozen graph with TensorFlow alone."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(frozen.graph_def, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(
            [f"{name}:0" for name in frozen_graph.OUTPUTS],
            {
                f"{name}:0": batch
                for name, batch in zip(frozen.inputs, images, strict=True)
            },
        )


def test_frozen_graph_is_the_core(frozen, images):
    assert frozen.inputs == ["images_32", "images_48"]
    assert frozen.style_names == ["bright", "rare"]
    core = frozen.run
    for batch in images:
        expected = core(batch)
        result = run_graph(frozen, batch)
        np.testing.assert_allclose(result[0], expected[0], atol=1e-6)
        np.testing.assert_array_equal(result[1], expected[1])
    assert len({len(batch[0]) for batch in images}) == 2


def test_frozen_graph_has_nothing_that_runtimes_lack(frozen):
    nodes = frozen.graph_def.node
    assert not {n.op for n in nodes} & {
        "Switch", "Merge", "If", "StatelessIf", "PartitionedCall",
        "ReadVariableOp", "VarHandleOp", "MatrixSetDiagV3",
    }  # fmt: skip
    types = {value.type for node in nodes for value in node.attr.values()}
    assert tf.float64.as_datatype_enum not in types
    for node in nodes:
        if node.op == "Const":
            value = tf.make_ndarray(node.attr["value"].tensor)
            if value.dtype == np.float32:
                assert np.isfinite(value).all(), node.name


def test_pixels_are_those_of_the_saved_model(product, frozen, images, photos):
    """Photo files through the signature, pixels through the core."""
    classify, _ = loader.load(product)
    probabilities, _ = loader.predict(classify, photos.stream.batch(16))
    core = frozen.run
    np.testing.assert_allclose(
        np.concatenate([core(batch)[0] for batch in images]),
        probabilities,
        atol=1e-6,
    )


def test_rules_are_what_reaches_no_convolution():
    nodes = [
        ("pad", ["images"], ["a"], "Pad"),
        ("first", ["a", "kernel"], ["b"], "Conv"),
        ("relu", ["b"], ["c"], "Relu"),
        ("second", ["c"], ["d"], "Conv"),
        ("add", ["d", "c"], ["e"], "Add"),
        ("head", ["e"], ["f"], "MatMul"),
        ("kernel", [], ["kernel"], "Const"),
        ("threshold", [], ["g"], "Const"),
        ("label", ["f", "g"], ["h"], "GreaterEqual"),
    ]
    for order in (nodes, nodes[::-1]):
        kept = frozen_graph.rules_nodes(order, lambda kind: kind == "Conv")
        assert kept == {"add", "head", "threshold", "label"}


def test_rules_of_a_graph_deeper_than_pythons_stack():
    nodes = [("0", [], [0], "Conv")]
    nodes += [(str(i), [i - 1], [i], "Relu") for i in range(1, 3000)]
    kept = frozen_graph.rules_nodes(nodes, lambda kind: kind == "Conv")
    assert len(kept) == 2999
    nodes[-1] = ("2999", [2998], [2999], "Conv")
    assert not frozen_graph.rules_nodes(nodes, lambda kind: kind == "Conv")
