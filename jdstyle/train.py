"""Trains a network for one style, or for all, and exports a SavedModel.

    python -m jdstyle.train --style=12
    python -m jdstyle.train --flagfile=flags/style_12.cfg
    python -m jdstyle.train --style=all --sharing=groups

Alone, --style trains on the built-in demo data. What is not given comes with
the data set and the style (`defaults.py`); --workdir gets everything.
"""

import os

from absl import flags
from absl import logging

from jdstyle import cli
from jdstyle import defaults
from jdstyle import run_flags
from jdstyle import styles
from jdstyle.errors import InputError
from jdstyle.runs import directory

flags.adopt_module_key_flags(run_flags)

_STYLE = flags.DEFINE_string(
    "style", None, "Style to recognise: its number or its name; or all."
)
_SHARING = flags.DEFINE_enum(
    "sharing",
    None,
    ["trunk", "groups", "none"],
    "With --style=all: what the styles share. trunk: all but the heads; "
    "groups: all but the last stage of the backbone, which is there once per "
    "group of related styles; none: nothing. Default: trunk.",
)
_GROUPS = flags.DEFINE_string(
    "groups",
    None,
    "With --sharing=groups: how many groups to make of styles that often meet, "
    "or the groups themselves, e.g. 1,2,10;3,5,9. Default: 4.",
)
_POSITIVE_RATE = flags.DEFINE_float(
    "positive_rate",
    None,
    "Share of positives after undersampling negatives. 0: keep all photos. "
    "Default: as the recipe says for each style.",
    lower_bound=0.0,
    upper_bound=0.99,
)
_FALSE_NEGATIVE_COST = flags.DEFINE_float(
    "false_negative_cost",
    None,
    "Cost of a missed positive. Default: as the recipe says for each style.",
    lower_bound=1e-6,
)


def main(argv):
    del argv
    if _STYLE.value is None:
        raise InputError(
            "--style is required: the number or name of a style, or all."
        )
    run_flags.require_usable()
    # Here, so that --help does not wait for TensorFlow.
    from jdstyle.datasets import prepared
    from jdstyle.training import run

    dataset, data_dir = run_flags.DATASET.value, run_flags.DATA_DIR.value
    builder = prepared.open_prepared(dataset, data_dir)
    columns, style_name = _fill_in_flags(builder)
    finished = run.execute(
        builder,
        columns,
        _settings(builder, columns, style_name),
        run_flags.WORKDIR.value,
        flag_texts=cli.flag_texts(),
        task="train",
        fold=run_flags.FOLD.value,
        cache=run_flags.CACHE.value,
        checkpoint_minutes=run_flags.CHECKPOINT_MINUTES.value,
    )
    _show(finished, "test" if "test" in builder.info.splits else "validation")


def _fill_in_flags(builder):
    """Sets what was not given. Returns the columns and the style's name."""
    names = list(builder.info.metadata["styles"])
    together = styles.means_all(_STYLE.value, names)
    if together and len(names) < 2:
        raise InputError("--style=all needs a data set with several styles.")
    columns = list(range(len(names)))
    style_name = "all"
    if not together:
        columns = [styles.find(_STYLE.value, names)]
        style_name = names[columns[0]]
        if _SHARING.value:
            raise InputError("--sharing is for --style=all.")
    if _GROUPS.value and _SHARING.value != "groups":
        raise InputError("--groups is for --sharing=groups.")
    # One way to say it: by name and by number is the same run.
    flags.FLAGS["style"].value = style_name
    values = defaults.for_run(run_flags.DATASET.value, style_name)
    if together:
        run_flags.fill_in({"sharing": "trunk"})
        # They differ from style to style, which no flag can say.
        del values["positive_rate"], values["false_negative_cost"]
    run_flags.fill_in(values)
    if run_flags.WORKDIR.value is None:
        parts = [run_flags.DATASET.value, style_name, run_flags.BACKBONE.value]
        parts += [_SHARING.value] if together else []
        fold = run_flags.FOLD.value
        parts += [] if fold is None else [f"fold{fold}"]
        name = directory.directory_name(*parts)
        flags.FLAGS["workdir"].value = os.path.join("runs", name)
    return columns, style_name


