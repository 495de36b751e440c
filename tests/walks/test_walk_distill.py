"""Distillation as its user runs it, by teachers whose tables are made up."""

import json

import binaries
import numpy as np
import pandas as pd
import pytest
import run_directories
import tensorflow as tf
from binaries import DATASET
from binaries import QUICK

from jdstyle.datasets import records
from jdstyle.runs import finished

pytestmark = pytest.mark.walk


def test_a_student_is_a_run_like_any_other(data_dir, tiny, tmp_path):
    run = binaries.make_run(tmp_path, data_dir)
    (tmp_path / "runs").mkdir()
    source = records.source(tiny)
    for fold in range(1, 6):
        photos = records.read_photos(tiny, "validation", fold=fold)
        rows = [
            (name, bright, 0.1 + 0.8 * bright, rare, 0.2 + 0.6 * rare)
            for name, (bright, rare) in zip(
                photos.ids, photos.labels, strict=True
            )
        ]
        run_directories.write(
            tmp_path / "runs",
            f"teacher-{fold}",
            ["bright", "rare"],
            rows,
            fold=fold,
            fingerprint=source.fingerprint,
            dataset=source.dataset,
        )
    distill = (
        *("distill", DATASET, "--runs_dir=runs", "--workdir=runs/student"),
        *("--backbone=MobileNet", "--init_from=scratch", "--noaugment", *QUICK),
        *("--temperature=2", "--teacher_share=0.25", "--fold=2"),
    )
    said = run(*distill)
    assert "Optimistic: these photos chose" in said
    assert "--saved_model=runs/student/saved_model" in said
    workdir = tmp_path / "runs" / "student"
    record = json.loads((workdir / "run.json").read_text())
    assert (record["task"], record["fold"]) == ("distill", 2)
    flags = (workdir / "flags.cfg").read_text()
    names = ",".join(f"teacher-{fold}" for fold in range(1, 6))
    assert f"--runs={names}\n" in flags and "--temperature=2.0\n" in flags
    require_one_tongue(tiny, workdir)
    # It is no teacher of its own, unless somebody says so.
    assert "has finished before" in run(*distill)
    students = finished.find_runs(str(tmp_path / "runs"), None, ["student"])
    assert list(finished.members(students)) == ["mobilenet-distilled-trunk"]
    # Other teachers are another training.
    table = tmp_path / "runs" / "teacher-1" / "validation_probabilities.csv"
    table.write_text(table.read_text().replace(",0.1,", ",0.15,"))
    assert "teachers said, now something else" in run(*distill, code=2)


def require_one_tongue(builder, workdir):
    """The table of a run says what its SavedModel does."""
    table = pd.read_csv(workdir / "validation_probabilities.csv")
    photos = records.read_photos(builder, "validation", fold=2)
    assert table["id"].tolist() == photos.ids.tolist()
    product = tf.saved_model.load(str(workdir / "saved_model"))
    said = product.signatures["serving_default"](image_bytes=photos.encoded)
    np.testing.assert_allclose(
        said["probabilities"],
        table[["probability bright", "probability rare"]],
        atol=1e-5,
    )
