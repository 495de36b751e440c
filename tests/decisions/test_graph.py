"""A product with other thresholds: the same networks, other decisions."""

import json
import os
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from binaries import DATASET
from binaries import call
from tensorflow.core.protobuf import saved_model_pb2

from jdstyle.datasets import records
from jdstyle.decisions import graph
from jdstyle.decisions import new_product
from jdstyle.decisions import scored
from jdstyle.decisions.floors import Wish
from jdstyle.errors import InputError
from jdstyle.evaluation import scores
from jdstyle.files import sums
from jdstyle.fusion import plausibility
from jdstyle.runs import directory
from jdstyle.runs import probability_tables
from jdstyle.serving import loader
from jdstyle.serving import saved_model

pytestmark = pytest.mark.long

STYLES = ["bright", "rare"]
BEFORE = np.float32([0.5, 0.4])
AFTER = np.float32([0.45, 0.2])
SIZE = 8


class Scorer:
    """Two styles of a photo's brightness, decided as `fuse` or `train` does."""

    image_sizes = [SIZE]
    member_names = ["network"]

    def __init__(self, *, limited):
        self.weights = [tf.Variable(tf.constant([[8.0, -4.0]] * 3) / 255 / 3)]
        self._limited = limited
        self._thresholds = tf.constant(BEFORE)

    def __call__(self, images):
        means = tf.reduce_mean(images[SIZE], axis=(1, 2))
        found = tf.sigmoid(means @ self.weights[0] + [-3.5, 1.0])
        labels = tf.cast(found >= self._thresholds, tf.int32)
        if self._limited:
            labels = plausibility.decide(found, BEFORE, 1, 1, [True, False])
        return {
            "probabilities": found,
            "labels": labels,
            "member_probabilities": found[:, tf.newaxis],
        }


def export(folder, *, limited):
    path = str(folder / "saved_model")
    scorer = Scorer(limited=limited)
    saved_model.export(scorer, STYLES, path, shares=[0.5, 0.125])
    return path


@pytest.fixture(scope="module")
def of_train(tmp_path_factory):
    return export(tmp_path_factory.mktemp("train"), limited=False)


@pytest.fixture(scope="module")
def of_fuse(tmp_path_factory):
    return export(tmp_path_factory.mktemp("fuse"), limited=True)


