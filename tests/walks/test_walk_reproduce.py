"""The reproduction as its user runs it, from pretraining to report."""

import json

import binaries
import numpy as np
import pytest
from binaries import DATASET
from binaries import QUICK

pytestmark = pytest.mark.walk


@pytest.fixture
def run(data_dir, tmp_path):
    """Runs a binary in a folder of its own; returns what it printed."""
    return binaries.make_run(tmp_path, data_dir)


def test_reproduction_writes_the_report(run):
    command = [
        "reproduce",
        DATASET,
        "--backbones=MobileNet",
        "--init_from=scratch",
        "--jobs=2",
        "--output_dir=runs/report",
        "--data_licence=CC0",
        "--",
        *QUICK,
    ]
    said = run(*command)
    assert "Report: runs/report/report.html" in said
    folder = run.folder / "runs" / "report"
    card = (folder / "fused" / "README.md").read_text(encoding="utf-8")
    assert "data: CC0." in card and "By `jdstyle.reproduce`" in card
    page = (folder / "report.html").read_text(encoding="utf-8")
    results = json.loads((folder / "results.json").read_text())
    assert list(results["ablation"]) == [
        "plain",
        "+ augmentation, resampling",
        "+ transfer",
        "+ cost",
        "+ relations",
    ]
    for score in results["ablation"].values():
        assert f"{score['macro']['f2']:.3f}" in page
    assert page.count("data:image/png;base64,") == 5
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    assert "| + relations" in markdown.replace("\\", "")
    plain = (folder / "plain" / "rare-mobilenet" / "flags.cfg").read_text()
    assert "--noaugment" in plain and "--positive_rate=0" in plain
    full = (folder / "full" / "rare-mobilenet" / "flags.cfg").read_text()
    assert "--augment" in full and "--false_negative_cost=1.5" in full
    assert "--init_from=runs/report/pretrain-mobilenet\n" in full
    product = results["product"]
    assert list(product) == ["mobilenet", "fusion", "fusion, relations"]
    assert results["ablation"]["+ cost"] == product["mobilenet"]
    # Once more: nothing is trained, whatever the number of jobs.
    said = run(*[part.replace("jobs=2", "jobs=1") for part in command])
    assert "has finished before" in said
    said = run(*command, "--seed=1", code=2)
    assert "now -- " in said
    assert np.isfinite(results["cpu_minutes"])
