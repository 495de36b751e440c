"""A small product for the tests of the other runtimes."""

import keras
import numpy as np
import pytest

from jdstyle.datasets import records
from jdstyle.fusion import blending
from jdstyle.fusion import ensemble
from jdstyle.fusion import rules
from jdstyle.runtimes import comparison
from jdstyle.runtimes import frozen_graph
from jdstyle.serving import saved_model

STYLES = ["bright", "rare"]


def make_network(size, member, columns, seed):
    """Two convolutions, whose logits lie about 0 and differ by the photo."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = keras.layers.Conv2D(16, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    head = keras.layers.Dense(len(columns))
    model = keras.Model(images, head(x))
    noise = np.random.default_rng(seed).uniform(0, 128, (16, size, size, 3))
    noise[8:] += 120
    logits = model(noise.astype(np.float32)).numpy()
    scale = 1 / logits.std(axis=0)
    head.kernel.assign(head.kernel * scale)
    head.bias.assign(-logits.mean(axis=0) * scale)
    return ensemble.Network(model, member, columns)


@pytest.fixture(scope="session")
def product(tmp_path_factory):
    """Two members of two sizes; the first lacks a style; relations, limits."""
    networks = [
        make_network(32, 0, [0], 1),
        make_network(48, 1, [1, 0], 2),
    ]
    fitted = rules.Rules(
        blend=blending.Blend("mean", weights=np.float32([[0.5, 0], [0.5, 1]])),
        first_thresholds=np.float32([0.5, 0.5]),
        conditional=np.float32([[1, 0.25], [0.125, 1]]),
        alpha=np.float32([0.75, 1]),
        beta=np.float32([[0, 0.5], [0.25, 0]]),
        thresholds=np.float32([0.5, 0.5]),
        least=1,
        most=1,
    )
    directory = str(tmp_path_factory.mktemp("export") / "saved_model")
    fused = ensemble.Ensemble(networks, ["small", "large"], 2, fitted)
    saved_model.export(fused, STYLES, directory)
    return directory


@pytest.fixture(scope="session")
def frozen(product):
    return frozen_graph.freeze(product)


@pytest.fixture
def photos(tiny):
    """The 64 training photos of the tiny data set, with their labels."""
    return records.read_photos(
        tiny, "train", cache="stream", style_names=STYLES
    )


@pytest.fixture
def images(photos, frozen):
    """The training photos in batches of 11 and a rest."""
    return list(comparison.read_images(photos, frozen.image_sizes, 11))
