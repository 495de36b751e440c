import os
import pathlib
import subprocess
import sys
import textwrap

import binaries
import numpy as np
import pytest

from jdstyle.runs import checkpoints

ARRAYS = [np.arange(6, dtype="float32").reshape(2, 3), np.array(7, "int64")]
RECORD = {"epoch": 1, "loss": 0.1, "name": "ü"}


def test_comes_back_as_it_was(tmp_path):
    path = checkpoints.save(str(tmp_path), 5, ARRAYS, RECORD)
    assert os.path.basename(path) == "step-000000005.npz"
    arrays, record = checkpoints.load_last(str(tmp_path))
    assert record == RECORD
    for array, expected in zip(arrays, ARRAYS, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype


def test_many_arrays_keep_their_order(tmp_path):
    checkpoints.save(str(tmp_path), 0, [np.array(i) for i in range(12)], {})
    arrays, _ = checkpoints.load_last(str(tmp_path))
    assert [int(array) for array in arrays] == list(range(12))


def test_the_last_two_are_kept(tmp_path):
    for step in (8, 9, 10, 1000):
        checkpoints.save(str(tmp_path), step, ARRAYS, {"step": step})
    names = [os.path.basename(p) for p in checkpoints.find(str(tmp_path))]
    assert names == ["step-000000010.npz", "step-000001000.npz"]
    assert checkpoints.load_last(str(tmp_path))[1] == {"step": 1000}


def test_nothing_there(tmp_path):
    assert checkpoints.load_last(str(tmp_path / "none")) is None
    assert checkpoints.load_last(str(tmp_path)) is None


@pytest.mark.parametrize("left", [0, 10, 0.5, 0.99])
def test_broken_file_gives_way_to_the_older(tmp_path, left):
    checkpoints.save(str(tmp_path), 1, ARRAYS, {"step": 1})
    path = checkpoints.save(str(tmp_path), 2, ARRAYS, {"step": 2})
    size = left if isinstance(left, int) else int(left * os.path.getsize(path))
    os.truncate(path, size)
    assert checkpoints.load_last(str(tmp_path))[1] == {"step": 1}
    # The last two are whole ones.
    checkpoints.save(str(tmp_path), 3, ARRAYS, {"step": 3})
    names = [os.path.basename(p) for p in checkpoints.find(str(tmp_path))]
    assert names == ["step-000000001.npz", "step-000000003.npz"]


def test_where_none_can_be_read_all_stay(tmp_path):
    for step in (1, 2):
        os.truncate(checkpoints.save(str(tmp_path), step, ARRAYS, {}), 10)
    assert checkpoints.load_last(str(tmp_path)) is None
    assert len(checkpoints.find(str(tmp_path))) == 2


def test_killed_first_save_leaves_nothing(tmp_path):
    (tmp_path / "step-000000001.npz.0123abcd.tmp").write_bytes(b"half")
    assert checkpoints.load_last(str(tmp_path)) is None
    assert not os.listdir(tmp_path)


def test_flipped_bit_is_noticed(tmp_path):
    checkpoints.save(str(tmp_path), 1, ARRAYS, {"step": 1})
    path = checkpoints.save(str(tmp_path), 2, ARRAYS, {"step": 2})
    data = bytearray(pathlib.Path(path).read_bytes())
    data[data.index(ARRAYS[0].tobytes())] ^= 1
    pathlib.Path(path).write_bytes(data)
    assert checkpoints.load_last(str(tmp_path))[1] == {"step": 1}


def test_failed_save_leaves_the_older(tmp_path, monkeypatch):
    checkpoints.save(str(tmp_path), 1, ARRAYS, {"step": 1})

    def fill_disk(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fill_disk)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(str(tmp_path), 2, ARRAYS, {"step": 2})
    assert os.listdir(tmp_path) == ["step-000000001.npz"]


@pytest.mark.long
def test_killed_save_leaves_the_older(tmp_path):
    checkpoints.save(str(tmp_path), 1, ARRAYS, {"step": 1})
    program = f"""
        import os, signal
        import numpy as np
        from jdstyle.runs import checkpoints
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
        checkpoints.save({str(tmp_path)!r}, 2, [np.zeros(9)], {{"step": 2}})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=binaries.environment(),
    )
    assert done.returncode == -9
    assert len(os.listdir(tmp_path)) == 2
    assert checkpoints.load_last(str(tmp_path))[1] == {"step": 1}
    assert os.listdir(tmp_path) == ["step-000000001.npz"]


def test_pickles_are_not_read(tmp_path):
    checkpoints.save(str(tmp_path), 1, ARRAYS, {"step": 1})
    checkpoints.save(str(tmp_path), 2, [np.array([{}], object)], {"step": 2})
    assert checkpoints.load_last(str(tmp_path))[1] == {"step": 1}
