"""Styles without positives: said or refused before the first training."""

import re

import binaries
import pytest

from jdstyle import errors
from jdstyle.datasets import builder
from jdstyle.datasets import prepared
from jdstyle.datasets import prepared_labels
from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.reproduction import steps
from jdstyle.sweeps import runner


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    """The tiny table with a style "never", and "once" in fold 0 alone."""
    folder = tmp_path_factory.mktemp("lacking")
    header, *rows = table.read_text().splitlines()
    lines = [f"{row},0,{int(i < 2)},{i // 8 % 2}" for i, row in enumerate(rows)]
    text = "\n".join([f"{header},never,once,fold", *lines, ""])
    (folder / "t.csv").write_text(text)
    prepared.prepare(
        prepared.make_builder(
            "label_table/lacking",
            str(folder / "data"),
            builder.Options(short_side=64),
            table=str(folder / "t.csv"),
            images_dir=str(table.parent),
            allow_all_zero=True,
        )
    )
    return folder


def check(folder, styles, folds, *, skip=False):
    data_dir = str(folder / "data")
    plan = steps.Plan(
        dataset="label_table/lacking",
        data_dir=data_dir,
        output_dir=str(folder / "out"),
        backbones=("MobileNet",),
        wanted=styles,
        folds=folds,
        places=({},),
        init_from="scratch",
        pretrain_dataset=None,
        arguments=(),
    )
    opened = prepared.open_prepared("label_table/lacking", data_dir)
    labels = prepared_labels.read(opened)
    usable = steps.usable_styles(styles, labels, folds, skip=skip)
    steps.check(plan._replace(wanted=usable), labels)
    return usable


@pytest.mark.parametrize("word", ["together", "Together", " TOGETHER "])
def test_reproduce_compares_styles_alone(folder, word):
    with pytest.raises(InputError, match="together is only for jdstyle.sweep"):
        check(folder, ("bright", word), ())


def test_reproduce_names_them_and_the_others(folder):
    with pytest.raises(InputError) as caught:
        check(folder, ("all",), (0, 1))
    message = str(caught.value)
    assert "never: no positive in the training photos of --fold=0" in message
    assert (
        "once: no positive in the training photos of --fold=0, the validation "
        "photos of --fold=1." in message
    )
    assert "2 of 4 styles cannot be trained" in message
    assert "Pass --skip_unusable to go on with the other 2" in message
    check(folder, ("bright", "rare"), (0, 1))
    assert check(folder, ("all",), (0, 1), skip=True) == ("bright", "rare")


@pytest.fixture
def begun(monkeypatch):
    """The jobs that a sweep begins with; none is run."""
    jobs = []

    def run_jobs(given, *args, **options):
        del args, options
        jobs.extend(given)
        raise errors.Stopped("Here the trainings begin.")

    monkeypatch.setattr(runner, "run_jobs", run_jobs)
    return jobs


def sweep(folder, *arguments, code):
    return binaries.call(
        folder,
        "sweep",
        "--dataset=label_table/lacking",
        "--folds=0",
        *arguments,
        code=code,
    )


SCRATCH = (
    *("--backbones=MobileNet", "--", "--init_from=scratch"),
    "--image_size=32",
)


def test_sweep_names_them_all_before_it_trains(folder, begun):
    said = sweep(folder, "--styles=all", *SCRATCH, code=2)
    assert (
        "never: no positive in the training photos of --fold=0, the "
        "validation photos of --fold=0." in said
    )
    assert "once: no positive in the training photos of --fold=0." in said
    assert begun == []


def test_sweep_goes_on_without_them(folder, begun):
    said = sweep(
        folder, "--styles=all,together", "--skip_unusable", *SCRATCH, code=3
    )
    assert "Skipped: 2 of 4 styles cannot be trained" in said
    assert [job.name for job in begun] == [
        "bright-mobilenet-fold0",
        "rare-mobilenet-fold0",
        "all-mobilenet-trunk-fold0",
    ]
    assert ["--skip_unusable" in job.flags for job in begun] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--", "--epoch=3"], "jdstyle.train says: .*epoch"),
        (["--", "--epochs=0"], "jdstyle.train says: .*epochs"),
        (["--", "--learning_rate=nan"], "--learning_rate must be finite"),
        (["--", "--init_from=nowhere"], "missing: nowhere/run.json"),
        (["--pretrained=no-{backbone}"], "missing: no-mobilenet/run.json"),
        (["--", "--init_from=x.weights.h5"], "No such file: x.weights.h5"),
        (
            ["--backbones=InceptionV4", "--", "--init_from=imagenet"],
            "Nobody publishes ImageNet weights of InceptionV4",
        ),
        (
            ["--", "--init_from=scratch", "--image_size=16"],
            "--backbone=MobileNet does not take --image_size=16",
        ),
    ],
)
def test_sweep_finds_what_every_training_would_refuse(
    folder, begun, arguments, message, monkeypatch
):
    monkeypatch.setenv("HOME", str(folder))
    if not arguments[0].startswith("--backbones"):
        arguments = ["--backbones=MobileNet", *arguments]
    said = sweep(folder, "--styles=rare", *arguments, code=2)
    assert re.search(message, said), said
    assert begun == []


def test_training_of_all_names_them_or_goes_on(folder, monkeypatch):
    from jdstyle.training import run

    flags = (
        *("--dataset=label_table/lacking", "--style=all", "--fold=0"),
        *("--backbone=MobileNet", "--image_size=32", "--init_from=scratch"),
    )
    said = binaries.call(folder, "train", *flags, code=2)
    assert "2 of 4 styles cannot be trained" in said
    assert "never: no positive in the training" in said
    assert "once: no positive in the training" in said

    def execute(builder, columns, settings, *rest, **named):
        del builder, settings, rest
        raise errors.Stopped(f"{columns} without {named['skipped']}")

    monkeypatch.setattr(run, "execute", execute)
    said = binaries.call(folder, "train", *flags, "--skip_unusable", code=3)
    assert "[0, 1] without ['never', 'once']" in said


def test_missing_weights_are_noticed_before_photos_are_read(
    folder, monkeypatch
):
    def read_photos(*args, **options):
        raise AssertionError("too late")

    monkeypatch.setattr(records, "read_photos", read_photos)
    monkeypatch.setenv("HOME", str(folder))
    flags = (
        *("--dataset=label_table/lacking", "--backbone=InceptionV4"),
        *("--init_from=imagenet", "--image_size=96"),
    )
    for module, style in [("train", ["--style=rare"]), ("pretrain", [])]:
        said = binaries.call(folder, module, *flags, *style, code=2)
        assert "Nobody publishes ImageNet weights of InceptionV4" in said
