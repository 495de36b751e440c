"""The whole program as its user runs it: subprocesses, exit codes, files."""

import csv
import json
import os
import time

import binaries
import odd_photos
import pytest
from binaries import run_forked as run
from PIL import Image

pytestmark = pytest.mark.walk

TRAIN = [
    "--dataset=label_table/tiny",
    "--style=bright",
    "--backbone=MobileNet",
    "--image_size=32",
    "--init_from=scratch",
    "--frozen_epochs=0",
    "--epochs=2",
    "--steps_per_epoch=3",
    "--batch_size=8",
    "--workdir=run",
]


def read_csv(path):
    text = {"encoding": "utf-8", "errors": "surrogateescape"}
    with open(path, newline="", **text) as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def workplace(table, tmp_path_factory):
    """A folder in which prepare and train have run."""
    folder = tmp_path_factory.mktemp("walk")
    said = run(
        folder,
        "prepare",
        "--dataset=label_table/tiny",
        f"--table={table}",
        "--allow_all_zero",
        "--short_side=64",
    )
    assert "bright" in said
    assert "Next: python -m jdstyle.train" in said
    said = run(folder, "train", *TRAIN)
    assert "all positive" in said
    assert "Next: python -m jdstyle.evaluate" in said
    return folder


def test_run_directory_is_complete(workplace):
    names = {path.name for path in (workplace / "run").iterdir()}
    assert {
        "flags.cfg",
        "run.json",
        "history.csv",
        "validation_probabilities.csv",
        "results.json",
        "weights.best.weights.h5",
        "saved_model",
        "tensorboard",
        "README.md",
    } <= names
    assert not [name for name in names if "tmp" in name or "unfinish" in name]
    record = json.loads((workplace / "run" / "run.json").read_text())
    assert len(record["fingerprint"]) == 64
    # `predict` scales photos as `prepare` did, and need not be told.
    product = workplace / "run" / "saved_model"
    assert (product / "assets" / "short_side.txt").read_text() == "64\n"
    rows = read_csv(workplace / "run" / "validation_probabilities.csv")
    assert rows[0] == ["id", "label bright", "probability bright"]
    assert all(0.0 <= float(row[2]) <= 1.0 for row in rows[1:])


def test_thresholds_can_be_chosen_anew(workplace):
    said = run(
        workplace,
        *("decide", "--saved_model=run/saved_model", "--beta=1"),
        "--output_dir=decided",
    )
    assert "Next: " in said and "--saved_model=decided/saved_model" in said
    new = workplace / "decided" / "saved_model"
    assert (new / "assets" / "styles.txt").read_text() == "bright\n"


def test_flags_load_again_and_find_the_run_finished(workplace):
    card = workplace / "run" / "README.md"
    assert "data: not given" in card.read_text(encoding="utf-8")
    flags = "--flagfile=run/flags.cfg", "--data_licence=CC0"
    said = run(workplace, "train", *flags)
    assert "has finished before" in said
    assert "all positive" in said
    # No other run: the card alone says so.
    assert "data: CC0." in card.read_text(encoding="utf-8")


def test_refuses_the_directory_of_another_configuration(workplace):
    before = (workplace / "run" / "flags.cfg").read_bytes()
    said = run(workplace, "train", *TRAIN, "--seed=5", code=2)
    assert "--seed=0, now --seed=5" in said
    assert (workplace / "run" / "flags.cfg").read_bytes() == before


def test_refuses_to_start_from_what_has_seen_the_fold(workplace):
    said = run(
        workplace,
        "train",
        *TRAIN,
        "--init_from=run",
        "--fold=2",
        "--workdir=leak",
        code=2,
    )
    assert "it has seen some that validate with --fold=2" in said
    assert not (workplace / "leak").exists()


def test_trains_groups_on_a_fold_from_the_stream(workplace):
    said = run(
        workplace,
        "train",
        *TRAIN,
        "--style=all",
        "--sharing=groups",
        "--groups=rare;bright",
        "--fold=2",
        "--cache=stream",
        "--noaugment",
        "--threshold=exact",
        "--epochs=1",
        "--workdir=second",
        small=True,
    )
    assert "Group 1: rare" in said and "Group 2: bright" in said
    record = json.loads((workplace / "second" / "run.json").read_text())
    assert record["architecture"]["groups"] == [[1], [0]]


def test_photos_that_trained_are_not_scored(workplace):
    said = run(
        workplace,
        "evaluate",
        "--saved_model=run/saved_model",
        "--dataset=label_table/tiny",
        "--split=train",
        code=2,
    )
    assert "--split=train: photos of it trained a network" in said


