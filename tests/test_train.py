"""How `train` and `pretrain` resolve their flags, without any training."""

import binaries
import pytest
from absl import flags

from jdstyle import cli
from jdstyle import styles
from jdstyle.errors import InputError

STYLE_NAMES = list(styles.NAMES)


@pytest.fixture(autouse=True)
def parsed():
    """Imports the binaries, whose flags are gone after the test."""
    global pretrain, run_flags, train, train_flags
    with binaries.own_flags():
        from jdstyle import pretrain
        from jdstyle import run_flags
        from jdstyle import train
        from jdstyle import train_flags

        flags.FLAGS(["train", "--style=1"])
        yield


class FakeBuilder:
    """As much of a prepared data set as its styles."""

    class info:  # noqa: N801
        metadata = {"styles": STYLE_NAMES}


def read(**changes):
    return run_flags.read("jdstyle.train") | changes


def resolve(**changes):
    return train_flags.resolve(read(**changes), STYLE_NAMES)


def test_defaults_fill_in_what_was_not_given():
    values = resolve(style="12", epochs=3, dataset="jd_fashion")
    assert values["style"] == "Punk"
    assert values["epochs"] == 3
    assert values["backbone"] == "ResNet50"
    assert values["positive_rate"] == 0.5
    assert values["false_negative_cost"] == 1.5
    assert values["sharing"] is None and values["groups"] is None
    assert values["workdir"] == "runs/jd_fashion-punk-resnet50"


def test_all_styles_share_the_trunk_and_keep_their_own_rates():
    values = resolve(style="All", fold=2)
    assert values["style"] == "all"
    assert values["sharing"] == "trunk"
    assert values["positive_rate"] is None
    assert values["false_negative_cost"] is None
    assert values["workdir"] == "runs/demo-all-mobilenetv3small-trunk-fold2"
    assert resolve(style="all", sharing="groups")["groups"] == "4"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"style": "1", "sharing": "trunk"}, "--sharing is for --style=all"),
        ({"style": "all", "groups": "2"}, "--groups is for --sharing=groups"),
        ({"style": "Goth"}, "--style must be .*'Goth'"),
        ({"style": "1", "skip_unusable": True}, "--skip_unusable is for"),
    ],
)
def test_refuses_flags_that_do_not_go_together(changes, message):
    with pytest.raises(InputError, match=message):
        resolve(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 3}, "--epochs is for trainings without --frozen.*3"),
        ({"frozen_epochs": 0}, "--frozen_epochs is for trainings without"),
        ({"learning_rate": 0.1}, "--learning_rate is for trainings without"),
        ({"steps_per_epoch": 9}, "--steps_per_epoch is for trainings without"),
        ({"weight_decay": 0.0}, "--weight_decay is for trainings without"),
        ({"ema": 0.9}, "--ema is for trainings without"),
        ({"loss": "focal"}, "--loss is for trainings without"),
        ({"balance": True}, "--balance is for trainings without"),
        ({"precision": "auto"}, "--precision is for trainings without"),
        ({"xla": True}, "--xla is for trainings without"),
        ({"sharing": "groups"}, "--frozen has one backbone .*'groups'"),
        ({"sharing": "none"}, "--frozen has one backbone .*'none'"),
    ],
)
def test_frozen_refuses_what_says_nothing(changes, message):
    with pytest.raises(InputError, match=message):
        resolve(style="all", frozen=True, **changes)
    if "sharing" not in changes:
        resolve(style="all", **changes)


@pytest.mark.parametrize(
    ("dataset", "backbone"),
    [
        ("demo", "EfficientNetLite0"),
        ("label_table/x", "EfficientNetLite0"),
        ("jd_fashion", "ResNet50"),
    ],
)
def test_frozen_starts_from_what_has_learned_something(dataset, backbone):
    """Sports, too, which else starts from Casual's network."""
    values = resolve(style="Sports", frozen=True, dataset=dataset)
    assert (values["backbone"], values["image_size"]) == (backbone, 224)
    assert values["init_from"] == "imagenet"
    assert (values["positive_rate"], values["false_negative_cost"]) == (0, 1)
    assert values["epochs"] is None
    assert values["workdir"].endswith(f"sports-{backbone.lower()}-frozen")
    values = resolve(style="all", frozen=True, positive_rate=0.3)
    assert values["positive_rate"] == 0.3
    assert values["workdir"].endswith("all-efficientnetlite0-frozen-trunk")
    settings = train._settings(values, FakeBuilder, [0])
    assert settings.frozen and settings.false_negative_cost == 1.0


