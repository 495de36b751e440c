import errno
import fcntl
import os
import socket
import stat
import subprocess
import sys
import textwrap

import binaries
import pytest

from jdstyle.errors import InputError
from jdstyle.files import lock
from jdstyle.runs import directory
from jdstyle.serving import evaluation
from jdstyle.serving import loader


def start_holder(folder):
    """A process that holds a directory until its input ends."""
    program = f"""
        import sys
        from jdstyle.files import lock
        with lock.hold({str(folder)!r}, "workdir"):
            print("held", flush=True)
            sys.stdin.read()
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=binaries.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    return holder


@pytest.mark.long
def test_second_process_is_refused_and_told_the_first(tmp_path):
    holder = start_holder(tmp_path)
    named = f"host {socket.gethostname()}, process {holder.pid}"
    message = f"--workdir=.* in use: {named}"
    with (
        pytest.raises(InputError, match=message),
        lock.hold(tmp_path, "workdir"),
    ):
        pass
    holder.communicate()
    with lock.hold(tmp_path, "workdir"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_killed_holder_is_no_obstacle(tmp_path):
    holder = start_holder(tmp_path)
    holder.kill()
    holder.communicate()
    assert (tmp_path / lock.LOCK_FILE).read_text().startswith("host")
    with lock.hold(tmp_path, "workdir"):
        text = (tmp_path / lock.LOCK_FILE).read_text()
        assert text.endswith(f"process {os.getpid()}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_one_process_at_a_time_however_many_start(tmp_path):
    """Each takes the lock in turn; none loses it to a removed file."""
    program = f"""
        from jdstyle import errors
        from jdstyle.files import lock
        taken = 0
        while taken < 50:
            try:
                with lock.hold({str(tmp_path / "a")!r}, "workdir"):
                    open({str(tmp_path / "mark")!r}, "x").close()
                    import os
                    os.remove({str(tmp_path / "mark")!r})
                    taken += 1
            except errors.InputError:
                pass
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            env=binaries.environment(),
        )
        for _ in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]


@pytest.mark.long
def test_a_lock_file_that_is_deleted_changes_nothing(tmp_path):
    holder = start_holder(tmp_path)
    (tmp_path / lock.LOCK_FILE).unlink()
    with (
        pytest.raises(InputError, match="in use: by a process"),
        lock.hold(tmp_path, "workdir"),
    ):
        pass
    holder.communicate()


def test_a_link_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / lock.LOCK_FILE).symlink_to(victim)
    with (
        pytest.raises(InputError, match="in_use.lock is a link"),
        lock.hold(folder, "workdir"),
    ):
        pass
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF]
)
def test_a_file_system_without_locks_is_told(
    number, tmp_path, monkeypatch, log
):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    with lock.hold(tmp_path, "workdir"):
        pass
    assert "cannot be locked on this file system" in log.text


def test_the_file_is_locked_where_directories_cannot_be(tmp_path, monkeypatch):
    flock = fcntl.flock

    def as_nfs(descriptor, operation):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", as_nfs)
    with (
        lock.hold(tmp_path, "workdir"),
        pytest.raises(InputError, match=IN_USE),
        lock.hold(tmp_path, "workdir"),
    ):
        pass


@pytest.fixture
def held(tmp_path):
    """A directory with results that this process holds."""
    directory.write_json(tmp_path / directory.RESULTS_FILE, {"f2": 0.5})
    with lock.hold(tmp_path, "output_dir"):
        yield tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


IN_USE = f"in use: host {socket.gethostname()}, process {os.getpid()}"


def write_run(folder, tiny):
    """Writes what `fuse` reads of a finished run before it fuses."""
    folder.mkdir()
    record = {
        "dataset": tiny.info.full_name,
        "fingerprint": tiny.info.metadata["fingerprint"],
        "styles": ["rare"],
        "backbone": "MobileNet",
        "image_size": 32,
        "sharing": None,
        "fold": None,
    }
    results = {"validation": {"styles": {"rare": {"f2": 0.5}}}}
    directory.write_json(folder / directory.RUN_FILE, record)
    directory.write_json(folder / directory.RESULTS_FILE, results)


def test_second_fuse_is_refused(held, tiny, data_dir, tmp_path_factory):
    runs_dir = tmp_path_factory.mktemp("runs")
    write_run(runs_dir / "a", tiny)
    said = binaries.call(
        runs_dir,
        "fuse",
        "--dataset=label_table/tiny",
        f"--data_dir={data_dir}",
        f"--runs_dir={runs_dir}",
        f"--output_dir={held}",
        code=2,
    )
    assert IN_USE in said


def test_second_reproduce_is_refused(held, data_dir):
    said = binaries.call(
        held,
        "reproduce",
        "--dataset=label_table/tiny",
        f"--data_dir={data_dir}",
        "--backbones=MobileNet",
        "--init_from=scratch",
        f"--output_dir={held}",
        code=2,
    )
    assert IN_USE in said


def test_second_evaluate_is_refused(held, tiny, monkeypatch):
    monkeypatch.setattr(loader, "load", lambda path: (None, ["bright", "rare"]))
    with pytest.raises(InputError, match=f"--output_dir=.* {IN_USE}"):
        evaluation.evaluate("x", tiny, "test", str(held))
