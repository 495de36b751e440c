"""Curves as documents: whole, escaped, with both points and the floors."""

import xml.etree.ElementTree

import numpy as np
import pytest

from jdstyle.decisions import changes
from jdstyle.decisions import curves
from jdstyle.decisions import page
from jdstyle.decisions.floors import Wish
from jdstyle.evaluation import pages

LABELS = np.array([1, 0, 1, 0, 1, 0, -1])
SCORES = np.float32([0.9, 0.8, 0.7, 0.3, 0.2, 0.1, 0.5])
NAMES = ["</svg><script>alert(1)</script>&", "b"]
SVG = "{http://www.w3.org/2000/svg}"


def score(before=0.5, after=0.85):
    decisions = (threshold <= SCORES for threshold in (before, after))
    row = changes.score(LABELS, *decisions)
    return row | {"threshold_before": before, "threshold_after": after}


def test_points_by_hand():
    recall, precision = curves.points(LABELS, SCORES)
    np.testing.assert_allclose(recall, [1, 2 / 3, 1 / 3])
    np.testing.assert_allclose(precision, [3 / 5, 2 / 3, 1])
    # Of a third with it a quarter: alarms count three times.
    _, precision = curves.points(LABELS, SCORES, share=0.25)
    np.testing.assert_allclose(precision, [3 / 9, 2 / 5, 1])


def test_many_points_are_thinned_out_to_the_ends():
    rng = np.random.default_rng(0)
    labels = rng.random(20_000) < 0.5
    recall, _ = curves.points(labels, rng.random(20_000))
    assert len(recall) <= 300 and recall[0] == 1
    assert recall[-1] == pytest.approx(1 / labels.sum())


@pytest.mark.parametrize(
    ("wish", "dashed"),
    [
        (None, 0),
        (Wish(), 0),
        (Wish(precision_floor=0.6), 1),
        (Wish(precision_floor=0.6, recall_floor=0.1), 2),
        (Wish(threshold=0.5, precision_floor=0.6), 0),
    ],
)
def test_shows_old_and_new_and_floors(wish, dashed):
    row = score()
    curve = curves.points(LABELS, SCORES)
    root = xml.etree.ElementTree.fromstring(
        curves.draw(curve, row, wish, NAMES[0])
    )
    assert root.find(f"{SVG}title").text.startswith(NAMES[0])
    lines = root.findall(f"{SVG}line")
    assert sum("stroke-dasharray" in x.attrib for x in lines) == dashed
    (circle,) = root.findall(f"{SVG}circle")
    # Recall 2/3 of 390 from 52 on, precision 2/3 of 262 down to 16.
    assert float(circle.get("cx")) == pytest.approx(312, abs=0.1)
    assert float(circle.get("cy")) == pytest.approx(16 + 262 / 3, abs=0.1)
    (diamond,) = root.findall(f"{SVG}path")
    assert diamond.get("d").startswith("M175.0,16.0 ")


def test_a_page_escapes_names_and_needs_nothing_else(tmp_path):
    labels = np.stack([LABELS, np.zeros(7, int)], axis=1)
    empty = changes.score(labels[:, 1], LABELS == 1, LABELS == 1)
    rows = {
        NAMES[0]: score(),
        NAMES[1]: empty | {"threshold_before": 0.5, "threshold_after": 0.5},
    }
    path = tmp_path / "page.html"
    page.write(
        str(path),
        NAMES,
        labels,
        np.stack([SCORES, SCORES], axis=1),
        [Wish(precision_floor=0.6, cost=(5, 1)), None],
        rows,
        notes=["Chosen on <these> photos."],
    )
    text = path.read_text()
    assert "<script" not in text and "&lt;script" in text
    assert text.count('src="data:image/svg+xml;base64,') == 2
    assert "http" not in text
    assert "5 a miss and 1 a false alarm with a precision of at least" in text
    assert "its threshold stays" in text and "no curve" in text
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(threshold=0.5), "by hand"),
        (Wish(beta=0.5), "the best F0.5"),
        (
            Wish(precision_floor=0.6, recall_floor=0.2, share=0.05),
            "the best F2 with a precision of at least 0.6 and a recall of at "
            "least 0.2, where 0.05 of the photos have it",
        ),
    ],
)
def test_says_what_was_asked(wish, said):
    assert page.describe(wish) == said


def test_pictures_of_other_kinds_are_refused(tmp_path):
    sections = [("a", [pages.Picture("x.gif", "x")])]
    with pytest.raises(ValueError, match="must be one of .png, .jpg, .svg"):
        pages.write("t", sections, str(tmp_path / "a.html"))
    assert not list(tmp_path.iterdir())
