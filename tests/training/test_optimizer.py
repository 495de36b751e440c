"""Our AdamW against Keras's: fewer operations, the same bits."""

import keras
import numpy as np
import pytest
import small_settings
import tensorflow as tf

from jdstyle.training import optimizer
from jdstyle.training import recipe

SETTINGS = small_settings.SETTINGS._replace(ema=0.9)


def make(kind, monkeypatch, *, scaled=False):
    """Returns 8 variables, half of which decay, and a step that moves them."""
    with monkeypatch.context() as patch:
        patch.setattr(optimizer, "AdamW", kind)
        adamw = recipe.make_optimizer(SETTINGS, steps=10)
    assert type(adamw) is kind
    if scaled:
        adamw = keras.optimizers.LossScaleOptimizer(adamw, initial_scale=8.0)
    start = np.linspace(-1.0, 1.0, 12, dtype="float32").reshape(3, 4)
    weights = [
        keras.Variable(start + i, name=("kernel", "bias")[i % 2])
        for i in range(8)
    ]
    adamw.build(weights)

    @tf.function(autograph=False)
    def step():
        scale = 8.0 if scaled else 1.0
        adamw.apply([scale * tf.sin(weight.value) for weight in weights])

    return adamw, weights, step


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "float16"])
def test_same_bits_from_fewer_operations(monkeypatch, scaled):
    numbers, values = [], []
    for kind in (keras.optimizers.AdamW, optimizer.AdamW):
        adamw, weights, step = make(kind, monkeypatch, scaled=scaled)
        graph = step.get_concrete_function().graph
        numbers.append(count(graph))
        for _ in range(4):
            step()
        values.append([v.numpy() for v in (*weights, *adamw.variables)])
    assert numbers[1] < 0.75 * numbers[0]
    for ours, keras_own in zip(*values, strict=True):
        np.testing.assert_array_equal(ours, keras_own)


def count(graph):
    """Operations of a graph and of the branches in it."""
    definition = graph.as_graph_def()
    inner = sum(len(f.node_def) for f in definition.library.function)
    return len(definition.node) + inner


def test_the_rate_is_the_schedules_outside_of_a_step(monkeypatch):
    adamw, _, step = make(optimizer.AdamW, monkeypatch)
    rates = []
    for _ in range(3):
        rates.append(float(adamw.learning_rate))
        step()
    # Warmed up in one of ten steps, then a cosine.
    assert rates[0] == 0.0
    assert rates[1] == pytest.approx(SETTINGS.learning_rate)
    assert 0.0 < rates[2] < rates[1]
