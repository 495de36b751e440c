"""Runs the whole recipe on a data set and writes a report.

    python -m jdstyle.reproduce
    python -m jdstyle.reproduce --dataset=jd_fashion --jobs=1 -- --epochs=20

It pretrains, trains every style with every backbone in the steps of the
ablation, fuses, fits relations, and writes report.html and report.md. Flags
after -- go to every training. The same command again goes on where it stopped.
"""

import os
import shlex
import sys

from absl import flags

from jdstyle import card_flags
from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import defaults
from jdstyle import path_flags
from jdstyle import sweep_flags
from jdstyle.errors import InputError
from jdstyle.files import lock
from jdstyle.runs import directory

flags.adopt_module_key_flags(sweep_flags)

_OUTPUT_DIR = path_flags.DEFINE_folder(
    "output_dir",
    None,
    "Folder of everything that is written. Default: runs/reproduce-<dataset>.",
)
_BACKBONES = flags.DEFINE_list(
    "backbones",
    [],
    "Backbones to fuse; the ablation is of the first. Default: ResNet50, "
    "DenseNet121, InceptionV4; on the demo MobileNetV3Small, MobileNet, "
    "MobileNetV2.",
)
_STYLES = flags.DEFINE_list(
    "styles", ["all"], "Numbers or names of styles, or all. Default: all."
)
_PRETRAIN_DATASET = flags.DEFINE_string(
    "pretrain_dataset",
    None,
    "Data set to pretrain on, or none. Default: deepfashion/coarse for "
    "jd_fashion, else --dataset itself, with all its styles at once.",
)
_INIT_FROM = flags.DEFINE_string(
    "init_from",
    None,
    "What networks start from without transfer: imagenet or scratch. Default: "
    "imagenet; on the demo scratch.",
)
_DATA_LICENCE = card_flags.define(flags.FLAGS)


def main(argv):
    arguments = argv[1:]
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    import tensorflow as tf

    from jdstyle.datasets import prepared
    from jdstyle.datasets import prepared_labels
    from jdstyle.datasets import records
    from jdstyle.reproduction import steps

    for gpu in tf.config.list_physical_devices("GPU"):
        # The trainings need the memory; scoring comes when they are done.
        tf.config.experimental.set_memory_growth(gpu, True)
    builder = prepared.open_prepared(
        data_flags.DATASET.value, data_flags.DATA_DIR.value
    )
    labels = prepared_labels.read(builder)
    plan = _make_plan(labels, arguments)
    steps.check(plan, labels)
    _check_trainings(plan, labels, builder)
    with lock.hold(plan.output_dir, "output_dir"):
        finished = directory.start(
            plan.output_dir,
            cli.flag_texts(),
            {
                "task": "reproduce",
                **records.source(builder)._asdict(),
                "arguments": arguments,
            },
            flag="output_dir",
        )
        if finished is None:
            if code := steps.pretrain(plan):
                print("Pretraining failed. The same command tries it again.")
                sys.exit(max(code, 1))  # A signal's number is below 0.
            for step in steps.steps(plan):
                _train(plan, step, builder)
            finished = _score(plan, builder, labels)
        else:
            print("This has finished before; these are its results.")
    _show(plan, finished)


def _make_plan(labels, arguments):
    from jdstyle.reproduction import steps

    dataset = data_flags.DATASET.value
    is_demo = dataset == "demo"
    default = steps.DEMO_BACKBONES if is_demo else steps.BACKBONES
    pretrain = _PRETRAIN_DATASET.value or (
        "deepfashion/coarse" if dataset == "jd_fashion" else dataset
    )
    folds = tuple(sweep_flags.folds(labels))
    wanted = steps.usable_styles(
        _STYLES.value, labels, folds, skip=sweep_flags.SKIP_UNUSABLE.value
    )
    if folds and pretrain == dataset:
        raise InputError(
            "--folds: pretraining would see the photos that validate. Pass "
            "--pretrain_dataset=none or another data set."
        )
    return steps.Plan(
        dataset=dataset,
        data_dir=data_flags.DATA_DIR.value,
        output_dir=_OUTPUT_DIR.value
        or os.path.join("runs", f"reproduce-{dataset.replace('/', '-')}"),
        backbones=tuple(_BACKBONES.value or default),
        wanted=wanted,
        init_from=_INIT_FROM.value
        or str(defaults.for_run(dataset, "all")["init_from"]),
        folds=folds,
        places=tuple(sweep_flags.places(default=2 if is_demo else 1)),
        pretrain_dataset=None if pretrain == "none" else pretrain,
        arguments=tuple(arguments),
    )


