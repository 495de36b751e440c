import json

import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.models import backbones
from jdstyle.models import classifier
from jdstyle.models import starts
from jdstyle.models.classifier import Architecture
from jdstyle.runs import directory

pytestmark = [
    pytest.mark.long,
    pytest.mark.usefixtures("small_mobilenet"),
]

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
IMAGES = IMAGES.astype("float32")
SMALL = Architecture("MobileNet", 32)


@pytest.mark.parametrize(
    "backbone", ["ResNet50", "DenseNet121", "MobileNetV3Small"]
)
def test_forward_and_training_step(backbone):
    keras.utils.set_random_seed(0)
    model = classifier.build(Architecture(backbone, 32, 3))
    assert model(IMAGES).shape == (2, 3)
    model.compile(
        "sgd",
        keras.losses.BinaryCrossentropy(from_logits=True),
        # The graph of a step of the larger ones takes longest of all.
        run_eagerly=backbone != "MobileNetV3Small",
    )
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
    model = classifier.build(Architecture(backbone, 32, 1))
    body = model.get_layer("backbone")
    normalised = keras.Model(model.input, body._inbound_nodes[-1].input_tensors)
    np.testing.assert_allclose(normalised(IMAGES), expected, atol=1e-4)
    assert not np.may_share_memory(expected, IMAGES)


def test_head_is_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = classifier.build(Architecture("MobileNetV3Small", 32, 1))
        assert model.get_layer("backbone").compute_dtype == "bfloat16"
        assert model(IMAGES).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_batch_norms_follow_fast():
    model = classifier.build(Architecture("MobileNetV3Small", 32, 1))
    momenta = {
        layer.momentum
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert momenta == {backbones.BATCH_NORM_MOMENTUM}


def test_refuses_unknown_backbone_and_lists_the_others():
    with pytest.raises(InputError, match="DenseNet121.*ResNet50.*'Resnet'"):
        classifier.build(Architecture("Resnet", 32, 1))


def test_refuses_image_too_small():
    with pytest.raises(InputError, match="--image_size=40.*75x75"):
        classifier.build(Architecture("InceptionV3", 40, 1))


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
    model = classifier.build(
        Architecture("MobileNetV3Small", 32, 1), weights="imagenet"
    )
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
    with pytest.raises(
        InputError, match="URL fetch.*EfficientNetLite0.*--init_from=scratch"
    ):
        classifier.build(
            Architecture("MobileNetV3Small", 32, 1), weights="imagenet"
        )


def test_a_download_of_something_else_is_no_wrong_size(monkeypatch):
    """Keras raises ValueError for a file of another sum, as for a size."""

    def get_file(*args, **options):
        raise ValueError("Incomplete or corrupted file detected.")

    monkeypatch.setattr(
        "keras.src.applications.mobilenet_v3.file_utils.get_file", get_file
    )
    with pytest.raises(InputError, match="ImageNet .*corrupted.*Lite0"):
        backbones.build("MobileNetV3Small", 32, weights="imagenet")
    with pytest.raises(InputError, match="does not take --image_size=16"):
        backbones.build("MobileNetV3Small", 16, weights="imagenet")


def save_run(folder, architecture):
    """Writes what a finished run leaves for those that start from it."""
    folder.mkdir()
    model = classifier.build(architecture)
    model.save_weights(folder / directory.BEST_WEIGHTS)
    sums.write(folder, [directory.BEST_WEIGHTS])
    record = {"architecture": architecture._asdict()}
    (folder / "run.json").write_text(json.dumps(record))
    return model


def assert_same_weights(model, other):
    for ours, theirs in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("num_styles", [1, 3])
@pytest.mark.parametrize("file_name", ["", directory.BEST_WEIGHTS])
def test_starts_from_a_run(tmp_path, num_styles, file_name):
    donor = save_run(tmp_path / "run", SMALL._replace(num_styles=num_styles))
    model = classifier.build(SMALL)
    head = model.get_layer("logits").kernel.numpy()
    starts.initialise(model, SMALL, str(tmp_path / "run" / file_name))
    assert_same_weights(
        model.get_layer("backbone"), donor.get_layer("backbone")
    )
    expected = head
    if num_styles == 1:
        expected = donor.get_layer("logits").kernel
    np.testing.assert_array_equal(model.get_layer("logits").kernel, expected)


def test_copy_says_what_was_and_was_not_restored():
    # Keras numbers layers anew with every model: names do not match.
    source = classifier.build(SMALL._replace(num_styles=2))
    target = classifier.build(SMALL)
    assert source.weights[0].path != target.weights[0].path
    restored, kept = starts.copy_weights(source, target)
    assert kept == ["logits/kernel", "logits/bias"]
    assert len(restored) == len(target.weights) - 2


def test_refuses_run_of_another_backbone(tmp_path):
    save_run(tmp_path / "run", SMALL)
    architecture = Architecture("MobileNetV3Small", 32)
    with pytest.raises(InputError, match="is a MobileNet;"):
        starts.initialise(
            classifier.build(architecture), architecture, str(tmp_path / "run")
        )


def test_refuses_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match="--init_from.*missing.*best"):
        starts.initialise(classifier.build(SMALL), SMALL, str(tmp_path))


