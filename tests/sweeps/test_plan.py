"""Which trainings a sweep plans, with which flags and in which order."""

import json

import pytest

from jdstyle import styles
from jdstyle.errors import InputError
from jdstyle.sweeps import plan as sweep_plan


def plan(wanted=("all",), names=styles.NAMES, **options):
    defaults = {
        "dataset": "jd_fashion",
        "data_dir": "data",
        "runs_dir": "runs/jd",
        "backbones": ["ResNet50"],
    }
    return sweep_plan.plan(wanted, names, **(defaults | options))


def test_plan_trains_donors_first_per_backbone_and_fold():
    jobs = plan(backbones=["ResNet50", "DenseNet121"], folds=[1, 2])
    assert len(jobs) == 13 * 2 * 2
    needs = {job.name: job.needs for job in jobs if job.needs}
    # Style 1 starts from 2, style 4 from 8 (the report), nobody else.
    assert needs == {
        f"{heir}-{end}": (f"{donor}-{end}",)
        for heir, donor in [("sports", "casual"), ("japanese", "girl")]
        for end in [
            "resnet50-fold1",
            "resnet50-fold2",
            "densenet121-fold1",
            "densenet121-fold2",
        ]
    }
    names = [job.name for job in jobs]
    for heir, (donor,) in needs.items():
        assert names.index(donor) < names.index(heir)


def test_the_donor_itself_starts_as_it_would():
    jobs = {job.name: job for job in plan(arguments=["--init_from=style:punk"])}
    donor = jobs.pop("punk-resnet50")
    assert not [flag for flag in donor.flags if "init_from" in flag]
    for job in jobs.values():
        assert "--init_from=style:punk" in job.flags
        assert job.needs == ("punk-resnet50",)


def test_frozen_trainings_need_no_donor_and_have_names_of_their_own():
    (job,) = plan(
        wanted=["Sports"],
        arguments=["--frozen"],
        backbones=[],
        dataset="demo",
    )
    assert job.name == "sports-efficientnetlite0-frozen"
    assert not job.needs and job.flags[-1] == "--frozen"
    (job,) = plan(wanted=["Sports"], arguments=["--nofrozen"])
    assert job.name == "sports-resnet50"
    tuned = ["--frozen=true", "--init_from=style:2"]
    donor, job = plan(wanted=["1", "2"], arguments=tuned)
    assert job.needs == (donor.name,) == ("casual-resnet50-frozen",)


def test_plan_does_not_wait_for_a_donor_outside_the_sweep():
    assert [job.needs for job in plan(["1", "8"])] == [(), ()]


def test_plan_of_another_table_has_no_donors():
    # Its Sports is not the challenge's: `train` starts it from ImageNet.
    jobs = plan(
        ["Sports", "Casual"], dataset="label_table/x", pretrained="runs/pre"
    )
    assert [job.needs for job in jobs] == [(), ()]
    assert all("--init_from=runs/pre" in job.flags for job in jobs)


@pytest.mark.parametrize(
    ("init_from", "needs"),
    [
        ("imagenet", {}),
        ("runs/other", {}),
        # Sports has its donor by the flag now; Punk itself waits for nobody.
        (
            "style:12",
            {
                "sports-resnet50": ("punk-resnet50",),
                "casual-resnet50": ("punk-resnet50",),
            },
        ),
    ],
)
def test_plan_follows_init_from(init_from, needs):
    jobs = plan(["1", "2", "12"], arguments=[f"--init_from={init_from}"])
    assert {job.name: job.needs for job in jobs if job.needs} == needs
    assert jobs[-1].flags[-1] == f"--init_from={init_from}"


def test_plan_writes_commands_and_directories():
    (found,) = plan(
        ["office_lady"],
        dataset="label_table/x",
        folds=[3],
        arguments=["--epochs=5", "--noaugment"],
    )
    assert found.name == "office_lady-resnet50-fold3"
    assert found.workdir == "runs/jd/office_lady-resnet50-fold3"
    assert found.flags == [
        "--style=Office lady",
        "--dataset=label_table/x",
        "--data_dir=data",
        "--backbone=ResNet50",
        "--fold=3",
        "--workdir=runs/jd/office_lady-resnet50-fold3",
        "--epochs=5",
        "--noaugment",
    ]


def test_plan_takes_the_default_backbone_and_everything_once():
    jobs = plan(
        ["2", "together", "Casual"], dataset="demo", backbones=[], folds=[3, 3]
    )
    assert [job.name for job in jobs] == [
        "casual-mobilenetv3small-fold3",
        "all-mobilenetv3small-trunk-fold3",
    ]


