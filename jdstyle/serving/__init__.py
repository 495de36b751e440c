"""The SavedModel: what it is, how it is checked, loaded and asked."""
