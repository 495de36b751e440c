"""What each binary says of a wrong command line, and that it ends with 2."""

import os

import pytest
import run_directories
import tensorflow as tf
from binaries import DATASET
from binaries import call

from jdstyle.datasets import prepared
from jdstyle.datasets import records
from jdstyle.serving import loader


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("train", ["--bogus"], "Unknown command line flag 'bogus'"),
        ("train", [], "--style is required"),
        ("train", ["--style=1", "x"], "Unexpected arguments: x"),
        ("train", ["--style=1", "--batch_size=0"], "--batch_size must be auto"),
        ("train", ["--style=1", "--epochs=0"], "epochs"),
        ("train", ["--style=1", "--require_gpu"], "TensorFlow sees no GPU"),
        ("pretrain", ["--require_gpu"], "TensorFlow sees no GPU"),
        (
            "train",
            ["--style=1", "--batch_size=max"],
            "=max: TensorFlow sees no",
        ),
        ("fuse", [], "--runs_dir is required"),
        ("distill", [], "--runs_dir is required"),
        ("distill", ["--runs_dir=x", "--temperature=0"], "temperature"),
        ("distill", ["--runs_dir=x", "--teacher_share=2"], "teacher_share"),
        ("distill", ["--runs_dir=x", "--require_gpu"], "sees no GPU"),
        ("distill", ["--runs_dir=x", "--data_licence="], "a text of one line"),
        ("train", ["--data_licence=a\nb"], "text of one line, at most 200"),
        ("fuse", ["--runs_dir=x", "--data_licence= "], "a text of one line"),
        ("reproduce", [f"--data_licence={'x' * 201}"], "such as cc-by-4.0"),
        (
            "train",
            ["--style=1", "--dataset=jd_fashion"],
            "python -m jdstyle.prepare --dataset=jd_fashion",
        ),
        ("prepare", ["--dataset=nothing"], "demo, jd_fashion or label_table"),
        ("prepare", ["--dataset=label_table/x"], "needs --table"),
        (
            "prepare",
            ["--dataset=label_table", "--table=x.csv"],
            "needs a name of your choice",
        ),
        (
            "prepare",
            ["--table=x.csv"],
            "--table does not apply to --dataset=demo",
        ),
        ("prepare", ["--manual_dir=x"], "--manual_dir does not apply"),
        (
            "prepare",
            ["--dataset=label_table/x", "--table=no.csv"],
            "no.csv: No such file or directory (--table)",
        ),
        (
            "prepare",
            ["--dataset=jd_fashion", "--manual_dir=."],
            "train.txt: No such file or directory (--manual_dir",
        ),
        ("evaluate", [], "--saved_model is required"),
        ("evaluate", ["--saved_model=none"], "--saved_model must be"),
        ("decide", [], "--saved_model is required"),
        ("decide", ["--saved_model=none"], "--saved_model must be"),
        ("decide", ["--saved_model=none", "--split=x"], "split"),
        ("predict", ["--saved_model=none"], "at least one photo"),
        ("predict", ["--saved_model=none", "no.jpg"], "No such photo"),
    ],
)
def test_bad_usage_ends_with_2(
    module, arguments, message, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind=None: []
    )
    assert message in call(tmp_path, module, *arguments, code=2)
    assert not (tmp_path / "runs").exists()
    if "--require_gpu" in arguments:
        assert not list(tmp_path.iterdir())


def test_evaluation_refuses_unknown_shares(data_dir, tmp_path, monkeypatch):
    assets = tmp_path / "model" / "assets"
    assets.mkdir(parents=True)
    (assets / "styles.txt").write_text("bright\nrare\n")
    model = None, ["bright", "rare"]
    monkeypatch.setattr(loader, "load", lambda path: model)
    (tmp_path / "shop.csv").write_text("style,share\nrare,0.1\n")
    for path, message in [
        ("no.csv", "no.csv: No such file or directory (--prevalence)"),
        ("shop.csv", "model does not say which shares of its training photos"),
    ]:
        said = call(
            tmp_path,
            "evaluate",
            "--saved_model=model",
            DATASET,
            f"--data_dir={data_dir}",
            f"--prevalence={path}",
            code=2,
        )
        assert message in said
    assert len(list(tmp_path.iterdir())) == 2  # No results.


def write_teachers(
    folder, data_dir, folds, *, styles=("bright", "rare"), **changes
):
    builder = prepared.open_prepared("label_table/tiny", data_dir)
    changes = {"fingerprint": records.source(builder).fingerprint} | changes
    for fold in folds:
        photos = records.read_photos(
            builder, "validation", fold=fold, cache="stream"
        )
        rows = [(name, 0, 0.5, 1, 0.5) for name in photos.ids]
        run_directories.write(
            folder, f"a{fold}", list(styles), rows, fold=fold, **changes
        )


@pytest.mark.parametrize(
    ("folds", "changes", "arguments", "message"),
    [
        ([], {}, [], "No finished run in x is '*'"),
        ([1], {}, ["--runs=b*"], "No finished run in x is 'b*'"),
        ([1], {"fingerprint": "e" * 64}, [], "no finished run of the data"),
        ([1], {"styles": ["bright", "blue"]}, [], "has no style blue"),
        ([1, 2, 3, 4], {}, [], "on their folds, 5. Train them"),
        ([None], {}, [], "sweep with --folds=all"),
        (
            [1, 2, 3, 4, 5],
            {},
            ["--init_from=style:bright"],
            "--init_from=style:STYLE is for jdstyle.train",
        ),
    ],
    ids=["none", "name", "data", "style", "fold", "no fold", "start"],
)
def test_distillation_refuses_before_it_trains(
    folds, changes, arguments, message, data_dir, tmp_path
):
    (tmp_path / "x").mkdir()
    write_teachers(tmp_path / "x", data_dir, folds, **changes)
    said = call(
        tmp_path,
        "distill",
        DATASET,
        f"--data_dir={data_dir}",
        "--runs_dir=x",
        "--fold=1",
        "--workdir=no",
        *arguments,
        code=2,
    )
    assert message in said
    assert not (tmp_path / "no").exists()


