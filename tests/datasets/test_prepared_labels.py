import numpy as np

from jdstyle.datasets import prepared_labels
from jdstyle.datasets import records


def test_labels_are_those_of_the_photos(tiny):
    read = prepared_labels.read(tiny)
    assert read.style_names == ["bright", "rare"]
    assert read.labels.keys() == read.folds.keys() == set(tiny.info.splits)
    for split, labels in read.labels.items():
        photos = records.read_photos(tiny, split, cache="stream")
        # Not in the same order: no photo is read with them.
        assert len(labels) == len(photos.labels)
        np.testing.assert_array_equal(
            labels.sum(axis=0), photos.labels.sum(axis=0)
        )


def test_folds_and_parts_come_from_the_same_labels(tiny):
    read = prepared_labels.read(tiny)
    folds = prepared_labels.folds_of(read)
    assert folds == [1, 2, 3, 4, 5]
    own = prepared_labels.training_parts(read, [], ["rare"])
    assert {name: len(labels) for name, labels in own.items()} == {
        "the training photos": len(read.labels["train"]),
        "the validation photos": len(read.labels["validation"]),
    }
    parts = prepared_labels.training_parts(read, [2], ["rare", "bright"])
    for part in ("train", "validation"):
        photos = records.read_photos(tiny, part, fold=2, cache="stream")
        name = {"train": "training"}.get(part, part)
        labels = parts[f"the {name} photos of --fold=2"]
        np.testing.assert_array_equal(
            labels.sum(axis=0), photos.labels.sum(axis=0)[::-1]
        )
