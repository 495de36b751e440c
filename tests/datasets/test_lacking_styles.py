"""Styles without positives: said or refused before the first training."""

import binaries
import pytest

from jdstyle import errors
from jdstyle.datasets import builder
from jdstyle.datasets import prepared
from jdstyle.datasets import prepared_labels
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


def check(folder, styles, folds):
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
    steps.check(plan, prepared_labels.read(opened))


def test_reproduce_names_them_and_the_others(folder):
    with pytest.raises(InputError) as caught:
        check(folder, ("all",), (0, 1))
    message = str(caught.value)
    assert "never: no positive in the training photos of --fold=0" in message
    assert (
        "once: no positive in the training photos of --fold=0, the validation "
        "photos of --fold=1." in message
    )
    assert message.endswith("Leave them out: --styles=bright,rare.")
    check(folder, ("bright", "rare"), (0, 1))


def test_sweep_says_so_before_it_trains(folder, monkeypatch):
    def run_jobs(*args, **options):
        del args, options
        raise errors.Stopped("Here the trainings begin.")

    monkeypatch.setattr(runner, "run_jobs", run_jobs)
    said = binaries.call(
        folder,
        "sweep",
        "--dataset=label_table/lacking",
        "--styles=never,rare",
        "--folds=0",
        code=3,
    )
    said, _ = said.split("Here the trainings begin.")
    assert (
        "never: no positive in the training photos of --fold=0, the "
        "validation photos of --fold=0." in said
    )
    assert "once" not in said and "rare" not in said
