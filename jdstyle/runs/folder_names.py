"""What run directories are called."""

import hashlib
import os
import re
import unicodedata

# Of each part of a directory's name: data set, style, backbone, fold and an
# ending such as .log stay below the 255 bytes that a file system allows.
_MOST_BYTES = 100
_DIGITS = 8  # Of the digest of what is left out.
# In front a dot hides a directory, a hyphen makes an option of it and a tilde a
# home; the others are patterns to TensorFlow, fields to Keras or ends of lines.
_UNSAFE = re.compile(r"^[.~-]+|[\[\]{}*?\\\x00-\x1f\x7f-\x9f\u2028\u2029]")


def directory_name(*parts):
    """Returns a directory name: lower case, no spaces, no slashes.

    Of a part that is too long, that would hide the directory or that holds what
    TensorFlow and Keras read as a pattern, the name keeps the harmless letters
    and adds a digest: `run.json` has the whole name. Parts that
    `styles.require_usable` tells apart have different names.

    Args:
        *parts: strings, such as a style and a backbone.
    """
    return "-".join(map(_directory_part, parts))


def _directory_part(part):
    text = unicodedata.normalize("NFC", part).lower()
    text = text.replace("/", "-").replace(" ", "_")
    safe = _UNSAFE.sub("_", text).encode()
    if safe.decode() == text and len(safe) <= _MOST_BYTES:
        return text
    digest = hashlib.sha256(part.encode()).hexdigest()[:_DIGITS]
    # Cut between two characters.
    kept = safe[: _MOST_BYTES - _DIGITS - 1].decode(errors="ignore")
    return f"{kept}-{digest}"


def default_path(*parts, fold):
    """Returns where a run goes without --workdir.

    Args:
        *parts: strings, such as data set, style and backbone.
        fold: int or None.
    """
    ending = [] if fold is None else [f"fold{fold}"]
    return os.path.join("runs", directory_name(*parts, *ending))
