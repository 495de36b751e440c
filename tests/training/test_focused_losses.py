"""Tests for `jdstyle.training.focused_losses`."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from jdstyle.training import focused_losses
from jdstyle.training import losses

# p = sigmoid(log 3) = 3/4.
LOG3 = np.log(3.0)
LABELS = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
LOGITS = np.array([[LOG3, LOG3], [-LOG3, 0.0]], np.float32)
KINDS = {
    "asymmetric": focused_losses.AsymmetricLoss,
    "focal": focused_losses.make_focal_loss,
}


def gradient(loss, labels, logits):
    logits = tf.convert_to_tensor(logits, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(tf.convert_to_tensor(labels), logits)
    return value, tape.gradient(value, logits)


def test_asymmetric_by_hand():
    loss = focused_losses.AsymmetricLoss(1.5, 2.0)
    # Positives: -log(3/4) and -log(1/2). Negatives at p_m = 3/4 - 0.05 = 0.7
    # and 1/4 - 0.05 = 0.2: 0.7^4 * -log(0.3), 0.2^4 * -log(0.8).
    expected = [
        (1.5 * math.log(4 / 3) - 2 * 0.2401 * math.log(0.3)) / 2,
        (-2 * 0.0016 * math.log(0.8) + 1.5 * math.log(2)) / 2,
    ]
    values = loss.call(tf.constant(LABELS), tf.constant(LOGITS))
    assert values.dtype == tf.float32
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_focal_by_hand():
    loss = focused_losses.make_focal_loss(1.5, 2.0)
    # Positives at p = 3/4 and 1/2: 1/16 * log(4/3), 1/4 * log 2. Negatives at
    # 3/4 and 1/4: 9/16 * log 4, 1/16 * log(4/3).
    expected = [
        (1.5 / 16 * math.log(4 / 3) + 2 * 9 / 16 * math.log(4)) / 2,
        (2 / 16 * math.log(4 / 3) + 1.5 / 4 * math.log(2)) / 2,
    ]
    np.testing.assert_allclose(loss.call(LABELS, LOGITS), expected, rtol=1e-6)


def test_focal_equals_that_of_keras():
    theirs = keras.losses.BinaryFocalCrossentropy(gamma=2.0, from_logits=True)
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (64, 5)).astype("float32")
    labels = rng.integers(0, 2, (64, 5)).astype("float32")
    value, slope = gradient(focused_losses.make_focal_loss(), labels, logits)
    expected, expected_slope = gradient(theirs, labels, logits)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-3, atol=1e-8)


def test_without_focus_and_margin_it_is_the_cross_entropy():
    loss = focused_losses.AsymmetricLoss(1.5, 2.0, 0.0, 0.0, 0.0)
    plain = losses.CostSensitiveBinaryCrossentropy(1.5, 2.0)
    for ours, theirs in zip(
        gradient(loss, LABELS, LOGITS),
        gradient(plain, LABELS, LOGITS),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"negative_focus": 0.5}])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_slopes_are_those_of_the_values(label, options):
    loss = focused_losses.AsymmetricLoss(
        reduction="sum", positive_focus=1.5, **options
    )
    logits = np.linspace(-6, 6, 49)
    _, slopes = gradient(loss, np.full((49, 1), label), logits[:, np.newaxis])
    p = 1 / (1 + np.exp(-logits))
    p_m = np.maximum(p - 0.05, 0)
    if label:
        # d/dp of -(1-p)^1.5 log p.
        of_p = 1.5 * (1 - p) ** 0.5 * np.log(p) - (1 - p) ** 1.5 / p
    else:
        focus = options.get("negative_focus", 4.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            of_p = p_m**focus / (1 - p_m) - focus * p_m ** (focus - 1) * (
                np.log(1 - p_m)
            )
        of_p[p_m == 0] = 0
    np.testing.assert_allclose(
        slopes[:, 0], of_p * p * (1 - p), rtol=1e-3, atol=1e-6
    )


def test_a_negative_below_the_margin_adds_nothing():
    loss = focused_losses.AsymmetricLoss()
    # sigmoid(-3) is 0.047, less than 0.05.
    value, slope = gradient(loss, [[0.0, 0.0]], [[-3.0, -50.0]])
    assert float(value) == 0.0
    assert not np.any(slope)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    "loss",
    [
        focused_losses.AsymmetricLoss(1.5),
        focused_losses.AsymmetricLoss(1.5, positive_focus=0.5, margin=1e-9),
        focused_losses.AsymmetricLoss(1.5, negative_focus=0.5, margin=0.0),
        focused_losses.make_focal_loss(1.5),
    ],
)
def test_extreme_logits(loss, jit_compile):
    step = tf.function(
        lambda y, x: gradient(loss, y, x), jit_compile=jit_compile
    )
    logits = np.float32([0.0, 50.0, 100.0, 1e4, 3e38, 3.4e38])
    logits = np.concatenate([logits, -logits])[:, np.newaxis]
    for label in (-1.0, 0.0, 1.0):
        value, slopes = step(tf.fill((12, 1), label), tf.constant(logits))
        assert np.isfinite(value)
        assert np.isfinite(slopes).all()
        assert (float(value) == 0) == (label < 0)


@pytest.mark.parametrize("logit", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("kind", KINDS)
def test_a_logit_that_is_not_finite_shows(kind, logit):
    for label in (0.0, 1.0):
        value = KINDS[kind]()(np.array([[label]]), np.array([[logit]]))
        assert not np.isfinite(value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_negative_label_masks(kind):
    loss = KINDS[kind](1.5, 1.0)
    masked = np.array([[1.0, -1.0], [-1.0, -1.0]], np.float32)
    value, slope = gradient(loss, masked, LOGITS)
    alone, alone_slope = gradient(loss, [[1.0]], LOGITS[:1, :1])
    # One of four places is known.
    np.testing.assert_allclose(value, alone / 4, rtol=1e-6)
    np.testing.assert_allclose(slope, [[alone_slope[0, 0] / 4, 0], [0, 0]])


@pytest.mark.parametrize("kind", KINDS)
def test_costs_are_per_style(kind):
    loss, plain = KINDS[kind]([3.0, 5.0], (7.0, 11.0)), KINDS[kind]()
    costs = np.array([[3, 11], [7, 5]])
    for ours, theirs in zip(
        gradient(loss, LABELS, LOGITS)[1:],
        gradient(plain, LABELS, LOGITS)[1:],
        strict=True,
    ):
        np.testing.assert_allclose(ours, costs * theirs, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_config_round_trip(kind):
    loss = KINDS[kind]([2.0, 1.0], 0.5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert float(again(LABELS, LOGITS)) == float(loss(LABELS, LOGITS))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("positive_focus", -1.0),
        ("negative_focus", float("nan")),
        ("negative_focus", float("inf")),
        ("margin", 1.0),
        ("margin", -0.1),
        ("false_negative_cost", 0.0),
    ],
)
def test_refuses(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be.*Received"):
        focused_losses.AsymmetricLoss(**{name: value})
