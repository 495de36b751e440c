"""Products that were tampered with: each is refused before it runs."""

import pathlib
import shutil

import binaries
import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from jdstyle.errors import InputError
from jdstyle.evaluation import calibration
from jdstyle.files import sums
from jdstyle.fusion import blending
from jdstyle.fusion import ensemble
from jdstyle.fusion import label_sets
from jdstyle.fusion import rules
from jdstyle.models import backbones
from jdstyle.models import classifier
from jdstyle.serving import allowed_operations
from jdstyle.serving import assets
from jdstyle.serving import inspection
from jdstyle.serving import loader
from jdstyle.serving import saved_model

pytestmark = pytest.mark.long

SIZE = 8
NAMES = ["A", "B"]
JPEG = tf.io.encode_jpeg(np.full((9, 9, 3), 200, "uint8")).numpy()


class Scorer:
    """A scorer of one variable, and whatever is planted into it."""

    image_sizes = [SIZE]
    member_names = ["network"]

    def __init__(self, plant=tf.no_op):
        self.weights = [tf.Variable(tf.ones([3, len(NAMES)]) / 1000)]
        self._plant = plant

    def __call__(self, images):
        means = tf.reduce_mean(images[SIZE], axis=(1, 2))
        with tf.control_dependencies([self._plant()]):
            scores = tf.sigmoid(means @ self.weights[0])
        return {
            "probabilities": scores,
            "labels": tf.cast(scores > 0.5, tf.int32),
            "member_probabilities": scores[:, tf.newaxis],
        }


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    directory = tmp_path_factory.mktemp("export") / "saved_model"
    saved_model.export(Scorer(), NAMES, str(directory))
    return directory


@pytest.fixture
def product(exported, tmp_path):
    """A product that is as it should be, for one test to spoil."""
    return pathlib.Path(shutil.copytree(exported, tmp_path / "saved_model"))


def tamper(directory, change):
    """Changes the parsed file, and the sums with it."""
    path = directory / "saved_model.pb"
    parsed = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(parsed.meta_graphs[0])
    path.write_bytes(parsed.SerializeToString())
    sums.write(directory)


def call(directory):
    """Scores a photo as anybody does who does not look inside."""
    signature = tf.saved_model.load(directory).signatures["serving_default"]
    return signature(image_bytes=tf.constant([JPEG]))


def test_a_product_is_accepted(product):
    classify, names = loader.load(str(product))
    assert names == NAMES
    assert classify(tf.constant([JPEG]))["labels"].numpy().tolist() == [[1, 1]]


def test_litter_does_not_count(product):
    for name in (".DS_Store", "assets/._styles.txt", "variables/Thumbs.db"):
        (product / name).touch()
    (product / "@eaDir").mkdir()
    (product / "@eaDir" / "saved_model.pbtxt").touch()
    assert loader.load(str(product))[1] == NAMES


def write_file(place):
    return tf.io.write_file(str(place / "traces"), "here")


def run_python(place):
    def touch():
        (place / "traces").write_text("here")
        return np.float32(0)

    return tf.numpy_function(touch, [], tf.float32)


def run_python_with_tensors(place):
    def touch():
        (place / "traces").write_text("here")
        return 0.0

    return tf.py_function(touch, [], tf.float32)


def read_file(place):
    (place / "secret").write_text("secret")
    content = tf.io.read_file(str(place / "secret"))
    return tf.io.write_file(str(place / "traces"), content)


@pytest.mark.parametrize(
    ("plant", "operation"),
    [
        (write_file, "WriteFile"),
        (read_file, "ReadFile"),
        (run_python, "PyFunc"),
        (run_python_with_tensors, "EagerPyFunc"),
    ],
)
def test_refuses_what_deals_with_files_or_runs_python(
    plant, operation, tmp_path
):
    directory, traces = tmp_path / "saved_model", tmp_path / "traces"
    planted = Scorer(lambda: plant(tmp_path))
    saved_model.export(planted, NAMES, str(directory))
    message = f"saved_model.pb is refused and was not run.* {operation} "
    with pytest.raises(InputError, match=message):
        loader.load(str(directory))
    assert not traces.exists()
    # The danger is real.
    call(str(directory))
    assert traces.exists()


