"""Where a table's photos lie, and which file a wrong path may mean."""

import contextlib
import os
import posixpath
import re
import unicodedata
import urllib.parse

from jdstyle import styles
from jdstyle.datasets import column_roles
from jdstyle.datasets import other_spellings
from jdstyle.errors import InputError
from jdstyle.errors import shown

_MOST_BYTES = 4096  # Of a path, on Linux.
_MOST_FOLDERS = 100  # Sub-folders to look into for a photo.

_SCHEME = "^[a-z][a-z0-9+.-]*://"
_EXTENSION = re.compile(r"(\.[\w-]+)+")
_ABSOLUTE = re.compile(rf"^/|{_SCHEME}", re.I)


class Folder:
    """A folder of photos.

    Args:
        path: of the folder; it exists.
        follow_links: whether links may lead out of it.
        extension: string, what tables leave out at the end of names; or None.

    Raises:
        InputError: if that is no extension.
    """

    def __init__(self, path, *, follow_links=False, extension=None):
        if extension and not _EXTENSION.fullmatch(extension):
            raise InputError(
                "--extension must be a dot and letters, as .jpg. Received: "
                f"{shown(extension)}."
            )
        self._path = path
        self._root = os.path.realpath(path)
        self._follow_links = follow_links
        self._spellings = other_spellings.OtherSpellings(path, extension)

    def locate(self, name, where):
        """Returns `(id, path)` of a photo.

        Args:
            name: string, its path in this folder as a table has it: an absolute
                one, with backslashes, in another case or without the extension
                where just one file can be meant. The id is the file's path in
                the folder.
            where: "file:line".

        Raises:
            InputError: if it would lie outside, be it by a link, or if several
                files may be meant.
        """
        inside = self._relative(name)
        if not _is_usable(inside) or _ABSOLUTE.match(inside):
            raise InputError(
                f"{where}: expected an image's path inside {self._path}, got "
                f"{shown(name)}.{self._hint(name)}"
            )
        photo_id = self._spellings.find(posixpath.normpath(inside), where)
        if photo_id != posixpath.normpath(name):
            self._spellings.count(name, photo_id)
        path = os.path.join(self._path, photo_id)
        inside = os.path.realpath(os.path.join(self._root, photo_id))
        if photo_id == "." or not (
            self._follow_links
            or inside.startswith(os.path.join(self._root, ""))
        ):
            raise InputError(
                f"{where}: {shown(name)} leads out of {self._path}. Pass "
                "--follow_links to take photos that links there lead to."
            )
        return photo_id, path

    def describe(self):
        """Returns sentences on what was found under another spelling."""
        return self._spellings.describe()

    def _relative(self, name):
        """Returns an absolute path that lies in the folder as it is there."""
        if name.startswith("/") and _is_usable(name.replace("..", "")):
            for root in (os.path.abspath(self._path), self._root):
                inside = os.path.relpath(posixpath.normpath(name), root)
                if inside != ".." and not inside.startswith("../"):
                    return inside
        return name

    def _hint(self, name):
        if not _is_usable(name.replace("..", "")):
            return ""
        found = find_like(os.path.join(self._path, ""), name)
        if found:
            there = os.path.relpath(found, self._path)
            return f" There is {there}: write it so."
        if os.path.isabs(name) and os.path.exists(name):
            return (
                " It exists, but not in that folder: name a folder above it "
                "with --images_dir, and write the path from there."
            )
        return ""


def _is_usable(name):
    """Whether a name is a path that a file system can have, without `..`."""
    with contextlib.suppress(UnicodeEncodeError):  # Bytes that are no UTF-8.
        fits = len(name.encode()) < _MOST_BYTES
        # What `given_rows` writes is read back: neither may be in a CSV.
        usable = name and fits and not {"\0", "\ufeff"} & {*name}
        return usable and ".." not in name.split("/")
    return False


def describe_missing(path):
    """Says which file may be meant by a path where there is none.

    Args:
        path: string.

    Returns:
        The path, and what is there instead of it if something is.
    """
    if os.path.islink(path):
        return f"{path} (a link to {os.readlink(path)}, which is not there)"
    folder, rest = os.path.dirname(path), os.path.basename(path)
    while folder and not os.path.isdir(folder):
        folder, name = os.path.split(folder)
        rest = f"{name}/{rest}"
    found = find_like(folder or ".", rest)
    if not found:
        return path
    form = ""
    if unicodedata.normalize("NFC", found) == unicodedata.normalize(
        "NFC", path
    ):
        # They look alike.
        form = ", which writes its accents in another Unicode form"
    return f"{path} (there is {found}{form})"


def find_like(folder, name):
    """Finds a file whose path differs from a wrong one in its spelling.

    In what `styles.plain` takes away (case, blanks, Unicode's form), suffix,
    percent signs, backslashes, `file://`, `..`, or in the folders above it.

    Args:
        folder: path of a folder.
        name: string, what a table calls the file in it.

    Returns:
        Path of the file, or None.
    """
    names = [name.replace("\\", "/")]
    if "%" in name:
        names.append(urllib.parse.unquote(names[0]))
    for spelt in names:
        spelt = re.sub(f"{_SCHEME}[^/]*|^[a-z]:", "", spelt, flags=re.I)
        parts = [
            part for part in spelt.split("/") if part not in ("", ".", "..")
        ]
        # The longest end of the path that is there.
        for start in range(len(parts)):
            found = _walk(folder, parts[start:])
            if found:
                return found
        for entry in _folders(folder) if parts else []:
            found = _walk(os.path.join(folder, entry), parts[-1:])
            if found:
                return found
    return None


def _walk(folder, parts):
    """Follows a path, of each part the entry that is spelt alike."""
    for i, part in enumerate(parts):
        there = _entries(folder)
        entries = there.get(_spelling(part), [])
        if not entries and i == len(parts) - 1:
            entries = _with_other_suffix(there, part)
        if not entries:
            return None
        folder = os.path.join(folder, part if part in entries else entries[0])
    return folder if os.path.isfile(folder) else None


def _with_other_suffix(there, name):
    """Returns the photos of a name that has another suffix, or lacks one."""
    stem = _spelling(os.path.splitext(name)[0])
    return [
        entry
        for spelling, entries in there.items()
        for entry in entries
        if column_roles.PHOTO.search(entry)
        and os.path.splitext(spelling)[0] in (stem, _spelling(name))
    ] or there.get(stem, [])


def _entries(folder):
    """Returns a dict from spellings to the entries of a folder."""
    found = {}
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            found.setdefault(_spelling(name), []).append(name)
    return found


def _folders(folder):
    """Returns the names of the first folders in a folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.is_dir())[:_MOST_FOLDERS]
    return []


def _spelling(name):
    return styles.plain(name) or name
