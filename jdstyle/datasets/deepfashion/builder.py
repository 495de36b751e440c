"""DeepFashion's attribute prediction, cleaned, for pretraining."""

import hashlib

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from jdstyle.datasets import builder
from jdstyle.datasets.deepfashion import cleaning
from jdstyle.datasets.deepfashion import labels


class DeepFashion(builder.PhotoBuilder):
    """Photos with attributes, some unknown: label 1 yes, 0 no, -1 unknown.

    The official partitions are the splits. Cleaned in this order, and counted
    in `metadata["cleaning"]`:

    - Rows of one path are merged, see `cleaning.merge_copies`; the
      first one's box counts.
    - Of all labels the most balanced are kept, see `choose_balanced` there.
    - Rows without a known label go, then photos that are missing or cannot be
      read, however many: that is part of the cleaning.
    - Rows whose stored photos are equal, byte for byte, are merged too.

    Near-duplicates among all 289,222 photos are looked for as in any data set:
    20,000 take 0.65 s on 2 cores, hence all (14.5^2 times as many pairs) 2 to 3
    minutes, little beside reading them.

    Args:
        part: "coarse" or "fine".
        manual_dir: folder of the files, see `MANUAL_DOWNLOAD_INSTRUCTIONS`.
        num_attributes: int, how many labels to keep; 0 for all.
        crop_to_box: cut each photo to its garment's box.
        categories: add a label per category.
        options: `builder.Options`.
        **kwargs: of `tfds.core.GeneratorBasedBuilder`.

    Raises:
        InputError: for a fault in the files, with file and line.
    """

    name = "deepfashion"
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    --manual_dir (default: <data_dir>/downloads/manual) must hold
      Anno_coarse/ (older: Anno/) and Eval/   for deepfashion/coarse
      Anno_fine/                              for deepfashion/fine
      img/ or Img/img/                        the photos
    """

    def __init__(
        self,
        *,
        part,
        manual_dir,
        num_attributes=20,
        crop_to_box=False,
        categories=False,
        options,
        **kwargs,
    ):
        # Its partitions leak, and it holds many copies; what it pretrains is
        # scored on other photos.
        options = options._replace(
            allow_missing=True,
            max_bad_fraction=1.0,
            allow_leaks=True,
            duplicates=options.duplicates or "group",
        )
        self._own_settings = {
            "num_attributes": num_attributes,
            "crop_to_box": crop_to_box,
            "categories": categories,
        }
        logging.info("Reading the annotations in %s", manual_dir)
        table = labels.read(
            part,
            manual_dir,
            with_boxes=crop_to_box,
            with_categories=categories,
        )
        names, rows, self._boxes, counts = cleaning.clean(
            table, labels.find_photos(manual_dir), num_attributes
        )
        config = tfds.core.BuilderConfig(
            name=part, version=self.VERSION, description=f"From {manual_dir}."
        )
        super().__init__(
            style_names=names,
            rows=rows,
            config=config,
            options=options,
            **kwargs,
        )
        self.cleaning = counts

    def settings(self):
        boxes = hashlib.sha256(str(sorted(self._boxes.items())).encode())
        return {
            **super().settings(),
            **self._own_settings,
            "boxes": boxes.hexdigest(),
        }

    def _find_box(self, row):
        return self._boxes.get(row.id)

    def _clean(self, checked):
        values = np.array([photo.row.labels for photo in checked], np.int8)
        kept, counts = cleaning.merge_copies(
            [photo.sha256 for photo in checked],
            [photo.row.split for photo in checked],
            values,
            what="content",
        )
        known = [i for i in kept if (values[i] >= 0).any()]
        counts["rows left without a known label"] = len(kept) - len(known)
        self.cleaning |= counts
        return [
            checked[i]._replace(
                row=checked[i].row._replace(labels=tuple(values[i].tolist()))
            )
            for i in known
        ]
