"""Keras's AdamW, from a smaller graph."""

import types

import keras
from keras import ops


class AdamW(keras.optimizers.AdamW):
    """Computes what all variables share once per step, and the same numbers.

    Keras computes the learning rate's schedule again for every kernel that
    decays, and the correction of both means for every variable: a third of all
    operations that are traced before the first step of a training.

    Under a strategy of several devices it is Keras's own.
    """

    _shared = None  # Of the `apply` that runs: scalar tensors of its graph.

    def apply(self, grads, trainable_variables=None):
        if self._distribution_strategy.num_replicas_in_sync > 1:
            return super().apply(grads, trainable_variables)
        self._shared = types.SimpleNamespace(rate=None, alpha={})
        try:
            return super().apply(grads, trainable_variables)
        finally:
            self._shared = None

    def _get_current_learning_rate(self):
        if self._shared is None:
            return super()._get_current_learning_rate()
        if self._shared.rate is None:
            self._shared.rate = super()._get_current_learning_rate()
        return self._shared.rate

    def update_step(self, gradient, variable, learning_rate):
        """As Keras's, line by line, but for `alpha`."""
        if self._shared is None or self.amsgrad:
            return super().update_step(gradient, variable, learning_rate)
        gradient = ops.cast(gradient, variable.dtype)
        alpha = self._shared.alpha.get(variable.dtype)
        if alpha is None:
            alpha = self._compute_alpha(variable.dtype, learning_rate)
            self._shared.alpha[variable.dtype] = alpha
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(
            m, ops.multiply(ops.subtract(gradient, m), 1 - self.beta_1)
        )
        self.assign_add(
            v,
            ops.multiply(
                ops.subtract(ops.square(gradient), v), 1 - self.beta_2
            ),
        )
        self.assign_sub(
            variable,
            ops.divide(
                ops.multiply(m, alpha), ops.add(ops.sqrt(v), self.epsilon)
            ),
        )

    def _compute_alpha(self, dtype, learning_rate):
        rate = ops.cast(learning_rate, dtype)
        step = ops.cast(self.iterations + 1, dtype)  # pyright: ignore
        beta_1_power = ops.power(ops.cast(self.beta_1, dtype), step)
        beta_2_power = ops.power(ops.cast(self.beta_2, dtype), step)
        unbiased = ops.sqrt(1 - beta_2_power)  # pyright: ignore
        return rate * unbiased / (1 - beta_1_power)  # pyright: ignore
