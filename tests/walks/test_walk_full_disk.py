"""Trains on a disk that fills up: a small tmpfs, which takes root to mount."""

import binaries
import pytest
from binaries import run_forked

from jdstyle.runs import checkpoints

pytestmark = pytest.mark.walk

FLAGS = [
    "--dataset=label_table/tiny",
    "--style=bright",
    "--backbone=MobileNetV2",
    "--image_size=32",
    "--init_from=scratch",
    "--frozen_epochs=0",
    "--epochs=2",
    "--steps_per_epoch=2",
    "--batch_size=8",
    "--precision=float32",
]


def train(data_dir, folder, *options, code):
    return run_forked(
        binaries.ROOT,
        "train",
        *FLAGS,
        *options,
        f"--data_dir={data_dir}",
        f"--workdir={folder / 'run'}",
        code=code,
        small=True,
    )


def names(folder):
    return {path.name for path in (folder / "run").rglob("*")}


def test_room_for_one_state_but_not_for_the_next(data_dir, disk):
    """The first state (12 MB) and the best weights (4 MB) fit."""
    folder = disk(21)
    said = train(data_dir, folder, code=4)
    assert "no space left on the disk" in said
    assert not [name for name in names(folder) if name.endswith(".tmp")]
    arrays, record = checkpoints.load_last(str(folder / "run" / "checkpoints"))
    assert (record["epoch"], record["step"]) == (0, 2)
    assert "results.json" not in names(folder)
    disk(200)
    said = train(data_dir, folder, code=0)
    assert "Going on in epoch 1 after step 2" in said
    assert "results.json" in names(folder)


def test_no_room_for_the_product(data_dir, disk):
    """State and weights fit, the SavedModel (5 MB) beside them does not."""
    folder = disk(17)
    said = train(data_dir, folder, "--epochs=1", code=4)
    assert "no space left on the disk" in said
    assert "saved_model" not in names(folder)
    assert "results.json" not in names(folder)
    disk(200)
    train(data_dir, folder, "--epochs=1", code=0)
    assert {"results.json", "saved_model.pb"} <= names(folder)
    assert not [name for name in names(folder) if name.endswith(".tmp")]


def test_no_room_for_the_records(table, disk):
    folder = disk(1)
    command = [
        "--dataset=label_table/tiny",
        f"--table={table}",
        "--allow_all_zero",
        f"--data_dir={folder / 'data'}",
    ]
    (folder / "filler").write_bytes(b"x" * 900_000)
    said = run_forked(binaries.ROOT, "prepare", *command, code=4)
    assert "no space left on the disk" in said
    (folder / "filler").unlink()
    disk(50)
    run_forked(
        binaries.ROOT, "train", *FLAGS, f"--data_dir={folder / 'data'}", code=2
    )
    run_forked(binaries.ROOT, "prepare", *command, code=0)
