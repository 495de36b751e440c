import contextlib
import errno
import os
import stat
import threading

import pytest

from jdstyle.files import atomic


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    return path


@pytest.fixture
def null(tmp_path):
    """A device node of our own: the test must not harm the machine's."""
    path = tmp_path / "null"
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("No right to make a device node.")
    return path


@contextlib.contextmanager
def fifo(path):
    """Makes a pipe and yields a list that takes what is written into it."""
    os.mkfifo(path)
    taken = []
    reader = threading.Thread(target=lambda: taken.append(path.read_text()))
    reader.start()
    yield taken
    reader.join(10)


def write(path, text="new"):
    with atomic.aside(path) as file:
        file.write(text)


def test_takes_the_place_of_the_older_file(tmp_path, old):
    with atomic.aside(old, newline="") as file:
        file.write("ü\r\n")
        assert old.read_text() == "old"
    assert old.read_bytes() == "ü\r\n".encode()
    with atomic.aside(old, "wb") as file:
        file.write(b"\xff")
    assert old.read_bytes() == b"\xff"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_failure_leaves_the_older_file_and_nothing_else(tmp_path, old, error):
    with pytest.raises(type(error)), atomic.aside(old) as file:
        file.write("half")
        raise error
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_device_is_written_into(tmp_path, null):
    write(null)
    assert stat.S_ISCHR(null.stat().st_mode)
    (tmp_path / "link").symlink_to(null)
    write(tmp_path / "link")
    with pytest.raises(RuntimeError), atomic.aside(null):
        raise RuntimeError
    assert stat.S_ISCHR(null.stat().st_mode)
    assert {path.name for path in tmp_path.iterdir()} == {"null", "link"}


def test_pipe_is_written_into(tmp_path):
    with fifo(tmp_path / "pipe") as taken:
        write(tmp_path / "pipe")
    assert taken == ["new"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_descriptor_keeps_what_was_written_before(tmp_path, name):
    """A shell has redirected to a file, and both go on to write there."""
    with open(tmp_path / "out", "w") as out:
        out.write("before\n")
        out.flush()
        name = name.format(out.fileno())
        if name == "link":
            name = tmp_path / "link"
            name.symlink_to(f"/dev/fd/{out.fileno()}")
        assert atomic.is_stream(name)
        write(name, "lines\n")
        out.write("after\n")
    assert (tmp_path / "out").read_text() == "before\nlines\nafter\n"


def test_standard_output_is_known_by_all_its_names(tmp_path):
    for name in ("/dev/stdout", "/dev/fd/1", f"/proc/{os.getpid()}/fd/1"):
        assert atomic.is_stdout(name)
    assert not atomic.is_stdout("/dev/stderr")
    assert not atomic.is_stdout(tmp_path / "1")


def test_link_stays_and_its_target_is_replaced(tmp_path, old):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = folder / "link"
    link.symlink_to("../a.csv")
    before = old.stat().st_ino
    write(link)
    assert link.is_symlink() and old.read_text() == "new"
    assert old.stat().st_ino != before
    assert list(folder.iterdir()) == [link]
    missing = tmp_path / "missing"
    missing.symlink_to("b.csv")
    write(missing)
    assert missing.is_symlink() and (tmp_path / "b.csv").read_text() == "new"


def test_ring_of_links_is_told(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        write(tmp_path / "a")


def test_mode_and_owner_of_the_older_file_stay(old):
    old.chmod(0o640)
    with contextlib.suppress(PermissionError):
        os.chown(old, 12, 34)
    before = old.stat()
    write(old)
    after = old.stat()
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


def test_new_file_has_the_usual_mode(tmp_path):
    write(tmp_path / "a")
    (tmp_path / "b").write_text("")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_users_own_tmp_file_and_other_writers_are_left_alone(tmp_path, old):
    (tmp_path / "a.csv.tmp").write_text("mine")
    with atomic.aside(old) as one, atomic.aside(old) as other:
        one.write("one")
        other.write("other")
    assert (tmp_path / "a.csv.tmp").read_text() == "mine"
    assert old.read_text() == "one"  # The last to finish.
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EPERM])
def test_file_that_cannot_be_renamed_over_is_written_into(
    old, monkeypatch, number
):
    """As one that Docker mounts by itself."""

    def refuse(*paths):
        raise OSError(number, "no")

    monkeypatch.setattr(os, "replace", refuse)
    before = old.stat().st_ino
    write(old)
    assert old.read_text() == "new" and old.stat().st_ino == before
    assert list(old.parent.iterdir()) == [old]


def test_writable_file_in_a_folder_that_is_not(old, monkeypatch):
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda p, m: p != str(old.parent) and access(p, m)
    )
    assert os.path.dirname(atomic.beside(old)) != str(old.parent)
    write(old)
    assert old.read_text() == "new"
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize("name", ["a" * 255, "ü" * 127])
def test_longest_names(tmp_path, name):
    write(tmp_path / name)
    assert (tmp_path / name).read_text() == "new"
    unfinished = os.path.basename(atomic.beside(tmp_path / name, ".h5"))
    assert atomic.is_unfinished(unfinished) and unfinished.endswith(".h5")
    assert len(unfinished.encode()) <= 255


@pytest.mark.parametrize("name", ["a.tmp", "a.csv", "a.12345678.csv"])
def test_names_of_users_are_not_unfinished(name):
    assert not atomic.is_unfinished(name)
