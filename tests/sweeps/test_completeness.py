"""Sets of runs from which something is missing, in real folders."""

import csv

import pytest

from jdstyle.errors import InputError
from jdstyle.runs import directory
from jdstyle.runs import folder_names
from jdstyle.sweeps import completeness
from jdstyle.sweeps import runner
from jdstyle.sweeps import status

DATA = "d" * 64


def write_run(folder, style, backbone, fold=None, fingerprint=DATA):
    """Writes what `finished` reads of a finished run; returns its name."""
    parts = [style, backbone] + ([f"fold{fold}"] if fold else [])
    path = folder / folder_names.directory_name(*parts)
    path.mkdir()
    directory.write_json(
        path / directory.RUN_FILE,
        {
            "dataset": "demo/1.0.0",
            "fingerprint": fingerprint,
            "styles": [style],
            "backbone": backbone,
            "image_size": 32,
            "sharing": None,
            "fold": fold,
        },
    )
    scores = {"styles": {style: {"f2": 0.5}}}
    directory.write_json(path / directory.RESULTS_FILE, {"validation": scores})
    return path.name


def write_status(folder, states):
    """Writes the status with the sweep's own code."""
    attempts = []
    for name, state in states.items():
        job = type("Job", (), {"name": name})
        attempts.append(runner.Attempt(job, f"logs/{name}.log"))
        attempts[-1].state = state
    status.write(attempts, folder)


def names(runs):
    return [run.directory.rpartition("/")[2] for run in runs]


def find(folder, **options):
    return completeness.find_runs(str(folder), DATA, **options)


def test_a_whole_set_is_found(tmp_path):
    made = [
        write_run(tmp_path, style, backbone)
        for style in ("Punk", "Girl")
        for backbone in ("MobileNet", "VGG16")
    ]
    write_status(tmp_path, dict.fromkeys(made, "done"))
    runs, missing = find(tmp_path)
    assert names(runs) == sorted(made)
    assert missing == []


@pytest.mark.parametrize("state", ["failed", "blocked", "waiting", "running"])
def test_a_training_that_is_not_done_is_missed(tmp_path, state):
    """Nothing else tells: it is the only member of its style."""
    done = write_run(tmp_path, "Punk", "VGG16")
    write_status(tmp_path, {done: "done", "girl-vgg16": state})
    with pytest.raises(
        InputError,
        match=f"girl-vgg16 is {state}, see logs/girl-vgg16.log.*jdstyle.sweep"
        ".*--runs.*--allow_missing",
    ):
        find(tmp_path)
    with pytest.raises(InputError, match="or choose runs .* with --runs.$"):
        find(tmp_path, allow_missing=None)
    runs, missing = find(tmp_path, allow_missing=True)
    assert names(runs) == [done]
    assert missing == [f"girl-vgg16 is {state}, see logs/girl-vgg16.log"]


def test_a_run_that_was_taken_away_is_missed(tmp_path):
    done = write_run(tmp_path, "Punk", "VGG16")
    write_status(tmp_path, {done: "done", "girl-vgg16": "done"})
    with pytest.raises(InputError, match="girl-vgg16 is done, but no longer"):
        find(tmp_path)


def test_what_is_not_wanted_is_not_missed(tmp_path):
    done = write_run(tmp_path, "Punk", "VGG16")
    write_status(tmp_path, {done: "done", "punk-mobilenet": "failed"})
    runs, missing = find(tmp_path, include=["*-vgg16"])
    assert names(runs) == [done]
    assert missing == []


def test_a_run_that_finished_after_the_sweep_counts(tmp_path):
    done = write_run(tmp_path, "Punk", "VGG16")
    write_status(tmp_path, {done: "failed"})
    assert find(tmp_path)[1] == []


def test_runs_of_other_data_are_not_missed(tmp_path):
    done = write_run(tmp_path, "Punk", "VGG16")
    other = write_run(tmp_path, "Girl", "VGG16", fingerprint="e" * 64)
    write_status(tmp_path, {done: "done", other: "done"})
    assert find(tmp_path)[1] == []


