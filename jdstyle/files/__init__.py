"""Whether a file is whole, held by somebody else, and what was written."""
