"""Runs Keras `fit` in its two phases, from where a training stands."""

import functools
import sys

from jdstyle.models import classifier
from jdstyle.training import moving_average
from jdstyle.training import recipe

# While the backbone is frozen only a new head learns, and learns faster.
_HEAD_LEARNING_RATE = 10.0


def fit(network, model, make_dataset, loss, keeper, settings):
    """Runs Keras `fit`: first with a frozen backbone, then with all weights.

    Each phase has its own AdamW, warmed up over a tenth of its steps and
    decayed to zero by a cosine.

    Args:
        network: of `recipe.build_network`, built under the strategy
            that is to run them.
        model: likewise.
        make_dataset: function of `first_batch` that returns the training
            dataset from there on.
        loss: `keras.losses.Loss`.
        keeper: `state_keeper.Keeper`; it says where to go on, and holds the
            other callbacks.
        settings: `recipe.Settings`.
    """
    steps = keeper.epochs.steps
    frozen = min(settings.frozen_epochs, settings.epochs)
    phases = [
        (0, frozen, False, _HEAD_LEARNING_RATE),
        (frozen, settings.epochs, True, 1.0),
    ]
    for first, last, trainable, factor in phases:
        if first == last or keeper.epoch >= last:
            continue
        classifier.set_backbone_trainable(model, trainable)
        with network.distribute_strategy.scope():
            optimizer = recipe.make_optimizer(
                settings, (last - first) * steps, factor=factor
            )
            network.compile(optimizer, loss, jit_compile=settings.xla)
            # Variables born inside the step would have it traced twice. Not
            # `optimizer`: for float16 Keras has wrapped it.
            network.optimizer.build(network.trainable_variables)
        keeper.monitors.rate.watch(network)
        keeper.attach(network)
        run = functools.partial(
            network.fit,
            shuffle=False,  # The dataset has its own order.
            verbose=1 if sys.stdout.isatty() else 0,
        )
        # The keeper first: it saves an epoch's end before that is validated.
        callbacks = [keeper, *keeper.monitors]
        if keeper.step == steps:
            keeper.finish_epoch()
        elif keeper.step:
            # What is left of an interrupted epoch.
            run(
                make_dataset(first_batch=keeper.epoch * steps + keeper.step),
                initial_epoch=keeper.epoch,
                epochs=keeper.epoch + 1,
                steps_per_epoch=steps - keeper.step,
                callbacks=[*callbacks, moving_average.KeepWeights()],
            )
            keeper.next_epoch()
        if keeper.epoch < last:
            run(
                make_dataset(first_batch=keeper.epoch * steps),
                initial_epoch=keeper.epoch,
                epochs=last,
                steps_per_epoch=steps,
                callbacks=callbacks,
            )
            keeper.next_epoch()
        # The next phase begins with the average, if there is one. `fit` has
        # seen to it, but not where the last epoch was only validated.
        network.optimizer.finalize_variable_values(network.trainable_weights)
