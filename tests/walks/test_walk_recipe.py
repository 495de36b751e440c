"""The recipe as its user runs it: pretraining, sweep, fusion."""

import csv
import json
import os

import binaries
import huggingface_hub
import pandas as pd
import pytest
from binaries import DATASET
from binaries import QUICK

from jdstyle.runs import probability_tables

pytestmark = pytest.mark.walk


@pytest.fixture(scope="module")
def run(data_dir, tmp_path_factory):
    """Runs a binary in a folder of its own; returns what it printed."""
    return binaries.make_run(tmp_path_factory.mktemp("recipe"), data_dir)


@pytest.fixture(scope="module")
def pretrained(run):
    said = run(
        "pretrain",
        DATASET,
        "--backbone=MobileNet",
        "--init_from=scratch",
        "--workdir=runs/pre-mobilenet",
        *QUICK,
    )
    assert "Mean average precision: " in said
    assert "--init_from=runs/pre-mobilenet" in said
    return "runs/pre-mobilenet"


@pytest.fixture(scope="module")
def swept(run, pretrained):
    """One network per style, and one for both in two groups."""
    said = run(
        "sweep",
        DATASET,
        "--styles=all,together",
        "--backbones=MobileNet",
        "--runs_dir=runs/set",
        "--jobs=2",
        "--pretrained=runs/pre-{backbone}",
        "--",
        *QUICK,
        "--sharing=groups",
        "--groups=2",
    )
    assert "3 of 3 done" in said
    assert "python -m jdstyle.fuse --runs_dir=runs/set" in said
    return run.folder / "runs" / "set"


@pytest.fixture(scope="module")
def fused(run, swept):
    said = run("fuse", DATASET, "--runs_dir=runs/set", "--data_licence=CC0")
    assert "Model card: runs/set/fused/README.md" in said
    assert "F2 by thresholds alone and what each rule gained" in said
    assert "--saved_model=runs/set/fused/saved_model" in said
    return swept / "fused"


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_sweep_starts_every_network_from_the_pretrained(swept):
    assert {path.name for path in swept.iterdir()} >= {
        "all-mobilenet-groups",
        "bright-mobilenet",
        "rare-mobilenet",
        "sweep.csv",
    }
    for name in ("rare-mobilenet", "all-mobilenet-groups"):
        record = read_json(swept / name / "run.json")
        assert record["init_from"] == "runs/pre-mobilenet"
        log = (swept / "logs" / f"{name}.log").read_text(encoding="utf-8")
        assert "Restored" in log
    record = read_json(swept / "all-mobilenet-groups" / "run.json")
    assert record["architecture"]["groups"] == [[0], [1]]
    assert "Group 1: bright" in log and "Group 2: rare" in log


def test_sweep_goes_on_where_it_stopped(run, swept):
    results = swept / "rare-mobilenet" / "results.json"
    (swept / "bright-mobilenet" / "results.json").unlink()
    before = results.stat().st_mtime_ns
    said = run(
        "sweep",
        DATASET,
        "--backbones=MobileNet",
        "--runs_dir=runs/set",
        "--pretrained=runs/pre-{backbone}",
        "--",
        *QUICK,
    )
    assert "rare-mobilenet: running" not in said
    assert results.stat().st_mtime_ns == before
    assert (swept / "bright-mobilenet" / "results.json").is_file()


def test_style_starts_from_the_best_run_of_another(run, swept):
    said = run(
        "train",
        DATASET,
        "--style=rare",
        "--backbone=MobileNet",
        "--init_from=style:bright",
        "--workdir=runs/set/heir",
        *QUICK,
    )
    assert "Restored" in said
    record = read_json(swept / "heir" / "run.json")
    assert record["init_from"].endswith("bright-mobilenet")
    # It would be a second run of the same member and style.
    os.rename(swept / "heir", swept.parent / "heir")


def test_fused_product_is_complete(fused):
    names = {path.name for path in fused.iterdir()}
    assert names >= {
        "flags.cfg",
        "run.json",
        "results.json",
        "saved_model",
        "mutual_table.csv",
        "mutual_table.png",
        "rule_gains.csv",
        "out_of_fold_probabilities.csv",
        "README.md",
    }
    card = huggingface_hub.ModelCard.load(fused / "README.md")
    assert card.data.data_licence == "CC0"
    assert {r.dataset_split for r in card.data.eval_results} == {"out_of_fold"}
    assert probability_tables.find(str(fused / "saved_model")) == str(
        fused / "out_of_fold_probabilities.csv"
    )
    results = read_json(fused / "results.json")
    assert results["members"] == ["mobilenet", "mobilenet-groups"]
    assert results["styles"] == ["bright", "rare"]


