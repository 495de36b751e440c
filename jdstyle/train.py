"""Trains a network for one style, or for all, and exports a SavedModel.

    python -m jdstyle.train --style=12
    python -m jdstyle.train --flagfile=flags/style_12.cfg
    python -m jdstyle.train --style=all --sharing=groups

With --style alone it trains on the built-in demo data. The defaults of other
flags come with the data set and the style; --workdir takes all results.
"""

import os

from absl import flags

from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import defaults
from jdstyle import run_flags
from jdstyle import styles
from jdstyle import train_flags
from jdstyle.runs import directory

train_flags.define(flags.FLAGS)
flags.adopt_module_key_flags(data_flags)
flags.adopt_module_key_flags(run_flags)
flags.adopt_module_key_flags(train_flags)


def main(argv):
    del argv
    given = run_flags.read(__name__)
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.training import run

    builder = prepared.open_prepared(given["dataset"], given["data_dir"])
    known = records.style_names(builder)
    values = train_flags.resolve(given, known)
    columns, skipped = _columns(values, builder)
    finished = run.execute(
        builder,
        columns,
        _settings(values, builder, columns),
        values["workdir"],
        flag_texts=cli.flag_texts(values),
        task="train",
        fold=values["fold"],
        cache=values["cache"],
        checkpoint_minutes=values["checkpoint_minutes"],
        licence=values["data_licence"],
        skipped=skipped,
    )
    _show(finished, values, builder.info.splits)


def _columns(values, builder):
    """Returns the columns of the styles to train, and the names left out."""
    from jdstyle.datasets import prepared_labels
    from jdstyle.datasets import records
    from jdstyle.datasets import usable

    known = records.style_names(builder)
    if not styles.means_all(values["style"], known):
        return [known.index(values["style"])], []
    parts = prepared_labels.training_parts(
        prepared_labels.read(builder),
        [] if values["fold"] is None else [values["fold"]],
        known,
    )
    # Of several styles some may lack positives to validate on: they are
    # trained without a score.
    parts = {part: of for part, of in parts.items() if "training" in part}
    names = usable.of_parts(known, parts, skip=values["skip_unusable"])
    skipped = [name for name in known if name not in names]
    return [known.index(name) for name in names], skipped


def _settings(values, builder, columns):
    """Returns the `recipe.Settings`: no flag's value, but what it means."""
    from jdstyle.datasets import records

    known = records.style_names(builder)
    names = [known[column] for column in columns]
    others = {
        "init_from": _find_init_from(values, builder, names),
        "sharing": values["sharing"] or "trunk",
        "groups": None,
    }
    if values["frozen"]:  # It has no epochs, of which this many.
        others |= {"epochs": 0, "frozen_epochs": 0, "learning_rate": 0.0}
        others |= {"augment": False, "precision": "float32"}
    for name in ("positive_rate", "false_negative_cost"):
        if values[name] is None:
            others[name] = tuple(defaults.for_style(n)[name] for n in names)
    if values["sharing"] == "groups":
        from jdstyle.training import groups

        others["groups"] = groups.choose(
            values["groups"], builder, fold=values["fold"], columns=columns
        )
    return run_flags.settings(values, **others)


def _find_init_from(values, builder, style_names):
    """Returns where the weights come from; style:STYLE becomes its run."""
    from jdstyle.datasets import records
    from jdstyle.runs import finished

    init_from = values["init_from"]
    if not init_from.startswith("style:"):
        return init_from
    style = init_from.removeprefix("style:")
    known = records.style_names(builder)
    return finished.find_start(
        values["workdir"],
        known[styles.find(style, known, flag="--init_from")],
        style_names,
        fingerprint=records.source(builder).fingerprint,
        backbone=values["backbone"],
        fold=values["fold"],
    )


def _show(finished, values, splits):
    from jdstyle.evaluation import score_tables

    print(score_tables.format_table(finished["validation"]))
    chose = "helped to choose" if values["frozen"] else "chose the epoch and"
    print(f"Optimistic: these photos {chose} the threshold.")
    saved_model = os.path.join(values["workdir"], directory.SAVED_MODEL_DIR)
    run_flags.show_cost(finished, values["workdir"])
    print(f"SavedModel: {saved_model}")
    following = commands.evaluate(
        saved_model, values["dataset"], values["data_dir"], splits
    )
    print(f"Next: {following}")


if __name__ == "__main__":
    cli.run(main, stopped=cli.GOES_ON)