# Several styles.

GROUPS = Architecture("MobileNet", 32, 5, "groups", [[0, 3], [1, 2, 4]])


@pytest.mark.parametrize(
    ("sharing", "groups", "layers"),
    [
        ("trunk", None, ["backbone", "logits"]),
        (
            "groups",
            [[0, 3], [1, 2, 4]],
            ["backbone", "backbone_1", "backbone_2", "logits_1", "logits_2"],
        ),
        (
            "none",
            None,
            [f"backbone_{i}" for i in range(1, 6)]
            + [f"logits_{i}" for i in range(1, 6)],
        ),
    ],
)
def test_each_sharing_has_its_stages_once(sharing, groups, layers):
    model = classifier.build(GROUPS._replace(sharing=sharing, groups=groups))
    assert [layer.name for layer in model.layers if layer.weights] == layers
    assert model(IMAGES).shape == (2, 5)


def test_logits_stand_in_the_order_of_the_styles():
    model = classifier.build(GROUPS)
    for number, group in enumerate(GROUPS.groups, start=1):
        head = model.get_layer(f"logits_{number}")
        head.kernel.assign(np.zeros(head.kernel.shape))
        head.bias.assign(np.array(group, "float32"))
    np.testing.assert_array_equal(model(IMAGES), [[0, 1, 2, 3, 4]] * 2)


@pytest.mark.parametrize(
    "backbone", ["ResNet50", "DenseNet121", "MobileNetV3Small", "VGG16"]
)
def test_both_stages_compute_what_the_whole_does(backbone):
    body, _ = backbones.build(backbone, 32)
    lower, upper = backbones.split(body)
    np.testing.assert_allclose(upper(lower(IMAGES)), body(IMAGES), rtol=1e-5)
    assert len(lower.weights) + len(upper.weights) == len(body.weights)
    assert upper.weights


