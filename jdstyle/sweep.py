"""Trains styles x backbones x folds, each in a process of its own.

    python -m jdstyle.sweep --styles=all --folds=1,2,3 --jobs=2 -- --epochs=5

--styles=2,8,1,together trains those three and one network for all styles. With
--pretrained=runs/pretrain-deepfashion-coarse-{backbone} they start from what
`pretrain` left, except for styles that start from another style's network,
which are trained after that one. Flags after -- go to every training (python -m
jdstyle.train). The same command again goes on where it stopped; nothing is
trained twice.
"""

import os
import sys

from absl import flags

from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import path_flags
from jdstyle import sweep_flags
from jdstyle.files import places

flags.adopt_module_key_flags(sweep_flags)

_STYLES = flags.DEFINE_list(
    "styles",
    ["all"],
    "Any of these: numbers or names of styles; all, a network for each style "
    "of the data set; together, one network for all of them, its --sharing "
    "after --. Default: all.",
)
_BACKBONES = flags.DEFINE_list(
    "backbones",
    [],
    "Names of backbones, see --backbone of jdstyle.train. Default: the data "
    "set's own.",
)
_PRETRAINED = path_flags.DEFINE_path(
    "pretrained",
    None,
    "The --init_from of trainings that do not start from another style's "
    "network; {backbone} in it becomes the backbone's name in lower case. "
    "Default: the data set's own.",
)
_RUNS_DIR = path_flags.DEFINE_folder(
    "runs_dir", None, "Folder of the run directories. Default: runs/<dataset>."
)


def main(argv):
    arguments = argv[1:]
    runs_dir = _RUNS_DIR.value or os.path.join(
        "runs", data_flags.DATASET.value.replace("/", "-")
    )
    places.require_folder(runs_dir, "runs_dir")
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.datasets import prepared_labels
    from jdstyle.datasets import records
    from jdstyle.models import backbones
    from jdstyle.sweeps import plan
    from jdstyle.sweeps import runner
    from jdstyle.sweeps import view

    for name in _BACKBONES.value:
        backbones.require(name, "--backbones")
    builder = _open()
    labels = prepared_labels.read(builder)
    folds = sweep_flags.folds(labels)
    wanted = _usable(labels, folds)
    jobs = plan.plan(
        wanted,
        labels.style_names,
        dataset=data_flags.DATASET.value,
        data_dir=data_flags.DATA_DIR.value,
        runs_dir=runs_dir,
        backbones=_BACKBONES.value,
        folds=folds,
        pretrained=_PRETRAINED.value,
        arguments=arguments,
        skip_unusable=sweep_flags.SKIP_UNUSABLE.value,
    )
    fingerprint = records.source(builder).fingerprint
    _check(
        [job for job in jobs if not plan.done_before(job, fingerprint)], builder
    )
    slots = sweep_flags.places()
    with view.open_view(len(slots)) as show:
        attempts = runner.run_jobs(
            jobs,
            slots,
            runs_dir,
            show,
            fingerprint=fingerprint,
        )
    print(f"\n{view.format_summary(attempts)}\n")
    left = sum(attempt.state != "done" for attempt in attempts)
    if runner.met_full_disk(attempts):
        print(
            f"No space left on the disk: {left} of {len(attempts)} trainings "
            "are not done. Make room; the same command goes on from here."
        )
        sys.exit(runner.DISK_FULL)
    if left:
        print(
            f"{left} of {len(attempts)} trainings failed or are blocked. The "
            "same command tries them again."
        )
        codes = {a.exit_code for a in attempts if a.state == "failed"}
        sys.exit(runner.BAD_INPUT if codes == {runner.BAD_INPUT} else 1)
    following = commands.line(
        "fuse",
        runs_dir=runs_dir,
        dataset=data_flags.DATASET.value,
        data_dir=data_flags.DATA_DIR.value,
    )
    print(f"Next: {following}")


def _usable(labels, folds):
    """Returns --styles without those that cannot be trained."""
    from jdstyle import styles
    from jdstyle.datasets import prepared_labels
    from jdstyle.datasets import usable
    from jdstyle.sweeps import plan

    skip, names = sweep_flags.SKIP_UNUSABLE.value, labels.style_names
    found = plan.find_styles(_STYLES.value, names)
    alone = [style for style in found if not styles.means_all(style, names)]
    parts = prepared_labels.training_parts(labels, folds, alone)
    wanted = usable.of_parts(alone, parts, skip=skip) if alone else []
    if len(alone) < len(found):
        # Together, some may lack positives to validate on.
        parts = prepared_labels.training_parts(labels, folds, names)
        parts = {part: of for part, of in parts.items() if "training" in part}
        usable.of_parts(names, parts, skip=skip)
        wanted.append("together")
    return wanted


def _check(jobs, builder):
    """Refuses what every training would refuse; here, once its flags are ours.

    Not above: its flags are no flags of a sweep.
    """
    from jdstyle import train_flags

    train_flags.check_jobs(jobs, builder)


def _open():
    """Opens the data set; the GPUs' memory is left to the trainings."""
    import tensorflow as tf

    from jdstyle.datasets import prepared

    tf.config.set_visible_devices([], "GPU")
    return prepared.open_prepared(
        data_flags.DATASET.value, data_flags.DATA_DIR.value
    )


if __name__ == "__main__":
    cli.run(main, arguments=True, stopped=cli.GOES_ON)