def test_plan_starts_from_pretrained_where_there_is_no_donor():
    jobs = plan(
        ["1", "2", "12", "together"],
        backbones=["ResNet50", "DenseNet121"],
        pretrained="runs/pre-{backbone}",
    )
    starts = {
        job.name: [flag for flag in job.flags if "init_from" in flag]
        for job in jobs
    }
    resnet50 = ["--init_from=runs/pre-resnet50"]
    densenet121 = ["--init_from=runs/pre-densenet121"]
    # Style 1, Sports, starts from 2, Casual, by `train`'s own default.
    assert starts == {
        "sports-resnet50": [],
        "casual-resnet50": resnet50,
        "punk-resnet50": resnet50,
        "all-resnet50-trunk": resnet50,
        "sports-densenet121": [],
        "casual-densenet121": densenet121,
        "punk-densenet121": densenet121,
        "all-densenet121-trunk": densenet121,
    }
    assert {job.name: job.needs for job in jobs if job.needs} == {
        "sports-resnet50": ("casual-resnet50",),
        "sports-densenet121": ("casual-densenet121",),
    }
    assert [job.name for job in jobs[-2:]] == [
        "sports-resnet50",
        "sports-densenet121",
    ]


def test_plan_gives_sharing_to_the_common_network_alone():
    jobs = plan(
        ["2", "8", "together"],
        folds=[1],
        arguments=["--sharing=groups", "--epochs=5", "--groups=3"],
    )
    # As `train` names them: what is shared, then the fold.
    assert {job.name: job.flags[5:] for job in jobs} == {
        "casual-resnet50-fold1": [
            "--workdir=runs/jd/casual-resnet50-fold1",
            "--epochs=5",
        ],
        "girl-resnet50-fold1": [
            "--workdir=runs/jd/girl-resnet50-fold1",
            "--epochs=5",
        ],
        "all-resnet50-groups-fold1": [
            "--workdir=runs/jd/all-resnet50-groups-fold1",
            "--sharing=groups",
            "--epochs=5",
            "--groups=3",
        ],
    }


def test_a_style_may_be_called_all():
    # `train --style=all` means that style then, so nothing means all of them.
    jobs = plan(["all"], ["all", "x"])
    assert [job.name for job in jobs] == ["all-resnet50", "x-resnet50"]
    with pytest.raises(InputError, match="'together'"):
        plan(["together"], ["all", "x"])


def test_names_of_other_styles_become_directories():
    (found,) = plan(["OL/通勤 x"], ["OL/通勤 x"])
    assert found.name == "ol-通勤_x-resnet50"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wanted": ["14"]}, "'14'"),
        ({"wanted": []}, "at least one style"),
        ({"wanted": ["all"], "names": ["a/b", "a-b"]}, "in a-b-resnet"),
        ({"arguments": ["--epochs", "5"]}, "--name=value. Received.* '5'"),
        ({"arguments": ["--=5"]}, "--name=value"),
        ({"arguments": ["--style=2"]}, "itself sets --style"),
        ({"arguments": ["--workdir=x"]}, "itself sets --workdir"),
        ({"arguments": ["--flagfile=x.cfg"]}, "what a --flagfile says"),
        ({"arguments": ["--init_from=style:77"]}, "'77'"),
        (
            {"arguments": ["--init_from=scratch"], "pretrained": "runs/x"},
            "--pretrained and --init_from",
        ),
        ({"arguments": ["--sharing=none"]}, "is only for --styles=together"),
        ({"arguments": ["--groups=3"]}, "is only for --styles=together"),
    ],
)
def test_plan_refuses(options, message):
    with pytest.raises(InputError, match=message):
        plan(**options)


def test_folds_are_all_or_those_named():
    assert sweep_plan.choose_folds([], []) == []
    assert sweep_plan.choose_folds(["all"], [1, 2, 7]) == [1, 2, 7]
    assert sweep_plan.choose_folds(["7", "1"], [1, 2, 7]) == [7, 1]
    for wrong in ("3", "x", "-1", "all"):
        with pytest.raises(InputError, match=f"Received: '{wrong}'"):
            sweep_plan.choose_folds(["1", wrong], [1, 2, 7])


@pytest.mark.parametrize(
    ("flags", "fingerprint", "done"),
    [
        (["--epochs=5", "--data_dir=here"], None, True),
        (["--epochs=5", "--data_dir=here"], "abc", True),
        (["--epochs=5", "--data_dir=there"], None, True),  # A place only.
        (["--epochs=6", "--data_dir=here"], None, False),
        (["--data_dir=here"], None, False),  # The default may be another.
        (["--epochs=5", "--data_dir=here", "--ema=0.9"], None, False),
        (["--epochs=5", "--data_dir=here"], "other", False),
    ],
)
def test_done_before_with_the_same_flags_and_data(
    tmp_path, flags, fingerprint, done
):
    command = ["python", "train.py", "--epochs=5", "--data_dir=here"]
    record = {"command": command, "fingerprint": "abc"}
    (tmp_path / "run.json").write_text(json.dumps(record))
    job = sweep_plan.Job("x", flags, str(tmp_path))
    assert not sweep_plan.done_before(job, fingerprint)  # It may still run.
    (tmp_path / "results.json").write_text("{}")
    assert sweep_plan.done_before(job, fingerprint) == done
