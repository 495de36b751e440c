"""The flag that every binary of a finished product shares: where it is."""

from jdstyle import path_flags

SAVED_MODEL = path_flags.DEFINE_path(
    "saved_model",
    None,
    "The directory of the SavedModel. Required.",
    required=True,
)
