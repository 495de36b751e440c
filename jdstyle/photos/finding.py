"""Which photos the named files and folders hold, and the id of each."""

import collections
import os
import re
import stat

from absl import logging

from jdstyle.errors import InputError
from jdstyle.photos import kinds

# A name that ends so says that it is a photo, also as the last part of an
# address: 8f3a.jpg?w=600, thumb.jpg_480x480.
_CLAIM = re.compile(
    r"\.(jpe?g|jpe|jfif|jfi|jif|pjpe?g|pjp|a?png|webp|gif|bmp|dib|heic|heif|hif"
    r"|avif|tiff?|jxl|jp2|jpx|j2k|psd)([^a-z0-9.][^.]*)?$",
    re.IGNORECASE,
)

_OTHERS = {"empty": "empty files", None: "other files"}


def find(paths):
    """Lists photos: files that are named, and all photos in folders that are.

    In a folder, photos are what holds a picture, whatever its name, and what
    has a picture's name, whatever it holds. Links to folders are followed; each
    folder is read once. Hidden files and folders are left out. What is left out
    is logged by kind.

    Args:
        paths: list of files and folders.

    Returns:
        List of `(id, path)`, no two with the same id. The id of a photo in a
        folder is its path in that folder, as in a label table; of a photo that
        is named its name. Where two photos would get one id so, the ids of all
        are their paths as they were named.

    Raises:
        InputError: if a path does not exist or if there is no photo.
    """
    found, left_out = {}, collections.defaultdict(list)
    for path in paths:
        if os.path.isdir(path):
            root, inside = path, sorted(_search(path, left_out))
        else:
            try:
                os.stat(path)
            except OSError as error:
                raise InputError(
                    f"No such photo or folder: {path!r} ({error.strerror})."
                ) from error
            root, name = os.path.split(path)
            inside = [name]
        # A photo that is named twice, by whichever names, counts once.
        real = os.path.realpath(root)
        for name in inside:
            found.setdefault(
                os.path.join(real, name), (name, os.path.join(root, name))
            )
    said = _describe(left_out)
    if not found:
        raise InputError(
            f"No photo in {', '.join(paths)}. Read are {kinds.READ}. "
            f"Left out: {said or 'nothing'}."
        )
    if said:
        logging.info("Left out: %s", said)
    return _with_ids(list(found.values()))


def name_as_challenge(found):
    """Changes ids to the challenge's, whose photos are called `<id>.jpg`.

    Args:
        found: list of `(id, path)`.

    Returns:
        The same, the ids being the files' names without folder and suffix.

    Raises:
        InputError: if two photos have one name.
    """
    named = {}
    for _, path in found:
        name = _CLAIM.sub("", os.path.basename(path))
        if name in named:
            raise InputError(
                "--format=submission takes a photo's name without its folder "
                f"and suffix as id. Received two photos {name!r}: "
                f"{named[name]} and {path}."
            )
        named[name] = path
    return list(named.items())


def _with_ids(found):
    first = {}
    for name, path in found:
        if name in first:
            logging.info(
                "Several photos are called %s, as %s and %s: the ids are the "
                "paths as they were named",
                *(name, first[name], path),
            )
            return [(path, path) for _, path in found]
        first[name] = path
    return found


def _search(root, left_out):
    """Yields the paths of photos, relative to the folder."""
    seen = set()
    # Links come last: a folder that is there itself is found under its name.
    folders, links = collections.deque([""]), collections.deque()
    while folders or links:
        inside = (folders or links).popleft()
        path = os.path.join(root, inside)
        try:
            status = os.stat(path)
            with os.scandir(path) as entries:
                entries = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            logging.warning("Cannot read the folder %s: %s", path, error)
            left_out["unreadable folders"].append(inside)
            continue
        identity = status.st_dev, status.st_ino
        if identity in seen:
            left_out["links to folders that are read already"].append(inside)
            continue
        seen.add(identity)
        for entry in entries:
            name = os.path.join(inside, entry.name)
            if entry.name.startswith("."):
                left_out["hidden files and folders"].append(name)
            elif os.path.isdir(entry.path):
                (links if entry.is_symlink() else folders).append(name)
            elif kind := _kind_left_out(entry):
                left_out[kind].append(name)
            else:
                yield name


def _kind_left_out(entry):
    """Returns what a file is that is left out, None for a photo."""
    if _CLAIM.search(entry.name):
        return None  # Reading it says what is wrong with it.
    try:
        if not stat.S_ISREG(os.stat(entry.path).st_mode):
            return "pipes or devices"
        with open(entry.path, "rb") as file:
            start = file.read(kinds.START)
    except FileNotFoundError:
        return "broken links"
    except OSError:
        return "unreadable files"
    if kinds.recognise(start) is not None:
        return None
    what = kinds.describe(start)
    return _OTHERS.get(what, "text files")


def _describe(left_out):
    return ", ".join(
        f"{kind}: {len(names)} ({names[0]}{' ...' if names[1:] else ''})"
        for kind, names in left_out.items()
    )
