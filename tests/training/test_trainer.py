import csv
import errno
import os

import keras
import numpy as np
import pytest
import small_settings
import tensorflow as tf
import two_devices

from jdstyle import errors
from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.input_pipeline import batches
from jdstyle.models import classifier
from jdstyle.runs import checkpoints
from jdstyle.runs import directory
from jdstyle.training import losses
from jdstyle.training import recipe
from jdstyle.training import trainer

pytestmark = [
    pytest.mark.long,
    pytest.mark.usefixtures("small_mobilenet"),
]

SETTINGS = small_settings.SETTINGS._replace(augment=False)


@pytest.fixture
def parts(tiny):
    return [records.read_photos(tiny, part) for part in ("train", "validation")]


def run(parts, workdir, style=0, **changes):
    return trainer.train(*parts, [style], SETTINGS._replace(**changes), workdir)


def read_history(workdir):
    with open(workdir / directory.HISTORY_FILE, newline="") as file:
        return list(csv.DictReader(file))


def test_no_room_for_the_weights_leaves_none_of_them(
    parts, tmp_path, monkeypatch
):
    def fail(model, path, **options):
        with open(path, "wb") as file:
            file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", fail)
    with pytest.raises(OSError, match="No space left"):
        run(parts, tmp_path)
    assert not list(tmp_path.rglob("*.weights.h5"))


def test_writes_history_weights_and_events(parts, tmp_path):
    trained = run(parts, tmp_path, augment=True)
    history = read_history(tmp_path)
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert {"loss", "val_loss", "val_f2", "val_pr_auc"} <= set(history[0])
    assert trained.logits.shape == (len(parts[1].ids), 1)
    assert (tmp_path / directory.BEST_WEIGHTS).is_file()
    tags = read_tags(tmp_path / directory.TENSORBOARD_DIR)
    assert {
        *("epoch_loss", "epoch_f2", "pr_curve/pr_curves", "augmented_batch")
    } <= tags
    assert keras.config.dtype_policy().name == "float32"


def read_tags(folder):
    files = [str(path) for path in folder.rglob("events*")]
    return {
        value.tag
        for file in files
        for event in tf.compat.v1.train.summary_iterator(file)
        for value in event.summary.value
    }


def test_full_disk_of_the_events_is_told(parts, tmp_path, disk):
    """Two pages are left, which take the heads, but not an epoch's events.

    The state stays, and training goes on once there is room.
    """
    workdir = tmp_path / "run"
    workdir.mkdir()
    (workdir / directory.TENSORBOARD_DIR).symlink_to(disk(1))
    filler = tmp_path / "disk" / "filler"
    filler.write_bytes(bytes(2**20 - 2 * 4096))
    with pytest.raises(OSError, match="No space left") as error:
        run(parts, workdir, augment=True)
    assert errors.is_disk_full(error.value)
    state = checkpoints.load_last(str(workdir / checkpoints.DIRECTORY))
    assert (state[1]["epoch"], state[1]["step"]) == (0, 2)
    filler.unlink()
    for path in (tmp_path / "disk").rglob("events*"):
        os.remove(path)  # Cut off within a record.
    run(parts, workdir, augment=True)
    assert "epoch_f2" in read_tags(tmp_path / "disk")


def test_keeps_the_weights_of_the_best_epoch(parts, tmp_path):
    trained = run(parts, tmp_path, epochs=4)
    history = read_history(tmp_path)
    scores = [(float(r["val_f2"]), float(r["val_pr_auc"])) for r in history]
    assert trained.record["best_epoch"] == 1 + scores.index(max(scores))


def test_learns_brightness(parts, tmp_path):
    """The trained network beats everything positive on what it can see."""
    run(parts, tmp_path, epochs=6, steps_per_epoch=10)
    best = max(float(row["val_f2"]) for row in read_history(tmp_path))
    assert best > 0.95  # All positive: 0.83.


