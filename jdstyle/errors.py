"""The error that means: what the user gave cannot be used."""


class InputError(ValueError):
    """Bad input: a flag's value, a label line, a missing file.

    Its text alone tells the user what to change: what was received, what is
    accepted, and for data the file and line. Binaries print it without a
    traceback and end with exit code 2 (`cli.run`).
    """