def _settings(builder, columns, style_name):
    names = [builder.info.metadata["styles"][column] for column in columns]
    given = {
        "positive_rate": _POSITIVE_RATE.value,
        "false_negative_cost": _FALSE_NEGATIVE_COST.value,
    }
    if style_name == "all":
        rows = [defaults.for_style(name) for name in names]
        for name, value in given.items():
            if value is None:
                given[name] = tuple(row[name] for row in rows)
    return run_flags.settings(
        init_from=_find_init_from(builder, names),
        sharing=_SHARING.value or "trunk",
        groups=_find_groups(builder, names),
        **given,
    )


def _find_init_from(builder, names):
    """Returns where the weights come from; style:STYLE becomes its run."""
    from jdstyle.runs import finished as run_sets

    init_from = run_flags.INIT_FROM.value
    if not init_from.startswith("style:"):
        return init_from
    known = builder.info.metadata["styles"]
    donor = known[
        styles.find(init_from.removeprefix("style:"), known, flag="--init_from")
    ]
    if names == [donor]:
        raise InputError(f"--init_from={init_from} is the style itself.")
    found = run_sets.find_donor(
        os.path.dirname(os.path.abspath(run_flags.WORKDIR.value)),
        donor,
        fingerprint=builder.info.metadata["fingerprint"],
        backbone=run_flags.BACKBONE.value,
        fold=run_flags.FOLD.value,
    )
    logging.info("--init_from=%s: %s", init_from, found)
    return found


def _find_groups(builder, names):
    if _SHARING.value != "groups":
        return None
    from jdstyle.datasets import records
    from jdstyle.fusion import relations

    run_flags.fill_in({"groups": "4"})
    text = _GROUPS.value
    if not text.isdecimal():
        groups = _parse_groups(text, names)
    else:
        photos = records.read_photos(
            builder, "train", fold=run_flags.FOLD.value, cache="stream"
        )
        if not 1 <= int(text) <= len(names):
            raise InputError(
                f"--groups must be from 1 to {len(names)}. Received: {text}."
            )
        counts = relations.cooccurrence(photos.labels.clip(min=0))
        groups = relations.related_groups(counts, int(text))
    for number, group in enumerate(groups, start=1):
        listed = ", ".join(names[style] for style in group)
        logging.info("Group %d: %s", number, listed)
    return groups


def _parse_groups(text, names):
    """Parses "1,2;Punk" to lists of numbers from 0; each style once."""
    groups = [
        sorted(
            styles.find(style.strip(), names, flag="--groups")
            for style in part.split(",")
        )
        for part in text.split(";")
    ]
    placed = [style for group in groups for style in group]
    for style, name in enumerate(names):
        if placed.count(style) != 1:
            raise InputError(
                f"--groups must name each style once; {name} is there "
                f"{placed.count(style)} times in {text!r}."
            )
    return groups


def _show(finished, split):
    from jdstyle.evaluation import scores

    print(scores.format_table(finished["validation"]))
    print("Scored on the photos that chose epoch and threshold: it flatters.")
    workdir = run_flags.WORKDIR.value
    saved_model = os.path.join(workdir, directory.SAVED_MODEL_DIR)
    print(
        f"{finished['minutes']:.1f} minutes, "
        f"{finished['photos_per_second']:.0f} photos/s in training"
    )
    print(f"SavedModel: {saved_model}")
    print(f"TensorBoard: tensorboard --logdir={workdir}")
    print(
        f"Next: python -m jdstyle.evaluate --saved_model={saved_model} "
        f"--dataset={run_flags.DATASET.value} "
        f"--data_dir={run_flags.DATA_DIR.value} --split={split}"
    )


if __name__ == "__main__":
    cli.run(main)
