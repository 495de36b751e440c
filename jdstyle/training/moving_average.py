"""The moving average of weights that a Keras optimizer keeps."""

import contextlib

import keras


@contextlib.contextmanager
def averaged(optimizer):
    """Puts the average into the network, and the weights back afterwards.

    The weights return to the last bit, as they would not by adding and
    subtracting, which is how Keras's `SwapEMAWeights` does it.

    Args:
        optimizer: Keras optimizer; one without an average changes nothing.
    """
    pairs = _pairs(optimizer)
    weights = [weight.numpy() for weight, _ in pairs]
    for weight, average in pairs:
        weight.assign(average)
    try:
        yield
    finally:
        for (weight, _), value in zip(pairs, weights, strict=True):
            weight.assign(value)


class KeepWeights(keras.callbacks.Callback):
    """Undoes the end of `fit`, which puts the average into the network.

    For a `fit` after which the same optimizer trains on.
    """

    def on_epoch_end(self, epoch, logs=None):
        self._weights = [
            (weight, weight.numpy())
            for weight, _ in _pairs(self.model.optimizer)  # pyright: ignore
        ]

    def on_train_end(self, logs=None):
        for weight, value in self._weights:
            weight.assign(value)


def _pairs(optimizer):
    """Weights and their averages; the scaler of float16 wraps an optimizer."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not optimizer.use_ema:
        return []
    return list(
        zip(
            optimizer._trainable_variables,
            optimizer._model_variables_moving_average,
            strict=True,
        )
    )
