"""Allowed leaks and styles without support, in runs and their scores."""

import keras
import numpy as np
import pandas as pd
import pytest
import small_settings
import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.evaluation import bagging
from jdstyle.evaluation import calibration
from jdstyle.evaluation import score_tables
from jdstyle.fusion import ensemble
from jdstyle.fusion import product
from jdstyle.fusion import rules
from jdstyle.models import classifier
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.runs import probability_tables
from jdstyle.serving import evaluation
from jdstyle.serving import saved_model
from jdstyle.training import run
from jdstyle.training import trainer

SETTINGS = small_settings.SETTINGS._replace(
    backbone="MobileNetV3Small",
    epochs=1,
    positive_rate=0.0,
    false_negative_cost=1.0,
    steps_per_epoch=1,
    augment=False,
)


def execute(builder, workdir, columns=(0, 1), settings=SETTINGS):
    return run.execute(
        builder,
        list(columns),
        settings,
        str(workdir),
        flag_texts={"seed": "--seed=0"},
        task="train",
        fold=None,
        cache="memory",
        checkpoint_minutes=10.0,
    )


def fuse(runs_dir, builder, output_dir, options):
    photos = {
        part: records.read_photos(builder, part, cache="stream")
        for part in ("train", "validation")
    }
    return product.fuse(
        finished.find_runs(str(runs_dir)),
        photos,
        records.style_names(builder),
        output_dir,
        options,
    )


def says_so(scores):
    """Whether a dict of scores and its table name two groups."""
    return scores["num_leaking"] == 2 and "2 groups of near-dup" in (
        score_tables.format_table(scores)
    )


def train_nothing(train_photos, validation_photos, columns, *rest, **names):
    """Stands in for a training: a network that knows the brightness alone."""
    classifier = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(columns), name="logits"),
        ]
    )
    shape = len(validation_photos.ids), len(columns)
    logits = np.linspace(-1, 1, np.prod(shape)).reshape(shape)
    return trainer.Trained(
        classifier, logits.astype("float32"), np.zeros(len(columns)), {}
    )


@pytest.mark.long
def test_run_evaluation_and_fusion_say_so(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "train", train_nothing)
    tiny.info.metadata["num_leaking"] = 2  # As --allow_leaks would leave it.
    workdir = tmp_path / "runs" / "a"
    execute(tiny, workdir)
    record = directory.read_json(workdir / directory.RUN_FILE)
    assert record["num_leaking"] == 2
    results = directory.read_json(workdir / directory.RESULTS_FILE)
    assert says_so(results["validation"])
    exported = str(workdir / directory.SAVED_MODEL_DIR)
    evaluation.evaluate(exported, tiny, "test", str(tmp_path / "scored"))
    scored = directory.read_json(tmp_path / "scored" / "results.json")
    assert says_so(scored)
    (tmp_path / "fused").mkdir()
    # There are no weights to load.
    monkeypatch.setattr(ensemble, "load", lambda *_: None)
    monkeypatch.setattr(saved_model, "export", lambda *_, **__: None)
    options = rules.Options(relations="none", least=0, most=2)
    fused, _, _ = fuse(
        tmp_path / "runs", tiny, str(tmp_path / "fused"), options
    )
    assert says_so(fused["validation"])


@pytest.fixture
def no_rare(monkeypatch):
    """Takes the style "rare" from all validation photos."""
    real = records.read_photos

    def read(builder, part, **options):
        photos = real(builder, part, **options)
        if part == "validation":
            labels = photos.labels * np.int32([1, 0])
            photos = photos._replace(labels=labels)
        return photos

    monkeypatch.setattr(records, "read_photos", read)


def test_one_style_without_validation_positives_is_refused_at_the_start(
    tiny, no_rare, tmp_path, log
):
    with pytest.raises(InputError, match="positives and negatives of rare"):
        execute(tiny, tmp_path / "run", columns=[1])
    assert "rare: no positive in the validation photos." in log.text
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {directory.RUN_FILE, directory.FLAGS_FILE}


@pytest.mark.long
def test_among_several_styles_it_trains_without_a_score_and_is_not_fused(
    tiny, no_rare, tmp_path, monkeypatch, log
):
    monkeypatch.setattr(trainer, "train", train_nothing)
    execute(tiny, tmp_path / "runs" / "a")
    assert "rare: no positive in the validation photos." in log.text
    results = directory.read_json(
        tmp_path / "runs" / "a" / directory.RESULTS_FILE
    )
    scores = results["validation"]
    assert scores["styles"]["rare"]["f2"] is None
    assert scores["macro"]["f2"] == scores["styles"]["bright"]["f2"]
    assert results["thresholds"][1] == 0.5
    with pytest.raises(InputError, match="None of the .* out of fold has rare"):
        fuse(tmp_path / "runs", tiny, str(tmp_path), rules.Options())


@pytest.mark.parametrize("kind, seed", [("bagged", 2), ("exact", 0)])
def test_a_run_calibrates_and_chooses_thresholds_as_asked(
    tiny, tmp_path, monkeypatch, kind, seed
):
    """What its files say belongs together; the closed form comes first."""
    settings = SETTINGS._replace(threshold=kind, seed=seed)
    validation = records.read_photos(tiny, "validation")
    logits = np.random.default_rng(0).normal(size=validation.labels.shape)
    logits = logits.astype("float32")
    correction = np.array([1.0, -0.5])
    trained = trainer.Trained(None, logits, correction, {})
    monkeypatch.setattr(trainer, "train", lambda *_, **__: trained)
    in_graph = []
    monkeypatch.setattr(
        classifier, "correct_logits", lambda *given: in_graph.append(given)
    )
    monkeypatch.setattr(saved_model, "Thresholded", lambda *_: None)
    monkeypatch.setattr(saved_model, "export", lambda *_, **__: None)
    monkeypatch.setattr(probability_tables, "bind", lambda *_: None)
    monkeypatch.setattr(calibration, "_LEAST", 2)  # As many are rare.
    execute(tiny, tmp_path, settings=settings)
    results = directory.read_json(tmp_path / directory.RESULTS_FILE)
    fitted = calibration.fit(
        validation.labels, logits, np.zeros(len(logits)), seed=seed
    )
    assert fitted.shift[1] < -1  # The logits are noise, and few are rare.
    assert results["logit_scales"] == fitted.scale.tolist()
    assert results["logit_corrections"] == fitted.apply(correction).tolist()
    ((_, _, shift, scale),) = in_graph
    np.testing.assert_array_equal([scale, shift], fitted)
    probabilities = tf.sigmoid(fitted.apply(logits)).numpy()
    table = pd.read_csv(tmp_path / directory.VALIDATION_FILE)
    np.testing.assert_array_equal(
        table["probability rare"].astype("float32"), probabilities[:, 1]
    )
    rows = results["validation"]["styles"].values()
    for column, row in enumerate(rows):
        photos = validation.labels[:, column], probabilities[:, column]
        chosen = bagging.choose(*photos, kind, seed)
        assert results["thresholds"][column] == row["threshold"] == chosen
        low, high = bagging.interval(*photos, seed)
        assert (row["threshold_low"], row["threshold_high"]) == (low, high)
