import numpy as np

from jdstyle.datasets import usable

# Styles: a is everywhere mixed, b has no positive in the test, c only
# positives in it, d is known nowhere in it.
TRAIN = np.array([[1, 1, 1, 1], [0, 0, 0, 0]])
TEST = np.array([[1, 0, 1, -1], [0, 0, 1, -1]])


def test_says_what_lacks_where():
    parts = {"train": TRAIN, "test": TEST, "fold 1": TEST}
    assert usable.describe(["a", "b", "c", "d"], parts) == [
        "b: no positive in test, fold 1.",
        "c: only positives in test, fold 1.",
        "d: no positive in test, fold 1.",
    ]
    assert usable.describe(["a", "b", "c", "d"], {"train": TRAIN}) == []


def test_says_no_more_than_fits_on_a_screen():
    names = [f"attribute {i}" for i in range(1000)]
    lines = usable.describe(names, {"test": np.zeros((3, 1000), int)})
    assert len(lines) == 21
    assert lines[-1] == "And 980 more such lines."


def test_names_what_each_style_lacks():
    parts = {"train": TRAIN, "test": TEST}
    assert usable.lacking(["a", "b", "c", "d"], parts) == {
        "b": ["b: no positive in test."],
        "c": ["c: only positives in test."],
        "d": ["d: no positive in test."],
    }
