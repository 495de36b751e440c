"""Tests for `jdstyle.runtimes.formats` and `jdstyle.runtimes.optional`."""

import pytest

from jdstyle.errors import InputError
from jdstyle.runtimes import formats
from jdstyle.runtimes import optional


@pytest.mark.parametrize(
    ("file_format", "precision"),
    [("onnx", "bfloat16"), ("litert", "bfloat16")],
)
def test_refuses_a_precision_that_does_not_exist(file_format, precision):
    with pytest.raises(
        InputError,
        match=f"{file_format} has no .*openvino in float32, bfloat16, int8",
    ):
        formats.check(file_format, precision, "model.onnx")


def test_refuses_another_suffix_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="end with .xml .*model.onnx"):
        formats.check("openvino", "float32", "model.onnx")
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(InputError, match="a file, not a folder"):
        formats.check("onnx", "float32", str(tmp_path / "a.onnx"))


def test_missing_package_names_the_extra():
    with pytest.raises(
        InputError, match=r"nosuch is not installed.*pip install 'jdstyle\[exp"
    ):
        optional.require("nosuch")


def test_a_files_name_tells_its_format():
    for name, file_format in formats.FORMATS.items():
        assert formats.of_file(f"folder.h5/model{file_format.suffix}") == name
        assert set(file_format.precisions) <= set(formats.PRECISIONS)


def test_openvino_writes_two_files():
    assert formats.parts("a/m.xml") == ["a/m.xml", "a/m.bin"]
    assert formats.parts("a/m.onnx") == ["a/m.onnx"]
