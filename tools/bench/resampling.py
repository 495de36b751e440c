"""Host time to resample rare positives, and what tf.data's rejection takes.

python tools/bench/resampling.py
"""

from absl import flags

from jdstyle import cli

_NUM_PHOTOS = flags.DEFINE_integer(
    "num_photos", 54_908, "Photos of the data set.", lower_bound=2
)
_NUM_POSITIVES = flags.DEFINE_integer(
    "num_positives", 104, "Positives among them.", lower_bound=1
)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds that count.", lower_bound=1)

_EPOCHS = 50  # Of ours per round: one is too short to measure.
_ACCEPTED = 64  # Of rejection_resample per round.


def main(argv):
    del argv
    # Here, so that --help does not wait for TensorFlow.
    import measure
    import numpy as np
    import tensorflow as tf

    from jdstyle.input_pipeline import resampling

    num_photos, positives = _NUM_PHOTOS.value, _NUM_POSITIVES.value
    measure.print_header(
        photos=num_photos, positives=positives, rounds=_ROUNDS.value
    )
    labels = np.zeros((num_photos, 1), "int32")
    places = np.random.default_rng(0).choice(num_photos, positives, False)
    labels[places] = 1
    acceptance = resampling.acceptance_probabilities(labels, [0.5])
    constant = tf.constant(labels)
    draw = tf.function(
        lambda epoch: resampling.draw_epoch(
            constant, acceptance, seed=0, epoch=epoch
        )
    )

    def ours():
        return [draw(tf.constant(e, tf.int64)) for e in range(_EPOCHS)]

    kept = sum(len(indices) for indices, _ in ours())
    share = positives / num_photos
    # Before decoding: it says labels and numbers of photos, as ours does.
    rejection = tf.data.Dataset.from_tensor_slices(
        (np.arange(num_photos), labels[:, 0])
    )
    rejection = rejection.repeat().shuffle(num_photos, seed=0)
    rejection = rejection.rejection_resample(
        lambda index, label: label,
        target_dist=[0.5, 0.5],
        initial_dist=[1 - share, share],
        seed=0,
    )
    accepted = iter(rejection)
    taken = measure.alternate(
        {
            "jdstyle": ours,
            "Dataset.rejection_resample": lambda: [
                next(accepted) for _ in range(_ACCEPTED)
            ],
        },
        _ROUNDS.value,
    )
    counts = dict(zip(taken, (kept, _ACCEPTED), strict=True))
    rows = [
        [
            name,
            measure.show(measure.cpu_ms(turns, counts[name]), 4),
            measure.show(
                measure.ratio(turns, taken["jdstyle"], kept / counts[name]), 0
            ),
        ]
        for name, turns in taken.items()
    ]
    header = ["by", "cpu-ms per kept photo", "times ours"]
    print(measure.table(header, rows))


if __name__ == "__main__":
    cli.run(main)
