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
from jdstyle import defaults
from jdstyle import run_flags
from jdstyle import styles
from jdstyle.errors import InputError
from jdstyle.runs import directory

flags.adopt_module_key_flags(run_flags)

_STYLE = flags.DEFINE_string(
    "style",
    None,
    "Style to recognise: its number or its name; or all, for a network that "
    "recognises every style. Required.",
    required=True,
)
flags.DEFINE_enum(
    "sharing",
    None,
    ["trunk", "groups", "none"],
    "With --style=all: what the styles share. trunk: all but the heads; "
    "groups: all but the last stage of the backbone, which is there once per "
    "group of related styles; none: nothing. Default: trunk.",
)
flags.DEFINE_string(
    "groups",
    None,
    "With --sharing=groups: how many groups to make of styles that often occur "
    "together, or the groups themselves, such as 1,2,10;3,5,9. Default: 4.",
)
flags.DEFINE_float(
    "positive_rate",
    None,
    "Share of positives after negatives have been left out at random. 0: keep "
    f"all photos. {defaults.describe_style('positive_rate')}",
    lower_bound=0.0,
    upper_bound=0.99,
)
flags.DEFINE_float(
    "false_negative_cost",
    None,
    "Cost of a missed positive in the loss. "
    f"{defaults.describe_style('false_negative_cost')}",
    lower_bound=1e-6,
)


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
    values = _resolve(given, known)
    columns = list(range(len(known)))
    if not styles.means_all(values["style"], known):
        columns = [known.index(values["style"])]
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
    )
    _show(
        finished,
        values,
        "test" if "test" in builder.info.splits else "validation",
    )


def _resolve(given, known):
    """Returns the flags' values with the defaults of data set and style.

    Args:
        given: dict of `run_flags.read`.
        known: list of the names of the data set's styles.
    """
    together = styles.means_all(given["style"], known)
    if together and len(known) < 2:
        raise InputError("--style=all needs a data set with several styles.")
    if given["sharing"] and not together:
        raise InputError("--sharing is for --style=all.")
    if given["groups"] and given["sharing"] != "groups":
        raise InputError("--groups is for --sharing=groups.")
    # One way to say it: by name and by number is the same run.
    style = "all" if together else known[styles.find(given["style"], known)]
    default_values = defaults.for_run(given["dataset"], style)
    if together:
        # They differ from style to style, which no flag can say.
        del default_values["positive_rate"]
        del default_values["false_negative_cost"]
        default_values["sharing"] = "trunk"
    if given["sharing"] == "groups":
        default_values["groups"] = "4"
    values = run_flags.resolve(given | {"style": style}, default_values)
    if values["workdir"] is None:
        parts = [values["dataset"], style, values["backbone"]]
        parts += [values["sharing"]] if together else []
        values["workdir"] = directory.default_path(*parts, fold=values["fold"])
    return values


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
    for name in ("positive_rate", "false_negative_cost"):
        if values[name] is None:
            others[name] = tuple(defaults.for_style(n)[name] for n in names)
    if values["sharing"] == "groups":
        from jdstyle.training import groups

        others["groups"] = groups.choose(
            values["groups"], builder, fold=values["fold"]
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


def _show(finished, values, split):
    from jdstyle.evaluation import scores

    print(scores.format_table(finished["validation"]))
    print("Optimistic: these photos chose the epoch and the threshold.")
    saved_model = os.path.join(values["workdir"], directory.SAVED_MODEL_DIR)
    run_flags.show_cost(finished, values["workdir"])
    print(f"SavedModel: {saved_model}")
    following = commands.line(
        "evaluate",
        saved_model=saved_model,
        dataset=values["dataset"],
        data_dir=values["data_dir"],
        split=split,
    )
    print(f"Next: {following}")


if __name__ == "__main__":
    cli.run(main, stopped=cli.GOES_ON)
