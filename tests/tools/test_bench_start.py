"""The bench of a training's start; its trainings are made up."""

import json
import pathlib
import types

import binaries

BENCH = pathlib.Path(__file__).parents[2] / "tools" / "bench"


def test_stages_are_differences_of_cpu_time(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    import made
    import processes

    # CPU and wall at the end of each stage; the first process does not count.
    times = iter([9, 1, 2])

    def run(*arguments):
        assert arguments[-1] == "--backbone=DenseNet121"
        slow = next(times)
        ends = [(slow * cpu, 0.0) for cpu in (5.0, 6.0, 8.0, 18.0, 18.25)]
        return types.SimpleNamespace(said=f"Noise\n{json.dumps(ends)}\n")

    monkeypatch.setattr(made, "prepare", lambda *_: None)
    monkeypatch.setattr(processes, "run", run)
    said = binaries.call(
        tmp_path,
        "tools/bench/start.py",
        *("--rounds=2", "--train=--backbone=DenseNet121"),
    )
    assert "| imports | 7.50 (5.00 to 10.00) |" in said
    assert "| network | 3.00 (2.00 to 4.00) |" in said
    assert "| first step | 15.00 (10.00 to 20.00) |" in said
    assert "| until then | 27.00 (18.00 to 36.00) |" in said
    assert "| second step | 0.38 (0.25 to 0.50) |" in said
