"""Trains a network on all attributes of a data set, for others to start from.

    python -m jdstyle.pretrain --dataset=deepfashion/coarse
    python -m jdstyle.train --style=12 --init_from=RUN

One sigmoid per attribute; an unknown label is masked in the loss. Nothing is
resampled, and both kinds of error cost the same.
"""

import os

from absl import flags

from jdstyle import cli
from jdstyle import defaults
from jdstyle import run_flags
from jdstyle.errors import InputError
from jdstyle.runs import directory

flags.adopt_module_key_flags(run_flags)


def main(argv):
    del argv
    run_flags.require_usable()
    # Here, so that --help does not wait for TensorFlow.
    from jdstyle.datasets import prepared
    from jdstyle.training import run

    dataset = run_flags.DATASET.value
    builder = prepared.open_prepared(dataset, run_flags.DATA_DIR.value)
    run_flags.fill_in(defaults.for_run(dataset, "all"))
    if run_flags.INIT_FROM.value.startswith("style:"):
        raise InputError("--init_from=style:STYLE is for jdstyle.train.")
    if run_flags.WORKDIR.value is None:
        fold = run_flags.FOLD.value
        parts = ["pretrain", dataset, run_flags.BACKBONE.value]
        parts += [] if fold is None else [f"fold{fold}"]
        name = directory.directory_name(*parts)
        flags.FLAGS["workdir"].value = os.path.join("runs", name)
    workdir = run_flags.WORKDIR.value
    finished = run.execute(
        builder,
        list(range(len(builder.info.metadata["styles"]))),
        run_flags.settings(
            init_from=run_flags.INIT_FROM.value,
            positive_rate=0.0,
            false_negative_cost=1.0,
        ),
        workdir,
        flag_texts=cli.flag_texts(),
        task="pretrain",
        fold=run_flags.FOLD.value,
        cache=run_flags.CACHE.value,
        checkpoint_minutes=run_flags.CHECKPOINT_MINUTES.value,
    )
    _show(finished, workdir)


def _show(finished, workdir):
    from jdstyle.evaluation import scores as report

    scores = finished["validation"]
    print(report.format_table(scores))
    if "macro" in scores:
        print(f"Mean average precision: {scores['macro']['pr_auc']:.3f}")
    print(
        f"{finished['minutes']:.1f} minutes, "
        f"{finished['photos_per_second']:.0f} photos/s in training"
    )
    print(f"TensorBoard: tensorboard --logdir={workdir}")
    print(
        f"Next: python -m jdstyle.train --style=STYLE --dataset=DATASET "
        f"--init_from={workdir} --backbone={run_flags.BACKBONE.value}"
    )


if __name__ == "__main__":
    cli.run(main)
