import json

import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from jdstyle import experiment
from jdstyle import models
from jdstyle.errors import InputError

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
IMAGES = IMAGES.astype("float32")


@pytest.mark.parametrize(
    "backbone", ["ResNet50", "DenseNet121", "MobileNetV3Small"]
)
def test_forward_and_training_step(backbone):
    keras.utils.set_random_seed(0)
    model = models.build(backbone, 32, 3)
    assert model(IMAGES).shape == (2, 3)
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    before = model.trainable_weights[0].numpy()
    loss = model.train_on_batch(IMAGES, np.ones((2, 3), "float32"))
    assert np.isfinite(loss)
    assert np.abs(model.trainable_weights[0].numpy() - before).max() > 0


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        # Caffe: BGR minus the means of ImageNet.
        ("ResNet50", IMAGES[..., ::-1] - [103.939, 116.779, 123.68]),
        # Torch: standardised RGB.
        (
            "DenseNet121",
            (IMAGES / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
        ),
        ("MobileNet", IMAGES / 127.5 - 1.0),
    ],
)
def test_normalisation_of_the_family_sits_inside(backbone, expected):
    model = models.build(backbone, 32, 1)
    body = model.get_layer("backbone")
    normalised = keras.Model(model.input, body._inbound_nodes[-1].input_tensors)
    np.testing.assert_allclose(normalised(IMAGES), expected, atol=1e-4)
    assert not np.may_share_memory(expected, IMAGES)


def test_head_is_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.build("MobileNetV3Small", 32, 1)
        assert model.get_layer("backbone").compute_dtype == "bfloat16"
        assert model(IMAGES).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_batch_norms_follow_fast():
    model = models.build("MobileNetV3Small", 32, 1)
    momenta = {
        layer.momentum
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert momenta == {models.BATCH_NORM_MOMENTUM}


def test_refuses_unknown_backbone_and_lists_the_others():
    with pytest.raises(InputError, match="DenseNet121.*ResNet50.*'Resnet'"):
        models.build("Resnet", 32, 1)


def test_refuses_image_too_small():
    with pytest.raises(InputError, match="--image_size=40.*75x75"):
        models.build("InceptionV3", 40, 1)


def test_imagenet_weights_come_from_keras_file(monkeypatch, tmp_path):
    """The file's true format: Keras's applications ship legacy HDF5."""
    import h5py

    donor = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    path = tmp_path / "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, donor)
    asked = []

    def get_file(name, origin, **options):
        asked.append(name)
        return str(path)

    monkeypatch.setattr(
        "keras.src.applications.mobilenet_v3.file_utils.get_file", get_file
    )
    model = models.build("MobileNetV3Small", 32, 1, weights="imagenet")
    assert asked == [path.name]
    for ours, theirs in zip(
        model.get_layer("backbone").weights, donor.weights, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_imagenet_without_network_says_what_to_do(monkeypatch):
    def get_file(*args, **options):
        raise Exception("URL fetch failure on https://...")

    monkeypatch.setattr(
        "keras.src.applications.mobilenet_v3.file_utils.get_file", get_file
    )
    with pytest.raises(InputError, match="URL fetch.*--init_from=scratch"):
        models.build("MobileNetV3Small", 32, 1, weights="imagenet")


def save_run(folder, num_styles, backbone="MobileNetV3Small"):
    """Writes what a finished run leaves for those that start from it."""
    folder.mkdir()
    model = models.build(backbone, 32, num_styles)
    model.save_weights(folder / experiment.BEST_WEIGHTS)
    names = [f"style {i}" for i in range(num_styles)]
    record = {"backbone": backbone, "styles": names}
    (folder / "run.json").write_text(json.dumps(record))
    return model


@pytest.mark.parametrize("num_styles", [1, 3])
@pytest.mark.parametrize("file_name", ["", experiment.BEST_WEIGHTS])
def test_starts_from_a_run(tmp_path, num_styles, file_name):
    donor = save_run(tmp_path / "run", num_styles)
    model = models.build("MobileNetV3Small", 32, 1)
    head = model.get_layer("logits").kernel.numpy()
    models.initialise(
        model,
        str(tmp_path / "run" / file_name),
        backbone="MobileNetV3Small",
        image_size=32,
    )
    for ours, theirs in zip(
        model.get_layer("backbone").weights,
        donor.get_layer("backbone").weights,
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
    expected = head
    if num_styles == 1:
        expected = donor.get_layer("logits").kernel
    np.testing.assert_array_equal(model.get_layer("logits").kernel, expected)


def test_copy_says_what_was_and_was_not_restored():
    # Inception numbers its layers anew with every model: names do not match.
    source = models.build("InceptionV3", 75, 2)
    target = models.build("InceptionV3", 75, 1)
    restored, kept = models.copy_weights(source, target)
    assert kept == ["logits/kernel", "logits/bias"]
    assert len(restored) == len(target.weights) - 2


def test_refuses_run_of_another_backbone(tmp_path):
    save_run(tmp_path / "run", 1, backbone="MobileNetV3Small")
    model = models.build("MobileNet", 32, 1)
    with pytest.raises(InputError, match="is a MobileNetV3Small"):
        models.initialise(
            model,
            str(tmp_path / "run"),
            backbone="MobileNet",
            image_size=32,
        )


def test_refuses_what_is_no_run(tmp_path):
    model = models.build("MobileNetV3Small", 32, 1)
    with pytest.raises(InputError, match="--init_from.*missing.*best"):
        models.initialise(
            model,
            str(tmp_path),
            backbone="MobileNetV3Small",
            image_size=32,
        )
