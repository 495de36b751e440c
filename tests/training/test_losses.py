"""Tests for `jdstyle.training.losses`."""

import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from jdstyle.evaluation import bagging
from jdstyle.training import losses

# p = sigmoid(log 3) = 3/4, so that -log(p) = log(4/3), -log(1-p) = log(4).
LOG3 = np.log(3.0)
LABELS = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
LOGITS = np.array([[LOG3, LOG3], [-LOG3, 0.0]], np.float32)


@pytest.fixture
def mixed_float16():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def float16_everywhere(mixed_float16):
    floatx = keras.config.floatx()
    keras.config.set_floatx("float16")
    yield
    keras.config.set_floatx(floatx)


def gradient(loss, labels, logits):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(labels, logits)
    return value.numpy(), tape.gradient(value, logits).numpy()


def test_call_hand_case():
    loss = losses.CostSensitiveBinaryCrossentropy()
    # Row 0: label 1 at p 3/4, 1.5 log(4/3); label 0 at p 3/4, log 4.
    # Row 1: label 0 at p 1/4, log(4/3); label 1 at p 1/2, 1.5 log 2.
    expected = [
        (1.5 * np.log(4 / 3) + np.log(4)) / 2,
        (np.log(4 / 3) + 1.5 * np.log(2)) / 2,
    ]
    values = loss.call(tf.constant(LABELS), tf.constant(LOGITS))
    assert values.dtype == tf.float32
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_allclose(loss(LABELS, LOGITS), np.mean(expected), 1e-6)


def test_costs_of_one_give_keras_binary_crossentropy():
    loss = losses.CostSensitiveBinaryCrossentropy(1.0, 1.0)
    keras_loss = keras.losses.BinaryCrossentropy(from_logits=True)
    np.testing.assert_allclose(
        loss(LABELS, LOGITS), keras_loss(LABELS, LOGITS), rtol=1e-6
    )


def test_gradient_hand_case():
    loss = losses.CostSensitiveBinaryCrossentropy(1.5, 2.0, reduction="sum")
    _, slope = gradient(loss, LABELS, LOGITS)
    # 1.5 y (p - 1) + 2 (1 - y) p, over 2 styles:
    # 1.5 * -1/4, 2 * 3/4; 2 * 1/4, 1.5 * -1/2.
    expected = np.array([[-0.375, 1.5], [0.5, -0.75]]) / 2
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


