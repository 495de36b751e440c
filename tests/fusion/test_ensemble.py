"""The fused scorer against a plain NumPy reference, and as a SavedModel."""

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from jdstyle import styles
from jdstyle.datasets import prepared
from jdstyle.datasets import records
from jdstyle.fusion import blending
from jdstyle.fusion import ensemble
from jdstyle.fusion import rules
from jdstyle.models import classifier
from jdstyle.photos import decoding
from jdstyle.serving import loader
from jdstyle.serving import saved_model

pytestmark = pytest.mark.long

STYLES = ["A", "B", "C"]
MEMBERS = ["mobilenet", "mobilenet-trunk"]


def make_network(size, member, columns, seed):
    keras.utils.set_random_seed(seed)
    architecture = classifier.Architecture("MobileNet", size, len(columns))
    model = classifier.build(architecture)
    # Untrained batch norms would make all photos alike: they take the
    # statistics of one batch, half of it dark.
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 128, (16, size, size, 3))
    images[8:] += 120
    model(images.astype("float32"), training=True)
    head = model.get_layer("logits").kernel
    head.assign(rng.normal(0, 0.1, head.shape))
    return ensemble.Network(model, member, columns)


@pytest.fixture(scope="module")
def networks():
    """Member 0: two folds of A, one network of C. Member 1: all, larger."""
    return [
        make_network(32, 0, [0], 1),
        make_network(32, 0, [0], 2),
        make_network(32, 0, [2], 3),
        make_network(48, 1, [2, 0, 1], 4),
    ]


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    weights = np.array([[0.25, 0.0, 0.5], [0.75, 1.0, 0.5]], np.float32)
    return rules.Rules(
        blend=blending.Blend("weighted", weights=weights),
        first_thresholds=np.float32([0.5, 0.4, 0.6]),
        conditional=rng.random((3, 3)).astype(np.float32),
        alpha=np.float32([0.7, 1.0, 0.9]),
        beta=np.float32([[0, 0.3, 0.2], [0.1, 0, 0.5], [0, 0, 0]]),
        thresholds=np.float32([0.55, 0.5, 0.45]),
        least=1,
        most=2,
    )


def reference(members, fitted):
    """Equation 2 and plausibility, photo by photo, in plain Python."""
    probabilities, decisions = [], []
    for photo in members:
        final = correct_one(blend_one(photo, fitted), fitted)
        margins = np.array(final) - fitted.thresholds
        order = np.argsort(-margins, kind="stable")
        number = min(max(int((margins >= 0).sum()), fitted.least), fitted.most)
        row = np.zeros(len(final), int)
        row[order[:number]] = 1
        probabilities.append(final)
        decisions.append(row)
    return np.array(probabilities), np.array(decisions)


def blend_one(photo, fitted):
    """Blends one photo's members, `(members, styles)`."""
    return [
        sum(w * p for w, p in zip(weights, column, strict=True) if w)
        for weights, column in zip(fitted.blend.weights.T, photo.T, strict=True)
    ]


def correct_one(blended, fitted):
    columns = range(len(blended))
    final = []
    for a in columns:
        others = [
            b
            for b in columns
            if b != a and blended[b] >= fitted.first_thresholds[b]
        ]
        value = blended[a]
        if others:
            value = fitted.alpha[a] * blended[a] + sum(
                fitted.beta[a, b] * fitted.conditional[a, b] for b in others
            )
        final.append(min(max(value, 0.0), 1.0))
    return final


@pytest.fixture(scope="module")
def scorer(networks, fitted):
    return ensemble.Ensemble(networks, MEMBERS, 3, fitted)


