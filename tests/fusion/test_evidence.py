"""Tests for `jdstyle.fusion.evidence`, on runs without a training."""

import numpy as np
import pytest
import run_directories

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.fusion import evidence
from jdstyle.runs import finished

STYLE_NAMES = ["Sports", "Punk", "Girl"]
TRAIN = [[1, 1, 0], [0, 1, 1], [0, 1, 0]]
VALIDATION = [[1, 1, 0]]
NAMES = {"train": ["t0", "1", "2"], "validation": ["x"]}
FOLDS = {"train": [0, 1, 2], "validation": [0]}
SOURCE = records.Source("demo/1.0.0", "f" * 64, num_leaking=2)


def photos(train=TRAIN, validation=VALIDATION, names=NAMES):
    """What `gather` reads of photos: the labels and where they come from."""
    return {
        part: records.Photos(
            np.array(names[part][: len(labels)]),
            np.int32(labels),
            None,
            None,
            SOURCE,
            320,
            np.resize(FOLDS[part], len(labels)),
        )
        for part, labels in [("train", train), ("validation", validation)]
    }


def gather(folder, skip_unusable=False, **options):
    runs = finished.find_runs(str(folder))
    return evidence.gather(
        runs, photos(**options), STYLE_NAMES, skip_unusable=skip_unusable
    )


def test_without_folds_the_training_photos_are_counted(tmp_path):
    run_directories.write(tmp_path, "a", ["Punk"], [("x", 1, 0.5)])
    run_directories.write(tmp_path, "b", ["Sports"], [("x", 1, 0.5)])
    found = gather(tmp_path)
    # Of the styles that have runs, in the data set's order.
    assert found.joined.style_names == ["Sports", "Punk"]
    assert found.counts.tolist() == [[1, 1], [1, 3]]
    assert found.limits == (1, 2)
    assert found.source == SOURCE
    assert found.others.tolist() == [[1, 1], [0, 1], [0, 1]]


def test_with_folds_the_validation_photos_count_too(tmp_path):
    for fold in (1, 2):
        row = (str(fold), 1, 0.5)
        run_directories.write(tmp_path, str(fold), ["Punk"], [row], fold=fold)
    found = gather(tmp_path)
    assert found.counts.tolist() == [[4]]
    assert found.limits == (1, 1)
    # Of four photos two are joined.
    assert found.others.tolist() == [[1], [1]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("y", 1, 0.5)], "photos of demo/1.0.0: 1 are missing, 1 .* such as"),
        ([("x", 1, 0.5), ("y", 1, 0.5)], "0 are missing, 1 are .* such as 'y'"),
        ([("x", 0, 0.5)], "labels of demo/1.0.0: 1 differ, such as Punk of ph"),
    ],
)
def test_refuses_what_the_data_set_does_not_have(rows, message, tmp_path):
    run_directories.write(tmp_path, "a", ["Punk"], rows)
    with pytest.raises(InputError, match=message):
        gather(tmp_path)


def test_refuses_a_fold_that_lacks_a_photo(tmp_path):
    run_directories.write(tmp_path, "1", ["Punk"], [("1", 1, 0.5)], fold=1)
    run_directories.write(tmp_path, "0", ["Punk"], [("x", 1, 0.5)], fold=0)
    with pytest.raises(InputError, match="1 are missing, 0 .* such as 't0'"):
        gather(tmp_path)


def test_unknown_labels_count_nowhere(tmp_path):
    rows = [("x", 1, 0.5, -1, 0.25), ("y", -1, 0.5, 1, 0.5)]
    rows += [("z", -1, 0.5, -1, 0.25)]  # Of z nothing is known.
    run_directories.write(tmp_path, "a", ["Punk", "Girl"], rows)
    names = NAMES | {"validation": ["x", "y", "z"]}
    found = gather(
        tmp_path,
        names=names,
        train=[[0, 1, -1], [0, 1, 1], [-1, 0, 1]],
        validation=[[0, 1, -1], [0, -1, 1], [1, -1, -1]],
    )
    assert found.joined.ids.tolist() == ["x", "y"]
    assert found.joined.probabilities.tolist() == [[[0.5, 0.25]], [[0.5, 0.5]]]
    assert found.joined.labels.tolist() == [[1, -1], [-1, 1]]
    assert found.counts.tolist() == [[2, 1], [1, 2]]
    # Of two photos with Punk one tells of Girl.
    assert found.given.tolist() == [[2, 2], [1, 2]]
    assert found.limits == (0, 2)


def test_refuses_a_style_that_is_not_known_to_be_there(tmp_path):
    run_directories.write(tmp_path, "b", ["Girl"], [("x", -1, 0.5)])
    with pytest.raises(InputError, match="None of the 1 photos .* has Girl"):
        gather(tmp_path, validation=[[0, 1, -1]])


def test_refuses_a_style_without_positives(tmp_path):
    row = ("x", 1, 0.5, 0, 0.25)
    run_directories.write(tmp_path, "a", ["Punk", "Girl"], [row])
    with pytest.raises(InputError, match="None of the 1 photos .* has Girl"):
        gather(tmp_path)


def test_names_all_styles_without_positives_or_skips_them(tmp_path):
    row = ("x", 0, 0.5, 1, 0.25, 0, 0.75)
    run_directories.write(tmp_path, "a", STYLE_NAMES, [row])
    run_directories.write(
        tmp_path, "b", ["Girl"], [("x", 0, 0.5)], backbone="VGG16"
    )
    with pytest.raises(InputError, match="has Sports.*has Girl.*--skip_unus"):
        gather(tmp_path, validation=[[0, 1, 0]])
    found = gather(tmp_path, skip_unusable=True, validation=[[0, 1, 0]])
    assert found.joined.style_names == ["Punk"]
    # The other member knew nothing else.
    assert found.joined.members == ["resnet50-trunk"]
    assert found.joined.probabilities.tolist() == [[[0.25]]]
    assert found.counts.tolist() == [[3]]
