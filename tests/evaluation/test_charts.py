import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jdstyle import styles
from jdstyle.datasets.demo import builder as demo_builder
from jdstyle.evaluation import charts

COUNTS = [4, 8, 0]
# Of the 4 photos of a, 3 have b as well; of the 8 of b, 3 have a; c: nobody.
CONDITIONAL = [[1, 3 / 8, np.nan], [3 / 4, 1, np.nan], [0, 0, np.nan]]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were to be saved."""
    figures = []
    monkeypatch.setattr(
        charts, "save", lambda figure, _: figures.append(figure)
    )
    return figures


def _texts(axes):
    return [text.get_text() for text in axes.texts]


def _ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def _heights(container):
    return [bar.get_height() for bar in container]


def _jd_counts():
    path = Path(demo_builder.__file__).parent / "label_sets.csv"
    with open(path, newline="") as file:
        rows = np.array(list(csv.reader(file))[1:], int)
    return rows[:, 1:].T @ (rows[:, :1] * rows[:, 1:])


def _mutual_table(path):
    both = _jd_counts()
    counts = np.diag(both)
    charts.mutual_table(styles.NAMES, both / counts, counts, path)


def _class_distribution(path):
    counts = np.diag(_jd_counts())
    charts.class_distribution(styles.NAMES, counts, 54908, path)


def _grouped_bars(path):
    f2 = np.linspace(0.2, 0.9, 13)
    charts.grouped_bars(
        styles.NAMES,
        {"ResNet50": f2, "fusion": f2 + 0.05},
        path,
        ylabel="F2",
        low={"fusion": f2},
        high={"fusion": f2 + 0.1},
        baseline=f2 / 2,
    )


@pytest.mark.parametrize(
    "draw", [_mutual_table, _class_distribution, _grouped_bars]
)
def test_same_numbers_same_picture(draw, tmp_path):
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (
        tmp_path / "b.png"
    ).read_bytes()
    # Nothing unfinished is left behind.
    assert len(list(tmp_path.iterdir())) == 2
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert "Software" not in image.info
        assert all(600 <= side <= 2000 for side in (image.width, image.height))
        # Text, bars or cells, paper: not one colour.
        assert len(image.convert("RGB").getcolors(1 << 24)) > 20


def test_mutual_table_writes_each_value_in_its_cell(drawn):
    charts.mutual_table(["a", "b", "c"], CONDITIONAL, COUNTS, "")
    axes = drawn[0].axes[0]
    # x is the column B, y the row A.
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {
        (0, 0): "1.00",
        (1, 0): "0.38",
        (0, 1): "0.75",
        (1, 1): "1.00",
        (0, 2): "0.00",
        (1, 2): "0.00",
    }
    names = ["a (4)", "b (8)", "c (0)"]
    assert _ticks(axes.xaxis) == _ticks(axes.yaxis) == names


def test_mutual_table_is_readable_on_dark_and_light_cells(drawn):
    charts.mutual_table(["a", "b", "c"], CONDITIONAL, COUNTS, "")
    inks = {t.get_text(): t.get_color() for t in drawn[0].axes[0].texts}
    assert inks == {
        "1.00": "white",
        "0.75": "white",
        "0.38": "black",
        "0.00": "black",
    }


def test_mutual_table_hatches_a_style_that_no_photo_has(drawn):
    charts.mutual_table(["a", "b", "c"], CONDITIONAL, COUNTS, "")
    charts.mutual_table(["a", "b"], np.eye(2), [1, 1], "")
    (hatched,) = drawn[0].axes[0].patches
    # Column 2 of 0, 1, 2.
    assert (hatched.get_x(), hatched.get_width()) == (1.5, 1)
    assert "hatched" in drawn[0].axes[0].get_xlabel()
    assert not drawn[1].axes[0].patches
    assert "hatched" not in drawn[1].axes[0].get_xlabel()


@pytest.mark.parametrize("n", [2, 20])
def test_cells_have_room_for_their_number(drawn, n):
    charts.mutual_table(
        [f"style {i}" for i in range(n)], np.full((n, n), 0.5), [9] * n, ""
    )
    figure = drawn[0]
    figure.draw_without_rendering()
    axes = figure.axes[0]
    cell = axes.get_window_extent().width / n
    assert all(t.get_window_extent().width < 0.7 * cell for t in axes.texts)


def test_of_many_styles_the_most_frequent_are_drawn(drawn):
    counts = np.arange(100) % 50  # Twice the same: of equals the first stays.
    names = [f"style {i}" for i in range(100)]
    conditional = np.full((100, 100), 0.5)
    charts.mutual_table(names, conditional, counts, "")
    axes = drawn[0].axes[0]
    frequent = [*range(35, 50), *range(85, 100)]
    assert _ticks(axes.xaxis) == [f"style {i} ({i % 50})" for i in frequent]
    assert "The 30 most frequent of 100 styles" in axes.get_title(loc="left")
    charts.mutual_table(names[:30], conditional[:30, :30], counts[:30], "")
    sizes = [figure.get_size_inches().tolist() for figure in drawn]
    assert sizes[0] == sizes[1]


def test_distribution_shows_number_and_share_on_a_log_axis(drawn):
    _class_distribution("")
    axes = drawn[0].axes[0]
    assert axes.get_xscale() == "log"
    # 104 / 54908 = 0.189 %, 49893 / 54908 = 90.867 %.
    assert _texts(axes)[0] == "104 (0.19 %)"
    assert _texts(axes)[2] == "49,893 (90.87 %)"
    assert len(axes.texts) == len(axes.patches) == 13
    assert _ticks(axes.yaxis) == list(styles.NAMES)
    assert axes.get_title("left") == "54,908 photos"
    # The first style is at the top.
    assert axes.yaxis_inverted()


def test_distribution_has_a_panel_per_split_with_one_scale(drawn):
    charts.class_distribution(
        ["a", "b"],
        {"train": [1000, 0], "test": [1, 0]},
        {"train": 2000, "test": 4},
        "",
    )
    train, test = drawn[0].axes
    assert _texts(train) == ["1,000 (50.00 %)", "0 (0.00 %)"]
    assert _texts(test) == ["1 (25.00 %)", "0 (0.00 %)"]
    charts.class_distribution(
        ["a", "b"],
        {"train": [1000, 0], "test": [1, 0]},
        {"train": 2000, "test": 4},
        "",
        known={"train": [1250, 0], "test": [2, 4]},
    )
    of_known, _ = drawn[1].axes
    assert _texts(of_known) == ["1,000 (80.00 %)", "0 (0.00 %)"]
    assert train.get_title("left") == "train: 2,000 photos"
    assert train.get_xlim() == test.get_xlim()
    assert test.get_position().x0 > train.get_position().x1


def test_numbers_stay_within_their_panel(drawn):
    charts.class_distribution(["a", "b"], [49893, 1], 54908, "")
    drawn[0].draw_without_rendering()
    axes = drawn[0].axes[0]
    right = axes.get_window_extent().x1
    assert all(text.get_window_extent().x1 < right for text in axes.texts)


def test_bars_intervals_and_baseline(drawn):
    charts.grouped_bars(
        ["a", "b"],
        {"one": [0.4, 0.6], "two": [0.5, np.nan]},
        "",
        ylabel="F2",
        low={"one": [0.3, 0.65]},
        high={"one": [0.45, 0.7]},
        baseline=[0.2, 0.1],
    )
    axes = drawn[0].axes[0]
    one, interval, two = axes.containers
    assert _heights(one) == [0.4, 0.6]
    assert _heights(two)[0] == 0.5
    # The second interval lies above its bar, as a bootstrap's may.
    ends = interval.lines[2][0].get_segments()
    assert np.allclose([end[:, 1] for end in ends], [[0.3, 0.45], [0.65, 0.7]])
    # Bars of a group touch, in the order of the series.
    assert np.isclose(one[0].get_x() + one[0].get_width(), two[0].get_x())
    baseline = axes.collections[-1].get_segments()
    assert [line[0, 1] for line in baseline] == [0.2, 0.1]
    # Across its group, and not into the next.
    assert baseline[0][0, 0] < one[0].get_x()
    assert baseline[0][1, 0] < baseline[1][0, 0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "one",
        "two",
        "95 % interval",
        "everything positive",
    ]
    assert axes.get_ylabel() == "F2"
    assert not axes.texts


def test_steps_of_one_series_have_their_values_above(drawn):
    charts.grouped_bars(
        ["plain", "more", "missing"],
        {"macro": [0.44, 0.5707, np.nan]},
        "",
        ylabel="macro F2",
        low={"macro": [0.4, 0.5, np.nan]},
        high={"macro": [0.5, 0.6, np.nan]},
        baseline=0.343,
    )
    axes = drawn[0].axes[0]
    assert _texts(axes) == ["0.440", "0.571"]
    # Above the interval, so that neither hides the other.
    assert [text.xy[1] for text in axes.texts] == [0.5, 0.6]
    assert len(axes.collections[-1].get_segments()) == 3


def test_many_series_can_be_told_apart(drawn):
    series = {f"network {i}": [0.5] for i in range(12)}
    charts.grouped_bars(["a"], series, "", ylabel="F2")
    looks = [
        (bars[0].get_facecolor(), bars[0].get_hatch())
        for bars in drawn[0].axes[0].containers
    ]
    assert len(set(looks)) == 12


def test_a_dollar_in_a_name_is_no_formula(tmp_path):
    # Matplotlib would take what is between two for TeX, and fail here.
    name = r"$\broken$"
    charts.mutual_table([name], [[1]], [1], tmp_path / "a.png")
    charts.class_distribution(
        [name], {name: [1]}, {name: 1}, tmp_path / "b.png"
    )
    charts.grouped_bars([name], {name: [1]}, tmp_path / "c.png", ylabel="F2")
    assert len(list(tmp_path.glob("*.png"))) == 3


def test_rejects_what_does_not_fit():
    with pytest.raises(ValueError, match=r"`counts` must have shape \(2,\)"):
        charts.mutual_table(["a", "b"], np.eye(2), [1], "x.png")
    with pytest.raises(ValueError, match=r"`conditional` .* lie in \[0, 1\]"):
        charts.mutual_table(["a", "b"], 2 * np.eye(2), [1, 1], "x.png")
    with pytest.raises(ValueError, match=r"`counts` .* lie in \[0, 4\]"):
        charts.class_distribution(["a"], [5], 4, "x.png")
    with pytest.raises(ValueError, match="splits .* 4 and .'train'"):
        charts.class_distribution(["a"], {"train": [5]}, 4, "x.png")
    with pytest.raises(ValueError, match="one.* must have shape"):
        charts.grouped_bars(["a"], {"one": [1, 1]}, "x.png", ylabel="F2")
    bars = {"one": [0.5]}
    with pytest.raises(ValueError, match="same names"):
        charts.grouped_bars(["a"], bars, "x.png", ylabel="F2", low=bars)
    with pytest.raises(ValueError, match="high - low"):
        charts.grouped_bars(
            ["a"], bars, "x.png", ylabel="F2", low=bars, high={"one": [0.4]}
        )