@pytest.mark.parametrize("split", ["validation", "test"])
def test_evaluate(workplace, split):
    said = run(
        workplace,
        "evaluate",
        "--saved_model=run/saved_model",
        "--dataset=label_table/tiny",
        f"--split={split}",
    )
    kind = "test" if split == "test" else "optimistic: these photos chose"
    assert f"Score, {kind}" in said
    folder = workplace / "run" / f"evaluation-label_table-tiny-{split}"
    result = json.loads((folder / "results.json").read_text())
    rows = read_csv(folder / "probabilities.csv")
    assert len(rows) == 1 + result["photos"]
    if split == "validation":
        # The SavedModel decides as the training said it would.
        trained = json.loads((workplace / "run" / "results.json").read_text())
        expected = trained["validation"]["styles"]
        for row in (*result["styles"].values(), *expected.values()):
            # After a few steps scores lie so close that rounding ranks them.
            del row["pr_auc"], row["log_loss"], row["mean_to_share"]
            del row["reliability"]
        for row in expected.values():
            # Told where they were chosen.
            for key in ("threshold", "threshold_low", "threshold_high"):
                assert 0 <= row.pop(key) <= 1
        assert result["styles"] == expected


def test_evaluate_inside_of_the_product(workplace):
    """The results lie beside it, and it stays as it was written."""
    product = workplace / "run" / "saved_model"
    (product / ".DS_Store").touch()
    before = sorted(product.rglob("*"))
    for _ in range(2):
        said = run(
            product, "evaluate", "--saved_model=.",
            "--dataset=label_table/tiny", "--data_dir=../../data",
        )  # fmt: skip
    assert f"Results: {product.parent}/evaluation-" in said
    assert sorted(product.rglob("*")) == before


def test_predict_survives_bad_photos(workplace, table):
    folder = workplace / "photos"
    (folder / "deep").mkdir(parents=True)
    for i in range(5):
        (folder / "deep" / f"{i} ü.jpg").write_bytes(
            (table.parent / f"{i}.jpg").read_bytes()
        )
    # A name in another encoding, as old archives have them.
    (folder / "broken.jpg").write_bytes(b"<html>")
    os.rename(folder / "broken.jpg", os.fsencode(folder) + b"/\xe9.jpg")
    Image.new("RGB", (40, 40)).save(folder / "black.png")
    (folder / "odd").mkdir()
    odd, refused = odd_photos.kinds(), []
    for i, (name, photo) in enumerate(odd.items()):
        (folder / "odd" / f"{i:02} {name}.jpg").write_bytes(photo.data)
        if isinstance(photo.stored, str):
            refused.append((f"odd/{i:02} {name}.jpg", photo.stored))
    said = run(
        workplace, "predict", "--saved_model=run/saved_model", folder,
        "--output=out/p.csv", "--batch_size=2",
    )  # fmt: skip
    assert f"{1 + len(refused)} photos could not be read" in said
    rows = read_csv(workplace / "out" / "p.csv")
    assert rows[0] == ["id", "probability bright", "label bright"]
    named = [row[0] for row in rows[1:]]
    deep = [f"deep/{i} ü.jpg" for i in range(5)]
    assert named[:6] == ["black.png", *deep]
    assert len(named) == 6 + len(odd) - len(refused)
    errors = read_csv(workplace / "out" / "p.csv.errors.csv")
    assert errors.pop()[0] == "\udce9.jpg"
    for row, (photo_id, reason) in zip(errors[1:], refused, strict=True):
        assert row[0] == photo_id and row[2].startswith(reason)


def test_predict_writes_a_submission(workplace, table):
    photos = [table.parent / f"{i}.jpg" for i in range(3)]
    run(
        workplace, "predict", "--saved_model=run/saved_model", *photos,
        "--format=submission", "--output=submission.txt",
    )  # fmt: skip
    rows = read_csv(workplace / "submission.txt")
    assert [row[0] for row in rows] == ["0", "1", "2"]
    assert all(row[1] in "01" and len(row) == 2 for row in rows)


@pytest.mark.parametrize("module", binaries.NAMES)
def test_help_is_done(module, tmp_path):
    assert "python -m jdstyle." in binaries.run(tmp_path, module, "--help")


@pytest.mark.timed
@pytest.mark.parametrize("module", binaries.NAMES)
def test_help_is_fast(module, tmp_path):
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        binaries.run(tmp_path, module, "--help")
        seconds.append(time.monotonic() - start)
    assert min(seconds) < 0.7