FORBIDDEN = [
    "DatasetFromGraph",
    "DebugIdentity",
    "FixedLengthRecordDataset",
    "GeneratorDataset",
    "InitializeTableFromTextFile",
    "LMDBReader",
    "MatchingFiles",
    "MergeV2Checkpoints",
    "OneShotIterator",
    "PrintV2",
    "PyFuncStateless",
    "ReadFile",
    "RemoteCall",
    "RestoreV2",
    "Save",
    "SaveV2",
    "SymbolicGradient",
    "TFRecordDataset",
    "TextLineDataset",
    "WholeFileReader",
    "WriteFile",
    "XlaCallModule",
]


@pytest.mark.parametrize("operation", FORBIDDEN)
def test_refuses_the_operation_anywhere(operation, product):
    """In the file, and in each function of what the file holds."""
    message = f" {operation} .node new"

    def in_the_graph(meta_graph):
        meta_graph.graph_def.node.add(name="new", op=operation)

    meta_graph = inspection._read(str(product / "saved_model.pb"))
    inspection._check_content(meta_graph)
    tamper(product, in_the_graph)
    with pytest.raises(InputError, match=message):
        inspection.check(str(product))
    functions = meta_graph.graph_def.library.function
    assert len(functions) > 10
    for function in functions:
        # The saver's own operations are at home there.
        if "traced" in function.signature.name:
            continue
        function.node_def.add(name="new", op=operation)
        with pytest.raises(ValueError, match=message):
            inspection._check_content(meta_graph)
        del function.node_def[-1]


def saver_functions(meta_graph):
    """Names of the functions that save and restore, save first."""
    saver = meta_graph.saver_def
    ends = [saver.save_tensor_name.partition(":")[0], saver.restore_op_name]
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    return [nodes[end].attr["f"].func.name for end in ends]


def find_function(meta_graph, part):
    return next(
        function
        for function in meta_graph.graph_def.library.function
        if part in function.signature.name
    )


def call_the_saver_in_a_function(meta_graph):
    node = find_function(meta_graph, "_score_images").node_def.add()
    node.name, node.op = "new", "StatefulPartitionedCall"
    node.attr["f"].func.name = saver_functions(meta_graph)[1]


def call_the_saver_by_a_detour(meta_graph):
    node = find_function(meta_graph, "_score_images").node_def.add()
    node.name, node.op = "new", "StatefulPartitionedCall"
    other = find_function(meta_graph, "_score_images").signature.name
    node.attr["f"].func.name = other
    inner = node.attr["f"].func.attr["g"].func
    inner.name = saver_functions(meta_graph)[0]


def call_the_saver_in_the_graph(meta_graph):
    node = meta_graph.graph_def.node.add()
    node.name, node.op = "new", "StatefulPartitionedCall"
    node.attr["f"].func.name = saver_functions(meta_graph)[0]


def hand_the_saver_to_the_loader(meta_graph):
    functions = meta_graph.object_graph_def.concrete_functions
    functions[saver_functions(meta_graph)[0]].SetInParent()


def wait_for_the_saver(meta_graph):
    node = next(n for n in meta_graph.graph_def.node if n.op == "NoOp")
    node.input.append(f"^{meta_graph.saver_def.restore_op_name}")


def give_the_saver_as_output(meta_graph):
    outputs = meta_graph.signature_def["pixels"].outputs
    outputs["labels"].name = meta_graph.saver_def.save_tensor_name


def call_a_classifier_as_saver(meta_graph):
    meta_graph.saver_def.restore_op_name = "StatefulPartitionedCall"


@pytest.mark.parametrize(
    "change",
    [
        call_the_saver_in_a_function,
        call_the_saver_by_a_detour,
        call_the_saver_in_the_graph,
        hand_the_saver_to_the_loader,
        wait_for_the_saver,
        give_the_saver_as_output,
        call_a_classifier_as_saver,
    ],
)
def test_nothing_else_reaches_the_saver(change, product):
    tamper(product, change)
    with pytest.raises(InputError, match="saver|holds the operation"):
        loader.load(str(product))


def no_such_function(meta_graph):
    node = find_function(meta_graph, "_score_images").node_def.add()
    node.name, node.op = "new", "PartitionedCall"
    node.attr["f"].func.name = "ReadFile"


def branch_to_no_function(meta_graph):
    node = meta_graph.graph_def.node.add()
    node.name, node.op = "new", "Case"
    node.attr["branches"].list.func.add(name="elsewhere")


def stand_in(meta_graph):
    function = find_function(meta_graph, "_score_images")
    function.attr["api_implements"].s = b"x"