def test_label_fault_leaves_nothing(tmp_path):
    (tmp_path / "labels.csv").write_text("image,a\nb.jpg,2\n")
    said = call(
        tmp_path,
        "prepare",
        "--dataset=label_table/x",
        "--table=labels.csv",
        code=2,
    )
    assert "labels.csv:2: label a must be 0 or 1" in said
    assert not (tmp_path / "data" / "label_table").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds=1,2"], "--pretrain_dataset=none"),
        (["--styles=rare"], "at least two. Received: rare"),
        (["--init_from=runs/x"], "--init_from must be imagenet or scratch"),
        (["--pretrain_dataset=deepfashion/fine"], "is not prepared"),
        (["--", "--workdir=x"], "itself sets --workdir"),
    ],
)
def test_reproduction_refuses_before_it_trains(
    arguments, message, data_dir, tmp_path
):
    said = call(
        tmp_path,
        "reproduce",
        DATASET,
        f"--data_dir={data_dir}",
        "--output_dir=no",
        "--init_from=scratch",
        *arguments,
        code=2,
    )
    assert message in said
    assert not (tmp_path / "no").exists()


# A place that each binary writes to, and what it wants beside it.
OUTPUTS = [
    ("prepare", "data_dir", []),
    ("train", "workdir", ["--style=1"]),
    ("train", "data_dir", ["--style=1"]),
    ("pretrain", "workdir", []),
    ("sweep", "runs_dir", []),
    ("fuse", "output_dir", ["--runs_dir=x"]),
    ("distill", "workdir", ["--runs_dir=x"]),
    ("reproduce", "output_dir", []),
    ("evaluate", "output_dir", ["--saved_model=x"]),
    ("decide", "output_dir", ["--saved_model=x"]),
    ("export", "output", ["--saved_model=x", "--format=onnx"]),
    ("predict", "output", ["--saved_model=x", "a.jpg"]),
    ("predict", "errors", ["--saved_model=x", "a.jpg"]),
    ("tools/show_prediction.py", "output", ["--saved_model=x", "a.jpg"]),
    ("tools/show_augmentation.py", "output", []),
    ("tools/show_relations.py", "output_dir", ["--table=x"]),
    ("tools/download_photos.py", "manual_dir", []),
]


@pytest.mark.parametrize(("module", "flag", "others"), OUTPUTS)
def test_places_are_checked_before_anything_else(
    module, flag, others, tmp_path
):
    (tmp_path / "file").touch()
    (tmp_path / "product").mkdir()
    (tmp_path / "product" / "saved_model.pb").touch()
    (tmp_path / "link").symlink_to("product")
    for place, message in [
        ("file/x", "lies below"),
        ("product/x", "lies in the SavedModel"),
        ("link/x/y", "lies in the SavedModel"),
        ("x" * 256, "may have 255 bytes"),
        ("~nobody-here/x", "no home folder"),
        ("", "not a path"),
    ]:
        said = call(tmp_path, module, f"--{flag}={place}", *others, code=2)
        assert f"--{flag}={place}" in said and message in said
    assert len(list(tmp_path.rglob("*"))) == 4


@pytest.mark.parametrize(
    ("module", "flag"),
    [("export", "output"), ("sweep", "runs_dir")],
)
def test_default_places_are_checked_as_well(module, flag, tmp_path):
    others = {
        "export": ["--saved_model=file/x/saved_model", "--format=onnx"],
        "sweep": [],
    }
    (tmp_path / "file").touch()
    (tmp_path / "runs").touch()
    said = call(tmp_path, module, *others[module], code=2)
    assert f"--{flag}=" in said and "lies below" in said


READS = [
    ("prepare", "table", ["--dataset=label_table/x"]),
    ("prepare", "images_dir", ["--dataset=label_table/x", "--table=x"]),
    ("prepare", "manual_dir", ["--dataset=jd_fashion"]),
    ("train", "init_from", ["--style=1"]),
    ("train", "data_dir", ["--style=1"]),
    ("sweep", "pretrained", []),
    ("fuse", "runs_dir", []),
    ("distill", "runs_dir", []),
    ("evaluate", "saved_model", []),
    ("evaluate", "prevalence", ["--saved_model=x"]),
    ("export", "saved_model", ["--format=onnx"]),
    ("predict", "saved_model", ["a.jpg"]),
    ("tools/show_prediction.py", "saved_model", ["a.jpg"]),
    ("tools/show_relations.py", "table", []),
    ("tools/show_relations.py", "fold_file", []),
    ("tools/convert_inception_v4.py", "source", ["--output=x.weights.h5"]),
]


@pytest.mark.parametrize(("module", "flag", "others"), READS)
def test_what_may_not_be_read_is_said_at_once(
    module, flag, others, tmp_path, monkeypatch
):
    access = os.access
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode: (
            not str(path).endswith("shut") and access(path, mode)
        ),
    )
    (tmp_path / "shut").mkdir()
    said = call(tmp_path, module, f"--{flag}=shut", *others, code=2)
    assert f"--{flag}=shut cannot be read: permission denied" in said
    assert len(list(tmp_path.iterdir())) == 1


def test_a_flagfile_that_is_no_text(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff")
    said = call(tmp_path, "train", "--flagfile=x", code=2)
    assert "--flagfile is not UTF-8" in said
