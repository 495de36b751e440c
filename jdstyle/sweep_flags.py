"""Flags that `sweep` and `reproduce` share: the data, the folds, the places."""

from absl import flags

DATASET = flags.DEFINE_string(
    "dataset", "demo", "demo, jd_fashion or label_table/NAME."
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared data sets."
)
_FOLDS = flags.DEFINE_list(
    "folds",
    [],
    "Folds that validate while the others train: numbers, or all. Default: "
    "the data set's own validation photos.",
)
_JOBS = flags.DEFINE_integer(
    "jobs",
    None,
    "Trainings at a time. Default: one per GPU of --gpus, or one; reproduce: "
    "two on the demo. Give those that share a GPU a --batch_size behind --.",
    lower_bound=1,
)
_GPUS = flags.DEFINE_list(
    "gpus",
    [],
    "GPUs dealt out to the trainings, e.g. 0,1. Default: each sees all.",
)


def folds(builder):
    """Returns the chosen folds, as `plan.choose_folds` says."""
    from jdstyle.datasets import records
    from jdstyle.sweeps import plan

    known = records.read_folds(builder) if _FOLDS.value else []
    return plan.choose_folds(_FOLDS.value, known)


def places(default=1):
    """Returns the environment of each training that runs at a time."""
    from jdstyle.sweeps import plan

    number = _JOBS.value or len(_GPUS.value) or default
    return plan.environments(number, _GPUS.value)