def twin(meta_graph):
    functions = meta_graph.graph_def.library.function
    functions.add().CopyFrom(functions[0])


def no_pixels(meta_graph):
    del meta_graph.signature_def["pixels"]


def one_signature_more(meta_graph):
    signatures = meta_graph.signature_def
    signatures["more"].CopyFrom(signatures["pixels"])


def another_input(meta_graph):
    signatures = meta_graph.signature_def
    signatures["pixels"].inputs["path"].dtype = types_pb2.DT_STRING


def another_dtype(meta_graph):
    outputs = meta_graph.signature_def["serving_default"].outputs
    outputs["labels"].dtype = types_pb2.DT_STRING


def another_output(meta_graph):
    outputs = meta_graph.signature_def["serving_default"].outputs
    outputs["secret"].CopyFrom(outputs["labels"])


def another_asset(meta_graph):
    meta_graph.asset_file_def[0].filename = "../../../etc/passwd"


def a_registered_class(meta_graph):
    meta_graph.object_graph_def.nodes[1].registered_name = "keras.Model"


def a_resource(meta_graph):
    meta_graph.object_graph_def.nodes.add().resource.device = ""


def a_keras_layer(meta_graph):
    node = meta_graph.object_graph_def.nodes[0]
    node.user_object.identifier = "_tf_keras_layer"


def a_restore_function(meta_graph):
    node = meta_graph.object_graph_def.nodes[0]
    node.saveable_objects["x"].save_function = 1


def a_string_variable(meta_graph):
    node = next(
        node
        for node in meta_graph.object_graph_def.nodes
        if node.WhichOneof("kind") == "variable"
    )
    node.variable.dtype = types_pb2.DT_VARIANT


def no_width(meta_graph):
    outputs = meta_graph.signature_def["members"].outputs
    outputs["probabilities"].tensor_shape.unknown_rank = True
    del outputs["probabilities"].tensor_shape.dim[:]


def of_tensorflow_1(meta_graph):
    meta_graph.ClearField("object_graph_def")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_such_function, "node new calls ReadFile, which it does not hold"),
        (branch_to_no_function, "node new calls elsewhere"),
        (stand_in, "_score_images.* stands in for others"),
        (twin, "two of its functions have one name"),
        (no_pixels, "signatures are members, serving_default, expected"),
        (one_signature_more, "signatures are members, more"),
        (another_input, "signature pixels takes .*path"),
        (another_dtype, "signature serving_default gives .*DT_STRING"),
        (another_output, "signature serving_default gives .*secret"),
        (another_asset, "etc/passwd"),
        (a_registered_class, "keras.Model"),
        (a_resource, "of the kind resource"),
        (a_keras_layer, "class _tf_keras_layer"),
        (a_restore_function, "restores itself"),
        (a_string_variable, "variable of DT_VARIANT"),
        (of_tensorflow_1, "of TensorFlow 1"),
        (no_width, "signature members have the shape"),
    ],
)
def test_refuses_what_export_does_not_write(change, message, product):
    tamper(product, change)
    with pytest.raises(InputError, match=f"was not run: .*{message}"):
        loader.load(str(product))


def test_refuses_several_graphs_and_no_graph(product):
    path = product / "saved_model.pb"
    parsed = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    parsed.meta_graphs.add()
    for content in (parsed.SerializeToString(), b"", b"\xff" * 100):
        path.write_bytes(content)
        sums.write(product)
        with pytest.raises(InputError, match="holds . graphs|cannot be read"):
            loader.load(str(product))


@pytest.mark.parametrize(
    "name",
    [
        "saved_model.pbtxt",
        "saved_model.cpb",
        "keras_metadata.pb",
        "assets/more.txt",
        "assets.extra/tf_serving_warmup_requests",
    ],
)
def test_refuses_a_file_too_many(name, product):
    (product / name).parent.mkdir(exist_ok=True)
    (product / name).write_bytes(b"")
    sums.write(product)
    with pytest.raises(
        InputError, match=f"{name} does not belong to a SavedModel"
    ):
        loader.load(str(product))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"A\n", "names 1 styles, .* have the shape .-1, 2"),
        (b"A\nB\nC\n", "names 3 styles"),
        (b"", "empty or occurs twice"),
        (b"A\nA\n", "empty or occurs twice"),
        (b"A\n \n", "empty or occurs twice"),
        (b"A\n\nB\n", "empty or occurs twice"),
        (b"A\n\xff\n", "utf-8"),
    ],
    ids=["fewer", "more", "none", "twice", "blank", "gap", "latin"],
)
def test_refuses_styles_that_do_not_name_the_columns(content, message, product):
    (product / "assets" / assets.STYLES).write_bytes(content)
    sums.write(product)
    with pytest.raises(InputError, match=f"was not run: .*{message}"):
        loader.load(str(product))


