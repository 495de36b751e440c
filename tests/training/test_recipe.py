import numpy as np
import pytest
import small_settings

from jdstyle.training import focused_losses
from jdstyle.training import losses
from jdstyle.training import recipe

SETTINGS = small_settings.SETTINGS


@pytest.mark.parametrize(
    ("size", "photos", "given", "steps"),
    [
        (32, 817, 0, 26),
        (32, 640, 0, 20),
        (256, 817, 0, 10),  # Not 4: too few to be worth validating.
        (8, 5, 0, 10),
        (256, 817, 3, 3),
    ],
)
def test_an_epoch_has_ten_steps_or_what_was_given(size, photos, given, steps):
    settings = SETTINGS._replace(steps_per_epoch=given, epochs=7)
    epochs = recipe.make_epochs(settings, size, photos)
    assert epochs == recipe.Epochs(number=7, steps=steps, batch_size=size)


@pytest.mark.parametrize(
    ("number", "steps", "size", "photos", "said"),
    [
        (10, 10, 32, 320, []),
        (9, 11, 32, 320, ["The whole training is 99 steps"]),
        (10, 10, 920, 817, ["A pass over the photos is 1 steps of 920"]),
        (1, 9, 64, 576, ["training is 9 steps", "is 9 steps of 64"]),
        # A smaller batch would learn no better.
        (20, 10, 32, 80, []),
    ],
)
def test_says_before_it_starts_what_is_too_short(
    number, steps, size, photos, said
):
    sentences = list(
        recipe.describe_length(recipe.Epochs(number, steps, size), photos)
    )
    assert len(sentences) == len(said)
    for sentence, part in zip(sentences, said, strict=True):
        assert part in sentence


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("cost_sensitive", losses.CostSensitiveBinaryCrossentropy, {}),
        (
            "asymmetric",
            focused_losses.AsymmetricLoss,
            {"positive_focus": 0, "negative_focus": 4, "margin": 0.05},
        ),
        (
            "focal",
            focused_losses.AsymmetricLoss,
            {"positive_focus": 2, "negative_focus": 2, "margin": 0},
        ),
    ],
)
def test_costs_and_shares_multiply_every_loss(name, kind, options):
    # A quarter of the photos that are shown is of the first style.
    kept = np.array([[5.0, 5.0], [30.0, 10.0]])
    made = recipe.make_losses(SETTINGS._replace(loss=name), kept, 40.0)
    for loss, costs in zip(made, ([6.0, 1.5], [1.5, 1.5]), strict=True):
        assert type(loss) is kind
        config = loss.get_config()
        assert config["false_negative_cost"] == costs
        assert options.items() <= config.items()