def test_same_seed_same_run(parts, tmp_path):
    logits = []
    for name, seed in [("a", 3), ("b", 3), ("c", 4)]:
        (tmp_path / name).mkdir()
        trained = run(parts, tmp_path / name, seed=seed, augment=True)
        logits.append(trained.logits)
    np.testing.assert_array_equal(logits[0], logits[1])
    assert np.abs(logits[0] - logits[2]).max() > 1e-3
    first, again = (read_history(tmp_path / name) for name in "ab")
    for row in (*first, *again):
        del row["photos_per_second"], row["input_share"]  # A measurement.
    assert first == again


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "mixed_bfloat16", "augment": True},
        {"precision": "mixed_float16", "augment": True},
        {"ema": 0.9, "loss": "asymmetric"},
        {"balance": True, "positive_rate": 0.0},
        {"loss": "focal", "xla": True, "epochs": 1, "augment": True},
        {"frozen_epochs": 1},
        {"frozen_epochs": 2},
        {"batch_size": "auto", "steps_per_epoch": 0, "epochs": 1},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_setting_trains(parts, tmp_path, changes):
    trained = run(parts, tmp_path, **changes)
    assert np.isfinite(trained.logits).all()
    assert len(read_history(tmp_path)) == changes.get("epochs", 2)
    if "precision" in changes:
        assert trained.record["precision"] == changes["precision"]
    assert trained.classifier.dtype_policy.name == "float32"


def test_flip_scores_mirror_images_too(parts, tmp_path):
    changes = {"positive_rate": 0.0, "epochs": 1}
    trained = run(parts, tmp_path, flip=True, **changes)
    model = classifier.build(classifier.Architecture("MobileNet", 32))
    model.load_weights(tmp_path / directory.BEST_WEIGHTS)
    images = np.concatenate(
        list(batches.make_eval_dataset(parts[1], image_size=32, batch_size=8))
    )
    logits, others = model(images), model(images[:, :, ::-1])
    assert np.abs(logits - others).max() > 1e-4
    (correction,) = trained.correction
    expected = (logits + others) / 2 + correction
    np.testing.assert_allclose(trained.logits, expected, atol=1e-5)


def test_frozen_backbone_keeps_its_weights(parts):
    network, model = recipe.build_network(SETTINGS)
    backbone = model.get_layer("backbone")
    before = [weight.numpy() for weight in backbone.weights]
    head = model.get_layer("logits").kernel.numpy()
    model.get_layer("backbone").trainable = False
    loss = losses.CostSensitiveBinaryCrossentropy()
    network.compile(recipe.make_optimizer(SETTINGS, 10, factor=10.0), loss)
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3))
    for _ in range(3):
        network.train_on_batch(images.astype("uint8"), np.ones((4, 1)))
    for old, weight in zip(before, backbone.weights, strict=True):
        np.testing.assert_array_equal(old, weight)
    assert np.abs(model.get_layer("logits").kernel - head).max() > 0


def test_ema_scores_the_average(parts, tmp_path):
    """The kept weights are the average, not the last step's."""
    for name, ema in [("plain", 0.0), ("average", 0.999)]:
        (tmp_path / name).mkdir()
        run(parts, tmp_path / name, ema=ema, epochs=1)
    keras.utils.set_random_seed(SETTINGS.seed)
    start = classifier.build(classifier.Architecture("MobileNet", 32))
    distances = {}
    for name in ("plain", "average"):
        model = classifier.build(classifier.Architecture("MobileNet", 32))
        model.load_weights(tmp_path / name / directory.BEST_WEIGHTS)
        distances[name] = sum(
            float(np.abs(a - b).sum())
            for a, b in zip(
                model.trainable_weights, start.trainable_weights, strict=True
            )
        )
    # Two steps at momentum 0.999 move the average by a thousandth or two.
    assert 0 < distances["average"] < 0.1 * distances["plain"]


def test_schedule_warms_up_and_decays_to_zero():
    optimizer = recipe.make_optimizer(SETTINGS, steps=100)
    rate = optimizer._learning_rate
    assert float(rate(0)) == 0.0
    assert np.isclose(float(rate(10)), SETTINGS.learning_rate)
    assert float(rate(5)) < float(rate(10)) > float(rate(50))
    assert np.isclose(float(rate(100)), 0.0, atol=1e-9)


