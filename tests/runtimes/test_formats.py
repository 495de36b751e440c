"""Exports to other runtimes, and the check that stands beside them."""

import errno
import json
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from binaries import ROOT
from binaries import run

from jdstyle import runtimes
from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.fusion import blending
from jdstyle.fusion import ensemble
from jdstyle.fusion import rules
from jdstyle.runtimes import comparison
from jdstyle.runtimes import formats
from jdstyle.runtimes import frozen_graph
from jdstyle.runtimes import optional
from jdstyle.serving import loader
from jdstyle.serving import saved_model as serving

pytestmark = pytest.mark.long

STYLES = ["bright", "rare"]
ALL = [(form, p) for form, ps in formats.PRECISIONS.items() for p in ps]


def make_network(size, member, columns, seed):
    """Two convolutions, whose logits lie about 0 and differ by the photo."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = keras.layers.Conv2D(16, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    head = keras.layers.Dense(len(columns))
    model = keras.Model(images, head(x))
    noise = np.random.default_rng(seed).uniform(0, 128, (16, size, size, 3))
    noise[8:] += 120
    logits = model(noise.astype(np.float32)).numpy()
    scale = 1 / logits.std(axis=0)
    head.kernel.assign(head.kernel * scale)
    head.bias.assign(-logits.mean(axis=0) * scale)
    return ensemble.Network(model, member, columns)


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """Two members of two sizes; the first lacks a style; relations, limits."""
    networks = [
        make_network(32, 0, [0], 1),
        make_network(48, 1, [1, 0], 2),
    ]
    fitted = rules.Rules(
        blend=blending.Blend("mean", weights=np.float32([[0.5, 0], [0.5, 1]])),
        first_thresholds=np.float32([0.5, 0.5]),
        conditional=np.float32([[1, 0.25], [0.125, 1]]),
        alpha=np.float32([0.75, 1]),
        beta=np.float32([[0, 0.5], [0.25, 0]]),
        thresholds=np.float32([0.5, 0.5]),
        least=1,
        most=1,
    )
    directory = str(tmp_path_factory.mktemp("export") / "saved_model")
    scorer = ensemble.Ensemble(networks, ["small", "large"], 2, fitted)
    serving.export(scorer, STYLES, directory)
    return directory


@pytest.fixture(scope="module")
def frozen(saved_model):
    return frozen_graph.freeze(saved_model)


def read(builder, style_names=STYLES):
    return records.read_photos(
        builder, "train", cache="stream", style_names=style_names
    )


@pytest.fixture
def images(tiny, frozen):
    """The training photos in batches of 11 and a rest."""
    photos = read(tiny)
    return list(comparison.read_images(photos, frozen.image_sizes, 11))


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
    assert frozen.style_names == STYLES
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


def test_pixels_are_those_of_the_saved_model(saved_model, frozen, images, tiny):
    """Photo files through the signature, pixels through the core."""
    photos = read(tiny)
    classify, _ = loader.load(saved_model)
    probabilities, _ = loader.score(classify, photos.stream.batch(16))
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


@pytest.mark.parametrize(
    ("form", "precision"),
    [("onnx", "bfloat16"), ("litert", "bfloat16")],
)
def test_refuses_a_precision_that_does_not_exist(form, precision):
    with pytest.raises(
        InputError, match=f"{form} has no .*openvino in float32, bfloat16, int8"
    ):
        formats.check(form, precision, "model.onnx")


def test_refuses_another_suffix_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="end with .xml .*model.onnx"):
        formats.check("openvino", "float32", "model.onnx")
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(InputError, match="not a folder"):
        formats.check("onnx", "float32", str(tmp_path / "a.onnx"))


def test_missing_package_names_the_extra():
    with pytest.raises(
        InputError, match=r"nosuch is not installed.*pip install 'jdstyle\[exp"
    ):
        optional.require("nosuch")


def test_refuses_what_it_cannot_run(tmp_path):
    with pytest.raises(InputError, match="No such model"):
        runtimes.load(str(tmp_path / "none.onnx"))
    (tmp_path / "model.h5").touch()
    with pytest.raises(InputError, match=".onnx .xml .tflite. Received.*h5"):
        runtimes.load(str(tmp_path / "model.h5"))


def test_differences_are_listed_and_counted(tiny, tmp_path):
    """Two decisions of one photo differ, by hand."""
    photos = read(tiny)
    number = len(photos.ids)
    batches = [list(range(3)), list(range(3, number))]
    before = np.tile(np.float32([0.75, 0.25]), (number, 1))
    after = before.copy()
    after[5] = 0.25, 0.5

    def runner(probabilities):
        return lambda rows: (
            probabilities[rows],
            (probabilities[rows] >= 0.5).astype(np.int32),
        )

    result, differences = comparison.compare(
        photos, STYLES, batches, runner(before), runner(after)
    )
    assert result["photos"] == number
    assert result["decisions"] == 2 * number
    assert result["differing"] == 2
    assert result["largest_difference"] == 0.5
    assert differences["id"].tolist() == [photos.ids[5]] * 2
    assert differences["style"].tolist() == STYLES
    assert differences["probability before"].tolist() == [0.75, 0.25]
    assert differences["probability after"].tolist() == [0.25, 0.5]
    assert differences["decision after"].tolist() == [0, 1]
    said = comparison.format_result(result, differences)
    assert f"2 of {2 * number} decisions differ" in said
    assert "macro mean" in said

    output = str(tmp_path / "model.onnx")
    comparison.write(output, {"format": "onnx"}, result, differences)
    listed = pd.read_csv(f"{output}.differences.csv", dtype={"id": str})
    assert listed["id"].tolist() == [photos.ids[5]] * 2
    written = json.loads((tmp_path / "model.onnx.json").read_text())
    assert written["format"] == "onnx"
    assert written["check"]["differing"] == 2
    # A later export that differs nowhere leaves no old list behind.
    comparison.write(output, {}, result, differences[:0])
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx.json"]


def test_style_without_a_positive_has_no_score(tiny):
    photos = read(tiny)
    labels = photos.labels.copy()
    labels[:, 1] = 0
    rows = [list(range(len(photos.ids)))]

    def run(rows):
        return np.full((len(rows), 2), 0.5), np.ones((len(rows), 2), np.int32)

    result, differences = comparison.compare(
        photos._replace(labels=labels), STYLES, rows, run, run
    )
    said = comparison.format_result(result, differences)
    row = next(line for line in said.splitlines() if STYLES[1] in line)
    assert row.split() == [STYLES[1], "-", "-", "-", "-"]


def test_calibrates_on_photos_of_the_whole_part(tiny):
    photos = read(tiny)
    every = [b[0] for b in comparison.read_images(photos, [8])]
    chosen = comparison.calibration_photos(photos, [8], 5)
    step = len(every) // 5
    assert len(chosen) == 5
    for i, photo in enumerate(chosen):
        assert photo[0].shape == (1, 8, 8, 3)
        np.testing.assert_array_equal(photo[0], every[i * step])
    all_of_them = comparison.calibration_photos(photos, [8], 10_000)
    assert len(all_of_them) == len(every)


def test_refuses_photos_without_the_styles(tiny):
    with pytest.raises(InputError, match="does not have: Punk. It has: bright"):
        read(tiny, ["bright", "Punk"])


@pytest.mark.parametrize(("form", "precision"), ALL)
def test_exported_file_decides_as_the_saved_model(
    frozen, images, tmp_path, form, precision
):
    """In every format and precision; skipped where its packages lack."""
    output = formats.default_output(str(tmp_path / "m"), form, precision)
    try:
        formats.check(form, precision, output)
    except InputError as error:
        pytest.skip(str(error))
    calibration = [
        [size[i : i + 1] for size in batch]
        for batch in images
        for i in range(len(batch[0]))
    ]
    formats.write(frozen, form, precision, output, calibration)
    assert not [path for path in tmp_path.iterdir() if "tmp" in path.name]
    exported, core = runtimes.load(output), frozen.run
    # Batches of different lengths through one loaded file.
    pairs = [(core(batch), exported(batch)) for batch in images]
    before, after = (
        [np.concatenate(column) for column in zip(*outputs, strict=True)]
        for outputs in zip(*pairs, strict=True)
    )
    assert after[0].dtype == np.float32
    assert after[1].dtype == np.int32
    tolerance = {"float32": 1e-5, "bfloat16": 0.03, "int8": 0.1}[precision]
    np.testing.assert_allclose(after[0], before[0], atol=tolerance)
    # At most one style, the larger margin, ties to the first: by its own
    # probabilities every form decides exactly so.
    expected = np.zeros_like(after[1])
    expected[np.arange(len(expected)), np.argmax(after[0], axis=1)] = 1
    np.testing.assert_array_equal(after[1], expected)
    if precision == "float32":
        np.testing.assert_array_equal(after[1], before[1])
    if precision == "int8":
        # The rules stay in float32: not on a grid of 256 steps.
        steps = after[0] * 256
        assert np.abs(steps - np.round(steps)).max() > 0.01


@pytest.fixture
def stand_ins(monkeypatch):
    """Stands in for OpenVINO: text files, .bin second, and their loading."""

    def write(frozen, precision, path, calibration):
        stem = path.removesuffix(".xml")
        for name in (path, f"{stem}.bin"):
            with open(name, "w", encoding="utf-8") as file:
                file.write(f"{frozen} in {precision}")

    monkeypatch.setattr(formats, "_write_openvino", write)
    monkeypatch.setattr(runtimes, "_load_openvino", lambda path: path)


def test_sums_of_an_exported_file_are_checked(stand_ins, tmp_path):
    (tmp_path / "weights").write_text("of a run")
    sums.write(tmp_path, ["weights"])
    for precision in ("float32", "bfloat16"):
        path = str(tmp_path / f"{precision}.xml")
        formats.write("new", "openvino", precision, path)
        assert runtimes.load(path) == path
    # The others' sums stay.
    sums.check_all(tmp_path)
    assert len(sums.read(tmp_path)) == 5
    (tmp_path / "float32.bin").write_text("damaged")
    with pytest.raises(InputError, match="float32.bin is not what was written"):
        runtimes.load(str(tmp_path / "float32.xml"))
    assert runtimes.load(path) == path
    (tmp_path / "bfloat16.bin").unlink()
    with pytest.raises(InputError, match="bfloat16.bin is missing"):
        runtimes.load(path)
    (tmp_path / "copied.onnx").touch()
    with pytest.raises(InputError, match="copied.onnx has no SHA-256 sum"):
        runtimes.load(str(tmp_path / "copied.onnx"))


@pytest.mark.parametrize("number", [1, 2])
def test_no_room_leaves_the_old_export(
    stand_ins, number, tmp_path, monkeypatch
):
    """The disk is full at the first file, or at the second."""
    path = str(tmp_path / "model.xml")
    formats.write("old", "openvino", "float32", path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    write = formats._write_openvino

    def fail(frozen, precision, path, calibration):
        write(frozen, precision, path, calibration)
        if number == 1:
            os.remove(path.replace(".xml", ".bin"))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(formats, "_write_openvino", fail)
    with pytest.raises(OSError, match="No space left"):
        formats.write("new", "openvino", "float32", path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_killed_between_two_renames_is_refused(
    stand_ins, tmp_path, monkeypatch
):
    path = str(tmp_path / "model.xml")
    formats.write("old", "openvino", "float32", path)
    replace = os.replace

    def die(source, target):
        if target == path:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        formats.write("new", "openvino", "float32", path)
    monkeypatch.undo()
    with pytest.raises(InputError, match="model.bin is not what was written"):
        runtimes.load(path)


def test_says_what_is_missing_before_any_work(saved_model, tmp_path):
    said = run(tmp_path, "export", f"--saved_model={saved_model}", code=2)
    assert "--format is required" in said
    said = run(
        tmp_path,
        "export",
        f"--saved_model={saved_model}",
        "--format=onnx",
        "--precision=bfloat16",
        code=2,
    )
    assert "onnx has no --precision=bfloat16" in said


def test_export_says_that_the_data_set_leaks(saved_model, data_dir, tmp_path):
    """With a stand-in for ONNX; the data set as --allow_leaks leaves it."""
    program = f"""
        from jdstyle import cli
        from jdstyle import export
        from jdstyle.runtimes import formats
        from jdstyle.runtimes import frozen_graph
        from jdstyle import runtimes
        from jdstyle.datasets import prepared

        def open_leaking(*arguments):
            builder = open_prepared(*arguments)
            builder.info.metadata["num_leaking"] = 2
            return builder

        def write(frozen, precision, path, calibration):
            open(path, "w").close()

        open_prepared = prepared.open_prepared
        prepared.open_prepared = open_leaking
        formats.check = lambda *arguments: None
        formats._write_onnx = write
        runtimes._load_onnx = (
            lambda path: frozen_graph.freeze({saved_model!r}).run
        )
        cli.run(export.main)
    """
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(program),
            f"--saved_model={saved_model}",
            "--format=onnx",
            f"--output={tmp_path / 'model.onnx'}",
            "--dataset=label_table/tiny",
            f"--data_dir={data_dir}",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "2 groups of near-duplicate photos" in done.stdout
    written = json.loads((tmp_path / "model.onnx.json").read_text())
    for when in ("before", "after"):
        assert written["check"][when]["num_leaking"] == 2


def test_export_prints_and_writes_the_check(saved_model, data_dir, tmp_path):
    pytest.importorskip("openvino")
    said = run(
        tmp_path,
        "export",
        f"--saved_model={saved_model}",
        "--format=openvino",
        f"--output={tmp_path / 'model.xml'}",
        "--dataset=label_table/tiny",
        f"--data_dir={data_dir}",
    )
    assert "decisions differ" in said
    assert "macro mean" in said
    written = json.loads((tmp_path / "model.xml.json").read_text())
    assert written["inputs"] == ["images_32", "images_48"]
    assert written["styles"] == STYLES
    assert written["check"]["differing"] == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.xml", "model.bin", "model.xml.json", sums.FILE,
    }  # fmt: skip
