"""Flags that every binary of a data set shares: which one, and where it is."""

import json
import os

from absl import flags

from jdstyle import path_flags
from jdstyle.errors import InputError

DATASET = flags.DEFINE_string(
    "dataset",
    "demo",
    "The data set: demo (built in), jd_fashion, deepfashion/coarse, "
    "deepfashion/fine or label_table/NAME for a table of your own.",
)
DATA_DIR = path_flags.DEFINE_folder(
    "data_dir",
    "data",
    "The folder of the prepared data sets, which `prepare` fills.",
    write=False,  # Others read it, the demo's first use apart.
)


def dataset_of(saved_model):
    """Returns the data set to try a product on: --dataset, else its own.

    Args:
        saved_model: directory of the SavedModel. The `run.json` of what wrote
            it, beside it or, of a reproduction, one folder up, names the data
            set that it learned.

    Returns:
        Name of a data set, as --dataset; printed if it was not given.

    Raises:
        InputError: if --dataset is not given, and no such file names one.
    """
    if flags.FLAGS["dataset"].present:
        return DATASET.value
    folder = os.path.dirname(os.path.abspath(saved_model))
    for place in (folder, os.path.dirname(folder)):
        path = os.path.join(place, "run.json")
        try:
            with open(path, encoding="utf-8") as file:
                full_name = json.load(file)["dataset"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            continue
        dataset, _, _ = str(full_name).rpartition("/")  # Less the version.
        print(f"--dataset={dataset}, as {path} says")
        return dataset
    raise InputError(
        f"--dataset is required: {saved_model} has no run.json beside it that "
        "names the data set it learned. Pass --dataset=demo for the built-in "
        "one."
    )
