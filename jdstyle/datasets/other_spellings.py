"""The one file that a path means which is written otherwise."""

import os
import posixpath

from jdstyle.datasets import column_roles
from jdstyle.errors import InputError
from jdstyle.errors import shown


class OtherSpellings:
    """Finds files by paths with backslashes, in another case or cut short.

    Args:
        path: of the folder that the paths are in.
        extension: string that may be missing at their ends, such as ".jpg"; or
            None.
    """

    def __init__(self, path, extension=None):
        self._path = path
        self._extension = extension or ""
        self._listed = {}  # Of each folder, its entries by `str.casefold`.
        self._stems = {}  # The same by what stands before the extension.
        self._found = []  # A path and the file that it means.

    def find(self, name, where):
        """Returns the path of the file that a path means.

        Args:
            name: string, a path in the folder.
            where: "file:line".

        Returns:
            The path itself, if it is there or nothing is found.

        Raises:
            InputError: if several files may be meant, or if one can only be
                meant that has an extension more.
        """
        if self._is_file(name):
            return name
        spelt = [name]
        if "\\" in name:
            spelt.append(posixpath.normpath(name.replace("\\", "/")))
        spelt = [s for s in spelt if not s.startswith(("/", "../"))]
        if self._extension:
            spelt += [s + self._extension for s in spelt]
        for other in spelt:
            if self._is_file(other):
                return other
        for other in spelt:
            found = self._in_other_case(other)
            if len(found) > 1:
                raise InputError(
                    f"{where}: {shown(name)} may be {found[0]} or {found[1]}. "
                    "Write it as the file is."
                )
            if found:
                return found[0]
        if not self._extension:
            self._refuse_short(spelt, where)
        return name

    def count(self, name, photo_id):
        """Remembers a path that is written otherwise than its file."""
        self._found.append((name, photo_id))

    def describe(self):
        """Returns sentences on the paths that were counted, a list."""
        if not self._found:
            return []
        name, photo_id = self._found[0]
        return [
            f"{len(self._found)} paths are written otherwise than the files: "
            f"{shown(name)} is {shown(photo_id)}."
        ]

    def _is_file(self, name):
        path = os.path.join(self._path, name)
        # A broken link is told where photos are read.
        return os.path.lexists(path) and not os.path.isdir(path)

    def _in_other_case(self, name):
        """Returns the paths of all files that differ in nothing but case."""
        found = [""]
        for part in name.split("/"):
            found = [
                posixpath.join(folder, entry)
                for folder in found
                for entry in self._entries(folder).get(part.casefold(), [])
            ]
        return [path for path in found if self._is_file(path)]

    def _refuse_short(self, spelt, where):
        """Refuses a name that lacks nothing but the extension of a photo."""
        for name in spelt:
            folder, base = posixpath.split(name)
            if column_roles.PHOTO.search(base):
                continue
            for entry in self._entries(folder, self._stems).get(base, []):
                if column_roles.PHOTO.search(entry):
                    extension = os.path.splitext(entry)[1]
                    raise InputError(
                        f"{where}: no file {shown(name)}, but {shown(entry)}. "
                        f"Pass --extension={extension} to read such names with "
                        "it at their end."
                    )

    def _entries(self, folder, listed=None):
        """Returns the names in a folder by case, or by what is before a dot."""
        if folder not in self._listed:
            self._listed[folder], self._stems[folder] = {}, {}
            try:
                names = sorted(os.listdir(os.path.join(self._path, folder)))
            except OSError:
                names = []
            for name in names:
                stem = os.path.splitext(name)[0]
                for found, key in (
                    (self._listed, name.casefold()),
                    (self._stems, stem),
                ):
                    found[folder].setdefault(key, []).append(name)
        return (self._listed if listed is None else listed)[folder]
