"""JD AI Fashion Challenge 2018: the official files and a folder of photos."""

import tensorflow_datasets as tfds

from jdstyle import styles
from jdstyle.datasets import builder
from jdstyle.datasets import jd_labels


class JdFashion(builder.PhotoBuilder):
    """54,908 training and 10,000 test photos, 13 styles, five folds.

    Folds 1 to 4 of the official fold file train (43,926 photos), the rest
    validates as fold 5. Test photos come in where their result file is there.

    Args:
        manual_dir: folder of the files, see `MANUAL_DOWNLOAD_INSTRUCTIONS`.
        **kwargs: `options` and those of `tfds.core.GeneratorBasedBuilder`.

    Raises:
        InputError: for a fault in the label files, with file and line.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    --manual_dir (default: <data_dir>/downloads/manual) must hold
      train.txt   id,url and 13 flags per line
      fold.txt    fold,ID_0_1_..._0.jpg (optional: else five stratified folds)
      test.txt    id,url                (optional)
      result.txt  id and 13 flags       (optional: the truth of test.txt)
      images/     <id>.jpg
    """

    def __init__(self, *, manual_dir, **kwargs):
        super().__init__(
            style_names=styles.NAMES,
            rows=jd_labels.read_jd_fashion(manual_dir),
            **kwargs,
        )
