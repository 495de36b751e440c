"""The settings of a training, and the network, loss and optimizer they make."""

import math
import typing

import keras
import numpy as np

from jdstyle.input_pipeline import augment
from jdstyle.models import backbones
from jdstyle.models import classifier
from jdstyle.models import starts
from jdstyle.runs import directory
from jdstyle.training import batch_size
from jdstyle.training import focused_losses
from jdstyle.training import losses
from jdstyle.training import optimizer

# The losses of --loss, all of them multiplied by the costs.
_LOSSES = {
    "cost_sensitive": losses.CostSensitiveBinaryCrossentropy,
    "asymmetric": focused_losses.AsymmetricLoss,
    "focal": focused_losses.make_focal_loss,
}

# Steps of an epoch at least: fewer are not worth validating.
_LEAST_STEPS = 10

# A training of fewer steps than these has hardly begun.
_FEW_STEPS = 100


class Settings(typing.NamedTuple):
    """How one network is trained; the flags of `train` say what each means.

    `positive_rate` 0 keeps every photo; it and `false_negative_cost` are a
    number, or a tuple of one per style. `init_from` is "imagenet", "scratch", a
    run directory or a backbone's weight file. `batch_size` is a number of
    photos, or how to choose it: "auto" or "max". `steps_per_epoch` 0 lets the
    program choose, `ema` 0 takes no average. `threshold` is the `kind` of
    `bagging.choose`. `groups` are lists of columns, each of which is in one of
    them. `frozen` trains the heads alone, see `frozen`; what is about epochs
    then says nothing. `loss` is "cost_sensitive", "asymmetric" or "focal".
    `flip` has the product average over mirror images.
    """

    backbone: str
    image_size: int
    init_from: str
    epochs: int
    frozen_epochs: int
    learning_rate: float
    positive_rate: float | tuple[float, ...]
    false_negative_cost: float | tuple[float, ...]
    false_positive_cost: float = 1.0
    weight_decay: float = 1e-4
    batch_size: int | str = "auto"
    steps_per_epoch: int = 0
    balance: bool = False
    augment: bool = True
    ema: float = 0.0
    precision: str = "auto"
    xla: bool = False
    threshold: str = "auto"
    seed: int = 0
    sharing: str = "trunk"
    groups: list[list[int]] | None = None
    frozen: bool = False
    loss: str = "cost_sensitive"
    flip: bool = False


class Epochs(typing.NamedTuple):
    """How long a training is: so many epochs of so many steps.

    Attributes:
        number: int, epochs of all phases.
        steps: int, steps per epoch.
        batch_size: int, photos per step over all devices.
    """

    number: int
    steps: int
    batch_size: int


def make_epochs(settings, size, photos):
    """Returns the `Epochs` of a training.

    Args:
        settings: `Settings`.
        size: int, photos per step over all devices.
        photos: float, how many an epoch shows; more if they are fewer than ten
            steps.
    """
    steps = settings.steps_per_epoch or max(
        _LEAST_STEPS, math.ceil(photos / size)
    )
    return Epochs(settings.epochs, steps, size)


def describe_length(epochs, photos):
    """Says what is wrong with the length of a training.

    Args:
        epochs: `Epochs`.
        photos: float, how many a pass over the training shows.

    Yields:
        Sentences.
    """
    total = epochs.number * epochs.steps
    if total < _FEW_STEPS:
        yield (
            f"The whole training is {total} steps, too few to learn much. Pass "
            "more --epochs or --steps_per_epoch, or a smaller --batch_size."
        )
    passes = math.ceil(photos / epochs.batch_size)
    if passes < _LEAST_STEPS and epochs.batch_size > batch_size.SMALLEST:
        yield (
            f"A pass over the photos is {passes} steps of {epochs.batch_size}: "
            "the network learns little from each. Pass a smaller --batch_size."
        )


def make_architecture(settings, num_styles):
    """Returns the `classifier.Architecture` of a training."""
    return classifier.Architecture(
        settings.backbone,
        settings.image_size,
        num_styles,
        settings.sharing,
        settings.groups,
    )


def require_start(backbone, image_size, init_from):
    """Refuses a start that cannot be had, before any photo is read.

    Args:
        backbone: as in `Settings`.
        image_size: as in `Settings`.
        init_from: as in `Settings`.

    Raises:
        InputError: if ImageNet's weights or those of a file cannot be loaded,
            if there is no such run, or as `backbones.build`.
    """
    start = directory.run_directory(init_from)
    if start == "scratch":
        backbones.build(backbone, image_size)
    elif _is_ready(start):
        backbones.build(backbone, image_size, weights=start)
    else:
        starts.require_donor(start, backbone)


def _is_ready(start):
    """Returns whether a backbone is built with these weights in it."""
    return start == "imagenet" or start.endswith(".weights.h5")


def build_network(settings, num_styles=1):
    """Builds the network that trains and the one inside it that stays.

    Args:
        settings: `Settings`.
        num_styles: number of logits.

    Returns:
        `(network, model)`: `model` is that of `classifier.build`; `network`
        augments its input in training and shares all its weights.
    """
    architecture = make_architecture(settings, num_styles)
    init_from = directory.run_directory(settings.init_from)
    ready = _is_ready(init_from)
    model = classifier.build(architecture, weights=init_from if ready else None)
    if not ready and init_from != "scratch":
        starts.initialise(model, architecture, init_from)
    if not settings.augment:
        return model, model
    images = keras.Input(model.input_shape[1:], dtype="uint8")
    augmented = augment.build(settings.seed)(images)
    return keras.Model(images, model(augmented)), model


def make_costs(settings, kept):
    """Returns what a miss and a false alarm cost in training, per style.

    Args:
        settings: `Settings`.
        kept: of `resampling.expected_kept`. The balance does not correct
            what resampling already has.

    Returns:
        `(missed, alarm)`: two float64 arrays, shape `(num_styles,)`.
    """
    missed = np.broadcast_to(settings.false_negative_cost, len(kept)) * 1.0
    alarm = np.full(len(kept), settings.false_positive_cost)
    if settings.balance:
        return losses.balanced_costs(kept[:, 1], kept[:, 0], missed, alarm)
    return missed, alarm


def make_losses(settings, kept, shown):
    """Returns the loss for training, and for validation.

    In training a style's loss is divided by the share of the shown photos that
    it accepts. So its mean over a pass is the mean over what its own one-style
    network would see, however many photos the other styles bring in.

    Args:
        settings: `Settings`.
        kept: of `resampling.expected_kept`.
        shown: likewise.

    Returns:
        `(loss, validation_loss)`: `keras.losses.Loss`; for one style they are
        the same.
    """
    missed, alarm = make_costs(settings, kept)
    make_loss = _LOSSES[settings.loss]
    return tuple(
        make_loss(missed / share, alarm / share)
        for share in (kept.sum(axis=1) / shown, 1.0)
    )


def make_optimizer(settings, steps, *, factor=1.0):
    """Returns AdamW with warm-up and cosine decay.

    Args:
        settings: `Settings`.
        steps: int, steps until the rate has decayed to zero.
        factor: float, multiplies the learning rate of the settings.
    """
    warmup = max(1, steps // 10)
    adamw = optimizer.AdamW(
        keras.optimizers.schedules.CosineDecay(  # pyright: ignore
            initial_learning_rate=0.0,
            warmup_target=factor * settings.learning_rate,
            warmup_steps=warmup,
            decay_steps=max(1, steps - warmup),
        ),
        weight_decay=settings.weight_decay,
        use_ema=settings.ema > 0,
        ema_momentum=settings.ema or 0.99,
    )
    adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return adamw
