"""The whole recipe on one data set: which trainings, in which steps."""

import os
import subprocess
import sys
import typing

from jdstyle import sweep_plan
from jdstyle import sweep_view
from jdstyle import sweeping

# Folder of the product.
FUSED = "fused"

# Small networks that two cores train from scratch in seconds.
DEMO_BACKBONES = ("MobileNetV3Small", "MobileNet", "MobileNetV2")
DEMO_ARGUMENTS = ("--image_size=64", "--epochs=10", "--steps_per_epoch=20")
# One pretraining serves all styles: it may see more photos.
DEMO_PRETRAIN = ("--epochs=15", "--steps_per_epoch=80")
# The report's.
BACKBONES = ("ResNet50", "DenseNet121", "InceptionV4")


class Plan(typing.NamedTuple):
    """What is reproduced; see the flags of `reproduce`.

    `arguments` go to every training; `pretrain_dataset` None: no pretraining.
    """

    dataset: str
    data_dir: str
    output_dir: str
    backbones: tuple
    styles: tuple
    folds: tuple
    places: tuple
    init_from: str
    pretrain_dataset: str | None
    arguments: tuple


class Step(typing.NamedTuple):
    """One step of the ablation: a set of runs.

    Attributes:
        title: string, what it adds to the step before.
        folder: its name below the output directory.
        backbones: tuple of strings.
        arguments: tuple of flags for `train`.
        transfer: whether it starts from the pretrained networks, if any, and
            some styles from others.
    """

    title: str
    folder: str
    backbones: tuple
    arguments: tuple
    transfer: bool


def steps(plan):
    """Returns the list of `Step`; all but the last train one backbone."""
    first = plan.backbones[:1]
    alone = (f"--init_from={plan.init_from}",)
    even = ("--false_negative_cost=1",)
    return [
        Step(
            "plain",
            "plain",
            first,
            (*alone, *even, "--noaugment", "--positive_rate=0"),
            False,
        ),
        Step(
            "+ augmentation, resampling",
            "augmented",
            first,
            (*alone, *even),
            False,
        ),
        Step("+ transfer", "transfer", first, even, True),
        Step("+ cost", "full", plan.backbones, (), True),
    ]


def pretrain(plan):
    """Pretrains every backbone, one after the other.

    Returns:
        bool: whether all ended well.
    """
    for backbone in plan.backbones if plan.pretrain_dataset else ():
        demo = DEMO_PRETRAIN if plan.pretrain_dataset == "demo" else ()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "jdstyle.pretrain",
                f"--dataset={plan.pretrain_dataset}",
                f"--data_dir={plan.data_dir}",
                f"--backbone={backbone}",
                f"--init_from={plan.init_from}",
                f"--workdir={_pretrained(plan, backbone.lower())}",
                *plan.arguments,
                *demo,
            ],
            env=os.environ | plan.places[0],
        )
        if done.returncode:
            return False
    return True


def train(plan, step, builder):
    """Trains what a step needs, as `sweep` does.

    Returns:
        List of `sweeping.Run`.
    """
    runs_dir = os.path.join(plan.output_dir, step.folder)
    start = plan.init_from
    if plan.pretrain_dataset:
        start = _pretrained(plan, "{backbone}")
    jobs = sweep_plan.plan(
        list(plan.styles),
        list(builder.info.metadata["styles"]),
        dataset=plan.dataset,
        data_dir=plan.data_dir,
        runs_dir=runs_dir,
        backbones=step.backbones,
        folds=plan.folds,
        # Styles with a donor start from that, whatever the others do.
        pretrained=start if step.transfer else None,
        arguments=[*step.arguments, *plan.arguments],
    )
    view = sweep_view.LiveTable if sys.stdout.isatty() else sweep_view.Lines
    return sweeping.run_jobs(
        jobs,
        list(plan.places),
        runs_dir,
        view(len(plan.places)),
        fingerprint=builder.info.metadata["fingerprint"],
    )


def _pretrained(plan, backbone):
    return os.path.join(plan.output_dir, f"pretrain-{backbone}")
