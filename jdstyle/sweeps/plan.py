"""What a sweep has to do: which trainings, in which order, in which places."""

import itertools
import os
import typing

from jdstyle import defaults
from jdstyle import styles
from jdstyle.errors import InputError
from jdstyle.runs import directory
from jdstyle.runs import folder_names

# What the sweep tells each training; two of these do not change the result.
_OWN_FLAGS = (
    *("style", "dataset", "data_dir", "backbone", "fold", "workdir"),
    "skip_unusable",
)
_PLACES = ("--data_dir=", "--workdir=")
# `train` refuses them for a single style.
_TOGETHER_FLAGS = ("sharing", "groups")


class Job(typing.NamedTuple):
    """One training.

    Attributes:
        name: string, of its directory and its log.
        flags: list of strings, everything that `train` is called with.
        workdir: path of its run directory.
        needs: tuple of the names of jobs that must be done before.
    """

    name: str
    flags: list[str]
    workdir: str
    needs: tuple[str, ...] = ()


def plan(
    wanted,
    style_names,
    *,
    dataset,
    data_dir,
    runs_dir,
    backbones=(),
    folds=(),
    pretrained=None,
    arguments=(),
    skip_unusable=False,
):
    """Lists the trainings of all styles x backbones x folds.

    Args:
        wanted: list of strings: numbers or names of styles, "all" for each
            style of the data set, "together" for one network of all of them.
        style_names: list of strings, the names of the data set's styles.
        dataset: as the flags of `train`.
        data_dir: as the flags of `train`.
        runs_dir: folder of the run directories.
        backbones: list of strings; empty for the data set's default.
        folds: list of ints; empty for the data set's own validation.
        pretrained: None, or what to start from where the default is not
            another style's network; "{backbone}" in it becomes the backbone's
            name in lower case.
        arguments: list of strings, more flags for every training; --sharing
            and --groups go to "together" alone.
        skip_unusable: bool, whether "together" leaves unusable styles out.

    Returns:
        List of `Job`; one that starts from another's network comes after it.

    Raises:
        InputError: if there is no such style, if two would have the same
            directory, or if an argument is not a flag or is one that the sweep
            sets, cannot see into or has no training for.
    """
    found = find_styles(wanted, style_names)
    together = any(styles.means_all(style, style_names) for style in found)
    given = _read_arguments(arguments, pretrained, together)
    frozen = given.get("frozen") in ("", "1", "t", "true")
    kind = "frozen" if frozen else None
    folds = dict.fromkeys(folds or [None])
    jobs = {}
    for style in found:
        default = defaults.for_run(dataset, style, frozen=frozen)
        init_from = given.get("init_from", default["init_from"])
        donor = _donor(init_from, style, style_names)
        sharing, more = None, without(_TOGETHER_FLAGS, arguments)
        if styles.means_all(style, style_names):
            sharing, more = given.get("sharing", "trunk"), list(arguments)
            more += ["--skip_unusable"] if skip_unusable else []
        if donor is None and init_from.startswith("style:"):
            # The donor itself: it cannot start from its own network.
            more = without(("init_from",), more)
        chosen = dict.fromkeys(backbones or [default["backbone"]])
        for backbone, fold in itertools.product(chosen, folds):
            name = _job_name(style, backbone, kind, sharing, fold=fold)
            if name in jobs:
                raise InputError(
                    f"Two styles would both be trained in {name}; --styles "
                    f"must name only one of them. Received: {wanted}."
                )
            workdir = os.path.join(runs_dir, name)
            start = None if donor else pretrained
            if start is not None:
                start = start.replace("{backbone}", backbone.lower())
            flags = [
                f"--style={style}",
                f"--dataset={dataset}",
                f"--data_dir={data_dir}",
                f"--backbone={backbone}",
                *([] if fold is None else [f"--fold={fold}"]),
                *([] if start is None else [f"--init_from={start}"]),
                f"--workdir={workdir}",
                *more,
            ]
            needs = ()
            if donor is not None:
                needs = (_job_name(donor, backbone, kind, fold=fold),)
            jobs[name] = Job(name, flags, workdir, needs)
    listed = [
        job._replace(needs=tuple(n for n in job.needs if n in jobs))
        for job in jobs.values()
    ]
    # A donor itself needs nobody: sorted so, each comes before its heirs.
    return sorted(listed, key=lambda job: len(job.needs))


