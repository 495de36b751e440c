"""PyTorch's legacy weight files, read without running what they hold.

Until version 1.6 `torch.save` wrote five pickles, then the numbers. A pickle is
a program: here it may name four things, of which none does more than to note
where a tensor lies, and whatever else it asks for is refused.
"""

import collections
import functools
import hashlib
import io
import math
import pickle
import typing

import numpy as np

from jdstyle.errors import InputError

# What such a file begins with, and the only version of what follows.
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001

# The kinds of numbers, as NumPy calls them. Texts: a pickle cannot change them.
# The counters of batch norms are read over.
_FLOATS, _COUNTERS = "<f4", "<i8"


class _Storage(typing.NamedTuple):
    """A row of numbers, which one or several tensors show."""

    key: str
    kind: str
    length: int


class _Tensor(typing.NamedTuple):
    """A part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def read(path, sha256):
    """Reads the float tensors of a state dict.

    Args:
        path: of a file that `torch.save` wrote in its legacy format.
        sha256: hex digest that the file must have. Nothing of another file is
            looked at.

    Returns:
        dict from names to float32 arrays.

    Raises:
        InputError: if there is no such file, if it has another digest, or if
            it holds anything but tensors of floats and of counters.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise InputError(
            f"{path} is refused: its SHA-256 must be {sha256}. "
            f"Received: {found}. Install its package again."
        )
    return parse(content, path)


def parse(content, name):
    """Reads the float tensors of a state dict from the bytes of its file.

    Args:
        content: bytes.
        name: string, of the file, for messages.

    Returns:
        As `read`.

    Raises:
        InputError: as `read`.
    """
    try:
        return _parse(io.BytesIO(content))
    except Exception as error:  # A pickle can be wrong in many ways.
        raise InputError(
            f"{name} is refused: {error or type(error).__name__}. Accepted is "
            "a state dict of float tensors in PyTorch's legacy file format."
        ) from error


def _parse(file):
    head = [_Unpickler(file).load() for _ in range(3)]
    system = head.pop()
    if head != [_MAGIC, _PROTOCOL] or system.get("little_endian") is not True:
        raise ValueError("it does not begin as such a file does")
    unpickler = _Unpickler(file)
    tensors = unpickler.load()
    if type(tensors) is not collections.OrderedDict or not all(
        isinstance(key, str) and isinstance(value, _Tensor)
        for key, value in tensors.items()
    ):
        raise ValueError("it is no state dict")
    numbers = _read_numbers(file, unpickler.storages)
    return {
        key: _show(tensor, numbers[tensor.storage.key])
        for key, tensor in tensors.items()
        if tensor.storage.kind == _FLOATS
    }


def _read_numbers(file, storages):
    """Returns a dict from the storages' keys to arrays of their numbers."""
    keys = _Unpickler(file).load()
    if sorted(keys) != sorted(storages):
        raise ValueError("its list of storages is not that of its tensors")
    numbers = {}
    for key in keys:
        dtype, length = np.dtype(storages[key].kind), storages[key].length
        if int.from_bytes(file.read(8), "little") != length:
            raise ValueError(f"storage {key} has another length than it says")
        data = file.read(dtype.itemsize * length)
        if len(data) != dtype.itemsize * length:
            raise ValueError("it is cut off")
        numbers[key] = np.frombuffer(data, dtype)
    if file.read(1):
        raise ValueError("something follows its last number")
    return numbers


def _show(tensor, numbers):
    """Returns a tensor's numbers in the order of its dimensions."""
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((size - 1) * stride for size, stride in steps)
    if last >= len(numbers) or math.prod(tensor.shape) > len(numbers):
        raise ValueError("a tensor goes beyond its storage")
    shown = np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :],
        tensor.shape,
        [numbers.itemsize * stride for stride in tensor.strides],
    )
    return np.array(shown, order="C")


class _Unpickler(pickle.Unpickler):
    """Makes nothing of a pickle but numbers, texts, dicts and `_Tensor`s."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        # A new object each time: a pickle may write to what it gets.
        allowed = {
            "collections.OrderedDict": collections.OrderedDict,
            "torch._utils._rebuild_tensor_v2": functools.partial(_note_tensor),
            "torch.FloatStorage": _FLOATS,
            "torch.LongStorage": _COUNTERS,
        }
        if f"{module}.{name}" not in allowed:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which is no tensor of floats"
            )
        return allowed[f"{module}.{name}"]

    def persistent_load(self, pid):
        what, kind, key, _, length, view = pid
        storage = _Storage(key, kind, length)
        if (
            what != "storage"
            or kind not in (_FLOATS, _COUNTERS)
            or not isinstance(key, str)
            or not _are_counts(length)
            or view is not None
            or self.storages.setdefault(key, storage) != storage
        ):
            raise pickle.UnpicklingError("it holds an unknown kind of storage")
        return storage


def _note_tensor(storage, offset, shape, strides, *_):
    """Stands for PyTorch's function that makes a tensor."""
    if (
        not isinstance(storage, _Storage)
        or not _are_counts(offset, *shape, *strides)
        or 0 in shape
    ):
        raise pickle.UnpicklingError("it holds an unknown kind of tensor")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _are_counts(*values):
    return all(type(value) is int and value >= 0 for value in values)
