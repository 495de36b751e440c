"""Tests for the binary `jdstyle.export`."""

import json

import binaries
import pytest

from jdstyle.datasets import prepared
from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.runtimes import formats
from jdstyle.runtimes import frozen_graph
from jdstyle.runtimes import onnx

pytestmark = pytest.mark.long

STYLES = ["bright", "rare"]


def test_refuses_photos_without_the_styles(tiny):
    with pytest.raises(InputError, match="does not have: Punk. It has: bright"):
        records.read_photos(
            tiny, "train", cache="stream", style_names=["bright", "Punk"]
        )


def test_says_what_is_missing_before_any_work(product, tmp_path):
    said = binaries.call(tmp_path, "export", f"--saved_model={product}", code=2)
    assert "--format is required" in said
    said = binaries.call(
        tmp_path,
        "export",
        f"--saved_model={product}",
        "--format=onnx",
        "--precision=bfloat16",
        code=2,
    )
    assert "onnx has no --precision=bfloat16" in said


def test_export_says_that_the_data_set_leaks(
    product, data_dir, tmp_path, monkeypatch
):
    """With a stand-in for ONNX; the data set as --allow_leaks leaves it."""

    def open_leaking(*arguments):
        builder = open_prepared(*arguments)
        builder.info.metadata["num_leaking"] = 2
        return builder

    def write(frozen, precision, path, calibration):
        open(path, "w").close()

    open_prepared = prepared.open_prepared
    monkeypatch.setattr(prepared, "open_prepared", open_leaking)
    monkeypatch.setattr(formats, "check", lambda *arguments: None)
    monkeypatch.setattr(onnx, "write", write)
    monkeypatch.setattr(
        onnx, "load", lambda path: frozen_graph.freeze(product).run
    )
    said = binaries.call(
        tmp_path,
        "export",
        f"--saved_model={product}",
        "--format=onnx",
        f"--output={tmp_path / 'model.onnx'}",
        "--dataset=label_table/tiny",
        f"--data_dir={data_dir}",
    )
    assert "2 groups of near-duplicate photos" in said
    written = json.loads((tmp_path / "model.onnx.json").read_text())
    for when in ("before", "after"):
        assert written["check"][when]["num_leaking"] == 2


def test_export_prints_and_writes_the_check(product, data_dir, tmp_path):
    pytest.importorskip("openvino")
    said = binaries.run_forked(
        tmp_path,
        "export",
        f"--saved_model={product}",
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