def find_styles(wanted, style_names):
    """Returns the values of --style for `train` that `plan` makes, each once.

    Args:
        wanted: as in `plan`.
        style_names: as in `plan`.

    Returns:
        List of names of styles, and "all" for a network of all of them.

    Raises:
        InputError: if there is no such style.
    """
    found = []
    for item in wanted:
        if item == "all":
            found += style_names
        elif styles.means("together", item, style_names) and styles.means_all(
            "all", style_names
        ):
            found.append("all")
        else:
            found.append(
                style_names[styles.find(item, style_names, flag="--styles")]
            )
    if not found:
        raise InputError("--styles must name at least one style.")
    return list(dict.fromkeys(found))


def choose_folds(wanted, there):
    """Returns the folds that a user asks for.

    Args:
        wanted: list of strings: numbers, or "all" alone.
        there: list of ints, the data set's folds.

    Returns:
        List of ints, empty if `wanted` is.

    Raises:
        InputError: if there is no such fold.
    """
    if wanted == ["all"]:
        return there
    for text in wanted:
        if not text.isdecimal() or int(text) not in there:
            raise InputError(
                f"--folds must be all or some of {there}. Received: {text!r}."
            )
    return [int(text) for text in wanted]


def results_path(job):
    """Returns the path of the file that a finished training leaves."""
    return os.path.join(job.workdir, directory.RESULTS_FILE)


def done_before(job, fingerprint):
    """Whether results of the same flags and data are there.

    If it is not certain, the training is started and decides itself.
    """
    path = os.path.join(job.workdir, directory.RUN_FILE)
    if not (os.path.exists(results_path(job)) and os.path.exists(path)):
        return False
    record = directory.read_json(path)
    # Of `record["command"]` the first two are interpreter and program.
    there, here = (
        [flag for flag in flags if not flag.startswith(_PLACES)]
        for flags in (record["command"][2:], job.flags)
    )
    return there == here and fingerprint in (None, record["fingerprint"])


def _read_arguments(arguments, pretrained, together):
    """Checks the flags after --; returns a dict from name to value."""
    given = {}
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or not name:
            refusal = "After -- there must be flags, each as --name=value."
        elif name in _OWN_FLAGS:
            refusal = f"The sweep itself sets --{name} for each training."
        elif name == "flagfile":
            refusal = "The sweep cannot see what a --flagfile says."
        elif name == "init_from" and pretrained is not None:
            refusal = "--pretrained and --init_from exclude each other."
        elif name in _TOGETHER_FLAGS and not together:
            refusal = f"--{name} is only for --styles=together."
        else:
            given[name] = value
            continue
        raise InputError(f"{refusal} Received after --: {argument!r}.")
    return given


def without(names, arguments):
    """Returns the flags of a list, each as --name=value, that are not named."""
    return [
        argument
        for argument in arguments
        if argument.removeprefix("--").partition("=")[0] not in names
    ]


def _donor(init_from, style, style_names):
    """Returns the style whose network a training starts from, or None."""
    kind, _, donor = init_from.partition(":")
    if kind != "style":
        return None
    donor = style_names[styles.find(donor, style_names, flag="--init_from")]
    return None if donor == style else donor


def _job_name(*parts, fold):
    """Returns what `train` would call it, less the data set."""
    ending = None if fold is None else f"fold{fold}"
    return folder_names.directory_name(*filter(None, (*parts, ending)))
