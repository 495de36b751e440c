"""The benches of what follows the networks and of whole programs, on little."""

import json
import pathlib

import pytest
from PIL import Image

pytestmark = pytest.mark.long


@pytest.fixture
def run(bench, tmp_path):
    """Runs a bench; returns the cells of its Markdown table, and all lines."""

    def run(name, *arguments):
        lines = bench(tmp_path, name, *arguments).splitlines()
        tables = [line for line in lines if line[:1] == "|"]
        return [line.strip("| ").split(" | ") for line in tables], lines

    return run


def test_after_prints_every_part(run):
    cells, lines = run(
        "after.py",
        *("--scores=1000", "--rows=2000", "--graph_rows=500"),
        *("--batch_size=200", "--rounds=1"),
    )
    assert any("cores of" in line and "TensorFlow" in line for line in lines)
    parts = [row[0] for row in cells[2:]]
    for part in ("float32", "float64", "bool", "int32", "networks", "worst"):
        assert sum(part in name for name in parts) == 1, part
    assert "100 % of rows" in parts[-1]
    assert all(row[-1].endswith(("met", "missed")) for row in cells[2:])


def test_decide_of_made_and_of_real_scores(run, tmp_path):
    cells, _ = run(
        "decide.py", "--repetitions=1", "--photos=2000", "--timed=2000"
    )
    floors = [row for row in cells if "positives" in row[0]]
    assert len(floors) == 24
    for row in floors:
        tried, refused = map(int, row[3:5])
        assert 0 <= refused <= tried <= 5
        assert (refused == tried) == (row[5] == "-")
    costs = [row for row in cells if row[0] in ("honest", "too sure")]
    assert len(costs) == 24 and all(float(row[3]) > 0 for row in costs)
    assert [row[0] for row in cells[-3:]] == ["floors", "costs", "F1"]
    (tmp_path / "truth.csv").write_text("a,b\n" + "1,0\n0,0\n" * 20)
    (tmp_path / "scores.csv").write_text("a,b\n" + ".9,.5\n.1,.5\n" * 20)
    cells, _ = run(
        "decide.py",
        *("--repetitions=2", f"--truth={tmp_path / 'truth.csv'}"),
        f"--scores={tmp_path / 'scores.csv'}",
    )
    # Of b there is no positive to choose by; of a all can be told apart.
    assert [row[3:8] for row in cells[2:5]] == [
        *(
            ["2", "0", "100%", "100%", "1.000"],
            ["2", "0", "100%", "100%", "1.000"],
        ),
        ["2", "0", "100%", "100%", "1.000"],
    ]


def test_thresholds_of_made_and_of_real_scores(run, tmp_path):
    cells, _ = run(
        "thresholds.py", "--repetitions=1", "--photos=500", "--timed=500"
    )
    rows = [row for row in cells if row[1].isdecimal()]
    assert len(rows) == 12
    for row in rows:
        best, flatters, exact, _, bagged, ratio, of_auto, held = (
            float(cell.strip("%")) for cell in row[2:]
        )
        assert 0 < best < 1 and flatters < 1 and held in (0, 100)
        assert 0 <= exact < best and 0 <= bagged < best and ratio >= 0
        assert of_auto == (1 if row[1] == "361" else ratio)
    assert [row[0] for row in cells[-3:]] == ["auto", "bagged", "exact"]
    (tmp_path / "truth.csv").write_text("a,b\n" + "1,0\n0,0\n" * 10)
    (tmp_path / "scores.csv").write_text("a,b\n" + ".9,.5\n.1,.5\n" * 10)
    cells, _ = run(
        "thresholds.py",
        *("--repetitions=2", "--rows=15"),
        *(f"--{of}={tmp_path / of}.csv" for of in ("truth", "scores")),
    )
    # Of b there is no positive to choose by.
    assert [row[0] for row in cells[2:]] == ["a", "macro mean"]
    assert cells[2][2:] == ["1.000", "+0.0000", "+0.0000"]


