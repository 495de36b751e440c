"""Weight files: nothing but arrays, loaded into networks that code built.

A whole model in a file names the layers and functions to build it from, and a
pickle is a program: loading either may run the code of whoever wrote it. So
both are refused, whatever their names end in.
"""

import os
import zipfile

import h5py
import numpy as np

from jdstyle.errors import InputError
from jdstyle.files import sums

ENDING = ".weights.h5"

_WANTED = (
    "Accepted is a *.weights.h5 file as `save_weights` of Keras 3 writes it, "
    "which holds nothing but arrays."
)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_PICKLE_ENDINGS = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib")


def load(model, path, *, own=True):
    """Loads weights into a model after looking at the file.

    Args:
        model: `keras.Model` that code built; it takes the arrays.
        path: of the weight file.
        own: whether jdstyle wrote it, so that its SHA-256 sum must be beside
            it; the sum of a file from elsewhere is checked if there is one.

    Raises:
        InputError: as `require` and `sums.check`; or if the arrays are not
            those of the model, or not finite.
    """
    require(path)
    folder, name = os.path.split(path)
    if own or name in sums.read(folder):
        sums.check(folder, [name])
    try:
        model.load_weights(path)
    except (KeyError, OSError, ValueError) as error:
        # Keras goes on for many lines.
        said = " ".join(str(error).split())[:300]
        raise InputError(
            f"{path} does not hold the weights of this network: {said}"
        ) from error
    for variable in model.weights:
        if not np.isfinite(variable.numpy()).all():
            raise InputError(
                f"{path} holds a number that is not finite, in "
                f"{variable.path}. Train that network again."
            )


def require(path):
    """Raises `InputError`, with the reason, if a file is not plain weights."""
    if not os.path.isfile(path):
        raise InputError(f"No such file: {path}")
    reason = refusal(path)
    if reason is None and not path.endswith(ENDING):
        reason = f"its name does not end in {ENDING}"
    if reason is not None:
        raise InputError(f"{path} is refused: {reason}. {_WANTED}")


def refusal(path):
    """Returns why a file must not be loaded as weights, or None.

    Args:
        path: of a file. Its content counts, not its name.
    """
    with open(path, "rb") as file:
        start = file.read(len(_HDF5))
    if start == _HDF5:
        return _refusal_of_hdf5(path)
    if zipfile.is_zipfile(path):
        return _refusal_of_zip(path)
    # A pickle of protocol 2 and up begins with its number, 0x80 before it.
    if start[:1] == b"\x80" or path.lower().endswith(_PICKLE_ENDINGS):
        return "it is a pickle, a program that runs when it is loaded"
    return "it is not an HDF5 file"


def _refusal_of_zip(path):
    with zipfile.ZipFile(path) as file:
        names = [os.path.basename(name) for name in file.namelist()]
    if "config.json" in names:
        return (
            "it is a whole Keras model (.keras), which itself names the layers "
            "and functions to build it from"
        )
    if any(name.endswith(".pkl") for name in names):
        return "it holds a pickle, a program that runs when it is loaded"
    return "it is a zip archive"


def _refusal_of_hdf5(path):
    try:
        with h5py.File(path, "r") as file:
            if "model_config" in file.attrs:
                return (
                    "it is a whole Keras model (.h5), which itself names the "
                    "layers and functions to build it from"
                )
            if "layer_names" in file.attrs:
                return "it is a weight file of Keras 2"
            return _refusal_of_group(file)
    except (OSError, RuntimeError, ValueError) as error:
        return f"it is broken ({error})"


def _refusal_of_group(group):
    """Follows no link: an HDF5 file can point into any other file."""
    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            return f"{group.name}/{name} in it points elsewhere"
        item = group[name]
        if isinstance(item, h5py.Group):
            reason = _refusal_of_group(item)
            if reason is not None:
                return reason
        elif not isinstance(item, h5py.Dataset):
            return f"{item.name} in it is not an array"
        elif item.external or item.is_virtual:
            return f"{item.name} in it is stored in another file"
    return None