def test_balance_corrects_what_resampling_left():
    kept = np.array([[30.0, 10.0]])
    plain, _ = recipe.make_losses(SETTINGS, kept, 40.0)
    assert plain.get_config()["false_negative_cost"] == [1.5]
    balanced, _ = recipe.make_losses(
        SETTINGS._replace(balance=True), kept, 40.0
    )
    # 40 / (2 * 10) times 1.5, and 40 / (2 * 30) times 1.
    assert np.isclose(balanced.get_config()["false_negative_cost"], 3.0)
    assert np.isclose(balanced.get_config()["false_positive_cost"], 2 / 3)


@pytest.mark.parametrize("part", [0, 1])
def test_refuses_a_style_without_positives(parts, tmp_path, part):
    parts[part] = parts[part]._replace(labels=0 * parts[part].labels)
    name = ("training", "validation")[part]
    with pytest.raises(InputError, match=f"{name}.*style 1.*0 positives in"):
        run(parts, tmp_path)


def test_rare_styles_weigh_as_in_their_own_network():
    # 40 photos are shown; the first style accepts 10 of them, the second all.
    kept = np.array([[5.0, 5.0], [30.0, 10.0]])
    settings = SETTINGS._replace(false_negative_cost=(1.5, 1.0))
    loss, validation_loss = recipe.make_losses(settings, kept, 40.0)
    assert loss.get_config()["false_negative_cost"] == [6.0, 1.0]
    assert loss.get_config()["false_positive_cost"] == [4.0, 1.0]
    assert validation_loss.get_config()["false_negative_cost"] == [1.5, 1.0]


@pytest.mark.parametrize(
    "changes",
    [
        {"sharing": "trunk"},
        {"sharing": "groups", "groups": [[0], [1]], "frozen_epochs": 1},
        {"sharing": "none", "ema": 0.9},
    ],
    ids=lambda changes: changes["sharing"],
)
def test_one_network_for_all_styles(parts, tmp_path, changes):
    settings = SETTINGS._replace(
        positive_rate=(0.0, 0.5), false_negative_cost=(1.0, 1.5), **changes
    )
    trained = trainer.train(
        *parts, [0, 1], settings, tmp_path, style_names=["bright", "rare"]
    )
    assert trained.logits.shape == (len(parts[1].ids), 2)
    history = read_history(tmp_path)
    for row in history:
        mean = (float(row["f2/bright"]) + float(row["f2/rare"])) / 2
        assert np.isclose(float(row["val_f2"]), mean)
    tags = read_tags(tmp_path / directory.TENSORBOARD_DIR)
    assert {"f2/rare", "pr_curve rare/pr_curves"} <= tags


def test_of_several_styles_one_may_lack_validation(parts, tmp_path):
    labels = parts[1].labels.copy()
    labels[:, 1] = 0
    parts[1] = parts[1]._replace(labels=labels)
    trainer.train(*parts, [0, 1], SETTINGS, tmp_path, style_names=["a", "b"])
    row = read_history(tmp_path)[0]
    # The mean is over those that can be scored.
    assert "f2/a" not in row and "f2/b" not in row
    assert float(row["val_f2"]) > 0


def test_unknown_labels_train_and_validate(parts, tmp_path):
    """The masked half does not matter, whatever it holds."""
    histories = []
    for name, hidden in [("a", 0), ("b", 1)]:
        (tmp_path / name).mkdir()
        masked = []
        for part in parts:
            labels = part.labels.copy()
            labels[1::4, 0] = hidden
            labels[1::4, 0] = -1
            masked.append(part._replace(labels=labels))
        trained = run(masked, tmp_path / name, positive_rate=0.0)
        # Of all photos that validate, known or not: `fuse` wants them.
        assert len(trained.logits) == len(parts[1].ids)
        assert np.isfinite(trained.logits).all()
        histories.append(read_history(tmp_path / name))
    for row in (*histories[0], *histories[1]):
        del row["photos_per_second"], row["input_share"]
    assert histories[0] == histories[1]


def test_two_devices_share_a_batch(data_dir, tmp_path):
    """Two virtual CPUs stand for two GPUs, in a process of their own."""
    one, two = two_devices.train("CPU", data_dir, tmp_path)
    # They differ by 2e-7, and by 6e-3 if each normalises by its own half.
    np.testing.assert_allclose(two, one, rtol=1e-5)
