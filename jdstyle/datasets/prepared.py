"""From the name of a data set to its prepared records."""

import contextlib
import json
import os
import time

import tensorflow_datasets as tfds
from absl import logging

from jdstyle import commands
from jdstyle.datasets import given_rows
from jdstyle.datasets import names
from jdstyle.datasets import whole_records
from jdstyle.errors import InputError
from jdstyle.files import places
from jdstyle.files import swap


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
            see `deepfashion.builder.DeepFashion`; for a label table: `table`,
            `images_dir`, `image_column`, `style_columns`, `allow_all_zero`,
            `follow_links`, `format`, `tags`, `extension`, `unknown`, see
            `label_table.LabelTable`.

    Returns:
        A `builder.PhotoBuilder`.

    Raises:
        InputError: if there is no such data set, or for a fault in its label
            files.
    """
    # Here, not above: opening a prepared data set needs none of them.
    from jdstyle.datasets import jd_fashion
    from jdstyle.datasets import label_table
    from jdstyle.datasets.deepfashion import builder as deepfashion
    from jdstyle.datasets.demo import builder as demo

    names.require(dataset)
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
        InputError: for a fault in labels or photos, if given splits leak, or
            if the data set was prepared with other settings or from photo files
            that have changed since, and `overwrite` is False; or if another
            process reads what would be replaced.
    """
    places.require_folder(builder.data_dir, "data_dir")
    folder = os.path.dirname(builder.data_dir)
    with whole_records.wait_for_turn(folder):
        whole_records.remove_unfinished(folder)
        if os.path.isdir(builder.data_dir) and not overwrite:
            _require_same(builder)
            logging.info("Already prepared: %s", builder.data_dir)
            return
        tfds.disable_progress_bar()
        start = time.monotonic()
        with (
            whole_records.kept_from_readers(builder.data_dir),
            swap.replacing(builder.data_dir),
        ):
            builder.download_and_prepare()
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
    names.require(dataset)
    folder = os.path.join(data_dir, dataset)
    with contextlib.suppress(FileNotFoundError):
        os.listdir(folder)  # TFDS takes one that is shut for an empty one.
    versions = tfds.core.utils.version.list_all_versions(folder)
    if not versions and dataset == "demo":
        from jdstyle.datasets.builder import Options

        logging.info("Drawing the demo data set, once")
        prepare(make_builder("demo", data_dir, Options()))
        versions = tfds.core.utils.version.list_all_versions(folder)
    if not versions:
        more = {
            "deepfashion": {"manual_dir": "..."},
            "label_table": {"table": "...", "images_dir": "..."},
        }.get(dataset.partition("/")[0], {})
        how = commands.line(
            "prepare", dataset=dataset, data_dir=data_dir, **more
        )
        raise InputError(
            f"{dataset} is not prepared in --data_dir={data_dir}. Prepare it: "
            f"{how}"
        )
    folder = os.path.join(folder, str(max(versions)))
    try:
        builder = tfds.builder_from_directory(folder)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder} is not what `prepare` wrote ({error}). Prepare it anew, "
            "with --overwrite."
        ) from error
    # `prepare` refuses such names now. A product has a name per line.
    for name in builder.info.metadata["styles"]:  # pyright: ignore
        if "\n" in name or "\r" in name:
            raise InputError(
                f"{folder} has a style with a line break in its name: "
                f"{name!r}. Rename it in the label file and prepare it anew."
            )
    return builder


def _require_same(builder):
    """Refuses what was prepared from something else."""
    path = os.path.join(builder.data_dir, "metadata.json")
    with open(path, encoding="utf-8") as file:
        metadata = json.load(file)
    differing = _describe_differing(builder, metadata["settings"])
    again = "Pass --overwrite to prepare it anew, or another --data_dir."
    if differing:
        raise InputError(
            f"{builder.data_dir} was prepared with other settings: "
            f"{'; '.join(differing)}. {again}"
        )
    changed = builder.find_changed_sources()
    if changed:
        raise InputError(
            f"{len(changed)} photo files are not what {builder.data_dir} was "
            f"prepared from. The first: {'; '.join(changed[:3])}. {again}"
        )
    from jdstyle.datasets import splits  # Opening does not need it.

    splits.require_no_leaks(
        metadata["num_leaking"],
        metadata.get("leaks", []),
        builder.options.allow_leaks or builder.options.duplicates == "warn",
    )


def _describe_differing(builder, recorded):
    """Returns a list of texts: which settings differ from those recorded."""
    knows_rows = os.path.exists(os.path.join(builder.data_dir, given_rows.FILE))
    wanted = builder.settings() if knows_rows else builder.settings_of_old()
    wanted = json.loads(json.dumps(wanted))
    # An option that there was not yet has had the value that it has by default.
    recorded = {
        name: value
        for name, value in builder.options._field_defaults.items()
        if name in wanted
    } | recorded
    keys = [
        key
        for key in sorted(recorded.keys() | wanted.keys())
        if recorded.get(key) != wanted.get(key)
    ]
    texts = {
        key: f"{key} {recorded.get(key)!r}, now {wanted.get(key)!r}"
        for key in keys
    }
    if "styles" in keys:  # Then all rows differ, which says no more.
        texts.pop("labels", None)
    elif "labels" in keys and knows_rows:
        texts["labels"] = f"labels: {builder.describe_changed_labels()}"
    elif "labels" in keys:
        texts["labels"] = (
            "labels, or the folder of the photos: the older version of jdstyle "
            "that prepared it took one for the other. Where the photos lie in "
            "the same place, write --table and --images_dir as then"
        )
    return list(texts.values())
