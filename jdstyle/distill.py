"""Trains one network for all styles on what the runs of a folder know.

    python -m jdstyle.sweep --folds=all --runs_dir=runs/demo
    python -m jdstyle.distill --runs_dir=runs/demo

The student learns from the labels and from the runs' mean probability of each
photo, by networks that have not seen it. It costs what one network costs.
"""

import glob
import os

from absl import flags

from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import defaults
from jdstyle import path_flags
from jdstyle import run_flags
from jdstyle.errors import InputError
from jdstyle.runs import directory
from jdstyle.runs import folder_names

run_flags.define(flags.FLAGS)
flags.adopt_module_key_flags(data_flags)
flags.adopt_module_key_flags(run_flags)

path_flags.DEFINE_path(
    "runs_dir",
    None,
    "Folder whose sub-folders are the finished runs that teach, of every fold. "
    "Required.",
    required=True,
)
flags.DEFINE_list(
    "runs",
    None,
    "Names of the runs that teach, separated by commas; * stands for any "
    "letters and ? for one. Default: all of them but other students.",
)
flags.DEFINE_float(
    "temperature",
    1.5,
    "What the logits of teacher and student are divided by where they are "
    "compared: above 1, small probabilities say more.",
    lower_bound=0.1,
    upper_bound=100.0,
)
flags.DEFINE_float(
    "teacher_share",
    0.5,
    "Share of the teacher in the loss; the rest is the labels'.",
    lower_bound=0.0,
    upper_bound=1.0,
)


def main(argv):
    del argv
    given = run_flags.read(__name__)
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.fusion import out_of_fold
    from jdstyle.sweeps import completeness
    from jdstyle.training import run

    builder = prepared.open_prepared(given["dataset"], given["data_dir"])
    known = records.style_names(builder)
    runs, _ = completeness.find_runs(
        given["runs_dir"],
        records.source(builder).fingerprint,
        given["runs"],
        allow_missing=None,
    )
    values = _resolve(given, runs)
    joined = out_of_fold.join(runs, known)
    names = joined.style_names
    finished = run.execute(
        builder,
        [known.index(name) for name in names],
        _settings(values, names),
        values["workdir"],
        flag_texts=cli.flag_texts(values),
        task="distill",
        fold=values["fold"],
        cache=values["cache"],
        checkpoint_minutes=values["checkpoint_minutes"],
        licence=values["data_licence"],
        skipped=[name for name in known if name not in names],
        teacher=_teacher(values, builder, joined),
    )
    _show(finished, values, builder.info.splits)


def _resolve(given, runs):
    """Returns the flags' values with the defaults of the data set.

    Args:
        given: dict of `run_flags.read`.
        runs: list of `finished.FinishedRun`, the teachers.
    """
    values = run_flags.resolve(given, defaults.for_run(given["dataset"], "all"))
    if str(values["init_from"]).startswith("style:"):
        raise InputError("--init_from=style:STYLE is for jdstyle.train.")
    if values["workdir"] is None:
        values["workdir"] = folder_names.default_path(
            "distilled",
            values["dataset"],
            values["backbone"],
            fold=values["fold"],
        )
    # By name: what is there later would be another teacher.
    names = [glob.escape(os.path.basename(run.directory)) for run in runs]
    return values | {"runs": names}


def _settings(values, style_names):
    """Returns the `recipe.Settings`, with each style's rate and cost."""
    of_styles = [defaults.for_style(name) for name in style_names]
    return run_flags.settings(
        values,
        **{
            name: tuple(of_style[name] for of_style in of_styles)
            for name in ("positive_rate", "false_negative_cost")
        },
    )


def _teacher(values, builder, joined):
    """Returns the `distillation.Teacher` of the training photos."""
    from jdstyle.datasets import records
    from jdstyle.fusion import teaching
    from jdstyle.training import distillation

    photos = records.read_photos(
        builder, "train", fold=values["fold"], cache="stream"
    )
    return distillation.Teacher(
        photos.ids,
        teaching.logits(joined, photos),
        values["teacher_share"],
        values["temperature"],
    )


def _show(finished, values, splits):
    from jdstyle.evaluation import score_tables

    print(score_tables.format_table(finished["validation"]))
    print(
        "Optimistic: these photos chose the epoch and the threshold, and the "
        "teacher's networks have seen them."
    )
    saved_model = os.path.join(values["workdir"], directory.SAVED_MODEL_DIR)
    run_flags.show_cost(finished, values["workdir"])
    print(f"SavedModel: {saved_model}")
    following = commands.evaluate(
        saved_model, values["dataset"], values["data_dir"], splits
    )
    print(f"Next: {following}")


if __name__ == "__main__":
    cli.run(main, stopped=cli.GOES_ON)