def _check_trainings(plan, labels, builder):
    """Refuses what a training would refuse, unless all have finished."""
    # Once our own flags are parsed: its flags are not ours.
    from jdstyle import train_flags
    from jdstyle.reproduction import steps

    if os.path.isfile(os.path.join(plan.output_dir, directory.RESULTS_FILE)):
        return
    made = steps.pretrained(plan) if plan.pretrain_dataset else ()
    jobs = steps.jobs(plan, labels.style_names)
    train_flags.check_jobs(jobs, builder, made=made)
    if plan.pretrain_dataset:
        from jdstyle.training import recipe

        size = train_flags.parse(jobs[0].flags)["image_size"]
        size = size or defaults.for_run(plan.dataset, "all")["image_size"]
        for backbone in plan.backbones:
            recipe.require_start(backbone, size, plan.init_from)


def _train(plan, step, builder):
    from jdstyle.reproduction import steps
    from jdstyle.sweeps import runner
    from jdstyle.sweeps import view

    print(f"\n{step.title}: {os.path.join(plan.output_dir, step.folder)}")
    attempts = steps.train(plan, step, builder)
    if runner.unsuccessful(attempts):
        print(f"\n{view.format_summary(attempts)}\n")
        print("Trainings failed. The same command tries them again.")
        sys.exit(runner.DISK_FULL if runner.met_full_disk(attempts) else 1)


def _score(plan, builder, labels):
    from jdstyle.reproduction import report
    from jdstyle.reproduction import scores
    from jdstyle.reproduction import steps
    from jdstyle.runs import model_card

    print("\nFusing, and scoring every step")
    results, evidence, gains = scores.score(plan, builder, labels)
    record = directory.read_json(
        os.path.join(plan.output_dir, directory.RUN_FILE)
    )
    results |= {
        "command": shlex.join(
            ["python", "-m", "jdstyle.reproduce", *sys.argv[1:]]
        ),
        "commit": record["commit"],
        "machine": f"{os.cpu_count()} CPU cores, {record['machine']}",
    }
    fused_dir = os.path.join(plan.output_dir, steps.FUSED)
    model_card.write(
        fused_dir,
        directory.read_json(os.path.join(fused_dir, directory.RESULTS_FILE)),
        licence=_DATA_LICENCE.value,
        record=record,
    )
    results["report"] = report.write(plan.output_dir, results, evidence, gains)
    directory.write_json(
        os.path.join(plan.output_dir, directory.RESULTS_FILE), results
    )
    return results


def _show(plan, results):
    from jdstyle.reproduction import report
    from jdstyle.reproduction import steps

    print("\nMacro F2 of the first backbone, step by step:")
    table = report.ablation_table(results["ablation"])
    print(table.to_string(index=False))
    print("\nF2 per style:")
    table = report.style_table(results["product"], "fusion, relations")
    print(table.to_string(index=False))
    saved_model = os.path.join(
        plan.output_dir, steps.FUSED, directory.SAVED_MODEL_DIR
    )
    print(f"\nReport: {results['report']}")
    print(f"SavedModel: {saved_model}")
    print(f"Next: {commands.predict(saved_model)}")


if __name__ == "__main__":
    cli.run(main, arguments=True, stopped=cli.GOES_ON)
