"""Drawings of the demo data set: repeatable, and every mark can be seen."""

import numpy as np
import pytest

from jdstyle import styles
from jdstyle.datasets.demo import drawings

ALL_OFF = (0,) * 13
COMMON = {"Office lady", "Lady"}  # On 90 % of photos: must not cover others.


def _pixels(marks, seed, size=128):
    image = drawings.draw_marks(marks, np.random.default_rng(seed), size)
    return np.asarray(image, int)


def test_rates_are_in_the_order_of_the_styles():
    assert tuple(drawings.RATES) == styles.NAMES


@pytest.mark.parametrize(("size", "height"), [(128, 160), (50, 62)])
def test_portrait_in_rgb(size, height):
    # 128 * 5 / 4 = 160; 50 * 5 / 4 = 62.5, rounded down.
    image = drawings.draw(ALL_OFF, np.random.default_rng(0), size)

    assert image.mode == "RGB"
    assert image.size == (size, height)


def test_same_state_same_picture_and_the_next_one_differs():
    labels = (1, 0) * 6 + (1,)
    rng, again = np.random.default_rng(3), np.random.default_rng(3)

    first, second = drawings.draw(labels, rng), drawings.draw(labels, rng)

    assert first.tobytes() == drawings.draw(labels, again).tobytes()
    assert second.tobytes() == drawings.draw(labels, again).tobytes()
    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize("style", drawings.RATES)
def test_mark_is_seen_on_the_person_only(style):
    on, off = COMMON | {style}, COMMON - {style}
    changes = np.mean(
        [np.abs(_pixels(on, seed) - _pixels(off, seed)) for seed in range(8)],
        axis=(0, 3),
    )

    # 1 of 255 over the whole picture: what a change by 100 does to a patch of
    # 14 x 15 of the 128 x 160 pixels. Grain, pose and background are the same.
    assert changes.mean() > 1.0
    assert not changes[:, :4].any()


@pytest.mark.parametrize("first_label", [0, 1])
def test_marks_show_at_the_stated_rates(first_label):
    labels = [(first_label + i) % 2 for i in range(13)]
    rng = np.random.default_rng(0)
    draws = [drawings.choose_marks(labels, rng) for _ in range(2000)]

    for label, (style, rates) in zip(
        labels, drawings.RATES.items(), strict=True
    ):
        expected = rates[0] if label else rates[1]
        # Five standard deviations of a share among 2,000: 0.040 for 0.85.
        tolerance = 5 * np.sqrt(expected * (1 - expected) / 2000)
        shown = np.mean([style in marks for marks in draws])
        assert shown == pytest.approx(expected, abs=tolerance)


def test_draw_paints_the_marks_it_chose():
    labels = (1,) * 13
    rng = np.random.default_rng(7)
    marks = drawings.choose_marks(labels, rng)

    expected = drawings.draw_marks(marks, rng)

    drawn = drawings.draw(labels, np.random.default_rng(7))
    assert drawn.tobytes() == expected.tobytes()


@pytest.mark.parametrize("labels", [(0,) * 12, (2,) + (0,) * 12])
def test_wrong_labels_are_refused(labels):
    with pytest.raises(ValueError, match="`labels` must be 13 values, 0 or 1"):
        drawings.draw(labels, np.random.default_rng(0))


@pytest.mark.parametrize(("marks", "size"), [({"Gothic"}, 128), (set(), 31)])
def test_wrong_marks_and_sizes_are_refused(marks, size):
    with pytest.raises(ValueError, match="Received: marks="):
        drawings.draw_marks(marks, np.random.default_rng(0), size)
