"""Photo files to batches of random crops: photos per CPU-second, and peers'.

    python tools/bench/input.py

On drawn garments of 800 x 800 pixels and on the same as `prepare` stores them.
Ours is the dataset that `train` reads. Peers run in one process of their own
each; what is not installed is left out (pip install -e '.[bench]').
"""

import os
import pickle
import tempfile

from absl import flags

from jdstyle import cli

_NUM_PHOTOS = flags.DEFINE_integer(
    "num_photos", 128, "Distinct photos, whole batches.", lower_bound=1
)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds that count.", lower_bound=1)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Height and width of the output.", lower_bound=16
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Photos per batch.", lower_bound=1
)
_PEERS = flags.DEFINE_list(
    "peers",
    ["timm", "torch", "albumentations", "opencv", "grain"],
    "Whom to compare with; see input_peers.py.",
)

_TIMES = 4  # That ours takes the photos per round; peers once.


def main(argv):
    del argv
    # Here, so that --help does not wait for TensorFlow.
    import drawn
    import measure

    from jdstyle.photos import normalise

    measure.print_header(
        photos=_NUM_PHOTOS.value,
        size=_IMAGE_SIZE.value,
        batch=_BATCH_SIZE.value,
        rounds=_ROUNDS.value,
    )
    originals = drawn.originals(_NUM_PHOTOS.value)
    stored = drawn.prepared(originals)
    rows = _compare("800 x 800", originals) + _compare("prepared", stored)
    preparing = measure.alternate(
        {"": lambda: [normalise.normalise(o) for o in originals]}, 1
    )
    header = ["photos", "by", "photos per CPU-second", "ours is faster by"]
    print(measure.table([*header, "cores busy"], rows))
    rate = measure.rate(preparing[""], len(originals)).median
    print(
        f"\n{sum(map(len, originals)) / len(originals) / 1e3:.0f} kB and "
        f"{sum(map(len, stored)) / len(stored) / 1e3:.0f} kB per photo; "
        f"prepare makes the second from the first, once, at {rate:,.0f} photos "
        "per CPU-second."
    )


def _compare(kind, photos):
    import measure

    sides = {"jdstyle": _ours(photos), "decode alone": _decode_alone(photos)}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "photos")
        with open(path, "wb") as file:
            pickle.dump(photos, file)
        script = os.path.join(os.path.dirname(__file__), "input_peers.py")
        settings = [path, str(_IMAGE_SIZE.value), str(_BATCH_SIZE.value)]
        peers = {p: measure.Peer([script, p, *settings]) for p in _PEERS.value}
        try:
            for name, peer in peers.items():
                if peer.name is None:
                    print(f"{name}: not installed, left out")
                else:
                    sides[peer.name] = peer
            taken = measure.alternate(sides, _ROUNDS.value)
        finally:
            for peer in peers.values():
                peer.close()
    return [
        [
            kind,
            name,
            measure.show(measure.rate(turns, len(photos)), 0),
            measure.show(measure.ratio(turns, taken["jdstyle"]), 1),
            measure.show(measure.cores(turns), 1),
        ]
        for name, turns in taken.items()
    ]


def _ours(photos):
    """The dataset that `train` reads, as many photos as there are."""
    import measure
    import numpy as np
    import tensorflow as tf

    from jdstyle.datasets import records
    from jdstyle.input_pipeline import batches

    labels = np.zeros((len(photos), 1), "int32")
    dataset = batches.make_train_dataset(
        records.Photos(None, labels, tf.constant(photos), None, None, 320),
        labels,
        np.ones((1, 2), "float32"),
        image_size=_IMAGE_SIZE.value,
        batch_size=_BATCH_SIZE.value,
        seed=0,
    )
    return measure.Batches(
        dataset, len(photos) // _BATCH_SIZE.value, times=_TIMES
    )


def _decode_alone(photos):
    """The floor: TensorFlow's decoder on a middle window, nothing else."""
    import numpy as np
    import tensorflow as tf

    side = int(tf.io.extract_jpeg_shape(photos[0])[0])
    # 0.9 is the mean side of a window, 0.8 the least.
    ratio = max(
        r for r in (1, 2, 4, 8) if r == 1 or 0.8 * side >= r * _IMAGE_SIZE.value
    )
    window = np.int32(np.array([0.05, 0.05, 0.9, 0.9]) * (side // ratio))

    def decode(photo):
        return tf.io.decode_and_crop_jpeg(
            photo, window, channels=3, ratio=ratio
        )[:1]

    dataset = tf.data.Dataset.from_tensor_slices(photos)
    dataset = dataset.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    return lambda: [pixels.shape for pixels in dataset]


if __name__ == "__main__":
    cli.run(main)