@pytest.mark.parametrize(
    "options",
    [
        ["--fusion=weighted", "--relations=full", "--threshold=bagged"],
        [
            "--fusion=stack",
            "--relations=none",
            "--threshold=exact",
            "--min_styles=1",
            "--max_styles=2",
            "--runs=*-mobilenet",
        ],
    ],
    ids=["weighted-full", "stack-none"],
)
def test_other_ways_to_fuse(run, swept, options, tmp_path):
    output = f"--output_dir={tmp_path / 'other'}"
    run("fuse", DATASET, "--runs_dir=runs/set", output, *options)
    results = read_json(tmp_path / "other" / "results.json")
    assert results["fusion"] == options[0].removeprefix("--fusion=")
    for row in results["validation"]["styles"].values():
        assert 0 <= row["threshold_low"] <= row["threshold_high"] <= 1
    if "--relations=none" in options:
        assert results["limits"] == [1, 2]
        assert results["members"] == ["mobilenet"]


def test_fused_product_is_evaluated_and_predicts(run, fused, table):
    run("evaluate", DATASET, f"--saved_model={fused / 'saved_model'}")
    folder = fused / "evaluation-label_table-tiny-test"
    assert "macro" in read_json(folder / "results.json")
    run(
        "evaluate",
        DATASET,
        "--split=validation",
        f"--saved_model={fused / 'saved_model'}",
    )
    folder = fused / "evaluation-label_table-tiny-validation"
    result = read_json(folder / "results.json")
    assert result["kind"].startswith("optimistic")
    # The SavedModel says what the rules were chosen on.
    evaluated, expected = (
        pd.read_csv(path, index_col="id").sort_index()
        for path in (
            folder / "probabilities.csv",
            fused / "out_of_fold_probabilities.csv",
        )
    )
    pd.testing.assert_frame_equal(evaluated, expected, atol=1e-4)
    run(
        "predict",
        f"--saved_model={fused / 'saved_model'}",
        "--format=submission",
        "--output=submission.txt",
        table.parent / "0.jpg",
        table.parent / "1.jpg",
    )
    with open(run.folder / "submission.txt", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows] == ["0", "1"]
    assert all(len(row) == 3 and set(row[1:]) <= {"0", "1"} for row in rows)


def test_folds_are_joined_and_averaged(run):
    run(
        "sweep",
        DATASET,
        "--backbones=MobileNet",
        "--folds=1,2",
        "--runs_dir=runs/folds",
        "--jobs=2",
        "--",
        "--init_from=scratch",
        *QUICK,
    )
    folder = run.folder / "runs" / "folds"
    run("fuse", DATASET, "--runs_dir=runs/folds")
    ids = []
    for fold in (1, 2):
        path = folder / f"rare-mobilenet-fold{fold}"
        with open(path / "validation_probabilities.csv", newline="") as file:
            ids += [row[0] for row in list(csv.reader(file))[1:]]
    path = folder / "fused" / "out_of_fold_probabilities.csv"
    with open(path, newline="") as file:
        joined = [row[0] for row in list(csv.reader(file))[1:]]
    assert joined == sorted(ids)
    results = read_json(folder / "fused" / "results.json")
    # Four networks, one member: each style's two folds are averaged.
    assert len(results["runs"]) == 4
    assert results["missing"] == []
    assert results["members"] == ["mobilenet"]
    os.rename(folder / "rare-mobilenet-fold2", run.folder / "moved")
    said = run("fuse", DATASET, "--runs_dir=runs/folds", code=2)
    assert "no finished run of style 'rare' and fold 2" in said
    assert "--fold=2" in said
    # What was fused before is still whole.
    assert read_json(folder / "fused" / "results.json") == results
    partly = folder / "partly"
    run(
        "fuse",
        DATASET,
        "--runs_dir=runs/folds",
        f"--output_dir={partly}",
        "--allow_missing",
        "--skip_unusable",
    )
    assert "--allow_missing" in (partly / "flags.cfg").read_text()
    partly = read_json(partly / "results.json")
    assert partly["styles"] == ["bright"]
    assert len(partly["runs"]) == 2
    assert partly["skipped"] == []
    assert "rare-mobilenet-fold2 is done, but no" in partly["missing"][0]


def test_fuse_refuses_a_set_that_is_not_whole(run, swept):
    said = run(
        "fuse",
        DATASET,
        "--runs_dir=runs/set",
        "--runs=nothing*",
        "--output_dir=runs/none",
        code=2,
    )
    assert "No finished run in runs/set is 'nothing*'" in said
    said = run("fuse", DATASET, code=2)
    assert "--runs_dir is required" in said
