"""What GPUs there are, and which of them each training of a sweep gets."""

import itertools
import os
import subprocess

from jdstyle.errors import InputError

# Tells a training how many megabytes of a GPU's memory it may take.
MEMORY = "JDSTYLE_GPU_MEMORY_MB"

# CUDA itself and its libraries take that of every process, beside what
# TensorFlow allocates.
_MB_PER_PROCESS = 1024
# Below, not even a small network trains.
_LEAST_MB = 1024

_QUERY = (
    "nvidia-smi",
    "--query-gpu=index,memory.total",
    "--format=csv,noheader,nounits",
)


def find():
    """Returns a dict from the name of each GPU to its megabytes of memory.

    Empty where nvidia-smi is missing or sees none. Where CUDA_VISIBLE_DEVICES
    is set, its names stand for the GPUs, each with the memory of the smallest:
    they may be numbered otherwise than nvidia-smi's.
    """
    try:
        said = subprocess.run(
            _QUERY, capture_output=True, text=True, check=True, timeout=60
        ).stdout
        found = dict(line.split(", ") for line in said.splitlines())
        found = {name: int(megabytes) for name, megabytes in found.items()}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None or not found:
        return found
    names = [name.strip() for name in visible.split(",")]
    smallest = min(found.values())
    return {name: smallest for name in names if name not in ("", "-1")}


def environments(num_jobs, gpu_names=(), memory=None):
    """Returns the environment variables of each place for a training.

    Args:
        num_jobs: int, trainings at a time.
        gpu_names: list of strings, dealt out in turn; empty: all see all GPUs.
        memory: dict from a GPU's name to its megabytes, where they are known;
            trainings that share a GPU then get equal parts of it.

    Returns:
        List of `num_jobs` dicts.

    Raises:
        InputError: as `share`.
    """
    dealt = itertools.cycle(gpu_names or [None])
    owners = list(itertools.islice(dealt, num_jobs))
    places = []
    for gpu in owners:
        place = {}
        if gpu is not None:
            place["CUDA_VISIBLE_DEVICES"] = gpu
        num_sharing = owners.count(gpu)
        if num_sharing > 1:
            # Else the first process takes all of the memory of a shared GPU.
            place["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
            if memory and gpu in memory:
                each = share(memory[gpu], num_sharing)
                place[MEMORY] = str(each)
        places.append(place)
    return places


def share(megabytes, jobs):
    """Returns how many megabytes each of several trainings may allocate.

    Args:
        megabytes: int, the memory of a GPU.
        jobs: int, trainings that run on it at a time.

    Raises:
        InputError: if it is too little for any training.
    """
    each = megabytes // jobs - _MB_PER_PROCESS
    if each < _LEAST_MB:
        raise InputError(
            f"{jobs} trainings at a time leave each {max(each, 0)} MB of a GPU "
            f"that has {megabytes} MB; at least {_LEAST_MB} are needed, and "
            f"{_MB_PER_PROCESS} beside them. Pass a smaller --jobs_per_gpu or "
            "--jobs."
        )
    return each