def test_a_member_without_a_style_is_missed_without_a_sweep(tmp_path):
    for style, backbone in [
        ("Punk", "MobileNet"),
        ("Girl", "MobileNet"),
        ("Punk", "VGG16"),
    ]:
        write_run(tmp_path, style, backbone)
    message = "vgg16 has no finished run of style 'Girl'"
    with pytest.raises(InputError, match=f"trained: {message}\\. Train"):
        find(tmp_path)
    runs, missing = find(tmp_path, allow_missing=True)
    assert len(runs) == 3
    assert missing == [message]


def test_a_style_that_lacks_a_fold_is_left_out_of_its_member(tmp_path):
    for style, backbone, fold in [
        ("Punk", "MobileNet", 1),
        ("Punk", "MobileNet", 2),
        ("Girl", "MobileNet", 1),
        ("Girl", "MobileNet", 2),
        ("Punk", "VGG16", 1),
        ("Punk", "VGG16", 2),
        ("Girl", "VGG16", 2),
    ]:
        write_run(tmp_path, style, backbone, fold)
    message = "vgg16 has no finished run of style 'Girl' and fold 1 (--fold=1)"
    with pytest.raises(InputError) as caught:
        find(tmp_path)
    assert message in str(caught.value)
    runs, missing = find(tmp_path, allow_missing=True)
    assert len(runs) == 6
    assert "girl-vgg16-fold2" not in names(runs)
    assert missing == [message]


def test_refuses_if_no_style_has_all_folds(tmp_path):
    write_run(tmp_path, "Punk", "VGG16", 1)
    write_run(tmp_path, "Girl", "VGG16", 2)
    with pytest.raises(InputError, match="each of the folds 1, 2"):
        find(tmp_path, allow_missing=True)


def write_unfinished(folder, *args, task="train", **options):
    """Writes what a training that failed leaves; returns its name."""
    path = folder / write_run(folder, *args, **options)
    (path / directory.RESULTS_FILE).unlink()
    record = directory.read_json(path / directory.RUN_FILE)
    directory.write_json(path / directory.RUN_FILE, record | {"task": task})
    return path.name


def test_a_training_without_results_is_missed_without_a_sweep(tmp_path):
    done = write_run(tmp_path, "Punk", "VGG16")
    failed = write_unfinished(tmp_path, "Girl", "VGG16")
    message = f"{failed} has begun but not finished"
    with pytest.raises(InputError, match=f"trained: {message}\\. Train"):
        find(tmp_path)
    runs, missing = find(tmp_path, allow_missing=True)
    assert names(runs) == [done]
    assert missing == [message]
    assert find(tmp_path, include=["punk-*"])[1] == []
    # Where a sweep has tried it, that says it.
    write_status(tmp_path, {done: "done", failed: "failed"})
    assert find(tmp_path, allow_missing=True)[1] == [
        f"{failed} is failed, see logs/{failed}.log"
    ]


def test_what_is_no_training_of_this_data_is_not_missed(tmp_path):
    write_run(tmp_path, "Punk", "VGG16")
    write_unfinished(tmp_path, "Girl", "VGG16", fingerprint="e" * 64)
    write_unfinished(tmp_path, "Any", "VGG16", task="pretrain")
    write_unfinished(tmp_path, "All", "VGG16", task="fuse")
    assert find(tmp_path)[1] == []


def test_a_long_list_is_cut(tmp_path):
    done = write_run(tmp_path, "Punk", "VGG16")
    states = {f"style{i}-vgg16": "failed" for i in range(39)}
    write_status(tmp_path, {done: "done", **states})
    with pytest.raises(InputError, match="style9-vgg16 is.*; and 29 more"):
        find(tmp_path)
    assert len(find(tmp_path, allow_missing=True)[1]) == 39


def test_says_what_is_wrong_with_the_status_file(tmp_path):
    write_run(tmp_path, "Punk", "VGG16")
    with open(tmp_path / status.STATUS_FILE, "w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], ["1", "2"]])
    with pytest.raises(InputError, match="sweep.csv is not what.*are a, b"):
        find(tmp_path)
