"""A training of ours whose steps a clock measures, for `step` and `gpu`."""

import tempfile


def photos(number, distinct=32):
    """Returns `records.Photos`, prepared; every second one is positive.

    Args:
        number: int, how many.
        distinct: int, how many of them are drawn; the others repeat these.
    """
    import drawn
    import numpy as np
    import tensorflow as tf

    from jdstyle.datasets import records

    stored = drawn.prepared(drawn.originals(min(distinct, number)))
    numbers = np.arange(number)
    encoded = tf.gather(stored, numbers % len(stored))
    return records.Photos(
        ids=numbers.astype(str),
        labels=(numbers % 2).astype("int32")[:, np.newaxis],
        encoded=encoded,
        stream=tf.data.Dataset.from_tensor_slices(encoded),
        source=None,
        short_side=320,
    )


def settings(**chosen):
    """Returns `recipe.Settings` of one epoch, with those that are chosen."""
    from jdstyle.training import recipe

    return recipe.Settings(
        init_from="scratch",
        epochs=1,
        frozen_epochs=0,
        learning_rate=1e-4,
        positive_rate=0.0,
        false_negative_cost=1.5,
        ema=0.98,
        **chosen,
    )


def train(clock, shown, chosen, *, checkpoint_minutes=10.0):
    """Trains one style, with a clock in place of the progress.

    Args:
        clock: function of the training's `monitors.Monitors` that returns a
            Keras callback.
        shown: of `photos`: they train and validate.
        chosen: of `settings`.
        checkpoint_minutes: as in `trainer.train`.
    """
    from jdstyle.training import trainer

    original = trainer.make_monitors

    def make_monitors(*arguments, **options):
        # After all of ours: what they take is part of the step.
        monitors = original(*arguments, **options)
        return monitors._replace(progress=clock(monitors))

    trainer.make_monitors = make_monitors
    try:
        with tempfile.TemporaryDirectory() as workdir:
            trainer.train(
                shown,
                shown,
                [0],
                chosen,
                workdir,
                checkpoint_minutes=checkpoint_minutes,
            )
    finally:
        trainer.make_monitors = original
