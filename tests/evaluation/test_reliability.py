import numpy as np
import pytest
from PIL import Image
from scipy import stats

from jdstyle.evaluation import charts
from jdstyle.evaluation import reliability


def test_as_many_photos_in_each_bin():
    probabilities = np.linspace(0, 1, 1000).astype("float32") ** 4
    labels = (np.arange(1000) >= 900).astype(int)
    order = np.random.default_rng(0).permutation(1000)
    found = reliability.bins(labels[order], probabilities[order])
    assert [of_bin["photos"] for of_bin in found] == [50] * 20
    assert [of_bin["share"] for of_bin in found] == [0.0] * 18 + [1.0] * 2
    means = probabilities.reshape(20, 50).mean(axis=1)
    got = [of_bin["probability"] for of_bin in found]
    np.testing.assert_allclose(got, means, rtol=1e-5)


@pytest.mark.parametrize("photos, bins", [(1, 1), (39, 1), (40, 2), (999, 20)])
def test_few_photos_have_few_bins(photos, bins):
    labels = np.append(np.arange(photos) % 2, [-1] * 50)
    found = reliability.bins(labels, np.linspace(0, 1, photos + 50))
    assert len(found) == bins
    assert sum(of_bin["photos"] for of_bin in found) == photos


def test_nothing_is_known():
    assert reliability.bins(np.array([-1, -1]), np.array([0.5, 0.5])) == []


@pytest.mark.parametrize("positives", [0, 1, 7, 20])
def test_intervals_are_wilsons(positives):
    labels = (np.arange(20) < positives).astype(int)
    (found,) = reliability.bins(labels, np.full(20, 0.5))
    low, high = stats.binomtest(positives, 20).proportion_ci(method="wilson")
    assert found["share"] == positives / 20
    assert found["share_low"] == pytest.approx(low, abs=1e-8)
    assert found["share_high"] == pytest.approx(high, abs=1e-8)


def result(**positives):
    """Scores of 400 photos, of styles with so many positives."""
    probabilities = np.linspace(0.01, 0.99, 400)
    return {
        "photos": 400,
        "styles": {
            name: {
                "positives": number,
                "reliability": number
                and reliability.bins(
                    (np.arange(400) >= 400 - number).astype(int), probabilities
                ),
            }
            for name, number in positives.items()
        },
    }


def test_a_panel_for_each_style_with_positives(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(
        charts, "save", lambda figure, _: figures.append(figure)
    )
    many = {f"s{i}": 40 - i for i in range(32)}
    scores = result(none=0, **many)
    scores["styles"]["old"] = {"positives": 99}  # Of an older version.
    assert reliability.draw(scores, "") == [f"s{i}" for i in range(30)]
    panels = figures[0].axes
    assert [axes.get_title(loc="left") for axes in panels[:2]] == ["s0", "s1"]
    assert len(panels) == 30
    points = panels[0].collections[1].get_offsets()
    assert points[:, 1].min() == pytest.approx(0.3 / 400)  # None of a bin.
    assert points[-1].tolist() == [pytest.approx(0.966, abs=1e-3), 1]
    low, high = panels[0].get_ylim()
    assert low < 0.3 / 400 and high > 1


def test_same_numbers_same_picture(tmp_path):
    for name in ("a.png", "b.png"):
        reliability.draw(result(Punk=9, Sexy=99), tmp_path / name)
    same = (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == same
    with Image.open(tmp_path / "a.png") as image:
        assert len(image.convert("RGB").getcolors(1 << 24)) > 20


def test_without_positives_nothing_is_written(tmp_path):
    assert reliability.draw(result(Punk=0), tmp_path / "a.png") == []
    assert not list(tmp_path.iterdir())
