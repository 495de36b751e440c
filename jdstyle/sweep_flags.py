"""Flags that `sweep` and `reproduce` share: the data, the folds, the places."""

from absl import flags

from jdstyle import data_flags
from jdstyle.errors import InputError

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
    "Trainings to run at a time. Default: one per GPU of --gpus, else one; two "
    "when reproduce runs on the demo.",
    lower_bound=1,
)
_JOBS_PER_GPU = flags.DEFINE_integer(
    "jobs_per_gpu",
    None,
    "Trainings to run side by side on each GPU of --gpus, or on each that "
    "nvidia-smi names. Each may take an equal part of its memory.",
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
    """Returns the environment of each training that runs at a time.

    Args:
        default: int, their number where no flag tells it.

    Raises:
        InputError: if --jobs_per_gpu has no GPU or is given beside --jobs, or
            as `gpus.share`.
    """
    from jdstyle.sweeps import gpus

    names, each = _GPUS.value, _JOBS_PER_GPU.value
    if each is None:
        number = _JOBS.value or len(names) or default
        # Nobody asks nvidia-smi where no GPU is shared by name.
        memory = gpus.find() if number > len(names) > 0 else {}
        return gpus.environments(number, names, memory)
    if _JOBS.value is not None:
        raise InputError(
            "--jobs and --jobs_per_gpu both say how many trainings run at a "
            f"time. Pass one of them. Received: --jobs={_JOBS.value} and "
            f"--jobs_per_gpu={each}."
        )
    memory = gpus.find()
    names = names or list(memory)
    if not names:
        raise InputError(
            "--jobs_per_gpu: nvidia-smi names no GPU. Name them with --gpus, "
            "or pass --jobs in its place."
        )
    return gpus.environments(each * len(names), names, memory)
