"""From the name of a data set to its prepared records."""

import json
import os
import re
import time

import pandas as pd
import tensorflow_datasets as tfds
from absl import logging

from jdstyle import input_pipeline
from jdstyle.errors import InputError

_NAME = re.compile(
    r"deepfashion/(coarse|fine)|demo|jd_fashion|label_table/\w[\w.-]*"
)


def make_builder(dataset, data_dir, options, *, manual_dir=None, **more):
    """Makes the TFDS builder of a data set.

    Args:
        dataset: "deepfashion/coarse", "deepfashion/fine", "demo", "jd_fashion"
            or "label_table/NAME".
        data_dir: folder that holds the prepared data sets.
        options: `builder.Options`.
        manual_dir: of deepfashion and jd_fashion, folder of the user's files;
            None for `<data_dir>/downloads/manual`.
        **more: for deepfashion: `num_attributes`, `crop_to_box`, `categories`,
            see `deepfashion.DeepFashion`; for a label table: `table`,
            `images_dir`, `image_column`, `style_columns`, `allow_all_zero`, see
            `label_table.LabelTable`.

    Returns:
        A `builder.PhotoBuilder`.

    Raises:
        InputError: if there is no such data set, or for a fault in its label
            files.
    """
    # Here, not above: opening a prepared data set needs none of them.
    from jdstyle.datasets import deepfashion
    from jdstyle.datasets import demo
    from jdstyle.datasets import jd_fashion
    from jdstyle.datasets import label_table

    _require_name(dataset)
    common = {"data_dir": data_dir, "options": options}
    if dataset == "demo":
        return demo.Demo(**common)
    kind, _, name = dataset.partition("/")
    manual_dir = manual_dir or os.path.join(data_dir, "downloads", "manual")
    if kind == "deepfashion":
        return deepfashion.DeepFashion(
            part=name, manual_dir=manual_dir, **more, **common
        )
    if dataset == "jd_fashion":
        return jd_fashion.JdFashion(manual_dir=manual_dir, **common)
    return label_table.LabelTable(name=name, **more, **common)


def prepare(builder, *, overwrite=False):
    """Writes the records of a data set, unless they are there already.

    Args:
        builder: `builder.PhotoBuilder`.
        overwrite: replace a data set prepared with other settings.

    Raises:
        InputError: for a fault in labels or photos, or if the data set was
            prepared with other settings and `overwrite` is False.
    """
    if os.path.isdir(builder.data_dir) and not overwrite:
        _require_same_settings(builder)
        logging.info("Already prepared: %s", builder.data_dir)
        return
    tfds.disable_progress_bar()
    os.makedirs(os.path.dirname(builder.report_path), exist_ok=True)
    mode = tfds.GenerateMode.REUSE_DATASET_IF_EXISTS
    if overwrite:
        mode = tfds.GenerateMode.REUSE_CACHE_IF_EXISTS
    start = time.monotonic()
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(download_mode=mode)
    )
    logging.info(
        "Prepared %s in %.0f s", builder.data_dir, time.monotonic() - start
    )


def open_prepared(dataset, data_dir):
    """Opens a prepared data set; the demo prepares itself at first use.

    Args:
        dataset: as in `make_builder`.
        data_dir: folder that holds the prepared data sets.

    Returns:
        A read-only `tfds.core.DatasetBuilder`.

    Raises:
        InputError: if it is not prepared, with the command that does it.
    """
    _require_name(dataset)
    folder = os.path.join(data_dir, dataset)
    versions = tfds.core.utils.version.list_all_versions(folder)
    if not versions and dataset == "demo":
        from jdstyle.datasets.builder import Options

        logging.info("Drawing the demo data set, once")
        prepare(make_builder("demo", data_dir, Options()))
        versions = tfds.core.utils.version.list_all_versions(folder)
    if not versions:
        more = {
            "deepfashion": " --manual_dir=...",
            "label_table": " --table=... --images_dir=...",
        }.get(dataset.partition("/")[0], "")
        raise InputError(
            f"{dataset} is not prepared in --data_dir={data_dir}. Prepare it: "
            f"python -m jdstyle.prepare --dataset={dataset} "
            f"--data_dir={data_dir}{more}"
        )
    return tfds.builder_from_directory(os.path.join(folder, str(max(versions))))


def read_folds(builder):
    """Returns the numbers of a data set's folds, sorted; decodes no photo."""
    splits = [name for name in builder.info.splits if name != "test"]
    examples = builder.as_dataset(
        split="+".join(splits),
        decoders=tfds.decode.PartialDecoding({"fold"}),
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    return sorted(
        {
            int(fold)
            for batch in examples.batch(1024)
            for fold in batch["fold"].numpy()
        }
    )


def summary(dataset, data_dir):
    """Returns a table of photos and positives per split, and what was left out.

    Of DeepFashion also how many labels are known, a positive or a negative.

    Args: as `open_prepared`.
    """
    builder = open_prepared(dataset, data_dir)
    columns = {}
    for split, info in builder.info.splits.items():
        photos = input_pipeline.read_photos(builder, split, cache="stream")
        labels = photos.labels
        columns[split] = [info.num_examples, *(labels == 1).sum(axis=0)]
        if dataset.startswith("deepfashion/"):
            known = (labels >= 0).sum(axis=0)
            columns[f"{split} known"] = [info.num_examples, *known]
    metadata = builder.info.metadata
    table = pd.DataFrame(columns, ["photos", *metadata["styles"]])
    rejected = metadata["rejected"]
    return "\n".join(
        [
            table.to_string(),
            # Not in what older versions prepared.
            *(
                f"{n} {what}"
                for what, n in metadata.get("cleaning", {}).items()
            ),
            f"{sum(rejected.values())} photos rejected, "
            f"{metadata['num_grouped']} have a near-duplicate or a group.",
        ]
    )


def _require_name(dataset):
    if not _NAME.fullmatch(dataset):
        raise InputError(
            "--dataset must be deepfashion/coarse, deepfashion/fine, demo, "
            "jd_fashion or label_table/NAME, NAME of letters, digits, _, - and "
            f"dots. Received: {dataset!r}."
        )


def _require_same_settings(builder):
    path = os.path.join(builder.data_dir, "metadata.json")
    with open(path, encoding="utf-8") as file:
        recorded = json.load(file)["settings"]
    wanted = json.loads(json.dumps(builder.settings()))
    if recorded == wanted:
        return
    differing = "; ".join(
        f"{key} {recorded.get(key)!r}, now {wanted.get(key)!r}"
        for key in sorted(recorded.keys() | wanted.keys())
        if recorded.get(key) != wanted.get(key)
    )
    raise InputError(
        f"{builder.data_dir} was prepared with other settings: {differing}. "
        "Pass --overwrite to prepare it anew, or another --data_dir."
    )
