"""The flags of `train`, which `sweep` and `reproduce` check before they begin.

They are defined where `define` says, as those binaries have flags of the same
names.
"""

import copy

from absl import flags

from jdstyle import defaults
from jdstyle import run_flags
from jdstyle import styles
from jdstyle.errors import InputError
from jdstyle.runs import folder_names

# The flags of what --frozen does not do, and what they are where not set.
_OF_EPOCHS = {
    "epochs": None,
    "frozen_epochs": None,
    "steps_per_epoch": 0,
    "learning_rate": None,
    "weight_decay": 1e-4,
    "ema": 0.0,
    "loss": "cost_sensitive",
    "balance": False,
    "precision": None,
    "xla": False,
}


def define(values):
    """Defines the flags, those of `run_flags` included.

    Args:
        values: as in `run_flags.define`.
    """
    run_flags.define(values)
    if "style" in values:  # Imported again.
        return
    flags.DEFINE_string(
        "style",
        None,
        "Style to recognise: its number or its name; or all, for a network "
        "that recognises every style. Required.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "sharing",
        None,
        ["trunk", "groups", "none"],
        "With --style=all: what the styles share. trunk: all but the heads; "
        "groups: all but the last stage of the backbone, which is there once "
        "per group of related styles; none: nothing. Default: trunk.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "groups",
        None,
        "With --sharing=groups: how many groups to make of styles that often "
        "occur together, or the groups themselves, such as 1,2,10;3,5,9. "
        "Default: 4.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "positive_rate",
        None,
        "Share of positives after negatives have been left out at random. 0: "
        f"keep all photos. {defaults.describe_style('positive_rate')}",
        lower_bound=0.0,
        upper_bound=0.99,
        flag_values=values,
    )
    flags.DEFINE_float(
        "false_negative_cost",
        None,
        "Cost of a missed positive in the loss. "
        f"{defaults.describe_style('false_negative_cost')}",
        lower_bound=1e-6,
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "frozen",
        False,
        "Train the heads alone: one regularised logistic regression per style "
        "on what the backbone makes of each photo, which is computed once and "
        "kept beside the records. Minutes on a CPU; the backbone needs weights "
        "that have learned something.",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "skip_unusable",
        False,
        "With --style=all: whether to train without the styles that lack "
        "positives or negatives among the training photos. run.json then "
        "names them.",
        flag_values=values,
    )


def resolve(given, known):
    """Returns the flags' values with the defaults of data set and style.

    Args:
        given: dict of `run_flags.read`.
        known: list of the names of the data set's styles.

    Raises:
        InputError: for flags that do not go together, or an unknown style.
    """
    together = styles.means_all(given["style"], known)
    if together and len(known) < 2:
        raise InputError("--style=all needs a data set with several styles.")
    if given["skip_unusable"] and not together:
        raise InputError("--skip_unusable is for --style=all.")
    if given["sharing"] and not together:
        raise InputError("--sharing is for --style=all.")
    if given["groups"] and given["sharing"] != "groups":
        raise InputError("--groups is for --sharing=groups.")
    # One way to say it: by name and by number is the same run.
    style = "all" if together else known[styles.find(given["style"], known)]
    if given["frozen"]:
        _require_frozen(given)
    default_values = defaults.for_run(
        given["dataset"], style, frozen=given["frozen"]
    )
    if together and not given["frozen"]:
        # They differ from style to style, which no flag can say.
        del default_values["positive_rate"]
        del default_values["false_negative_cost"]
    if together:
        default_values["sharing"] = "trunk"
    if given["sharing"] == "groups":
        default_values["groups"] = "4"
    values = run_flags.resolve(given | {"style": style}, default_values)
    if values["workdir"] is None:
        parts = [values["dataset"], style, values["backbone"]]
        parts += ["frozen"] if values["frozen"] else []
        parts += [values["sharing"]] if together else []
        values["workdir"] = folder_names.default_path(
            *parts, fold=values["fold"]
        )
    return values


def _require_frozen(given):
    """Refuses flags that say nothing where only the heads are trained."""
    for name, neutral in _OF_EPOCHS.items():
        if given[name] != neutral:
            raise InputError(
                f"--{name} is for trainings without --frozen, which has no "
                f"epochs. Received: {given[name]!r}."
            )
    if given["sharing"] not in (None, "trunk"):
        raise InputError(
            "--frozen has one backbone for all styles: --sharing=trunk. "
            f"Received: {given['sharing']!r}."
        )


def parse(arguments):
    """Parses what a sweep would call `train` with, and leaves our flags alone.

    Args:
        arguments: list of strings.

    Returns:
        dict from the name of each of `train`'s flags to its value.

    Raises:
        InputError: as `run_flags.check`; or for what is no flag of `train`, or
            not a value of one.
    """
    values = flags.FlagValues()
    for name in ("dataset", "data_dir"):  # Of `data_flags`, which all have.
        values[name] = copy.deepcopy(flags.FLAGS[name])
        values[name].unparse()
    define(values)
    try:
        rest = values(["train", *arguments])[1:]
    except flags.Error as error:
        raise InputError(f"jdstyle.train says: {error}") from error
    if rest:
        raise InputError(
            "After -- there must be flags of jdstyle.train. "
            f"Received: {' '.join(rest)}."
        )
    return run_flags.check({name: values[name].value for name in values})


def check_jobs(jobs, builder, *, made=()):
    """Refuses what trainings would refuse, before the first of them begins.

    Args:
        jobs: list of `plan.Job`.
        builder: a prepared TFDS builder, of their data set.
        made: paths of runs to start from that will be there in time.

    Raises:
        InputError: for flags after -- that `train` does not take, for a start
            that cannot be had or has seen the photos that validate, or as
            `backbones.build`.
    """
    from jdstyle.datasets import records
    from jdstyle.models import starts
    from jdstyle.runs import finished
    from jdstyle.training import groups
    from jdstyle.training import recipe

    known = records.style_names(builder)
    fingerprint = records.source(builder).fingerprint
    wanted = set()
    for job in jobs:
        values = resolve(parse(job.flags), known)
        init_from, fold = str(values["init_from"]), values["fold"]
        if values["groups"]:
            groups.choose(values["groups"], builder, fold=fold)
        if job.needs or init_from in made:
            init_from = "scratch"  # What it starts from is to come.
        elif init_from.startswith("style:"):
            donor = init_from.removeprefix("style:")
            init_from = finished.find_start(
                values["workdir"],
                known[styles.find(donor, known, flag="--init_from")],
                [values["style"]],
                fingerprint=fingerprint,
                backbone=values["backbone"],
                fold=fold,
            )
        starts.require_same_fold(init_from, fingerprint, fold)
        wanted.add((values["backbone"], values["image_size"], init_from))
    for start in sorted(wanted):
        recipe.require_start(*start)
