"""Tests for `jdstyle.runtimes.exported` and each runtime."""

import errno
import os

import numpy as np
import pytest

from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.runtimes import exported
from jdstyle.runtimes import formats
from jdstyle.runtimes import openvino

pytestmark = pytest.mark.long

ALL = [
    (name, precision)
    for name, file_format in formats.FORMATS.items()
    for precision in file_format.precisions
]


def test_refuses_what_it_cannot_run(tmp_path):
    with pytest.raises(InputError, match="No such model"):
        exported.load(str(tmp_path / "none.onnx"))
    (tmp_path / "model.h5").touch()
    with pytest.raises(InputError, match=".onnx .xml .tflite. Received.*h5"):
        exported.load(str(tmp_path / "model.h5"))


@pytest.mark.parametrize(("file_format", "precision"), ALL)
def test_exported_file_decides_as_the_saved_model(
    frozen, images, tmp_path, file_format, precision
):
    """In every format and precision; skipped where its packages lack."""
    output = formats.default_output(str(tmp_path / "m"), file_format, precision)
    try:
        formats.check(file_format, precision, output)
    except InputError as error:
        pytest.skip(str(error))
    calibration = [
        [size[i : i + 1] for size in batch]
        for batch in images
        for i in range(len(batch[0]))
    ]
    exported.write(frozen, file_format, precision, output, calibration)
    assert not [path for path in tmp_path.iterdir() if "tmp" in path.name]
    loaded, core = exported.load(output), frozen.run
    # Batches of different lengths through one loaded file.
    pairs = [(core(batch), loaded(batch)) for batch in images]
    before, after = (
        [np.concatenate(column) for column in zip(*outputs, strict=True)]
        for outputs in zip(*pairs, strict=True)
    )
    assert after[0].dtype == np.float32
    assert after[1].dtype == np.int32
    tolerance = {"float32": 1e-5, "bfloat16": 0.03, "int8": 0.1}[precision]
    np.testing.assert_allclose(after[0], before[0], atol=tolerance)
    # At most one style, the larger margin, ties to the first: by its own
    # probabilities every file decides exactly so.
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

    monkeypatch.setattr(openvino, "write", write)
    monkeypatch.setattr(openvino, "load", lambda path: path)


def test_sums_of_an_exported_file_are_checked(stand_ins, tmp_path):
    (tmp_path / "weights").write_text("of a run")
    sums.write(tmp_path, ["weights"])
    for precision in ("float32", "bfloat16"):
        path = str(tmp_path / f"{precision}.xml")
        exported.write("new", "openvino", precision, path)
        assert exported.load(path) == path
    # The others' sums stay.
    sums.check_all(tmp_path)
    assert len(sums.read(tmp_path)) == 5
    (tmp_path / "float32.bin").write_text("damaged")
    with pytest.raises(InputError, match="float32.bin is not what was written"):
        exported.load(str(tmp_path / "float32.xml"))
    assert exported.load(path) == path
    (tmp_path / "bfloat16.bin").unlink()
    with pytest.raises(InputError, match="bfloat16.bin is missing"):
        exported.load(path)
    (tmp_path / "copied.onnx").touch()
    with pytest.raises(InputError, match="copied.onnx has no SHA-256 sum"):
        exported.load(str(tmp_path / "copied.onnx"))


@pytest.mark.parametrize("number", [1, 2])
def test_no_room_leaves_the_old_export(
    stand_ins, number, tmp_path, monkeypatch
):
    """The disk is full at the first file, or at the second."""
    path = str(tmp_path / "model.xml")
    exported.write("old", "openvino", "float32", path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    write = openvino.write

    def fail(frozen, precision, path, calibration):
        write(frozen, precision, path, calibration)
        if number == 1:
            os.remove(f"{path.removesuffix('.xml')}.bin")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(openvino, "write", fail)
    with pytest.raises(OSError, match="No space left"):
        exported.write("new", "openvino", "float32", path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_comparison_that_fails_leaves_the_old_export(stand_ins, tmp_path):
    path = str(tmp_path / "model.xml")
    exported.write("old", "openvino", "float32", path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with (
        pytest.raises(KeyboardInterrupt),
        exported.written("new", "openvino", "float32", path),
    ):
        raise KeyboardInterrupt
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_killed_between_two_renames_is_refused(
    stand_ins, tmp_path, monkeypatch
):
    path = str(tmp_path / "model.xml")
    exported.write("old", "openvino", "float32", path)
    replace = os.replace

    def die(source, target):
        if target == path:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        exported.write("new", "openvino", "float32", path)
    monkeypatch.undo()
    with pytest.raises(InputError, match="model.bin is not what was written"):
        exported.load(path)
