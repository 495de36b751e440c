import os

import pytest

from jdstyle.files import litter


@pytest.mark.parametrize(
    "name",
    [
        *(".DS_Store", "._styles.txt", "Icon\r", "__MACOSX"),
        *("Thumbs.db", "thumbs.db", "desktop.ini", "$RECYCLE.BIN"),
        *(".nfs000000000154a3d400000001", "lost+found", ".Trash-1000"),
        *(".~lock.results.csv#", "~$results.xlsx", ".#run.json", "run.json~"),
        *(".run.json.swp", ".ipynb_checkpoints", "@eaDir"),
    ],
)
def test_litter(name):
    assert litter.is_litter(name)


@pytest.mark.parametrize(
    "name", ["styles.txt", "run.json", ".hidden.jpg", "_a", "a~b", ".tmp", ""]
)
def test_no_litter(name):
    assert not litter.is_litter(name)


def test_lists_without_litter(tmp_path):
    for name in ("b", "a/c", "a/.DS_Store", "@eaDir/b", "._b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert litter.names(tmp_path) == ["a", "b"]
    assert litter.files_below(tmp_path) == ["a/c", "b"]


def test_a_folder_without_permission_is_not_taken_for_empty(
    tmp_path, monkeypatch
):
    (tmp_path / "a").mkdir()
    scan = os.scandir

    def refusing(path):
        if path == os.path.join(tmp_path, "a"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError):
        litter.files_below(tmp_path)
