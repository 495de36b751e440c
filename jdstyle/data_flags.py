"""Flags that every binary of a data set shares: which one, and where it is."""

from absl import flags

from jdstyle import path_flags

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
