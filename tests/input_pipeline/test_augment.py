import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from jdstyle.input_pipeline import augment

SIZE = 64
NUM_DRAWS = 4000


@pytest.fixture(scope="module")
def boxes():
    """4,000 drawn rectangles: top, left, height, width, in pixels."""
    layer = augment.RandomErasing(seed=0)
    drawn = layer.get_random_transformation_batch(
        NUM_DRAWS, images=tf.zeros((1, 100, 100, 3))
    )
    return {name: value.numpy() for name, value in drawn.items()}


def test_half_of_the_images_lose_a_rectangle(boxes):
    # Standard error sqrt(.25 / 4000) = 0.008.
    assert abs(np.mean(boxes["height"] > 0) - 0.5) < 4 * 0.008


def test_rectangles_lie_within_the_image(boxes):
    assert (boxes["top"] >= 0).all()
    assert (boxes["left"] >= 0).all()
    assert (boxes["top"] + boxes["height"] <= 100).all()
    assert (boxes["left"] + boxes["width"] <= 100).all()
    # And reach both edges: the corner's range is not cut short.
    assert (boxes["top"] + boxes["height"] == 100).any()
    assert (boxes["left"][boxes["width"] > 0] == 0).any()


def test_area_and_aspect_span_their_ranges(boxes):
    erased = boxes["height"] > 0
    height, width = boxes["height"][erased], boxes["width"][erased]
    # Sides are rounded to pixels, so a side of 8 may be off by 6 %.
    area = height * width / 100.0**2
    assert 0.02 * 0.85 < area.min() < 0.03
    assert 0.35 < area.max() < 0.4 * 1.05
    aspect = height / width
    assert 0.3 * 0.9 < aspect.min() < 0.35
    assert 3.0 < aspect.max() < 1 / 0.3 * 1.1


def test_area_follows_algorithm_1(boxes):
    """Compares the mean area with the paper's loop, redrawing until it fits."""
    rng = np.random.default_rng(1)
    area = rng.uniform(0.02, 0.4, 400_000)
    aspect = rng.uniform(0.3, 1 / 0.3, 400_000)
    height, width = np.sqrt(area * aspect), np.sqrt(area / aspect)
    top, left = rng.uniform(size=(2, 400_000))
    expected = area[(top + height <= 1) & (left + width <= 1)]
    drawn = (boxes["height"] * boxes["width"])[boxes["height"] > 0] / 1e4
    error = expected.std() / math.sqrt(len(drawn))
    assert abs(drawn.mean() - expected.mean()) < 4 * error


def test_every_image_has_its_own_rectangle(boxes):
    corners = set(zip(boxes["top"], boxes["left"], strict=True))
    assert len(corners) > NUM_DRAWS / 4


def test_erased_pixels_are_uniform_and_others_stay():
    layer = augment.RandomErasing(seed=1, probability=1.0)
    images = np.full((256, SIZE, SIZE, 3), -1.0, "float32")
    result = layer(images, training=True).numpy()
    erased = result[result >= 0]
    share = len(erased) / images.size
    assert 0.02 < share < 0.4
    assert set(np.unique(erased)) == set(range(256))
    # Of about 500,000 a sixteenth is 31,000 +- 170.
    counts, _ = np.histogram(erased, bins=16, range=(0, 255))
    np.testing.assert_allclose(counts / len(erased), 1 / 16, rtol=0.02)
    # Every pixel and channel its own value: neighbours are not alike.
    first = result[0][(result[0] >= 0).all(axis=-1)]
    assert abs(np.corrcoef(first[:-1, 0], first[1:, 0])[0, 1]) < 0.2
    assert abs(np.corrcoef(first[:, 0], first[:, 1])[0, 1]) < 0.2


def test_probability_zero_erases_nothing():
    images = np.full((50, 8, 8, 3), 7.0, "float32")
    layer = augment.RandomErasing(seed=0, probability=0.0)
    np.testing.assert_array_equal(layer(images, training=True), images)


def test_angles_are_uniform_and_half_are_mirrored():
    layer = augment.RandomRotationFlip(max_angle=15.0, seed=0)
    drawn = layer.get_random_transformation_batch(NUM_DRAWS)
    degrees = np.degrees(drawn["angle"])
    counts, _ = np.histogram(degrees, bins=10, range=(-15, 15))
    assert counts.sum() == NUM_DRAWS
    # 9 degrees of freedom exceed 27.9 once in a thousand.
    assert np.sum((counts - 400.0) ** 2 / 400.0) < 27.9
    assert abs(np.mean(drawn["mirror"] < 0) - 0.5) < 4 * 0.008


