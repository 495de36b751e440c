"""The whole recipe on one data set: which trainings, in which steps."""

import os
import sys
import typing

from jdstyle.datasets import prepared
from jdstyle.datasets import prepared_labels
from jdstyle.datasets import records
from jdstyle.datasets import usable
from jdstyle.errors import InputError
from jdstyle.models import backbones
from jdstyle.sweeps import plan as sweeps_plan
from jdstyle.sweeps import processes
from jdstyle.sweeps import runner
from jdstyle.sweeps import view

# Folder of the product.
FUSED = "fused"

# Small networks that two cores train from scratch in seconds.
DEMO_BACKBONES = ("MobileNetV3Small", "MobileNet", "MobileNetV2")
DEMO_ARGUMENTS = ("--image_size=64", "--epochs=5", "--steps_per_epoch=40")
# One pretraining serves all styles: it may see more photos.
DEMO_PRETRAIN = ("--image_size=64", "--epochs=5", "--steps_per_epoch=160")
# The paper's.
BACKBONES = ("ResNet50", "DenseNet121", "InceptionV4")


class Plan(typing.NamedTuple):
    """What is reproduced, as the flags of `reproduce` say.

    Attributes:
        dataset, data_dir, output_dir: strings, as the flags.
        backbones: tuple of names; the ablation is of the first.
        wanted: tuple of strings: numbers or names of styles, or "all".
        folds: tuple of ints; empty for the data set's own validation.
        places: tuple of dicts, the environment variables of each place.
        init_from: "imagenet" or "scratch", the start without transfer.
        pretrain_dataset: string, or None for no pretraining.
        arguments: tuple of flags for every training, after the demo's own.
    """

    dataset: str
    data_dir: str
    output_dir: str
    backbones: tuple[str, ...]
    wanted: tuple[str, ...]
    folds: tuple[int, ...]
    places: tuple[dict[str, str], ...]
    init_from: str
    pretrain_dataset: str | None
    arguments: tuple[str, ...]


class Step(typing.NamedTuple):
    """One step of the ablation: a set of runs.

    Attributes:
        title: string, what it adds to the step before it.
        folder: its name below the output directory.
        backbones: tuple of strings.
        arguments: tuple of flags for `train`.
        transfer: bool, whether its networks start from the pretrained ones, if
            there are any, and those of some styles from other styles'.
    """

    title: str
    folder: str
    backbones: tuple[str, ...]
    arguments: tuple[str, ...]
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


def check(plan, labels):
    """Refuses what would fail only after hours of training.

    Args:
        plan: `Plan`.
        labels: `prepared_labels.Labels` of its data set.

    Raises:
        InputError: if styles, flags, weights or data sets cannot be used.
    """
    if plan.init_from not in ("imagenet", "scratch"):
        raise InputError(
            "--init_from must be imagenet or scratch. "
            f"Received: {plan.init_from!r}."
        )
    for backbone in plan.backbones:
        backbones.require(backbone, "--backbones")
        if plan.init_from == "imagenet":
            backbones.require_imagenet(backbone)
    if plan.pretrain_dataset:
        prepared.open_prepared(plan.pretrain_dataset, plan.data_dir)
    for step in steps(plan):
        jobs = _plan_step(plan, step, labels.style_names)
        if len(jobs) < 2 * len(step.backbones):
            raise InputError(
                "The report compares styles: --styles must name at least two. "
                f"Received: {','.join(plan.wanted)}."
            )


def usable_styles(wanted, labels, folds, *, skip):
    """Returns the names of the wanted styles that can be trained.

    Args:
        wanted: as in `Plan`.
        labels: `prepared_labels.Labels`.
        folds: as in `Plan`.
        skip: bool, whether the others may be left out.

    Raises:
        InputError: as `usable.of_parts`, or for a network of all styles.
    """
    names = sweeps_plan.find_styles(list(wanted), labels.style_names)
    if not set(names) <= set(labels.style_names):  # "all" of `find_styles`.
        raise InputError("--styles=together is only for jdstyle.sweep.")
    parts = prepared_labels.training_parts(labels, folds, names)
    return tuple(usable.of_parts(names, parts, skip=skip))


def jobs(plan, style_names):
    """Returns every training of all steps, a list of `plan.Job`."""
    return [
        job
        for step in steps(plan)
        for job in _plan_step(plan, step, style_names)
    ]


def pretrained(plan):
    """Returns the run directories that pretraining will make, a list."""
    return [_pretrained(plan, name.lower()) for name in plan.backbones]


def pretrain(plan):
    """Pretrains every backbone, one after the other.

    Returns:
        int: the exit code of the first that failed, else 0.
    """
    for backbone in plan.backbones if plan.pretrain_dataset else ():
        demo = DEMO_PRETRAIN if plan.pretrain_dataset == "demo" else ()
        # Flags that only the training of a single style knows.
        arguments = sweeps_plan.without(
            ("positive_rate", "false_negative_cost"), plan.arguments
        )
        code = processes.run_command(
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
            return code
    return 0


def train(plan, step, builder):
    """Trains what a step needs, as `sweep` does.

    Returns:
        List of `runner.Attempt`.
    """
    with view.open_view(len(plan.places)) as show:
        return runner.run_jobs(
            _plan_step(plan, step, records.style_names(builder)),
            list(plan.places),
            os.path.join(plan.output_dir, step.folder),
            show,
            fingerprint=builder.info.metadata["fingerprint"],
        )


def _plan_step(plan, step, style_names):
    start = plan.init_from
    if plan.pretrain_dataset:
        start = _pretrained(plan, "{backbone}")
    demo = DEMO_ARGUMENTS if plan.dataset == "demo" else ()
    return sweeps_plan.plan(
        list(plan.wanted),
        style_names,
        dataset=plan.dataset,
        data_dir=plan.data_dir,
        runs_dir=os.path.join(plan.output_dir, step.folder),
        backbones=step.backbones,
        folds=plan.folds,
        # Styles with a donor start from it, whatever the others start from.
        pretrained=start if step.transfer else None,
        arguments=[*step.arguments, *demo, *plan.arguments],
    )


def _pretrained(plan, backbone):
    return os.path.join(plan.output_dir, f"pretrain-{backbone}")
