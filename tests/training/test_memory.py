import json

import keras
import psutil
import pytest
import small_settings
import tensorflow as tf

from jdstyle.errors import InputError
from jdstyle.models import classifier
from jdstyle.training import losses
from jdstyle.training import memory
from jdstyle.training import recipe

SETTINGS = small_settings.SETTINGS._replace(batch_size="max", ema=0.9)
GB = 10**9


@pytest.mark.parametrize(
    ("peaks", "limit", "expected"),
    [
        # 3 GB, and a tenth per photo: (72 - 3) / 0.1 = 690.
        ({16: 4.6 * GB, 32: 6.2 * GB}, 80 * GB, 688),
        # What is small disappears in blocks: no more is known than that.
        ({16: 8, 32: 8 + 16}, 100, 96),
        ({16: 4.6 * GB, 32: 6.2 * GB}, 5 * GB, 8),
        ({16: 4.6 * GB, 32: 6.2 * GB}, 4 * GB, 0),
    ],
)
def test_largest_follows_the_line_through_two_batches(peaks, limit, expected):
    assert memory.largest(peaks, limit) == expected


def test_outputs_of_all_layers_count():
    backbone = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Conv2D(5, 2, name="conv")]
    )
    images = keras.Input((4, 4, 3), dtype="uint8")
    logits = keras.layers.Dense(2)(
        keras.layers.Flatten(dtype="float16")(backbone(images))
    )
    model = keras.Model(images, logits)
    # uint8 goes in as float32; 3 x 3 x 5 twice, once in float16.
    assert memory.output_bytes(model) == 4 * 48 + 4 * 45 + 2 * 45 + 4 * 2


def test_container_limits_what_is_free(tmp_path):
    available = psutil.virtual_memory().available
    write = {"memory.max": "max", "memory.current": "7"}
    for name, text in write.items():
        (tmp_path / name).write_text(f"{text}\n")
    assert memory.free_bytes(tmp_path) > available / 2
    (tmp_path / "memory.max").write_text("1007\n")
    assert memory.free_bytes(tmp_path) == 1000
    (tmp_path / "memory.max").write_text("5\n")
    assert memory.free_bytes(tmp_path) == 0
    assert memory.free_bytes(tmp_path / "none") > available / 2


@pytest.fixture
def gpu(monkeypatch):
    """Two GPUs of 80 GB, of which a photo takes a tenth."""
    probes = []

    def measure(settings, loss, num_styles, sizes, peak, *, num_targets):
        probes.append(sizes)
        return [3 * GB + size * GB // 10 for size in sizes]

    monkeypatch.setattr(memory, "gpu_limits", lambda: [80 * GB, 81 * GB])
    monkeypatch.setattr(memory, "measure_peaks", measure)
    return probes


def test_sweep_searches_once(gpu, tmp_path, log):
    (tmp_path / "runs").mkdir()
    for run in "ab":
        size = memory.find_largest(SETTINGS, None, 1, tmp_path / "runs" / run)
        memory.remember(SETTINGS, 1, tmp_path / "runs" / run, size)
        assert size == 2 * 688
    assert gpu == [(16, 32)]
    known = json.loads((tmp_path / "runs" / memory.FILE).read_text())
    ((key, value),) = known.items()
    assert value == 1376
    assert "MobileNet 32 px, 1 styles trunk, float32, ema True" in key
    # Another network searches for itself; what was damaged is as if unknown.
    wider = SETTINGS._replace(image_size=64)
    memory.find_largest(wider, None, 1, tmp_path / "runs" / "c")
    (tmp_path / "runs" / memory.FILE).write_text("{")
    memory.find_largest(SETTINGS, None, 1, tmp_path / "runs" / "c")
    assert len(gpu) == 3


def test_what_ran_out_of_memory_is_remembered_smaller(gpu, tmp_path):
    memory.remember(SETTINGS, 1, tmp_path / "a", 1376)
    memory.remember(SETTINGS, 1, tmp_path / "a", 688)
    assert memory.find_largest(SETTINGS, None, 1, tmp_path / "b") == 688
    assert gpu == []


def test_refuses_where_not_even_eight_fit(gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "gpu_limits", lambda: [3 * GB])
    with pytest.raises(InputError, match="batch of 8.*--image_size"):
        memory.find_largest(SETTINGS, None, 1, tmp_path / "a")


def test_fitting_is_by_the_outputs_of_all_layers(monkeypatch):
    model = classifier.build(recipe.make_architecture(SETTINGS, 1))
    each = 2.0 * memory.output_bytes(model)
    monkeypatch.setattr(memory, "free_bytes", lambda: 200 * each)
    assert memory.estimate_fitting(SETTINGS, 1) == 100
    monkeypatch.setattr(memory, "gpu_limits", lambda: [100 * each, 200 * each])
    assert memory.estimate_fitting(SETTINGS, 1) == 180


@pytest.mark.long
def test_two_batches_run_through_one_graph(monkeypatch):
    """The real step, with figures that no CPU keeps."""
    figures = iter([5, 100, 6, 200])
    traced = []
    step = keras.Model.train_step

    def train_step(network, data):
        traced.append(data[0].shape[0])
        return step(network, data)

    monkeypatch.setattr(keras.Model, "train_step", train_step)
    peaks = memory.measure_peaks(
        SETTINGS,
        losses.CostSensitiveBinaryCrossentropy(),
        1,
        (2, 4),
        lambda: next(figures),
    )
    assert peaks == [100, 200]
    assert traced == [None]


def test_limits_are_of_gpus_alone(monkeypatch):
    assert memory.gpu_limits() == []
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    assert memory.gpu_limits() == []  # Of the CPU, which TensorFlow limits too.
