"""One training, from its settings to its best weights."""