def test_relations_of_made_and_of_given_scores(run, tmp_path):
    cells, _ = run("related.py", "--photos=300", "--timed=0")
    assert [row[0] for row in cells[2:]] == ["0 %", "30 %", "60 %"]
    for row in cells[2:]:
        assert all(0.2 < float(cell) < 1 for cell in row[1:])
    # Exactly one of both: what is said of one says all of the other.
    (tmp_path / "truth.csv").write_text("a,b\n" + "1,0\n0,1\n" * 60)
    (tmp_path / "scores.csv").write_text("a,b\n" + ".9,.5\n.1,.5\n" * 60)
    cells, _ = run(
        "related.py",
        "--fitting=0.5",
        *(f"--{of}={tmp_path / of}.csv" for of in ("truth", "scores")),
    )
    found = dict(zip(cells[0], cells[2], strict=True))
    assert found["sets"] == found["auto"] == "1.000" > found["none"]


def number(cell):
    """The median in `1,003.2 (990.1 to 1,010.0)`."""
    return float(cell.split()[0].replace(",", ""))


def test_scoring_compares_with_the_models_own_rate(run):
    cells, _ = run(
        "scoring.py",
        *("--backbone=MobileNet", "--image_size=32", "--photos=20"),
        *("--side=64", "--rounds=1"),
    )
    rows = {row[0]: row[1:] for row in cells[2:]}
    assert rows.keys() == {"own", "evaluate", "predict"}
    rates = {name: number(row[0]) for name, row in rows.items()}
    for name in ("evaluate", "predict"):
        ratio = number(rows[name][2])
        assert ratio == pytest.approx(rates[name] / rates["own"], abs=0.02)


def test_prepare_prints_rates_and_memory(run):
    _, lines = run(
        "prepare.py",
        *("--photos=20", "--side=48", "--rounds=1", "--memory_photos="),
    )
    assert any("photos per core and second" in line for line in lines)


def test_growth_keeps_what_is_not_measured_again(run, tmp_path):
    kept = {"members": [[1, {"load": 2.0}, 500.0]]}
    (tmp_path / "growth.json").write_text(json.dumps(kept))
    cells, _ = run(
        "growth.py",
        *("--photos=20", "--styles=", "--members="),
        f"--output_dir={tmp_path}",
    )
    assert [row[0] for row in cells[2:]] == ["20 photos", "1 members"]
    curves = json.loads((tmp_path / "growth.json").read_text())
    assert curves["members"] == kept["members"]
    assert curves["photos"][0][1]["prepare"] > 0
    assert Image.open(tmp_path / "growth.png").size[0] > 300


def test_growth_table_by_hand(bench):
    import growth_page

    # Twice the number at four times the seconds: n^2.
    points = [(10, {"fit": 0.5}, 600.0), (20, {"fit": 2.0}, 700.0)]
    lines = growth_page.tabulate({"styles": points}).splitlines()
    assert lines[2:] == [
        "| 10 styles | fit | 0.5 | 50 |  | 600 |",
        "| 20 styles | fit | 2 | 100 | n^2.00 | 700 |",
    ]


def test_growth_costs(bench):
    import growth_costs

    for costs in (
        growth_costs.styles(2, rows=80, graph_rows=20),
        growth_costs.members(1),
    ):
        assert costs and all(seconds > 0 for seconds in costs.values())


def test_made_photos_are_alike_every_time_and_all_different(bench, tmp_path):
    import made

    tables = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        tables.append(made.write_table(tmp_path / name, 12, 32, folds=True))
    assert len({pathlib.Path(t).read_bytes() for t in tables}) == 1
    photos = [p.read_bytes() for p in tmp_path.rglob("*.jpg")]
    assert (len(photos), len(set(photos))) == (24, 12)
    lines = pathlib.Path(tables[0]).read_text().splitlines()
    assert lines[0].split(",")[-1] == "fold"
    assert [line[-1] for line in lines[1:]] == list("122222222212")