def test_quarter_turn_and_mirror_are_exact():
    images = np.random.default_rng(0).uniform(size=(1, 5, 5, 3))
    images = images.astype("float32")

    def turn(angle, mirror):
        result = augment.rotate_and_flip(
            images, tf.constant([angle]), tf.constant([mirror])
        )
        return result.numpy()[0]

    np.testing.assert_allclose(turn(0.0, 1.0), images[0], atol=1e-6)
    np.testing.assert_allclose(turn(0.0, -1.0), images[0, :, ::-1], atol=1e-6)
    np.testing.assert_allclose(
        turn(math.pi / 2, 1.0), np.rot90(images[0]), atol=1e-5
    )


def test_rotation_keeps_constant_images():
    images = tf.fill((2, 9, 7, 3), 50.0)
    turned = augment.rotate_and_flip(
        images, tf.constant([0.26, -0.1]), tf.constant([1.0, -1.0])
    )
    np.testing.assert_allclose(turned, images, atol=1e-4)


def test_bilinear_rotation_against_a_loop():
    """Every pixel by hand: where it comes from, mirrored back at the edges."""
    images = np.random.default_rng(0).uniform(0, 255, (1, 6, 8, 1))
    images = images.astype("float32")
    angle = 0.3
    result = augment.rotate_and_flip(
        images, tf.constant([angle]), tf.constant([-1.0])
    ).numpy()

    def pixel(row, column):
        row, column = (
            (size - 1) - abs((size - 1) - abs(place))
            for place, size in ((row, 6), (column, 8))
        )
        top, left = int(row), int(column)
        down, across = row - top, column - left
        return sum(
            images[0, min(top + i, 5), min(left + j, 7), 0]
            * (down if i else 1 - down)
            * (across if j else 1 - across)
            for i in (0, 1)
            for j in (0, 1)
        )

    for row in range(6):
        for column in range(8):
            y, x = row - 2.5, -(column - 3.5)
            source = pixel(
                math.cos(angle) * y + math.sin(angle) * x + 2.5,
                math.cos(angle) * x - math.sin(angle) * y + 3.5,
            )
            assert abs(result[0, row, column, 0] - source) < 0.01


def test_xla_makes_the_same_pictures():
    """Three steps of each: the random numbers and the state agree as well."""
    images = np.random.default_rng(0).integers(0, 256, (16, 33, 47, 3))
    pictures, states = [], []
    for jit_compile in (False, True):
        augmentation = augment.build(seed=3)
        step = tf.function(
            lambda x, augmentation=augmentation: augmentation(x, training=True),
            jit_compile=jit_compile,
        )
        pictures.append([step(images.astype("uint8")) for _ in range(3)])
        states.append(
            [layer._random_generator.state for layer in augmentation.layers]
        )
    # A step that is compiled as a whole may round once less, not more.
    np.testing.assert_allclose(*pictures, atol=1e-3)
    np.testing.assert_array_equal(*states)
    assert np.abs(pictures[0][0] - pictures[0][1]).max() > 0


def test_a_stored_state_goes_on_where_it_stood():
    images = np.random.default_rng(0).uniform(0, 255, (4, SIZE, SIZE, 3))
    first, second = augment.build(seed=1), augment.build(seed=2)
    first(images, training=True)
    for layer, other in zip(first.layers, second.layers, strict=True):
        other._random_generator.state.assign(layer._random_generator.state)
    np.testing.assert_array_equal(
        first(images, training=True), second(images, training=True)
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_augmentation_is_float32_and_absent_at_inference(policy):
    images = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3))
    images = images.astype("uint8")
    keras.config.set_dtype_policy(policy)
    try:
        augmentation = augment.build(seed=0)
        augmented = augmentation(images, training=True)
        plain = augmentation(images, training=False)
    finally:
        keras.config.set_dtype_policy("float32")
    assert augmented.dtype == plain.dtype == "float32"
    np.testing.assert_array_equal(plain, images)
    assert np.abs(augmented - images).max() > 0


def test_same_seed_same_pictures():
    images = np.random.default_rng(0).uniform(0, 255, (4, SIZE, SIZE, 3))
    first, again, other = (
        augment.build(seed)(images, training=True).numpy() for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


@pytest.mark.parametrize("jit_compile", [False, True])
def test_trains_a_step(jit_compile):
    """XLA compiles the augmentation: Keras may turn it on by itself."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    features = keras.layers.Conv2D(2, 3)(augment.build(0)(inputs))
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    model = keras.Model(inputs, keras.layers.Dense(1)(pooled))
    model.compile("sgd", "mse", jit_compile=jit_compile)
    images = np.zeros((4, SIZE, SIZE, 3), "uint8")
    loss = model.train_on_batch(images, np.ones((4, 1), "float32"))
    assert np.isfinite(loss)


def test_contact_sheet_shows_photos_above_their_augmentation():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3))
    sheet = augment.contact_sheet(
        tf.constant(images, tf.uint8), augment.build(0)
    )
    assert sheet.shape == (16, 24, 3)
    assert sheet.dtype == np.uint8
    np.testing.assert_array_equal(sheet[:8, 8:16], images[1])
