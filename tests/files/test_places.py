import os
import socket

import pytest

from jdstyle.errors import InputError
from jdstyle.files import places

REQUIRES = (places.require_file, places.require_folder)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a file, a folder, a product and links, to be in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "run" / "product" / "assets").mkdir(parents=True)
    (tmp_path / "run" / "product" / "saved_model.pb").touch()
    (tmp_path / "link").symlink_to("run/product")
    (tmp_path / "inside").symlink_to("run/product/p.csv")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "ring").symlink_to("ring")
    return tmp_path


@pytest.mark.parametrize("require", REQUIRES)
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("file/a", "--x=file/a lies below .*/file, which is no folder"),
        ("file/a/b", "lies below .*/file,"),
        ("/dev/null/a", "lies below /dev/null,"),
        ("dangling/a", "lies below .*/dangling,"),
        ("ring", "symbolic links"),
        ("a" * 256, "may have 255 bytes there, and a{20}... has 256"),
        (f"new/{'ü' * 128}/b", "may have 255 bytes there, .* has 256"),
        ("/".join(["a" * 200] * 21), "less than 4096 bytes"),
        ("run/product/p", "lies in the SavedModel .*/run/product, which"),
        ("run/product/assets/new/p", "lies in the SavedModel"),
        ("./folder/../run/product/p", "lies in the SavedModel"),
        ("link/p", "lies in the SavedModel"),
    ],
)
def test_bad_places(here, require, path, message):
    with pytest.raises(InputError, match=message):
        require(path, "x")
    assert not (here / "new").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("folder", "--x=folder must be a file, not a folder"),
        ("new/", "must be a file"),
        ("inside", "lies in the SavedModel"),
        ("/dev/fd/99", "is not open"),
    ],
)
def test_bad_files(here, path, message):
    with pytest.raises(InputError, match=message):
        places.require_file(path, "x")


def test_sockets_are_refused(here):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(InputError, match="not a disk or a socket"):
            places.require_file("socket", "x")


def test_pipes_and_devices(here):
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/null", "/dev/stdout", "/dev/fd/1"):
        places.require_file(path, "x")
        with pytest.raises(InputError, match="can be read again"):
            places.require_file(path, "x", stream=False)
        with pytest.raises(InputError, match="must be a folder, not a file"):
            places.require_folder(path, "x")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("file", "--x=file must be a folder, not a file"),
        ("dangling", "is a link to nowhere, which is not there"),
        ("run/product", "lies in the SavedModel"),
        ("run/product/", "lies in the SavedModel"),
        ("link", "lies in the SavedModel"),
    ],
)
def test_bad_folders(here, path, message):
    with pytest.raises(InputError, match=message):
        places.require_folder(path, "x")


def test_good_places(here):
    for path in ("file", "new", "new/er/p.csv", "dangling", "a" * 255):
        places.require_file(path, "x")
    for path in ("folder", "folder/", "new", "new/er", ".", "run", "~"):
        places.require_folder(path, "x")
    assert not (here / "new").exists()


def test_without_rights(here, monkeypatch):
    closed = [str(here), str(here / "folder")]
    monkeypatch.setattr(os, "access", lambda path, mode: path not in closed)
    places.require_file("file", "x")  # It may be written, its folder not.
    places.require_folder("folder", "x", write=False)
    for require in REQUIRES:
        with pytest.raises(InputError, match="is read-only for you"):
            require("folder/new", "x")
    closed.append(str(here / "file"))
    with pytest.raises(InputError, match="/file is read-only for you"):
        places.require_file("file", "x")


def refuse(name):
    """Stands for the system, which refuses to look at files of that name."""
    stat = os.stat

    def refusing(path, *rest, **options):
        if os.path.basename(path) == name:
            raise PermissionError(13, "Permission denied", path)
        return stat(path, *rest, **options)

    return refusing


def test_what_may_not_be_read(here, monkeypatch):
    for path in ("file", "folder", "imagenet", "file/x", "ring", "a" * 256):
        places.require_readable(path, "x")
    for path, right in [("file", os.R_OK), ("folder", os.X_OK)]:
        with monkeypatch.context() as patch:
            patch.setattr(os, "access", lambda _, mode, no=right: mode != no)
            with pytest.raises(InputError, match=f"--x={path} cannot be read"):
                places.require_readable(path, "x")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda _, mode: mode != os.X_OK)
        with pytest.raises(InputError, match="--x=folder cannot be read"):
            places.require_folder("folder", "x", write=False)
    monkeypatch.setattr(os, "stat", refuse("new"))
    with pytest.raises(InputError, match="--x=folder/new cannot be read"):
        places.require_readable("folder/new", "x")


def test_what_may_not_be_looked_at_is_not_taken_for_absent(here, monkeypatch):
    assert places.is_file("file") and not places.is_file("folder")
    assert places.is_folder("folder") and not places.is_folder("file")
    for path in ("new", "file/x", "dangling"):
        assert not places.is_file(path) and not places.is_folder(path)
    monkeypatch.setattr(os, "stat", refuse("new"))
    for ask in (places.is_file, places.is_folder):
        with pytest.raises(PermissionError):
            ask("folder/new")


def test_inside_of_a_product_everything_is_refused(here, monkeypatch):
    monkeypatch.chdir(here / "run" / "product")
    for require in REQUIRES:
        with pytest.raises(InputError, match="lies in the SavedModel"):
            require("new", "x")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("run/product", "run/product"),
        ("run/product/", "run/product"),
        ("../run/product", "../run/product"),
        ("link", "link"),
        (".", "{}"),
        ("./", "{}"),
        ("run/product/assets/..", "{}/run/product"),
        ("link/..", "{}/run"),
    ],
)
def test_what_lies_beside(here, path, expected):
    assert places.beside(path) == expected.format(here)