@pytest.fixture(params=["of_train", "of_fuse"])
def product(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def pixels():
    images = np.linspace(0, 255, 30, dtype=np.float32)[:, None, None, None]
    return tf.constant(np.broadcast_to(images, (30, SIZE, SIZE, 3)))


def expected(found, thresholds, *, limited):
    if limited:
        given = (found, thresholds, 1, 1, [True, False])
        return plausibility.decide(*given).numpy()
    return (found >= thresholds).astype(np.int32)


def test_all_signatures_decide_anew(product, pixels, tmp_path):
    there = graph.Decided(product)
    assert there.style_names == STYLES
    np.testing.assert_array_equal(there.thresholds, BEFORE)
    limited = there.has_limits
    path = str(tmp_path / "saved_model")
    there.write(AFTER, path)
    np.testing.assert_array_equal(graph.Decided(path).thresholds, AFTER)
    old, new = (loader.load_program(each)[0] for each in (product, path))
    before, after = (m.signatures["pixels"](images=pixels) for m in (old, new))
    found = before["probabilities"].numpy()
    np.testing.assert_array_equal(found, after["probabilities"])
    for said, thresholds in ((before, BEFORE), (after, AFTER)):
        np.testing.assert_array_equal(
            said["labels"], expected(found, thresholds, limited=limited)
        )
    assert (before["labels"] != after["labels"]).numpy().any()
    jpegs = tf.map_fn(
        tf.io.encode_jpeg,
        tf.cast(pixels, tf.uint8),
        fn_output_signature="string",
    )
    for name in ("serving_default", "members"):
        said = new.signatures[name](image_bytes=jpegs)
        given = said["probabilities"].numpy()
        np.testing.assert_array_equal(
            said["labels"], expected(given, AFTER, limited=limited)
        )
    # What other runtimes take.
    np.testing.assert_array_equal(new.core(pixels)["labels"], after["labels"])


def test_nothing_else_changes(product, tmp_path):
    path = tmp_path / "saved_model"
    shutil.copytree(product, tmp_path / "old")
    (tmp_path / "old" / ".DS_Store").touch()
    graph.Decided(str(tmp_path / "old")).write(AFTER, str(path))
    old, new = sums.read(product), sums.read(str(path))
    assert old.keys() == new.keys()
    changed = {name for name in old if old[name] != new[name]}
    assert changed == {"saved_model.pb", "fingerprint.pb"}
    sums.check_all(product)  # The old one stays.
    # Back again is the product that was, to the byte of its graph.
    graph.Decided(str(path)).write(BEFORE, str(tmp_path / "back"))
    parsed = [
        saved_model_pb2.SavedModel.FromString(
            pathlib.Path(each, "saved_model.pb").read_bytes()
        )
        for each in (product, tmp_path / "back")
    ]
    assert parsed[0].meta_graphs[0].graph_def.library == (
        parsed[1].meta_graphs[0].graph_def.library
    )
    assert not [p for p in tmp_path.iterdir() if "tmp" in p.name]


def test_decides_many_photos_without_its_networks(product):
    found = np.random.default_rng(0).random((3_000, 2)).astype(np.float32)
    there = graph.Decided(product)
    for limits in (True, False):
        np.testing.assert_array_equal(
            there.decide(found, AFTER, limits=limits),
            expected(found, AFTER, limited=limits and there.has_limits),
        )


def test_limits_can_be_left_out(product, pixels, tmp_path):
    path = str(tmp_path / "saved_model")
    graph.Decided(product).write(AFTER, path, limits=False)
    assert not graph.Decided(path).has_limits
    said = loader.load_program(path)[0].signatures["pixels"](images=pixels)
    found = said["probabilities"].numpy()
    np.testing.assert_array_equal(said["labels"], found >= AFTER)


def test_a_product_that_decides_otherwise_is_refused(of_train, tmp_path):
    path = pathlib.Path(shutil.copytree(of_train, tmp_path / "saved_model"))
    graph_file = path / "saved_model.pb"
    parsed = saved_model_pb2.SavedModel.FromString(graph_file.read_bytes())
    for function in parsed.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "GreaterEqual":
                node.op = "Greater"
    graph_file.write_bytes(parsed.SerializeToString())
    sums.write(str(path))
    with pytest.raises(InputError, match="does not decide by thresholds"):
        graph.Decided(str(path))


@pytest.fixture
def run(of_fuse, tiny, tmp_path):
    """A run with the product, and scores of its own beside it."""
    folder = tmp_path / "run"
    shutil.copytree(of_fuse, folder / "saved_model")
    photos = records.read_photos(tiny, "validation", cache="stream")
    rng = np.random.default_rng(0)
    labels = np.tile(photos.labels, (20, 1))
    found = 1 / (1 + np.exp(3 - 5 * labels - rng.normal(size=labels.shape)))
    table = scores.probability_table(
        [f"{i}" for i in range(len(labels))], STYLES, labels, found
    )
    directory.write_table(str(folder / directory.VALIDATION_FILE), table)
    probability_tables.bind(str(folder), directory.VALIDATION_FILE)
    source = records.source(tiny)._asdict()
    (folder / "results.json").write_text(json.dumps({"validation": source}))
    (folder / "run.json").write_text(json.dumps(source))
    return folder


def test_from_scores_to_a_product_and_again(run, data_dir):
    (run / "shop.csv").write_text("style,share\nrare,0.02\n")
    (run / "hand.csv").write_text("style,threshold\nbright,0.3\n")
    said = call(
        run.parent,
        "decide",
        "--saved_model=run/saved_model",
        *("--precision_floor=0.8", "--precision_floor=rare:0.7"),
        *("--recall_floor=rare:0.5", "--beta=1", "--seed=1", "--nolimits"),
    )
    assert "F1" in said and "A little optimistic" in said
    assert "evaluate --saved_model=run/decided/saved_model" in said
    new = run / "decided"
    table = pd.read_csv(new / "decisions.csv", index_col="style")
    assert (table["precision_after_low"] >= [0.79, 0.69]).all()
    there = graph.Decided(str(new / "saved_model"))
    np.testing.assert_allclose(there.thresholds, table["threshold_after"])
    assert "data:image/svg+xml" in (new / "decisions.html").read_text()
    # The same again, and other wishes into another folder.
    again = ["--saved_model=run/decided/saved_model", "--output_dir=third"]
    said = call(run.parent, "decide", *again, "--thresholds=run/hand.csv")
    third = graph.Decided(str(run.parent / "third" / "saved_model"))
    assert third.thresholds[0] == np.float32(0.3)
    assert third.thresholds[1] == there.thresholds[1]
    said = call(run.parent, "decide", *again, "--cost=5:1", code=2)
    assert "holds a run of other settings" in said
    said = call(
        run.parent,
        "decide",
        *("--saved_model=run/saved_model", "--split=validation", DATASET),
        *(f"--data_dir={data_dir}", "--batch_size=4", "--output_dir=split"),
        *("--cost=bright:5:1", "--prevalence=run/shop.csv"),
    )
    table = pd.read_csv(run.parent / "split" / directory.OUT_OF_FOLD_FILE)
    assert len(table) < 80
    probability_tables.find(str(run.parent / "split" / "saved_model"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say how to choose"),
        (["--precision_floor=1"], "bright: a precision of 1 is asked for"),
        (["--recall_floor=0.99999"], "a recall of 0.99999 is asked for, the b"),
        (["--beta=1", "--output_dir=run"], "which stays as it is"),
        (["--beta=1", "--dataset=demo"], "--split is required with --dataset"),
        (["--prevalence=no.csv"], "no.csv: No such file"),
        (["--thresholds=no.csv"], "no.csv: No such file"),
        (["--beta=x"], "--beta"),
    ],
)
def test_refuses_and_writes_nothing(run, arguments, message):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    said = call(
        run.parent,
        "decide",
        "--saved_model=run/saved_model",
        *arguments,
        code=2,
    )
    assert message in said
    after = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert before == after
    assert os.listdir(run.parent) == ["run"]


class Fixed:
    """Stands for `graph.Decided`: one style, turned on in every photo."""

    style_names = ["a"]
    thresholds = np.float32([0.5])
    has_limits = True

    def decide(self, probabilities, thresholds, *, limits=True):
        accepted = (probabilities >= thresholds).astype(np.int32)
        return np.ones_like(accepted) if limits else accepted


def test_limits_that_break_a_floor_are_told():
    labels = np.repeat([[1], [0]], 100, axis=0)
    photos = scored.Scored(
        np.arange(200), labels, labels.astype(np.float32), {}, "photos"
    )
    wishes = [Wish(precision_floor=0.6)]
    with pytest.raises(InputError, match="floors of a. Pass --nolimits"):
        new_product.choose(Fixed(), photos, wishes)
    choice = new_product.choose(Fixed(), photos, wishes, limits=False)
    assert choice.rows["a"]["precision_after"] == 1


@pytest.mark.parametrize("label", [0, 1])
def test_a_style_that_all_or_none_have(label, log):
    labels = np.full((50, 1), label)
    photos = scored.Scored(
        np.arange(50), labels, np.full((50, 1), 0.5, np.float32), {}, "photos"
    )
    choice = new_product.choose(Fixed(), photos, [Wish(beta=1.0)])
    assert choice.thresholds.tolist() == [0.5]
    assert "a: " in log.text and "its threshold stays" in log.text
    with pytest.raises(InputError, match="no floor can be shown to hold"):
        new_product.choose(Fixed(), photos, [Wish(recall_floor=0.1)])
    by_hand = new_product.choose(Fixed(), photos, [Wish(threshold=0.25)])
    assert by_hand.thresholds.tolist() == [0.25]
