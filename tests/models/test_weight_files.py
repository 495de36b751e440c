"""Weight files that are none, each made by the program that makes such."""

import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest

from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.models import classifier
from jdstyle.models import starts
from jdstyle.models import weight_files
from jdstyle.runs import directory


def make_model(units=2, seed=1):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(units)(inputs))


@pytest.fixture
def weights(tmp_path):
    path = str(tmp_path / "a.weights.h5")
    make_model().save_weights(path)
    return path


def test_loads_what_it_has_sums_of(weights, tmp_path):
    model = make_model(seed=2)
    with pytest.raises(InputError, match="no SHA-256 sum"):
        weight_files.load(model, weights)
    sums.write(tmp_path, ["a.weights.h5"])
    weight_files.load(model, weights)
    for there, here in zip(make_model().weights, model.weights, strict=True):
        np.testing.assert_array_equal(there, here)


def test_a_file_from_elsewhere_needs_no_sum(weights, tmp_path):
    weight_files.load(make_model(), weights, own=False)
    # But if there is one it counts.
    (tmp_path / sums.FILE).write_text(f"{'0' * 64}  a.weights.h5\n")
    with pytest.raises(InputError, match="not what was written"):
        weight_files.load(make_model(), weights, own=False)


def test_one_flipped_bit_is_found(weights, tmp_path):
    sums.write(tmp_path, ["a.weights.h5"])
    with h5py.File(weights, "r+") as file:
        file["layers/dense/vars/0"][0, 0] += np.float32(1e-7)
    with pytest.raises(InputError, match="a.weights.h5 is not what was"):
        weight_files.load(make_model(), weights)


def test_refuses_the_weights_of_another_network(weights):
    with pytest.raises(InputError, match="weights of this network"):
        weight_files.load(make_model(units=5), weights, own=False)


class Bomb:
    """Whoever loads it has its function called."""

    def __reduce__(self):
        return pytest.fail, ("The pickle was run.",)


def write_whole_keras(path):
    make_model().save(path.with_suffix(".keras"))
    path.with_suffix(".keras").rename(path)


def write_whole_h5(path):
    make_model().save(path.with_suffix(".h5"))
    path.with_suffix(".h5").rename(path)


def write_pickle(path):
    path.write_bytes(pickle.dumps(Bomb()))


def write_torch(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Bomb()))


def write_external_link(path):
    with h5py.File(path, "w") as file:
        file.create_group("layers")["a"] = h5py.ExternalLink("/etc/x", "/")


def write_external_array(path):
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "layers/x", (3,), "f4", external=[("/etc/hostname", 0, 12)]
        )


def write_cycle(path):
    with h5py.File(path, "w") as file:
        file.create_group("layers")["again"] = file["/"]


def write_cut_off(path):
    make_model().save_weights(f"{path}.weights.h5")
    whole = path.with_name(f"{path.name}.weights.h5").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


CASES = {
    r"whole Keras model \(.keras\)": write_whole_keras,
    r"whole Keras model \(.h5\)": write_whole_h5,
    "it is a pickle, a program that runs": write_pickle,
    "it holds a pickle, a program that runs": write_torch,
    "layers/a in it points elsewhere": write_external_link,
    "layers/x in it is stored in another file": write_external_array,
    "it is broken": write_cut_off,
    "it is broken .*recursion": write_cycle,
    "not an HDF5 file": lambda path: path.write_text("<html>"),
    "not an HDF5": lambda path: path.write_text(""),
}


@pytest.mark.parametrize("ending", [".weights.h5", ".h5", ".keras", ".pkl"])
@pytest.mark.parametrize(
    ("reason", "write"), CASES.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_refuses_by_content_with_the_reason(reason, write, ending, tmp_path):
    if ending == ".pkl" and "not an HDF5" in reason:
        reason = "it is a pickle"
    made, path = tmp_path / "made", tmp_path / f"model{ending}"
    write(made)
    made.rename(path)
    with pytest.raises(InputError, match=f"refused: .*{reason}"):
        weight_files.load(make_model(), str(path), own=False)


def test_init_from_refuses_a_whole_model(tmp_path):
    path = tmp_path / "model.keras"
    make_model().save(path)
    model, architecture = object(), classifier.Architecture("MobileNet", 32)
    with pytest.raises(InputError, match="model.keras is refused: .*layers"):
        starts.initialise(model, architecture, str(path))
    with pytest.raises(InputError, match="No such file|not a finished run"):
        starts.initialise(model, architecture, str(tmp_path / "none.keras"))


def test_weights_with_a_wrong_name_are_refused(weights, tmp_path):
    (tmp_path / "a.weights.h5").rename(tmp_path / "b.h5")
    with pytest.raises(InputError, match="does not end in .weights.h5"):
        weight_files.load(make_model(), str(tmp_path / "b.h5"), own=False)


def test_a_run_with_damaged_weights_is_refused(tmp_path):
    architecture = classifier.Architecture("MobileNet", 32)
    classifier.build(architecture).save_weights(
        tmp_path / directory.BEST_WEIGHTS
    )
    directory.write_json(
        tmp_path / directory.RUN_FILE, {"architecture": architecture._asdict()}
    )
    sums.write(tmp_path, [directory.BEST_WEIGHTS])
    classifier.load_run(str(tmp_path))
    with open(tmp_path / directory.BEST_WEIGHTS, "r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    with pytest.raises(InputError, match="not what was written"):
        classifier.load_run(str(tmp_path))
