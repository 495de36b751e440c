"""The bench of variants of a training; its trainings are made up."""

import json
import pathlib

import binaries
import pandas as pd

BENCH = pathlib.Path(__file__).parents[2] / "tools" / "bench"
LABELS = [1, 0, 1, 0]
# What each variant and seed says of the four photos; its threshold is 0.5.
SAID = {
    ("--batch_size=32", 0): [0.9, 0.1, 0.8, 0.2],  # F2 1
    ("--batch_size=32", 1): [0.9, 0.1, 0.1, 0.2],  # F2 5 / (5 + 4)
    ("--batch_size=64", 0): [0.9, 0.9, 0.9, 0.9],  # F2 10 / (10 + 2)
    ("--batch_size=64", 1): [0.9, 0.9, 0.9, 0.9],
}


def test_variants_share_seeds_and_are_compared_with_the_first(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(BENCH)
    import processes

    called = []

    def run(_, module, *flags):
        values = dict(flag.removeprefix("--").split("=", 1) for flag in flags)
        called.append((module, values))
        if module == "jdstyle.train":
            folder = tmp_path / values["workdir"]
            folder.mkdir(parents=True)
            pd.DataFrame({"loss": [1, 1, 1]}).to_csv(folder / "history.csv")
            results = {"styles": ["a"], "thresholds": [0.5]}
            results |= {"cpu_minutes": 2.0}
            if values["batch_size"] == "32":  # Else as of --frozen.
                results |= {"steps_per_epoch": 7}
        else:
            folder = tmp_path / values["output_dir"]
            folder.mkdir()
            _, variant, seed, _ = folder.relative_to(tmp_path).parts
            said = SAID[variant, int(seed.removeprefix("seed-"))]
            table = {"label a": LABELS, "probability a": said}
            pd.DataFrame(table).to_csv(folder / "probabilities.csv")
            scores = {"log_loss": int(seed[-1]) + 0.25, "mean_to_share": 1.5}
            results = {"styles": {"a": scores}}
        (folder / "results.json").write_text(json.dumps(results))

    monkeypatch.setattr(processes, "run", run)
    said = binaries.call(
        tmp_path,
        "tools/bench/variants.py",
        *("--seeds=2", "--output_dir=runs", "--variant=--batch_size=32"),
        *("--variant=--batch_size=64", "--", "--style=3", "--data_dir=d"),
    )
    trained = [of for module, of in called if module == "jdstyle.train"]
    assert [of["batch_size"] for of in trained] == ["32", "32", "64", "64"]
    assert [of["seed"] for of in trained] == ["0", "1", "0", "1"]
    assert {of["style"] for of in trained} == {"3"}
    assert {of["data_dir"] for _, of in called} == {"d"}
    assert "| --batch_size=32 | 3 x 7 | 0.778 (0.556 to 1.000) |" in said
    assert "| --batch_size=64 | heads alone | 0.833 (0.833 to 0.833) |" in said
    assert "| +0.056 (" in said
    # The mean of 0.25 and 1.25.
    assert said.count("| 0.750 | 1.50 | 2.0 (2.0 to 2.0) |") == 2
