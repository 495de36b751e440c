"""`--frozen`: features that are kept, heads on them, a run as any other."""

import os
import pathlib
import re

import keras
import numpy as np
import pandas as pd
import pytest
import small_settings
import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.errors import Failure
from jdstyle.fusion import out_of_fold
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier
from jdstyle.models import forward
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.runs import probability_tables
from jdstyle.training import features
from jdstyle.training import frozen
from jdstyle.training import run
from jdstyle.training import run_results
from jdstyle.training import trainer

pytestmark = [
    pytest.mark.long,
    pytest.mark.usefixtures("small_mobilenet"),
]

SETTINGS = small_settings.SETTINGS._replace(
    frozen=True, augment=False, positive_rate=0.0, false_negative_cost=1.0
)
ARCHITECTURE = classifier.Architecture("MobileNet", 32)


@pytest.fixture
def extractor(tmp_path):
    keras.utils.set_random_seed(0)
    model = classifier.build(ARCHITECTURE)
    return features.Extractor(model, ARCHITECTURE, str(tmp_path))


@pytest.fixture
def photos(tiny):
    return records.read_photos(tiny, "validation")


def files(extractor):
    return sorted(pathlib.Path(extractor.folder).glob("*.npz"))


def test_features_are_what_the_head_sees(extractor, photos):
    keras.utils.set_random_seed(0)
    model = classifier.build(ARCHITECTURE)
    found = extractor(photos)
    assert found.values.shape == (len(photos.ids), 8)
    assert found.computed == len(photos.ids)
    images = np.stack(list(frozen_images(photos)))
    logits = model.get_layer("logits")(found.values)
    expected = forward.make_forward(model)(images)
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def frozen_images(photos):
    from jdstyle.input_pipeline import batches

    for images in batches.make_eval_dataset(
        photos, image_size=32, batch_size=8
    ):
        yield from images.numpy()


def test_each_photo_is_computed_once(extractor, photos, tiny, monkeypatch):
    """In whichever part, order and cache it comes; in several files."""
    monkeypatch.setattr(features, "_AT_ONCE", 8)
    monkeypatch.setattr(features, "_BATCH", 8)
    first = extractor(photos)
    assert len(files(extractor)) == -(-len(photos.ids) // 8)
    again = extractor(photos)
    assert again.computed == 0
    np.testing.assert_array_equal(first.values, again.values)
    streamed = records.read_photos(tiny, "train", cache="stream")
    kept = extractor(streamed)
    assert kept.computed == len(streamed.ids)
    whole = records.read_photos(tiny, "train")
    np.testing.assert_array_equal(extractor(whole).values, kept.values)
    some = records.choose(whole, [0, 5])
    np.testing.assert_array_equal(extractor(some).values, kept.values[[0, 5]])


def test_equal_photos_have_equal_features(extractor, photos):
    """And those behind them have their own."""
    apart = extractor(photos).values
    order = [0, 1, 0, 2, 1, 3]
    twice = photos._replace(
        ids=photos.ids[order],
        labels=photos.labels[order],
        encoded=tf.gather(photos.encoded, order),
        folds=photos.folds[order],
        stream=tf.data.Dataset.from_tensor_slices(
            tf.gather(photos.encoded, order)
        ),
    )
    for path in files(extractor):
        path.unlink()
    found = extractor(twice)
    assert found.computed == 4
    np.testing.assert_allclose(found.values, apart[order], atol=1e-6)


def test_other_weights_and_sizes_have_a_cache_of_their_own(extractor, tmp_path):
    folders = {extractor.folder}
    for seed, size in [(1, 32), (0, 48)]:
        keras.utils.set_random_seed(seed)
        architecture = ARCHITECTURE._replace(image_size=size)
        model = classifier.build(architecture)
        other = features.Extractor(model, architecture, str(tmp_path))
        folders.add(other.folder)
    assert len(folders) == 3


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_a_broken_file_is_computed_anew(extractor, photos, content, log):
    first = extractor(photos)
    (path,) = files(extractor)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200] if content is None else content)
    again = extractor(photos)
    assert again.computed == len(photos.ids)
    np.testing.assert_array_equal(first.values, again.values)
    assert f"{path} is broken" in log.text
    assert path.read_bytes() == whole  # Mended.


def test_where_nothing_can_be_kept_all_goes_on(
    extractor, photos, log, tmp_path
):
    (tmp_path / features.FOLDER).write_text("")  # A file in its place.
    assert extractor(photos).computed == len(photos.ids)
    assert "Features cannot be kept in" in log.text


def execute(builder, columns, workdir, **changes):
    settings = SETTINGS._replace(**changes)
    return run.execute(
        builder,
        columns,
        settings,
        str(workdir),
        flag_texts={"frozen": "--frozen"},
        task="train",
        fold=None,
        cache="memory",
        checkpoint_minutes=10.0,
    )