def test_last_stage_is_the_one_of_the_paper():
    """ResNet50's conv5: 3 blocks, 10 convolutions and their batch norms."""
    body, _ = backbones.build("ResNet50", 224)
    lower, upper = backbones.split(body)
    assert lower.output.shape == (None, 14, 14, 1024)
    convolutions = [
        layer
        for layer in upper.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert len(convolutions) == 10
    body, _ = backbones.build("InceptionV4", 299)
    lower, _ = backbones.split(body)  # After the seventh Inception-B.
    assert lower.output.shape == (None, 17, 17, 1024)


@pytest.mark.parametrize("sharing", ["groups", "none"])
def test_every_stage_starts_from_one_trunk(tmp_path, sharing):
    donor = save_run(tmp_path / "run", Architecture("MobileNet", 32, 20))
    architecture = GROUPS._replace(sharing=sharing)
    model = classifier.build(architecture)
    starts.initialise(model, architecture, str(tmp_path / "run"))
    body = donor.get_layer("backbone")
    lower, upper = backbones.split(body)
    if sharing == "groups":
        assert_same_weights(model.get_layer("backbone"), lower)
    for number in range(1, len(architecture.branches()) + 1):
        assert_same_weights(
            model.get_layer(f"backbone_{number}"),
            upper if sharing == "groups" else body,
        )


def test_groups_start_from_the_same_groups_alone(tmp_path):
    donor = save_run(tmp_path / "run", GROUPS)
    model = classifier.build(GROUPS)
    starts.initialise(model, GROUPS, str(tmp_path / "run"))
    assert_same_weights(model, donor)
    with pytest.raises(InputError, match="several backbones.*groups"):
        starts.initialise(classifier.build(SMALL), SMALL, str(tmp_path / "run"))


@pytest.mark.parametrize("groups", [[[0, 1]], [[0, 1, 2, 3, 4], [4]]])
def test_refuses_groups_that_do_not_hold_each_style_once(groups):
    with pytest.raises(InputError, match="each of 5 styles once"):
        classifier.build(GROUPS._replace(groups=groups))


def test_refuses_unknown_sharing():
    with pytest.raises(InputError, match="trunk, groups, none.*'some'"):
        classifier.build(GROUPS._replace(sharing="some"))


def test_freezing_leaves_the_heads(tmp_path):
    model = classifier.build(GROUPS)
    classifier.set_backbone_trainable(model, False)
    assert {w.path.split("/")[0] for w in model.trainable_weights} == {
        "logits_1",
        "logits_2",
    }


def test_a_run_is_rebuilt_at_another_size(tmp_path):
    donor = save_run(tmp_path / "run", GROUPS)
    model, architecture = classifier.load_run(
        str(tmp_path / "run"), image_size=64
    )
    assert architecture.image_size == 64
    assert model.input_shape == (None, 64, 64, 3)
    assert_same_weights(model, donor)


@pytest.mark.parametrize("kept", [2, 1, 0])
def test_each_logit_of_a_run_is_calibrated(tmp_path, kept):
    """Whatever group it is in; not every version wrote both numbers."""
    donor = save_run(tmp_path / "run", GROUPS)
    correction, scale = [-4.0, 0.5, 2.0, 0.0, 1.0], [0.5, 1.0, 2.0, 0.75, 1.5]
    results = {"logit_corrections": correction, "logit_scales": scale}
    kept = dict(list(results.items())[:kept])
    (tmp_path / "run" / directory.RESULTS_FILE).write_text(json.dumps(kept))
    model = classifier.load_calibrated(str(tmp_path / "run"))
    scale = np.float32(kept.get("logit_scales", [1] * 5))
    expected = donor(IMAGES) * scale
    expected += np.float32(kept.get("logit_corrections", 0))
    np.testing.assert_allclose(model(IMAGES), expected, atol=1e-5)
    # New networks hardly answer to an image: the bias is nearly all of it.
    for number, columns in enumerate(GROUPS.branches(), start=1):
        ours, theirs = (
            of.get_layer(f"logits_{number}").kernel for of in (model, donor)
        )
        np.testing.assert_array_equal(ours, theirs * scale[columns])


def test_mirror_images_are_averaged():
    images = keras.Input((4, 4, 3))
    dense = keras.layers.Dense(2, bias_initializer="ones")
    model = keras.Model(images, dense(keras.layers.Flatten()(images)))
    averaged = classifier.average_mirrored(model)
    assert averaged.input_shape == model.input_shape
    assert averaged.weights == model.weights
    images = np.random.default_rng(0).uniform(0, 1, (3, 4, 4, 3))
    mirrored = images[:, :, ::-1]
    expected = (model(images) + model(mirrored)) / 2
    assert np.abs(model(images) - expected).max() > 0.1
    for given in (images, mirrored):
        np.testing.assert_allclose(averaged(given), expected, atol=1e-6)
    # Each photo with its own mirror image, however many there are.
    np.testing.assert_allclose(averaged(images[1:2]), expected[1:2], atol=1e-6)


def test_backbone_starts_from_its_weight_file(tmp_path):
    body, _ = backbones.build("MobileNet", 32)
    body.save_weights(tmp_path / "b.weights.h5")
    path = str(tmp_path / "b.weights.h5")
    model = classifier.build(SMALL, weights=path)
    assert_same_weights(model.get_layer("backbone"), body)
    with pytest.raises(InputError, match="does not hold.*MobileNetV3Small"):
        classifier.build(Architecture("MobileNetV3Small", 32), weights=path)
    with pytest.raises(InputError, match="No such file: no.weights.h5"):
        classifier.build(SMALL, weights="no.weights.h5")


def test_efficientnet_v2_keeps_its_own_blocks():
    """Keras looks them up by the model's name; 5.9 M parameters, no top."""
    body, _ = backbones.build("EfficientNetV2B0", 32, name="backbone_2")
    assert body.name == "backbone_2"
    assert body.count_params() == 5_919_312


def test_inception_v4_asks_for_converted_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match="convert_inception_v4.py --source"):
        classifier.build(Architecture("InceptionV4", 75), weights="imagenet")


@pytest.mark.parametrize("record", ["{}", '{"architecture": {"a": 1}}', "{"])
def test_refuses_the_record_of_another_version(tmp_path, record):
    save_run(tmp_path / "run", SMALL)
    (tmp_path / "run" / "run.json").write_text(record)
    with pytest.raises(InputError, match="--init_from.*run.json is not what"):
        starts.initialise(classifier.build(SMALL), SMALL, str(tmp_path / "run"))