@pytest.mark.parametrize("content", [b"", b"15\n", b"-64", b"64 px", b"1e9"])
def test_refuses_a_short_side_that_is_none(content, product):
    (product / "assets" / assets.SHORT_SIDE).write_bytes(content)
    sums.write(product)
    with pytest.raises(InputError, match="was not run: .*number of pixels"):
        loader.load(str(product))


def read_variables(product):
    reader = tf.train.load_checkpoint(str(product / "variables" / "variables"))
    shapes = reader.get_variable_to_shape_map()
    return {name: reader.get_tensor(name) for name in shapes}


def write_variables(product, change):
    """Changes every matrix of the weights; the file itself stays whole."""
    tensors = {
        name: change(value) if np.ndim(value) == 2 else value
        for name, value in read_variables(product).items()
    }
    tf.raw_ops.SaveV2(
        prefix=str(product / "variables" / "variables"),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(map(tf.constant, tensors.values())),
    )


def cut(product, name, share):
    path = next(product.glob(name))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def remove_children(meta_graph):
    for node in meta_graph.object_graph_def.nodes:
        del node.children[:]


def use_no_tensor(meta_graph):
    for function in meta_graph.graph_def.library.function:
        for node in function.node_def:
            if node.op == "MatMul":
                node.input[0] = "nowhere:output:0"


DAMAGES = {
    "no variables": lambda p: shutil.rmtree(p / "variables"),
    "no data": lambda p: next(p.glob("variables/*data*")).unlink(),
    "cut index": lambda p: cut(p, "variables/*.index", 0.5),
    "empty index": lambda p: cut(p, "variables/*.index", 0),
    "cut data": lambda p: cut(p, "variables/*data*", 0.5),
    "cut graph": lambda p: cut(p, "saved_model.pb", 0.99),
    "other shape": lambda p: write_variables(p, lambda _: np.ones((3, 5))),
    "other type": lambda p: write_variables(p, lambda v: v.astype("int64")),
    "no functions": lambda p: tamper(
        p, lambda graph: graph.graph_def.library.Clear()
    ),
    "no objects": lambda p: tamper(
        p, lambda graph: graph.object_graph_def.nodes.clear()
    ),
    "no children": lambda p: tamper(p, remove_children),
    "no concrete functions": lambda p: tamper(
        p, lambda graph: graph.object_graph_def.concrete_functions.clear()
    ),
    "no tensor": lambda p: tamper(p, use_no_tensor),
    "no member": lambda p: cut(p, "assets/members.txt", 0),
    "no asset": lambda p: (p / "assets" / "short_side.txt").unlink(),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_that_has_its_sums_is_told(kind, product):
    DAMAGES[kind](product)
    sums.write(product)
    with pytest.raises(InputError) as raised:
        loader.load(str(product))
    said = str(raised.value)
    assert str(product) in said and "\n" not in said
    assert "is damaged, TensorFlow" in said or "is refused and was not" in said


def test_damage_is_found_before_anything_is_read(product):
    path = product / "variables" / "variables.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="data-00000.* is not what was writ"):
        loader.load(str(product))
    (product / sums.FILE).unlink()
    with pytest.raises(InputError, match="has no SHA-256 sum"):
        loader.load(str(product))


@pytest.mark.parametrize("change", [call_the_saver_in_the_graph, no_pixels])
def test_predict_ends_with_2(change, product, tmp_path):
    """As its user sees it: one line, and nothing was run."""
    (tmp_path / "a.jpg").write_bytes(JPEG)
    tamper(product, change)
    said = binaries.call(
        tmp_path, "predict", f"--saved_model={product}", "a.jpg", code=2
    )
    assert "saved_model.pb is refused and was not run" in said
    assert not (tmp_path / "predictions.csv").exists()


@pytest.mark.parametrize("kind", ["file.keras", "file.pkl"])
def test_a_file_is_no_saved_model(kind, tmp_path):
    path = tmp_path / kind
    if kind == "file.keras":
        keras.Sequential([keras.Input((1,))]).save(path)
    else:
        path.write_bytes(b"\x80\x04N.")
    with pytest.raises(InputError, match="whole Keras model|pickle"):
        loader.load(str(path))


def test_every_allowed_operation_exists_and_is_harmless():
    """Spelt as TensorFlow spells it; stateful only where it must be."""
    everything = allowed_operations.IN_GRAPH | allowed_operations.IN_SAVER
    stateful = set()
    for name in everything:
        definition = op_def_registry.get(name)
        assert definition is not None, name
        if definition.is_stateful:
            stateful.add(name)
    assert not allowed_operations.IN_GRAPH & set(FORBIDDEN)
    for part in ("File", "Record", "Py", "Reader", "Print", "Debug", "Xla"):
        assert not [
            name for name in allowed_operations.IN_GRAPH if part in name
        ]
    assert stateful <= {
        *("VarHandleOp", "ReadVariableOp", "AssignVariableOp"),
        *("VarIsInitializedOp", "DisableCopyOnRead"),
        *("Assert", "If", "Case", "While", "StatefulPartitionedCall"),
        *("AnonymousIteratorV3", "DeleteIterator", "MakeIterator"),
        *("IteratorGetNext", "IteratorGetNextAsOptional"),
        *("IteratorGetNextSync", "DatasetToSingleElement", "ReduceDataset"),
        *("SaveV2", "RestoreV2", "MergeV2Checkpoints"),
        # By their definition alone.
        *("RangeDataset", "TensorDataset", "TensorSliceDataset"),
    }


def tiny_network(member, styles):
    inputs = keras.Input((SIZE, SIZE, 3))
    features = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(len(styles))(features))
    return ensemble.Network(model, member, styles)


