"""The settings of a training, and the network, loss and optimizer they make."""

import typing

import keras

from jdstyle import augment
from jdstyle import losses
from jdstyle import models


class Settings(typing.NamedTuple):
    """How one network is trained; see the flags of `train`.

    `positive_rate` 0 keeps every photo, `batch_size` and `steps_per_epoch` 0
    let the program choose, `ema` 0 takes no average.
    """

    backbone: str
    image_size: int
    init_from: str
    epochs: int
    frozen_epochs: int
    learning_rate: float
    positive_rate: float
    false_negative_cost: float
    false_positive_cost: float = 1.0
    weight_decay: float = 1e-4
    batch_size: int = 0
    steps_per_epoch: int = 0
    balance: bool = False
    augment: bool = True
    ema: float = 0.0
    precision: str = "auto"
    xla: bool = False
    seed: int = 0


def build_network(settings):
    """Builds the network that trains and the one inside it that stays.

    Args:
        settings: `Settings`.

    Returns:
        `(network, classifier)`: `network` augments its input in training and
        shares all its weights with `classifier`, see `models.build`.
    """
    imagenet = settings.init_from == "imagenet"
    classifier = models.build(
        settings.backbone,
        settings.image_size,
        1,
        weights="imagenet" if imagenet else None,
    )
    if settings.init_from not in ("imagenet", "scratch"):
        models.initialise(
            classifier,
            settings.init_from,
            backbone=settings.backbone,
            image_size=settings.image_size,
        )
    if not settings.augment:
        return classifier, classifier
    images = keras.Input(classifier.input_shape[1:], dtype="uint8")
    augmented = augment.build(settings.seed)(images)
    return keras.Model(images, classifier(augmented)), classifier


def make_loss(settings, kept):
    """Returns the cost-sensitive loss.

    Args:
        settings: `Settings`.
        kept: expected numbers of negatives and positives after resampling, so
            that the balance does not correct what resampling already has.
    """
    costs = (settings.false_negative_cost, settings.false_positive_cost)
    if settings.balance:
        costs = losses.balanced_costs(kept[1], kept[0], *costs)
    return losses.CostSensitiveBinaryCrossentropy(*map(float, costs))


def make_optimizer(settings, steps, *, factor=1.0):
    """Returns AdamW with warm-up and cosine decay over `steps` steps."""
    warmup = max(1, steps // 10)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            warmup_target=factor * settings.learning_rate,
            warmup_steps=warmup,
            decay_steps=max(1, steps - warmup),
        ),
        weight_decay=settings.weight_decay,
        use_ema=settings.ema > 0,
        ema_momentum=settings.ema or 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
