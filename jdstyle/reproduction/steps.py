"""The whole recipe on one data set: which trainings, in which steps."""

import os
import sys
import typing

from jdstyle.datasets import prepared
from jdstyle.datasets import records
from jdstyle.datasets import summary
from jdstyle.errors import InputError
from jdstyle.models import backbones
from jdstyle.sweeps import plan as sweep_plan
from jdstyle.sweeps import runner
from jdstyle.sweeps import view

# Folder of the product.
FUSED = "fused"

# Small networks that two cores train from scratch in seconds.
DEMO_BACKBONES = ("MobileNetV3Small", "MobileNet", "MobileNetV2")
DEMO_ARGUMENTS = ("--image_size=64", "--epochs=5", "--steps_per_epoch=40")
# One pretraining serves all styles: it may see more photos.
DEMO_PRETRAIN = ("--image_size=64", "--epochs=5", "--steps_per_epoch=160")
# The report's.
BACKBONES = ("ResNet50", "DenseNet121", "InceptionV4")


class Plan(typing.NamedTuple):
    """What is reproduced; see the flags of `reproduce`.

    `arguments` go to every training, behind the demo's own; `pretrain_dataset`
    None: no pretraining.
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


def check(plan, builder):
    """Refuses what would fail only after hours of training.

    Raises:
        InputError: if styles, flags, weights or data sets cannot be used, or
            if a style lacks positives or negatives where it is to be trained.
    """
    if plan.init_from not in ("imagenet", "scratch"):
        raise InputError(
            "--init_from must be imagenet or scratch. "
            f"Received: {plan.init_from!r}."
        )
    if "together" in plan.styles:
        raise InputError("--styles=together is for jdstyle.sweep.")
    for backbone in plan.backbones:
        backbones.require(backbone, "--backbones")
        if backbone == "InceptionV4" and plan.init_from == "imagenet":
            backbones.converted_weights()
    if plan.pretrain_dataset:
        prepared.open_prepared(plan.pretrain_dataset, plan.data_dir)
    for step in steps(plan):
        jobs = _plan_step(plan, step, builder)
        if len(jobs) < 2 * len(step.backbones):
            raise InputError(
                "The report compares styles: --styles must name at least two. "
                f"Received: {','.join(plan.styles)}."
            )
    _require_support(plan, builder)
    photos = records.read_photos(builder, "train", cache="stream")
    if (photos.labels < 0).any():
        raise InputError(
            f"{plan.dataset} has unknown labels; the recipe needs known ones."
        )


def _require_support(plan, builder):
    """Refuses styles whose trainings would fail, and all with them."""
    names = sweep_plan.named(
        list(plan.styles), list(builder.info.metadata["styles"])
    )
    parts = records.read_parts(builder, plan.folds, names)
    lacks = summary.describe_support(names, parts)
    if not lacks:
        return
    usable = [
        name
        for i, name in enumerate(names)
        if not summary.describe_support(
            [name], {part: labels[:, [i]] for part, labels in parts.items()}
        )
    ]
    raise InputError(
        f"Some styles cannot be trained: {' '.join(lacks)} Leave them out: "
        f"--styles={','.join(usable)}."
    )


def pretrain(plan):
    """Pretrains every backbone, one after the other.

    Returns:
        bool: whether all ended well.
    """
    for backbone in plan.backbones if plan.pretrain_dataset else ():
        demo = DEMO_PRETRAIN if plan.pretrain_dataset == "demo" else ()
        # What only a single style's training knows.
        arguments = sweep_plan.without(
            ("positive_rate", "false_negative_cost"), plan.arguments
        )
        code = runner.run_command(
            [
                sys.executable,
                "-m",
                "jdstyle.pretrain",
                f"--dataset={plan.pretrain_dataset}",
                f"--data_dir={plan.data_dir}",
                f"--backbone={backbone}",
                f"--init_from={plan.init_from}",
                f"--workdir={_pretrained(plan, backbone.lower())}",
                *demo,
                *arguments,
            ],
            plan.places[0],
        )
        if code:
            return False
    return True


def train(plan, step, builder):
    """Trains what a step needs, as `sweep` does.

    Returns:
        List of `runner.Attempt`.
    """
    with view.open_view(len(plan.places)) as show:
        return runner.run_jobs(
            _plan_step(plan, step, builder),
            list(plan.places),
            os.path.join(plan.output_dir, step.folder),
            show,
            fingerprint=builder.info.metadata["fingerprint"],
        )


def _plan_step(plan, step, builder):
    start = plan.init_from
    if plan.pretrain_dataset:
        start = _pretrained(plan, "{backbone}")
    demo = DEMO_ARGUMENTS if plan.dataset == "demo" else ()
    return sweep_plan.plan(
        list(plan.styles),
        list(builder.info.metadata["styles"]),
        dataset=plan.dataset,
        data_dir=plan.data_dir,
        runs_dir=os.path.join(plan.output_dir, step.folder),
        backbones=step.backbones,
        folds=plan.folds,
        # Styles with a donor start from that, whatever the others do.
        pretrained=start if step.transfer else None,
        arguments=[*step.arguments, *demo, *plan.arguments],
    )


def _pretrained(plan, backbone):
    return os.path.join(plan.output_dir, f"pretrain-{backbone}")