HALVES = np.full((2, 2), 0.5, np.float32)


@pytest.mark.parametrize(
    "blend",
    [
        blending.Blend("weighted", weights=HALVES),
        blending.Blend(
            "stack",
            kernel=np.zeros((4, 2), np.float32),
            bias=np.zeros(2, np.float32),
        ),
    ],
    ids=lambda blend: blend.kind,
)
def test_fused_products_are_accepted(blend, tmp_path):
    fitted = rules.Rules(
        blend=blend,
        first_thresholds=np.float32([0.5, 0.5]),
        conditional=np.eye(2, dtype=np.float32),
        alpha=np.float32([0.9, 0.8]),
        beta=np.float32([[0, 0.1], [0.2, 0]]),
        thresholds=np.float32([0.5, 0.5]),
        least=1,
        most=2,
        calibrated=calibration.Calibration(HALVES[0], HALVES[1]),
        kinds=["sets", "both"],
        found=label_sets.fit([[1, 0], [0, 1]], np.float32([[1, 0], [0, 1]]))[0],
        stack=blending.Blend(
            "stack",
            kernel=np.ones((4, 2), np.float32),
            bias=np.zeros(2, np.float32),
        ),
    )
    networks = [tiny_network(0, [0]), tiny_network(1, [0, 1])]
    directory = str(tmp_path / "saved_model")
    saved_model.export(
        ensemble.Ensemble(networks, ["a", "b"], 2, fitted), NAMES, directory
    )
    classify, _ = loader.load(directory, "members")
    outputs = classify(tf.constant([JPEG]))
    assert outputs["labels"].shape == (1, 2)
    assert outputs["label_set"].numpy().tolist() in ([[1, 0]], [[0, 1]])


# EfficientNetV2, Inception, NASNet, ResNet and Xception have no operation that
# these lack.
FAMILIES = [
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetLite0",
    "MobileNetV3Small",
    "VGG16",
]


@pytest.mark.parametrize("backbone", FAMILIES)
def test_every_family_of_networks_is_accepted(backbone):
    """The smallest of each family."""
    assert backbone in backbones.names()
    model = classifier.build(classifier.Architecture(backbone, 32))
    graph = (
        tf.function(lambda images: model(images, training=False))
        .get_concrete_function(tf.TensorSpec((None, 32, 32, 3)))
        .graph.as_graph_def()
    )
    nodes = [node for f in graph.library.function for node in f.node_def]
    used = {node.op for node in (*graph.node, *nodes)}
    assert used - {"Placeholder"} <= allowed_operations.IN_FUNCTIONS
