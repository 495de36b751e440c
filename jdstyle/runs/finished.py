"""The finished runs of a folder: which there are, and what they belong to.

A member of a fusion is what one backbone made at one image size and with one
way of sharing: one-style networks for each style, or multi-style networks,
trained once or once per fold.
"""

import fnmatch
import os
import typing

from absl import logging

from jdstyle.errors import InputError
from jdstyle.evaluation import scores
from jdstyle.files import places
from jdstyle.runs import directory


class FinishedRun(typing.NamedTuple):
    """A finished run of a classifier.

    Attributes:
        directory: path.
        dataset: string, name and version of the data set.
        fingerprint: hex digest of the data.
        style_names: list of the styles that the network knows.
        backbone: string, e.g. "ResNet50".
        image_size: int, pixels.
        sharing: None for a one-style network, else "trunk", "groups" or "none".
        fold: int, or None for the data set's own validation photos.
        f2: float in [0, 1], on its validation photos; of several styles, the
            macro F2.
        frozen: bool, whether only its heads were trained.
        distilled: bool, whether other runs taught it.
    """

    directory: str
    dataset: str
    fingerprint: str
    style_names: list[str]
    backbone: str
    image_size: int
    sharing: str | None
    fold: int | None
    f2: float
    frozen: bool = False
    distilled: bool = False


def find_runs(runs_dir, fingerprint=None, include=None):
    """Finds the finished runs of classifiers in a folder.

    Args:
        runs_dir: path; its sub-folders are run directories. Unfinished runs,
            pretraining, fusions and what is not a run are passed over, and so
            are students of other runs that `include` does not name.
        fingerprint: None, or the data's: runs of other data are passed over.
        include: None, or list of patterns ("demo-*-resnet50"): the names of
            the sub-folders to take.

    Returns:
        List of `FinishedRun`, sorted by directory, not empty.

    Raises:
        InputError: if there are none, or none for a pattern, if they are of
            several data sets, if two are the same member, style and fold, or
            if a run's files are broken.
        OSError: if it may not look into one.
    """
    runs = _scan(runs_dir, include)
    for pattern in include or "*":
        if not any(fnmatch.fnmatchcase(name, pattern) for name in runs):
            raise InputError(f"No finished run in {runs_dir} is {pattern!r}.")
    runs = _of_one_data_set(list(runs.values()), fingerprint, runs_dir)
    _require_different(runs)
    return runs


def members(runs):
    """Groups runs by member.

    Args:
        runs: list of `FinishedRun`.

    Returns:
        dict from name to list of `FinishedRun`, sorted by name: "resnet50",
        "resnet50-trunk", "resnet50-frozen", "resnet50-distilled", and with the
        image size ("resnet50-224") where that alone tells two members apart.
    """
    sizes, named = {}, {}
    for run in runs:
        sizes.setdefault(_plain_name(run), set()).add(run.image_size)
    for run in runs:
        name = _plain_name(run)
        if len(sizes[name]) > 1:
            name = f"{name}-{run.image_size}"
        named.setdefault(name, []).append(run)
    return dict(sorted(named.items()))


def find_donor(runs_dir, style, *, fingerprint, backbone, fold):
    """Finds the best one-style run of a style in a folder, to start from.

    Only runs on the same photos, with the same backbone and fold count: one
    of another fold has trained on the photos that will validate.

    Args:
        runs_dir: folder that holds the run directories.
        style: name of the donor's style.
        fingerprint: of the data set.
        backbone: string.
        fold: int or None.

    Returns:
        The run directory with the best F2 on its validation photos.

    Raises:
        InputError: if there is none, or if a run's files are broken.
    """
    runs, there = [], places.is_folder(runs_dir)
    for name in sorted(os.listdir(runs_dir)) if there else []:
        try:
            runs.append(_read_run(os.path.join(runs_dir, name)))
        except (InputError, OSError) as error:  # Some other run may be.
            logging.warning("Passed over: %s", error)
    wanted = (fingerprint, [style], None, backbone, fold)
    donors = [
        run
        for run in filter(None, runs)
        if (
            run.fingerprint,
            run.style_names,
            run.sharing,
            run.backbone,
            run.fold,
        )
        == wanted
    ]
    if not donors:
        of_fold = "" if fold is None else f" --fold={fold}"
        raise InputError(
            f"--init_from=style:{style}: no finished run of it in {runs_dir} "
            f"with --backbone={backbone}{of_fold} on these photos. Train "
            f"{style} first, or pass --init_from=imagenet or scratch."
        )
    return max(donors, key=lambda run: run.f2).directory