def test_one_style_is_not_all():
    with pytest.raises(InputError, match="needs a data set with several"):
        train_flags.resolve(read(style="all"), ["hat"])


def test_a_style_may_be_called_all():
    assert (
        train_flags.resolve(read(style="all"), ["none", "all"])["style"]
        == "all"
    )


def test_pretraining_takes_the_data_sets_defaults():
    values = pretrain._resolve(read(dataset="deepfashion/coarse", fold=1))
    assert values["workdir"] == (
        "runs/pretrain-deepfashion-coarse-resnet50-fold1"
    )
    assert values["init_from"] == "imagenet"
    with pytest.raises(InputError, match="is for jdstyle.train"):
        pretrain._resolve(read(init_from="style:Punk"))


def test_what_is_written_loads_again_and_leaves_the_flags_alone():
    values = resolve(style="12", augment=False)
    texts = cli.flag_texts(values)
    assert texts["backbone"] == "--backbone=MobileNetV3Small"
    assert texts["augment"] == "--noaugment"
    assert texts["groups"] == ""
    assert flags.FLAGS.backbone is None and flags.FLAGS.augment
    flags.FLAGS(["train", *filter(None, texts.values())])
    assert read() == values


@pytest.mark.parametrize("init_from", ["style", "scratch", "runs/punk"])
def test_what_names_no_style_is_where_it_starts(init_from):
    """A run directory may be called "style": only "style:" means a style."""
    values = resolve(style="12", init_from=init_from)
    assert train._find_init_from(values, None, ["Punk"]) == init_from


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--learning_rate=nan", "--learning_rate must be finite, not nan"),
        ("--weight_decay=inf", "--weight_decay must be finite, not inf"),
        ("--batch_size=0", "--batch_size must be auto, max or an int > 0.*'0'"),
        ("--batch_size=x", "--batch_size must be auto, max or an int > 0.*'x'"),
    ],
)
def test_refuses_values_that_absl_lets_pass(argument, message):
    flags.FLAGS(["train", argument])
    with pytest.raises(InputError, match=message):
        read()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epoch=3"], "jdstyle.train says: .*epoch"),
        (["--epochs=many"], "jdstyle.train says: .*--epochs"),
        (["--loss=hinge"], "jdstyle.train says: .*--loss.*asymmetric"),
        (["--learning_rate=nan"], "--learning_rate must be finite"),
        (["--noaugment", "photos"], "flags of jdstyle.train. Received: photos"),
    ],
)
def test_a_sweep_can_ask_whether_flags_can_be_used(arguments, message):
    flags.FLAGS(["train", "--style=2", "--epochs=7"])
    values = train_flags.parse(
        ["--style=12", "--noaugment", "--loss=focal", "--flip"]
    )
    assert (values["style"], values["augment"]) == ("12", False)
    assert (values["loss"], values["flip"]) == ("focal", True)
    assert values["epochs"] is None  # Not ours.
    with pytest.raises(InputError, match=message):
        train_flags.parse(["--style=1", *arguments])
    assert (flags.FLAGS.style, flags.FLAGS.epochs) == ("2", 7)


def test_settings_are_the_values_and_what_wins_over_them():
    values = resolve(
        style="12", batch_size="16", ema=0.9, loss="asymmetric", flip=True
    )
    settings = run_flags.settings(
        values, init_from="run", sharing="trunk", groups=None
    )
    assert (settings.batch_size, settings.ema) == (16, 0.9)
    assert (settings.loss, settings.flip) == ("asymmetric", True)
    assert (settings.init_from, settings.sharing) == ("run", "trunk")
    assert (
        run_flags.settings(values | {"batch_size": "auto"}).batch_size == "auto"
    )
