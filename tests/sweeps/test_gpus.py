"""What GPUs there are, by what nvidia-smi says of made machines."""

import subprocess

import binaries
import pytest
from absl import flags as absl_flags

from jdstyle.errors import InputError
from jdstyle.sweeps import gpus


@pytest.fixture
def machine(monkeypatch):
    """A function of what nvidia-smi prints, or of the error it raises."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def install(said):
        def run(command, **_):
            assert command[0] == "nvidia-smi"
            if isinstance(said, Exception):
                raise said
            return subprocess.CompletedProcess(command, 0, said)

        monkeypatch.setattr(gpus.subprocess, "run", run)

    return install


TWO = "0, 81559\n1, 40960\n"


def test_finds_each_gpu_and_its_memory(machine):
    machine(TWO)
    assert gpus.find() == {"0": 81559, "1": 40960}


def test_of_what_is_visible_the_smallest_counts(machine, monkeypatch):
    machine(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1, GPU-8f2")
    assert gpus.find() == {"1": 40960, "GPU-8f2": 40960}
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert gpus.find() == {}


@pytest.mark.parametrize(
    "said",
    [
        FileNotFoundError("nvidia-smi"),
        subprocess.CalledProcessError(9, "nvidia-smi"),
        subprocess.TimeoutExpired("nvidia-smi", 60),
        "No devices were found\n",
        "0, [N/A]\n",
        "",
    ],
)
def test_no_gpu_is_no_error(machine, said, monkeypatch):
    machine(said)
    assert gpus.find() == {}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert gpus.find() == {}


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_no_more_is_shared_than_there_is(jobs):
    each = gpus.share(16384, jobs)
    assert each >= 1024
    assert jobs * (each + 1024) <= 16384


@pytest.fixture
def flags(machine):
    """The flags of a sweep, gone after the test; a machine of two GPUs."""
    global sweep_flags
    machine(TWO)
    with binaries.own_flags():
        from jdstyle import sweep_flags

        absl_flags.FLAGS(["sweep"])
        yield absl_flags.FLAGS


def test_jobs_per_gpu_fills_each_gpu(flags):
    flags.jobs_per_gpu = 2
    places = sweep_flags.places()
    owners = [place["CUDA_VISIBLE_DEVICES"] for place in places]
    # The first two trainings do not meet.
    assert owners == ["0", "1", "0", "1"]
    assert [place[gpus.MEMORY] for place in places] == [
        *("39755", "19456"),
        *("39755", "19456"),
    ]
    flags.gpus = ["1"]
    assert len(sweep_flags.places()) == 2


def test_one_training_per_gpu_has_all_of_it(flags):
    flags.jobs_per_gpu = 1
    assert sweep_flags.places() == [
        {"CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "1"},
    ]


def test_jobs_that_share_named_gpus_share_the_memory_too(flags):
    flags.jobs, flags.gpus = 3, ["0", "1"]
    parts = [place.get(gpus.MEMORY) for place in sweep_flags.places()]
    assert parts == ["39755", None, "39755"]


def test_refuses_two_numbers_of_trainings_at_a_time(flags):
    flags.jobs, flags.jobs_per_gpu = 2, 2
    with pytest.raises(InputError, match="Pass one of them.*--jobs=2"):
        sweep_flags.places()


def test_refuses_to_fill_gpus_where_there_is_none(flags, machine):
    machine("")
    flags.jobs_per_gpu = 2
    with pytest.raises(InputError, match="names no GPU.*--gpus.*--jobs"):
        sweep_flags.places()
    flags.gpus = ["0"]
    assert len(sweep_flags.places()) == 2


def test_environments_deal_out_gpus_and_share_memory():
    growth = {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    assert gpus.environments(1) == [{}]
    assert gpus.environments(2) == [growth, growth]
    assert gpus.environments(2, ["4", "7"]) == [
        {"CUDA_VISIBLE_DEVICES": "4"},
        {"CUDA_VISIBLE_DEVICES": "7"},
    ]
    # Places 1 and 3 share GPU 4; the one on GPU 7 is alone.
    assert gpus.environments(3, ["4", "7"]) == [
        {"CUDA_VISIBLE_DEVICES": "4"} | growth,
        {"CUDA_VISIBLE_DEVICES": "7"},
        {"CUDA_VISIBLE_DEVICES": "4"} | growth,
    ]


def test_trainings_that_share_a_gpu_get_equal_parts_of_its_memory():
    places = gpus.environments(3, ["4", "7"], {"4": 81920, "7": 40960})
    # 80 GB in two, less one for each process; the one on 7 has all of it.
    parts = [place.get(gpus.MEMORY) for place in places]
    assert parts == ["39936", None, "39936"]
    with pytest.raises(InputError, match="30 .* each 0 MB .* has 24576 MB"):
        gpus.environments(30, ["0"], {"0": 24576})
