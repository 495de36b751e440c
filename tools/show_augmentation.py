"""Writes a contact sheet: photos above what the augmentation makes of them.

python tools/show_augmentation.py --output=augmentation.png
"""

import os

from absl import flags

from jdstyle import cli
from jdstyle import path_flags

_DATASET = flags.DEFINE_string(
    "dataset", "demo", "demo, jd_fashion or label_table/NAME."
)
_DATA_DIR = path_flags.DEFINE_folder(
    "data_dir", "data", "Folder of the prepared data sets.", write=False
)
_OUTPUT = path_flags.DEFINE_output("output", "augmentation.png", "The picture.")
_NUM_PHOTOS = flags.DEFINE_integer("num_photos", 8, "Columns.", lower_bound=1)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Height and width in pixels.", lower_bound=16
)
_SEED = flags.DEFINE_integer("seed", 0, "Of all random numbers.", lower_bound=0)


def main(argv):
    del argv
    # Here, so that --help does not wait for TensorFlow.
    import numpy as np
    from PIL import Image

    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.files import atomic
    from jdstyle.input_pipeline import augment
    from jdstyle.input_pipeline import batches

    builder = prepared.open_prepared(_DATASET.value, _DATA_DIR.value)
    photos = records.read_photos(builder, "train", cache="stream")
    dataset = batches.make_train_dataset(
        photos,
        photos.labels[:, :1],
        np.ones((1, 2), "float32"),
        image_size=_IMAGE_SIZE.value,
        batch_size=_NUM_PHOTOS.value,
        seed=_SEED.value,
    )
    images, _ = next(iter(dataset))
    sheet = augment.contact_sheet(images, augment.build(_SEED.value))
    kind = Image.registered_extensions().get(
        os.path.splitext(_OUTPUT.value)[1].lower()
    )
    with atomic.aside(_OUTPUT.value, "wb") as file:
        Image.fromarray(sheet).save(file, kind or "PNG")
    print(
        f"Contact sheet: {_OUTPUT.value}",
        file=cli.stream_beside(_OUTPUT.value),
    )


if __name__ == "__main__":
    cli.run(main)
