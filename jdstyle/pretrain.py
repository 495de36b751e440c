"""Trains a network on all attributes of a data set, for others to start from.

    python -m jdstyle.pretrain --dataset=deepfashion/coarse
    python -m jdstyle.train --style=12 --init_from=RUN

One sigmoid per attribute; an unknown label is masked in the loss. Nothing is
resampled, and both kinds of error cost the same.
"""

from absl import flags

from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import defaults
from jdstyle import run_flags
from jdstyle.errors import InputError
from jdstyle.runs import folder_names

run_flags.define(flags.FLAGS)
flags.adopt_module_key_flags(data_flags)
flags.adopt_module_key_flags(run_flags)


def main(argv):
    del argv
    given = run_flags.read(__name__)
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.training import run

    builder = prepared.open_prepared(given["dataset"], given["data_dir"])
    values = _resolve(given)
    finished = run.execute(
        builder,
        list(range(len(records.style_names(builder)))),
        run_flags.settings(values, positive_rate=0.0, false_negative_cost=1.0),
        values["workdir"],
        flag_texts=cli.flag_texts(values),
        task="pretrain",
        fold=values["fold"],
        cache=values["cache"],
        checkpoint_minutes=values["checkpoint_minutes"],
        licence=values["data_licence"],
    )
    _show(finished, values)


def _resolve(given):
    """Returns the flags' values with the defaults of the data set.

    Args:
        given: dict of `run_flags.read`.
    """
    values = run_flags.resolve(given, defaults.for_run(given["dataset"], "all"))
    if str(values["init_from"]).startswith("style:"):
        raise InputError("--init_from=style:STYLE is for jdstyle.train.")
    if values["workdir"] is None:
        values["workdir"] = folder_names.default_path(
            "pretrain",
            values["dataset"],
            values["backbone"],
            fold=values["fold"],
        )
    return values


def _show(finished, values):
    from jdstyle.evaluation import score_tables

    validation = finished["validation"]
    print(score_tables.format_table(validation))
    if "macro" in validation:
        print(f"Mean average precision: {validation['macro']['pr_auc']:.3f}")
    run_flags.show_cost(finished, values["workdir"])
    following = commands.line(
        "train",
        style="STYLE",
        dataset="DATASET",
        init_from=values["workdir"],
        backbone=values["backbone"],
    )
    print(f"Next: {following}")


if __name__ == "__main__":
    cli.run(main, stopped=cli.GOES_ON)
