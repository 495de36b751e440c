import fake_models
import numpy as np
import pandas as pd
import pytest

from jdstyle.errors import InputError
from jdstyle.runs import directory
from jdstyle.serving import evaluation
from jdstyle.serving import loader
from jdstyle.serving import prevalence


def test_results_of_a_run_are_not_written_over(tmp_path):
    """Both are called results.json."""
    (tmp_path / directory.FLAGS_FILE).write_text("--style=Punk")
    (tmp_path / directory.RESULTS_FILE).write_text("{}")
    with pytest.raises(InputError, match="holds a run, whose results.json"):
        evaluation.evaluate("saved_model", None, "test", str(tmp_path))
    assert (tmp_path / directory.RESULTS_FILE).read_text() == "{}"


def test_other_shares_move_and_decide(tiny, tmp_path, monkeypatch):
    folder = tmp_path / "saved_model" / "assets"
    folder.mkdir(parents=True)
    (folder / "styles.txt").write_text("bright\nrare\n")
    (folder / "shares.txt").write_text("0.5\n0.125\n")
    (tmp_path / "shop.csv").write_text("style,share\nbright,0.1\n")
    model = fake_models.give_brightness, ["bright", "rare"]
    monkeypatch.setattr(loader, "load", lambda path: model)
    found = {}
    for name, shares in (("plain", None), ("shop", tmp_path / "shop.csv")):
        found[name] = evaluation.evaluate(
            str(folder.parent),
            tiny,
            "test",
            str(tmp_path / name),
            shares=shares and str(shares),
        )
    assert "prevalence" not in found["plain"]
    assert found["shop"]["prevalence"]["bright"]["share"] == 0.1
    rare = [result["styles"]["rare"] for result in found.values()]
    assert rare[0] == rare[1]
    before, after = (
        pd.read_csv(tmp_path / name / "probabilities.csv") for name in found
    )
    moved = prevalence.move(before["probability bright"], 1 / 9)
    np.testing.assert_allclose(after["probability bright"], moved, rtol=1e-5)
    cut = prevalence.best_cut(moved)
    predicted = found["shop"]["styles"]["bright"]["predicted"]
    assert predicted == (moved >= cut).sum() < len(moved)
