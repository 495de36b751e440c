"""The settings of what tests train: a second or two of steps."""

from jdstyle.training import recipe

SETTINGS = recipe.Settings(
    backbone="MobileNet",
    image_size=32,
    init_from="scratch",
    epochs=2,
    frozen_epochs=0,
    learning_rate=1e-3,
    positive_rate=0.5,
    false_negative_cost=1.5,
    batch_size=8,
    steps_per_epoch=2,
    precision="float32",
)
