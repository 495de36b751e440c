"""PyTorch's legacy files, which these tests write without PyTorch."""

import collections
import hashlib
import io
import os
import pickle
import sys
import types

import numpy as np
import pytest

from jdstyle.errors import InputError
from jdstyle.models import torch_files

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True}


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """Modules with what such files name, so that they can be pickled."""

    def rebuild(*arguments):
        pytest.fail("The file's own function was called.")

    rebuild.__module__, rebuild.__qualname__ = (
        "torch._utils",
        "_rebuild_tensor_v2",
    )
    module = types.ModuleType("torch")
    for name in ("FloatStorage", "LongStorage", "DoubleStorage"):
        setattr(module, name, type(name, (), {"__module__": "torch"}))
    utils = types.ModuleType("torch._utils")
    utils._rebuild_tensor_v2 = rebuild
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return module


class Storage:
    def __init__(self, kind, key, length):
        self.pid = ("storage", kind, key, "cpu", length, None)


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.shown = (storage, offset, shape, strides, False, {})

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.shown


class Pickler(pickle.Pickler):
    def persistent_id(self, item):
        return item.pid if isinstance(item, Storage) else None


def write(tensors, numbers, head=(MAGIC, PROTOCOL, SYSTEM), lengths=None):
    """Returns the bytes of a file: five pickles, then the numbers."""
    file = io.BytesIO()
    for item in (*head, tensors, list(numbers)):
        Pickler(file, protocol=2).dump(item)
    for key, array in numbers.items():
        length = (lengths or {}).get(key, len(array))
        file.write(length.to_bytes(8, "little") + array.tobytes())
    return file.getvalue()


NUMBERS = {"7": np.arange(12, dtype="<f4"), "3": np.arange(1, dtype="<i8")}


@pytest.fixture
def tensors(torch):
    floats = Storage(torch.FloatStorage, "7", 12)
    counter = Storage(torch.LongStorage, "3", 1)
    state = collections.OrderedDict(
        kernel=Tensor(floats, 0, (2, 3), (3, 1)),
        turned=Tensor(floats, 6, (3, 2), (1, 3)),
        number=Tensor(floats, 4, (), ()),
        batches=Tensor(counter, 0, (), ()),
    )
    state._metadata = {"": {"version": 1}}  # As PyTorch adds it.
    return state


def test_reads_floats_in_the_order_of_their_dimensions(tensors):
    arrays = torch_files.parse(write(tensors, NUMBERS), "x.pth")
    assert list(arrays) == ["kernel", "turned", "number"]
    np.testing.assert_array_equal(arrays["kernel"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(arrays["turned"], [[6, 9], [7, 10], [8, 11]])
    assert arrays["number"].shape == () and arrays["number"] == 4
    assert {array.dtype.name for array in arrays.values()} == {"float32"}


class Bomb:
    """Whoever loads it has a function called."""

    def __init__(self, function, argument):
        self.call = function, (argument,)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(
    "bomb",
    [
        Bomb(pytest.fail, "The pickle was run."),
        Bomb(os.system, "exit 1"),
        Bomb(eval, "1"),
        Bomb(np.array, 1),
        Bomb(collections.Counter, ()),
    ],
    ids=["test", "system", "eval", "numpy", "counter"],
)
def test_runs_nothing_that_a_pickle_asks_for(tensors, place, bomb):
    """In whichever of the five pickles it lies."""
    head = [MAGIC, PROTOCOL, SYSTEM]
    numbers = dict(NUMBERS)
    if place < 3:
        head[place] = bomb
    elif place == 3:
        tensors["bomb"] = bomb
    content = write(tensors, numbers, head)
    if place == 4:
        start = content.index(pickle.dumps(list(NUMBERS), protocol=2))
        content = content[:start] + pickle.dumps([bomb], protocol=2)
    with pytest.raises(InputError, match=r"x.pth is refused: it asks for \w"):
        torch_files.parse(content, "x.pth")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"head": (MAGIC + 1, PROTOCOL, SYSTEM)}, "does not begin as"),
        ({"head": (MAGIC, 1002, SYSTEM)}, "does not begin as"),
        (
            {"head": (MAGIC, PROTOCOL, {"little_endian": False})},
            "does not begin as",
        ),
        ({"lengths": {"7": 13}}, "storage 7 has another length"),
        ({"numbers": {"7": NUMBERS["7"]}}, "its list of storages"),
        ({"tensors": {}}, "no state dict"),
        ({"tensors": collections.OrderedDict(x=[1])}, "no state dict"),
    ],
)
def test_refuses_what_is_no_state_dict(tensors, changes, reason):
    content = write(**({"tensors": tensors, "numbers": NUMBERS} | changes))
    with pytest.raises(InputError, match=f"x.pth is refused: .*{reason}"):
        torch_files.parse(content, "x.pth")


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ((7, (2, 3), (3, 1)), "beyond its storage"),
        ((0, (2, 3), (6, 4)), "beyond its storage"),
        # A small file that would fill the memory.
        ((0, (10**6, 10**6), (0, 0)), "beyond its storage"),
        ((12, (), ()), "beyond its storage"),
        ((-1, (2,), (1,)), "unknown kind of tensor"),
        ((0, (2,), (-1,)), "unknown kind of tensor"),
        ((0, (0, 2), (2, 1)), "unknown kind of tensor"),
        ((0, (2, 3), (1,)), "shorter|argument 2"),
    ],
)
def test_refuses_a_tensor_outside_of_its_numbers(torch, tensors, shown, reason):
    tensors["odd"] = Tensor(Storage(torch.FloatStorage, "7", 12), *shown)
    with pytest.raises(InputError, match=f"refused: .*{reason}"):
        torch_files.parse(write(tensors, NUMBERS), "x.pth")


def test_refuses_other_numbers_and_storages_of_two_kinds(torch, tensors):
    tensors["odd"] = Tensor(Storage(torch.DoubleStorage, "7", 12), 0, (), ())
    with pytest.raises(InputError, match="asks for torch.DoubleStorage"):
        torch_files.parse(write(tensors, NUMBERS), "x.pth")
    tensors["odd"] = Tensor(Storage(torch.LongStorage, "7", 6), 0, (), ())
    with pytest.raises(InputError, match="unknown kind of storage"):
        torch_files.parse(write(tensors, NUMBERS), "x.pth")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_refuses_what_is_cut_off_or_followed_by_more(tensors, share):
    content = write(tensors, NUMBERS)
    with pytest.raises(InputError, match="x.pth is refused"):
        torch_files.parse(content[: int(share * len(content))], "x.pth")
    with pytest.raises(InputError, match="something follows"):
        torch_files.parse(content + b"\0", "x.pth")


def test_looks_at_nothing_but_the_file_it_expects(tensors, tmp_path):
    path = tmp_path / "x.pth"
    content = write(tensors, NUMBERS)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert len(torch_files.read(str(path), digest)) == 3
    path.write_bytes(pickle.dumps(Bomb(pytest.fail, "The pickle was run.")))
    with pytest.raises(InputError, match=f"SHA-256 must be {digest}"):
        torch_files.read(str(path), digest)
    with pytest.raises(InputError, match="none.pth cannot be read: No such"):
        torch_files.read(str(tmp_path / "none.pth"), digest)