def find_start(workdir, donor, style_names, *, fingerprint, backbone, fold):
    """Finds where --init_from=style:STYLE starts from: a run beside another.

    Args:
        workdir: directory of the run that is to start.
        donor: name of the style to start from.
        style_names: list of strings, what is to be trained.
        fingerprint: as in `find_donor`.
        backbone: as in `find_donor`.
        fold: as in `find_donor`.

    Returns:
        The donor's run directory.

    Raises:
        InputError: if the style would start from itself, or as `find_donor`.
    """
    if style_names == [donor]:
        raise InputError(
            f"--init_from=style:{donor} is the very style that is trained."
        )
    found = find_donor(
        os.path.dirname(os.path.abspath(workdir)),
        donor,
        fingerprint=fingerprint,
        backbone=backbone,
        fold=fold,
    )
    logging.info("--init_from=style:%s: %s", donor, found)
    return found


def _scan(runs_dir, include):
    """Returns a dict from the names of folders to their `FinishedRun`s."""
    if not places.is_folder(runs_dir):
        raise InputError(f"No such folder of runs: {runs_dir} (--runs_dir).")
    return {
        name: run
        for name in sorted(os.listdir(runs_dir))
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in include or "*")
        and (run := _read_run(os.path.join(runs_dir, name)))
        # A student says once more what its teachers say.
        and (include or not run.distilled)
    }


def _plain_name(run):
    kind = "frozen" if run.frozen else "distilled" if run.distilled else None
    return "-".join(filter(None, [run.backbone.lower(), kind, run.sharing]))


def _read_run(folder):
    """Returns a `FinishedRun`, or None if it is not a finished classifier."""
    paths = [
        os.path.join(folder, name)
        for name in (directory.RUN_FILE, directory.RESULTS_FILE)
    ]
    if not all(map(places.is_file, paths)):
        return None
    try:
        record, results = map(directory.read_json, paths)
        task = record.get("task", "train")
        if task not in ("train", "distill"):
            return None
        return FinishedRun(
            directory=folder,
            dataset=record["dataset"],
            fingerprint=record["fingerprint"],
            style_names=record["styles"],
            backbone=record["backbone"],
            image_size=record["image_size"],
            sharing=record["sharing"],
            fold=record["fold"],
            f2=float(scores.overall(results["validation"])["f2"]),
            frozen=record.get("frozen", False),
            distilled=task == "distill",
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{' or '.join(paths)} is not what a run of this jdstyle writes "
            f"({type(error).__name__}: {error}). Move that run elsewhere, or "
            "name the others with --runs."
        ) from error


def _of_one_data_set(runs, fingerprint, runs_dir):
    found = {}
    for run in runs:
        found.setdefault(run.fingerprint, []).append(run)
    if fingerprint is None and len(found) == 1:
        return runs
    if fingerprint in found:
        return found[fingerprint]
    listed = "; ".join(
        f"{of_one[0].dataset} {key[:12]}, {len(of_one)} runs, first "
        f"{of_one[0].directory}"
        for key, of_one in found.items()
    )
    if fingerprint is None:
        raise InputError(
            f"{runs_dir} holds runs of different data: {listed}. Name those of "
            "one with --runs."
        )
    raise InputError(
        f"{runs_dir} holds no finished run of the data {fingerprint[:12]}, but "
        f"of: {listed}."
    )


def _require_different(runs):
    seen = {}
    for run in runs:
        for style in run.style_names:
            key = (_plain_name(run), run.image_size, run.fold, style)
            other = seen.setdefault(key, run)
            if other is not run:
                raise InputError(
                    f"{other.directory} and {run.directory} are the same "
                    f"member, style {style!r} and fold. Move one elsewhere or "
                    "name the runs with --runs."
                )
