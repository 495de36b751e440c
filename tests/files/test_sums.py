import concurrent.futures
import errno
import os
import shutil
import subprocess

import pytest

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import sums

# `printf abc | sha256sum`, an example of FIPS 180-2.
OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "deep" / "b c").write_bytes(b"")
    sums.write(tmp_path)
    return tmp_path


def test_lists_every_file_as_sha256sum_does(folder):
    lines = (folder / sums.FILE).read_text().splitlines()
    assert lines[0] == f"{OF_ABC}  a"
    assert [line[66:] for line in lines] == ["a", "deep/b c"]
    sums.check_all(folder)
    if shutil.which("sha256sum"):
        subprocess.run(
            ["sha256sum", "--check", "--strict", "--quiet", sums.FILE],
            cwd=folder,
            check=True,
        )


def test_adds_to_the_list(folder):
    (folder / "a").write_bytes(b"new")
    (folder / "d").write_bytes(b"abc")
    sums.write(folder, ["a", "d"])
    sums.check_all(folder)
    assert sums.read(folder)["d"] == OF_ABC


def test_no_sum_is_lost_where_several_write_at_once(folder):
    names = [f"n{i}" for i in range(40)]
    for name in names:
        (folder / name).write_bytes(name.encode())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: sums.write(folder, [name]), names))
    sums.check(folder, [*names, "a"])
    assert sums.read(folder).keys() == {"a", "deep/b c", *names}


def test_a_failed_list_leaves_none(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"abc")

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic, "put", fail)
    with pytest.raises(OSError, match="No space"):
        sums.write(tmp_path, ["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_refuses_a_changed_byte(folder):
    (folder / "a").write_bytes(b"abd")
    with pytest.raises(InputError, match="/a is not what was written"):
        sums.check(folder, ["a"])
    sums.check(folder, ["deep/b c"])


def test_refuses_a_cut_off_or_missing_file(folder):
    (folder / "a").write_bytes(b"ab")
    with pytest.raises(InputError, match="/a is not what was written"):
        sums.check_all(folder)
    (folder / "a").unlink()
    with pytest.raises(InputError, match="/a is missing"):
        sums.check_all(folder)


def test_refuses_a_file_too_many(folder):
    (folder / "deep" / "new").write_bytes(b"")
    with pytest.raises(InputError, match="deep/new has no SHA-256 sum in"):
        sums.check_all(folder)


def test_refuses_without_a_list(folder):
    (folder / sums.FILE).unlink()
    with pytest.raises(InputError, match="no SHA-256 sum in .*SHA256SUMS"):
        sums.check(folder, ["a"])
    with pytest.raises(InputError, match="no SHA-256 sum in .*SHA256SUMS"):
        sums.check_all(folder)


@pytest.mark.parametrize("line", ["", "abc  a", f"{OF_ABC} a", "\0" * 66])
def test_says_which_line_is_broken(folder, line):
    with open(folder / sums.FILE, "a") as file:
        file.write(f"{line}\n")
    with pytest.raises(InputError, match=r"SHA256SUMS:3: expected 64 hex"):
        sums.check_all(folder)
