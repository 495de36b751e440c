import os
import socket
import subprocess
import sys
import textwrap

import binaries
import pytest

from jdstyle import locking
from jdstyle.errors import InputError


def start_holder(folder):
    """A process that holds a directory until its input ends."""
    program = f"""
        import sys
        from jdstyle import locking
        with locking.alone({str(folder)!r}, "workdir"):
            print("held", flush=True)
            sys.stdin.read()
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=os.environ | {"PYTHONPATH": str(binaries.ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    return holder


def test_second_process_is_refused_and_told_the_first(tmp_path):
    holder = start_holder(tmp_path)
    named = f"host {socket.gethostname()}, process {holder.pid}"
    message = f"--workdir=.* in use: {named}"
    with (
        pytest.raises(InputError, match=message),
        locking.alone(tmp_path, "workdir"),
    ):
        pass
    holder.communicate()
    with locking.alone(tmp_path, "workdir"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_killed_holder_is_no_obstacle(tmp_path):
    holder = start_holder(tmp_path)
    holder.kill()
    holder.communicate()
    assert (tmp_path / locking.LOCK_FILE).read_text().startswith("host")
    with locking.alone(tmp_path, "workdir"):
        text = (tmp_path / locking.LOCK_FILE).read_text()
        assert text.endswith(f"process {os.getpid()}")
    assert list(tmp_path.iterdir()) == []


def test_one_process_at_a_time_however_many_start(tmp_path):
    """Each takes the lock in turn; none loses it to a removed file."""
    program = f"""
        from jdstyle import errors, locking
        taken = 0
        while taken < 50:
            try:
                with locking.alone({str(tmp_path / "a")!r}, "workdir"):
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
            env=os.environ | {"PYTHONPATH": str(binaries.ROOT)},
        )
        for _ in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
