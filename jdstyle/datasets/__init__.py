"""Data sets: label files and photos, checked and stored as TFDS records."""
