"""What is said of a place that cannot be used."""

import errno
import os
import pathlib

import h5py
import pytest
import tensorflow as tf

from jdstyle import errors


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "more").mkdir(parents=True)
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "ring").symlink_to("ring")


def read(path):
    pathlib.Path(path).read_bytes()


def raise_wrapped():
    try:
        read("folder")
    except OSError as error:
        raise ValueError("It broke.") from error


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda: read("file/a"), "file/a: Not a directory. A file stands"),
        (lambda: read("folder"), "folder: Is a directory. A folder stands"),
        (lambda: os.mkdir("file"), "file: File exists. Move what"),
        (lambda: os.listdir("file"), "file: Not a directory."),
        (lambda: os.rmdir("folder"), "folder: Directory not empty."),
        (lambda: os.replace("file", "folder"), "folder: Is a directory."),
        (lambda: os.replace("file", "new/a"), "new/a: No such file"),
        (lambda: read("dangling"), "dangling: No such file or directory. It"),
        (lambda: read("ring"), "ring: Too many levels of symbolic links."),
        (lambda: read("a" * 256), "aaa: File name too long. Name a shorter"),
        (lambda: os.open(b"folder", os.O_WRONLY), "folder: Is a directory."),
        (raise_wrapped, "folder: Is a directory."),
        (lambda: h5py.File("folder"), "folder: Is a directory."),
        (lambda: h5py.File("gone", "r"), "gone: No such file"),
        (lambda: tf.io.read_file("folder"), "folder: Is a directory."),
        (lambda: tf.io.read_file("file/a"), "file/a: Not a directory."),
        (lambda: tf.io.read_file("gone"), "gone: No such file"),
        (lambda: tf.io.write_file("a" * 256, ""), "aaa: File name too long."),
        (
            lambda: list(tf.data.TFRecordDataset("folder")),
            "folder: Is a directory.",
        ),
    ],
)
def test_bad_places_are_named(fault, said):
    with pytest.raises(Exception) as raised:
        fault()
    line = errors.bad_place(raised.value)
    assert said in line and "\n" not in line and "{{" not in line


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_rights_are_said(number):
    # Not by a real file: to the administrator all are open.
    line = errors.bad_place(OSError(number, os.strerror(number), "a"))
    assert line.startswith(f"a: {os.strerror(number)}. ")
    text = f"{{{{function_node f}}}} a/b c; {os.strerror(number)} [Op:X]"
    line = errors.bad_place(tf.errors.UnknownError(None, None, text))
    assert line.startswith(f"a/b c: {os.strerror(number)}. ")


def test_a_working_directory_that_has_gone(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError) as raised:
        os.getcwd()
    said = errors.bad_place(raised.value)
    assert said.startswith("The working directory: No such file")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("Permission denied"),
        OSError(errno.EIO, "Input/output error", "a"),
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        ValueError("a; Permission denied"),
    ],
)
def test_other_faults_keep_their_traceback(error):
    assert errors.bad_place(error) is None


def test_a_fault_of_ours_is_not_hidden_behind_a_place():
    try:
        try:
            read("folder")
        except OSError:
            {}["a"]
    except KeyError as error:
        assert errors.bad_place(error) is None