def test_costs_per_style():
    loss = losses.CostSensitiveBinaryCrossentropy([3.0, 5.0], (7.0, 11.0))
    value, slope = gradient(loss, LABELS, np.zeros((2, 2), np.float32))
    # All p = 1/2. Row 0: 3 log 2, 11 log 2; row 1: 7 log 2, 5 log 2: the
    # mean of four is 26/4 log 2. Gradients: cost * -1/2 or 1/2, over four.
    np.testing.assert_allclose(value, 6.5 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(
        slope, np.array([[-3, 11], [7, -5]]) / 8, rtol=1e-6
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_extreme_logits(jit_compile):
    loss = losses.CostSensitiveBinaryCrossentropy(reduction="none")
    step = tf.function(
        lambda y, x: gradient_graph(loss, y, x), jit_compile=jit_compile
    )
    labels = tf.constant([[1.0], [1.0], [0.0], [0.0]])
    logits = tf.constant([[1e4], [-1e4], [1e4], [-1e4]])
    values, slopes = step(labels, logits)
    # Right: 0 and no gradient. Wrong: cost * 1e4, and the cost itself.
    np.testing.assert_allclose(values, [0, 1.5e4, 1e4, 0], atol=1e-6)
    np.testing.assert_allclose(slopes, [[0], [-1.5], [1], [0]], atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("largest", [3e38, np.finfo(np.float32).max])
def test_largest_logits_stay_finite(largest, jit_compile):
    """At a cost, over several styles and photos, masked ones among them."""
    loss = losses.CostSensitiveBinaryCrossentropy(1e6, 1e6)
    step = tf.function(
        lambda y, x: gradient_graph(loss, y, x), jit_compile=jit_compile
    )
    labels = tf.constant([[1.0, 0.0, 0.0, -1.0], [1.0, 1.0, 1.0, -1.0]])
    signs = tf.constant([[-1.0, 1.0, -1.0, 1.0], [-1.0, -1.0, 1.0, -1.0]])
    value, slopes = step(labels, largest * signs)
    # Four of eight are wrong, each by 1e20.
    np.testing.assert_allclose(value, 1e6 * 1e20 / 2, rtol=1e-6)
    assert np.isfinite(slopes).all()
    # Towards what is right, where it is wrong.
    assert np.sign(slopes).tolist() == [[-1, 1, 0, 0], [-1, -1, 0, 0]]


@pytest.mark.parametrize("logit", [np.inf, -np.inf, np.nan])
def test_a_logit_that_is_not_finite_shows(logit):
    """The training looks at the loss to find it."""
    loss = losses.CostSensitiveBinaryCrossentropy()
    for label in (0.0, 1.0):
        assert not np.isfinite(loss(np.array([[label]]), np.array([[logit]])))


def gradient_graph(loss, labels, logits):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(labels, logits)
    return value, tape.gradient(value, logits)


def test_eager_equals_compiled():
    loss = losses.CostSensitiveBinaryCrossentropy([1.5, 1.0], [1.0, 2.0])
    compiled = tf.function(
        lambda y, x: gradient_graph(loss, y, x), jit_compile=True
    )
    value, slope = compiled(tf.constant(LABELS), tf.constant(LOGITS))
    eager_value, eager_slope = gradient(loss, LABELS, LOGITS)
    np.testing.assert_allclose(value, eager_value, rtol=1e-6)
    np.testing.assert_allclose(slope, eager_slope, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_give_float32(dtype, float16_everywhere):
    loss = losses.CostSensitiveBinaryCrossentropy()
    logits = tf.cast([[-49152.0], [-49152.0]], dtype)
    value = loss(tf.constant([[1], [1]]), logits)
    assert value.dtype == tf.float32
    # 1.5 * 49152 = 73728 is more than a float16 holds (65504), and -49152 is
    # -1.5 * 2^15, exact in both.
    np.testing.assert_allclose(value, 73728.0)


def test_trains_a_mixed_precision_model(mixed_float16):
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", losses.CostSensitiveBinaryCrossentropy())
    model.layers[0].set_weights([np.zeros((3, 2)), np.zeros(2)])
    assert model.compute_dtype == "float16"
    value = model.train_on_batch(np.ones((2, 3)), LABELS)
    # Zero weights: p = 1/2; two labels of four at cost 1.5, two at 1.
    np.testing.assert_allclose(value, 1.25 * np.log(2), rtol=1e-6)


def test_sample_weight():
    loss = losses.CostSensitiveBinaryCrossentropy()
    # Only row 0 counts, and the sum is over two rows.
    expected = (1.5 * np.log(4 / 3) + np.log(4)) / 2 / 2
    value = loss(LABELS, LOGITS, sample_weight=np.array([1.0, 0.0]))
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "missed, alarm", [(1.5, 2), ([1.5, 3], 0.5), (np.array([2.0, 1]), (3, 4))]
)
def test_config_round_trip(missed, alarm):
    loss = losses.CostSensitiveBinaryCrossentropy(
        missed, alarm, name="costly", reduction="sum", dtype="float64"
    )
    config = keras.losses.serialize(loss)
    assert config["registered_name"] == (
        "jdstyle>CostSensitiveBinaryCrossentropy"
    )
    again = keras.losses.deserialize(config)
    assert again.get_config() == loss.get_config()
    assert (again.name, again.reduction, again.dtype) == (
        "costly",
        "sum",
        "float64",
    )
    np.testing.assert_array_equal(again.false_negative_cost, missed)
    np.testing.assert_array_equal(again.false_positive_cost, alarm)
    assert float(again(LABELS, LOGITS)) == float(loss(LABELS, LOGITS))


@pytest.mark.parametrize(
    "cost", [0, -1.0, float("nan"), float("inf"), [1.0, 0.0], [], [[1.0]]]
)
@pytest.mark.parametrize("name", ["false_negative_cost", "false_positive_cost"])
def test_refuses_cost(name, cost):
    with pytest.raises(ValueError, match=f"`{name}` must be.*Received"):
        losses.CostSensitiveBinaryCrossentropy(**{name: cost})


@pytest.mark.parametrize(
    ("true_shape", "pred_shape"),
    [
        ((4,), (4, 1)),
        ((4, 1), (4,)),
        ((4, 1), (4, 2)),
        ((4, 2), (4, 1)),
        ((4, 1, 1), (4, 1)),
        ((4, 1), (4, 1, 1)),
    ],
)
def test_refuses_shapes(true_shape, pred_shape):
    loss = losses.CostSensitiveBinaryCrossentropy()
    received = f"(batch, num_styles). Received: {true_shape} and {pred_shape}"
    with pytest.raises(ValueError, match=re.escape(received)):
        loss(np.ones(true_shape), np.ones(pred_shape))


@pytest.mark.parametrize("number", [1, 3])
def test_refuses_other_number_of_costs(number):
    loss = losses.CostSensitiveBinaryCrossentropy(1.0, [1.0] * number)
    with pytest.raises(
        ValueError, match=f"`false_positive_cost`.*2 styles.*Received: {number}"
    ):
        loss(np.ones((4, 2)), np.ones((4, 2)))


def test_unknown_static_shapes_are_accepted():
    loss = losses.CostSensitiveBinaryCrossentropy([1.0, 1.0], 1.0)
    signature = [tf.TensorSpec([None, None])] * 2
    step = tf.function(loss, input_signature=signature)
    np.testing.assert_allclose(
        step(LABELS, LOGITS), loss(LABELS, LOGITS), rtol=1e-6
    )


def test_balanced_costs_hand_case():
    # n = 40: 1.5 * 40 / 20 = 3 and 1 * 40 / 60 = 2/3.
    missed, alarm = losses.balanced_costs(10, 30, 1.5, 1.0)
    assert missed == 3
    assert alarm == pytest.approx(2 / 3)
    assert losses.balanced_costs(10, 30) == (missed, alarm)


def test_balanced_costs_give_both_labels_the_same_weight():
    positives, negatives = np.array([1, 5, 30]), np.array([9, 5, 10])
    missed, alarm = losses.balanced_costs(positives, negatives, 1.0, 1.0)
    # Each side weighs n / 2; the sum stays n.
    np.testing.assert_allclose(missed * positives, [5, 5, 20])
    np.testing.assert_allclose(alarm * negatives, [5, 5, 20])


def test_balanced_costs_feed_the_loss():
    loss = losses.CostSensitiveBinaryCrossentropy(
        *losses.balanced_costs([1, 3], [3, 1], [2.0, 1.0], 1.0)
    )
    # n = 4: 2 * 4/2, 1 * 4/6 and 4/6, 4/2.
    np.testing.assert_allclose(loss.false_negative_cost, [4, 2 / 3])
    np.testing.assert_allclose(loss.false_positive_cost, [2 / 3, 2])


@pytest.mark.parametrize(
    "arguments, name",
    [
        ((0, 5, 1.0, 1.0), "positives"),
        ((5, [1, 0], 1.0, 1.0), "negatives"),
        ((5, 5, 0.0, 1.0), "false_negative_cost"),
        ((5, 5, 1.0, -1.0), "false_positive_cost"),
    ],
)
def test_balanced_costs_refuses(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be.*Received"):
        losses.balanced_costs(*arguments)


def test_a_negative_label_masks():
    loss = losses.CostSensitiveBinaryCrossentropy()
    labels = np.array([[1.0, -1.0], [-1.0, -1.0]], np.float32)
    # 1.5 log(4/3) of the one known label, over two styles; then nothing.
    values, slope = gradient(loss.call, labels, LOGITS)
    np.testing.assert_allclose(values, [0.75 * np.log(4 / 3), 0], rtol=1e-6)
    # d/dx of 1.5 * softplus(-x) at p = 3/4 is -1.5 / 4, over two styles.
    np.testing.assert_allclose(slope, [[-0.1875, 0], [0, 0]], rtol=1e-6)


def test_prior_correction_by_hand():
    # 22 of 1,000 positive, half wanted, misses cost 1.5: kept are all 22 and
    # 22 of 978. A network that knows nothing else says 1.5 to 1.
    acceptance = np.array([[22 / 978, 1.0], [1.0, 1.0]])
    correction = losses.prior_correction(acceptance, [1.5, 1.0], 1.0)
    assert correction[1] == 0
    assert math.log(1.5) + correction[0] == pytest.approx(math.log(22 / 978))


@given(
    positives=st.integers(1, 10**6),
    negatives=st.integers(1, 10**6),
    acceptance=st.tuples(*[st.floats(1e-6, 1.0)] * 2),
    costs=st.tuples(*[st.floats(0.1, 10.0)] * 2),
)
def test_prior_correction_gives_the_share_of_all_photos(
    positives, negatives, acceptance, costs
):
    """The best constant logit of the accepted photos, corrected."""
    kept = positives * acceptance[1] * costs[0]
    others = negatives * acceptance[0] * costs[1]
    logit = math.log(kept / others)
    (correction,) = losses.prior_correction([acceptance], *costs)
    assert logit + correction == pytest.approx(
        math.log(positives / negatives), abs=1e-9
    )


@pytest.mark.parametrize("photos", [800, 20_000])
@pytest.mark.parametrize("kind", ["auto", "bagged", "exact"])
def test_prior_correction_changes_no_decision(photos, kind):
    """With thresholds chosen anew, as in a run: the same photos, bit for bit.

    Of half positives and misses that cost 1.5 the odds are far too high; the
    labels are as the corrected logits say, some 2 and 6 of 100 positive.
    """
    acceptance = np.array([[22 / 978, 1.0], [0.1, 1.0]])
    correction = losses.prior_correction(acceptance, 1.5)
    rng = np.random.default_rng(photos)
    logits = rng.normal(-1.5, 2, (photos, 2)).astype("float32")
    corrected = logits + correction.astype("float32")
    labels = rng.random(logits.shape) < tf.sigmoid(corrected).numpy()
    for column in range(2):
        decisions = []
        for of in (logits, corrected):
            probabilities = tf.sigmoid(of[:, column]).numpy()
            threshold = bagging.choose(labels[:, column], probabilities, kind)
            decisions.append(probabilities >= np.float32(threshold))
        assert 0 < decisions[0].sum() < photos
        np.testing.assert_array_equal(*decisions)


def test_prior_correction_refuses_what_is_never_accepted():
    with pytest.raises(ValueError, match="`acceptance` must be"):
        losses.prior_correction([[0.0, 1.0]])