def test_is_a_run_as_any_other(tiny, tmp_path, monkeypatch, capsys):
    """What stands in its files is what its product says."""
    monkeypatch.setattr(features, "FOLDER", str(tmp_path / "features"))
    workdir = tmp_path / "runs" / "all"
    results = execute(tiny, [0, 1], workdir)
    assert set(results["strengths"]) == {"bright", "rare"}
    assert results["validation"]["styles"]["bright"]["f2"] > 0.95
    # What chose its thresholds lies beside the product, and says so.
    found = probability_tables.find(str(workdir / "saved_model"))
    assert os.path.basename(found) == directory.OUT_OF_FOLD_FILE
    photos = records.read_photos(tiny, "train")
    assert set(photos.ids) < set(probability_tables.read(found, []).index)
    assert {
        *("flags.cfg", "run.json", "results.json", "history.csv"),
        *("validation_probabilities.csv", "saved_model", "SHA256SUMS"),
        *("weights.best.weights.h5", "tensorboard", "README.md"),
    } <= set(os.listdir(workdir))
    table = pd.read_csv(workdir / directory.VALIDATION_FILE)
    probabilities = table[["probability bright", "probability rare"]]
    photos = records.read_photos(tiny, "validation")
    product = tf.saved_model.load(str(workdir / "saved_model"))
    said = product.signatures["serving_default"](image_bytes=photos.encoded)
    np.testing.assert_allclose(said["probabilities"], probabilities, atol=1e-5)
    # As its card says how to load it.
    card = (workdir / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall("```\n(import tensorflow.*?)```", card, re.DOTALL)
    (workdir / "photo.jpg").write_bytes(photos.encoded[0].numpy())
    monkeypatch.chdir(workdir)
    exec(code)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-2:]] == ["bright", "rare"]
    first = float(lines[-2].split()[1])
    assert first == pytest.approx(probabilities.iloc[0, 0], abs=1e-5)
    model = classifier.load_calibrated(str(workdir))
    logits = forward.make_forward(model)(np.stack(list(frozen_images(photos))))
    np.testing.assert_allclose(tf.sigmoid(logits), probabilities, atol=1e-5)
    # A second style takes the features of the first, and is another member.
    alone = execute(tiny, [1], tmp_path / "runs" / "rare")
    assert alone["computed_features"] == 0
    found = finished.find_runs(str(tmp_path / "runs"))
    members = finished.members(found)
    assert list(members) == ["mobilenet-frozen", "mobilenet-frozen-trunk"]
    joined = out_of_fold.join(found, ["bright", "rare"])
    assert joined.probabilities.shape == (len(photos.ids), 2, 2)


def test_flip_averages_over_mirror_images(tiny, tmp_path, monkeypatch):
    """In the table, in the product, and in what `fuse` takes of the run."""
    monkeypatch.setattr(features, "FOLDER", str(tmp_path / "features"))
    workdir = tmp_path / "run"
    results = execute(tiny, [0], workdir, flip=True)
    table = pd.read_csv(workdir / directory.VALIDATION_FILE)
    probabilities = table[["probability bright"]].to_numpy()
    photos = records.read_photos(tiny, "validation")
    product = tf.saved_model.load(str(workdir / "saved_model"))
    said = product.signatures["serving_default"](image_bytes=photos.encoded)
    np.testing.assert_allclose(said["probabilities"], probabilities, atol=1e-5)
    images = np.stack(list(frozen_images(photos))).astype("float32")
    mirrored = images[:, :, ::-1]
    said = product.signatures["pixels"](images=mirrored)
    np.testing.assert_allclose(said["probabilities"], probabilities, atol=1e-5)
    loaded = batch_norm_folding.fold_batch_norms(
        classifier.load_calibrated(str(workdir))
    )
    logits = forward.make_forward(loaded)(mirrored)
    np.testing.assert_allclose(tf.sigmoid(logits), probabilities, atol=1e-5)
    # It is not what the network says of one of the two.
    one, _ = classifier.load_run(str(workdir))
    alone = tf.sigmoid(forward.make_forward(one)(images))
    assert np.abs(alone - probabilities).max() > 1e-4
    # Features that are not averaged have a place of their own.
    plain = execute(tiny, [0], tmp_path / "plain")
    assert plain["computed_features"] == results["computed_features"] > 0


def test_unseen_training_photos_calibrate_and_choose_thresholds_too():
    labels, logits = np.array([[1], [0]]), np.float32([[3], [-3]])
    trained = trainer.Trained(None, logits, np.zeros(1), {})
    np.testing.assert_array_equal(
        run_results._pool(trained, labels), (labels, logits)
    )
    unseen = (np.array([[1], [0], [1]]), np.float32([[0], [-9], [np.nan]]))
    trained = trained._replace(unseen=unseen)
    pooled, more = run_results._pool(trained, labels)
    assert pooled[:, 0].tolist() == [1, 0, 1, 0, -1]
    assert more[:4, 0].tolist() == [3, -3, 0, -9] and np.isfinite(more).all()


def test_costs_and_resampling_are_weights(tiny):
    photos = records.read_photos(tiny, "train")
    settings = SETTINGS._replace(
        positive_rate=(0.0, 0.5), false_negative_cost=(1.0, 1.5)
    )
    objective = frozen.make_objective(
        photos, photos, [0, 1], settings, ["bright", "rare"]
    )
    weights = frozen._weights(objective, settings)
    rare = (photos.labels[:, 1] == 1).mean()
    expected = [[1, 1], [rare / (1 - rare), 1.5]]
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_features_that_are_not_finite_end_it(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "FOLDER", str(tmp_path / "features"))
    values = np.full((3, 8), np.nan, np.float32)
    monkeypatch.setattr(
        features.Extractor,
        "__call__",
        lambda *_: features.Features(values, 3, 1.0),
    )
    with pytest.raises(Failure, match="MobileNet with --init_from=scratch"):
        execute(tiny, [0], tmp_path / "run")
