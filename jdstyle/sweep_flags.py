"""Flags that `sweep` and `reproduce` share: the data, the folds, the places."""

from absl import flags

from jdstyle import data_flags

flags.adopt_module_key_flags(data_flags)

_FOLDS = flags.DEFINE_list(
    "folds",
    [],
    "Folds that validate while the others train: numbers, or all. Default: "
    "none; the data set's own validation photos validate.",
)
_JOBS = flags.DEFINE_integer(
    "jobs",
    None,
    "Trainings to run at a time. Where they share a GPU, pass a --batch_size "
    "after --. Default: one per GPU of --gpus, else one; two when reproduce "
    "runs on the demo.",
    lower_bound=1,
)
_GPUS = flags.DEFINE_list(
    "gpus",
    [],
    "GPUs to deal out to the trainings, such as 0,1. Default: every training "
    "sees all GPUs.",
)

SKIP_UNUSABLE = flags.DEFINE_boolean(
    "skip_unusable",
    False,
    "Whether to go on without the styles that lack positives or negatives in "
    "what would train or validate them. They are named either way.",
)


def folds(labels):
    """Returns the chosen folds, a list of ints; see `plan.choose_folds`.

    Args:
        labels: `prepared_labels.Labels` of the data set.
    """
    from jdstyle.datasets import prepared_labels
    from jdstyle.sweeps import plan

    return plan.choose_folds(_FOLDS.value, prepared_labels.folds_of(labels))


def places(default=1):
    """Returns the environment of each training that runs at a time."""
    from jdstyle.sweeps import plan

    number = _JOBS.value or len(_GPUS.value) or default
    return plan.environments(number, _GPUS.value)