@pytest.fixture(scope="module")
def product(scorer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "saved_model"
    saved_model.export(scorer, STYLES, str(folder))
    return str(folder)


@pytest.fixture
def jpegs(tiny):
    return records.read_photos(tiny, "train").encoded


def test_members_are_what_their_networks_say(scorer, networks):
    rng = np.random.default_rng(0)
    images = {
        size: rng.uniform(0, 255, (4, size, size, 3)).astype("float32")
        for size in scorer.image_sizes
    }
    assert scorer.image_sizes == [32, 48]
    members = scorer(images)["member_probabilities"].numpy()
    said = [
        tf.sigmoid(n.model(images[n.model.input_shape[1]])).numpy()
        for n in networks
    ]
    np.testing.assert_allclose(
        members[:, 0, 0], (said[0][:, 0] + said[1][:, 0]) / 2, rtol=1e-6
    )
    assert np.isnan(members[:, 0, 1]).all()
    np.testing.assert_allclose(members[:, 0, 2], said[2][:, 0], rtol=1e-6)
    np.testing.assert_allclose(members[:, 1][:, [2, 0, 1]], said[3], rtol=1e-6)


def test_decides_as_the_reference_on_every_photo(product, fitted, jpegs):
    signature = tf.saved_model.load(product).signatures["members"]
    result = {k: v.numpy() for k, v in signature(image_bytes=jpegs).items()}
    probabilities, decisions = reference(result["member_probabilities"], fitted)
    np.testing.assert_allclose(
        result["probabilities"], probabilities, atol=1e-6
    )
    np.testing.assert_array_equal(result["labels"], decisions)
    # Among the photos: none over its threshold, and more than two.
    over = (result["probabilities"] >= fitted.thresholds).sum(axis=1)
    assert {0, 3} <= set(over), np.bincount(over)
    assert set(decisions.sum(axis=1)) == {1, 2}


def test_decides_as_the_reference_on_the_demo(small_demo, tmp_path):
    """All thirteen styles, every photo of every part."""
    rng = np.random.default_rng(1)
    chances = rng.random((13, 13)).astype(np.float32)
    fitted = rules.Rules(
        blend=blending.Blend("mean", weights=np.ones((1, 13), np.float32)),
        first_thresholds=rng.uniform(0.3, 0.7, 13).astype(np.float32),
        conditional=chances,
        alpha=rng.uniform(0.1, 1, 13).astype(np.float32),
        beta=rng.choice(np.float32([0, 0, 0.05, 0.2]), (13, 13)),
        thresholds=rng.uniform(0.4, 0.9, 13).astype(np.float32),
        least=1,
        most=5,
    )
    network = make_network(32, 0, list(range(13)), 5)
    scorer = ensemble.Ensemble([network], ["mobilenet"], 13, fitted)
    saved_model.export(scorer, styles.NAMES, str(tmp_path / "saved_model"))
    classify, _ = loader.load(str(tmp_path / "saved_model"), "members")
    opened = prepared.open_prepared("demo", small_demo)
    photos = [
        records.read_photos(opened, part).encoded for part in opened.info.splits
    ]
    probabilities, labels, members = loader.predict(
        classify,
        [part[i : i + 32] for part in photos for i in range(0, len(part), 32)],
    )
    expected, decisions = reference(members, fitted)
    assert len(labels) == 300
    np.testing.assert_allclose(probabilities, expected, atol=2e-6)
    np.testing.assert_array_equal(labels, decisions)
    assert set(labels.sum(axis=1)) >= {3, 5}


def test_same_signatures_as_a_single_network(product, jpegs):
    signatures = tf.saved_model.load(product).signatures
    assert set(signatures) == {"serving_default", "pixels", "members"}
    by_member = signatures["members"](image_bytes=jpegs)
    plain = signatures["serving_default"](image_bytes=jpegs)
    assert set(plain) == {"probabilities", "labels", "valid"}
    for name, value in plain.items():
        np.testing.assert_array_equal(value, by_member[name])
    classify, names = loader.load(product)
    assert names == STYLES
    probabilities, _ = loader.predict(classify, [jpegs[:5], jpegs[5:]])
    # Batches of five and of ten round otherwise: by 1.1e-6 on some CPUs.
    np.testing.assert_allclose(probabilities, plain["probabilities"], atol=2e-6)
    empty = signatures["serving_default"](image_bytes=tf.zeros([0], tf.string))
    assert empty["labels"].shape == (0, 3)
    images = tf.stack([decoding.decode(j, 48) for j in jpegs[:3]])
    pixels = signatures["pixels"](images=tf.cast(images, tf.float32))
    assert pixels["labels"].shape == (3, 3)


def test_each_network_and_each_photo_once(networks, product):
    """In the file: one decoding per photo, one network for all signatures."""
    with open(f"{product}/saved_model.pb", "rb") as file:
        content = saved_model_pb2.SavedModel.FromString(file.read())
    graph = content.meta_graphs[0].graph_def
    ops = [node.op for node in graph.node]
    for function in graph.library.function:
        ops += [node.op for node in function.node_def]
    # Once for ordinary photos and once for large ones, never for both.
    assert ops.count("DecodePng") == ops.count("DecodeWebP") == 2
    # A MobileNet has 14 convolutions that are not depthwise, 13 that are.
    assert ops.count("DepthwiseConv2dNative") == 13 * len(networks)
    assert ops.count("Conv2D") == 14 * len(networks)


def test_runs_where_there_is_no_keras(product, jpegs, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(jpegs[0].numpy())
    program = f"""
        import sys
        sys.modules["keras"] = sys.modules["jdstyle"] = None
        import tensorflow as tf
        model = tf.saved_model.load({product!r})
        photo = open({str(tmp_path / "photo.jpg")!r}, "rb").read()
        result = model.signatures["members"](image_bytes=tf.constant([photo]))
        print(result["labels"].shape, result["member_probabilities"].shape)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split("\n")[0] == "(1, 3) (1, 2, 3)"


def test_members_are_named_in_the_assets(product):
    with open(f"{product}/assets/members.txt") as file:
        assert file.read().splitlines() == MEMBERS
