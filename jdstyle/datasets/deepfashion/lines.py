"""The lines of DeepFashion's annotation files.

Lines stay bytes, split at white space: a file holds 289 million values. Every
fault is an `InputError` with file and line.
"""

from jdstyle.errors import InputError

SPLITS = {b"train": "train", b"val": "validation", b"test": "test"}
# What a file's word says, as the byte of an int8: 1 yes, 0 no, -1 unknown.
COARSE = {b"1": 1, b"-1": 0, b"0": -1 & 0xFF}
FINE = {b"1": 1, b"0": 0}
HINT = "(--manual_dir must hold the official folders)"


def read_lines(path):
    """Yields `("file:line", stripped line)`; only the end may be blank."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path}: {error.strerror} {HINT}.") from error
    blank = None
    with file:
        for number, line in enumerate(file, 1):
            line = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not line:
                blank = blank or number
            elif blank:
                raise InputError(f"{path}:{blank}: a blank line among rows.")
            else:
                yield f"{path}:{number}", line


def read_list(path):
    """Yields `("file:line", line)` below the count and the columns' names."""
    lines = read_lines(path)
    where, line = next(lines, (f"{path}:1", b""))
    count = _whole(line)
    if count is None:
        raise InputError(
            f"{where}: expected the number of rows, got {_shown(line)}."
        )
    next(lines, None)  # The columns' names.
    number = 0
    for item in lines:
        number += 1
        yield item
    if number != count or not number:
        raise InputError(f"{where}: says {count} rows, but there are {number}.")


def read_names(path):
    """Reads names, which may hold spaces, and the number of each one's type.

    Returns:
        `(names, types)`: two lists of strings.
    """
    types = {}
    for where, line in read_list(path):
        *words, kind = _text(line, where).split()
        name = " ".join(words)
        if not name or not kind.isdecimal():
            raise InputError(
                f"{where}: expected a name and the number of its type, got "
                f"{_shown(line)}."
            )
        if name in types:
            raise InputError(f"{where}: {name} is also above.")
        types[name] = kind
    return list(types), list(types.values())


class PhotoList:
    """A file with a count, columns' names, and a photo and values per line.

    Args:
        path: of the file.
        parse: function of the values (list of bytes) and "file:line".

    Raises:
        InputError: for any fault, or if a photo is there twice with
            different values.
    """

    def __init__(self, path, parse):
        self._path = path
        self._found = found = {}
        for where, line in read_list(path):
            name, *words = line.split()
            photo = parse_photo(name, where)
            value = parse(words, where)
            there = found.setdefault(photo, (value, where))
            if there[0] != value:
                raise InputError(
                    f"{where}: {photo} is also at {there[1]}, with another "
                    "value."
                )

    def find(self, photo, where):
        """Returns what is said of a photo that is named at `where`."""
        if photo not in self._found:
            raise InputError(f"{where}: {photo} is not in {self._path}.")
        return self._found[photo][0]

    def require_within(self, photos, path):
        """Raises `InputError` for a photo that a file does not name."""
        for photo, (_, where) in self._found.items():
            if photo not in photos:
                raise InputError(f"{where}: {photo} is not in {path}.")


def read_aligned(path, others):
    """Reads files that align row by row, without count and columns' names.

    Args:
        path: file of photos.
        others: list of paths of files with values.

    Yields:
        `(where, photo, (where, values), ...)`.
    """
    photos = list(read_lines(path))
    if not photos:
        raise InputError(f"{path}:1: no rows.")
    columns = [list(read_lines(other)) for other in others]
    for other, column in zip(others, columns, strict=True):
        if len(column) != len(photos):
            raise InputError(
                f"{other}:{len(column)}: {len(column)} rows, but {path} has "
                f"{len(photos)}."
            )
    for (where, name), *cells in zip(photos, *columns, strict=True):
        values = [(at, line.split()) for at, line in cells]
        yield where, parse_photo(name, where), *values


def parse_photo(name, where):
    """Parses the path of a photo, `img/...`."""
    # By its words alone: `img` may well be a link to another disk.
    photo = _text(name, where)
    parts = photo.split("/")
    if len(parts) < 2 or parts[0] != "img" or ".." in parts or "\0" in photo:
        raise InputError(f"{where}: expected a path img/..., got {photo!r}.")
    return photo


def parse_split(words, where):
    """Parses train, val or test."""
    word = b" ".join(words)
    if word not in SPLITS:
        raise InputError(
            f"{where}: expected train, val or test, got {_shown(word)}."
        )
    return SPLITS[word]


def parse_box(words, where):
    """Parses a box to `(x1, y1, x2, y2)`, ints."""
    try:
        x1, y1, x2, y2 = box = tuple(map(int, words))
    except ValueError:
        raise InputError(
            f"{where}: expected a box of 4 ints, got "
            f"{_shown(b' '.join(words))}."
        ) from None
    if x1 > x2 or y1 > y2:
        raise InputError(f"{where}: box {box} is empty.")
    return box


def parse_category(words, where, count):
    """Parses the number of a category, from 1, to its index."""
    word = b" ".join(words)
    number = _whole(word)
    if number is None or not 1 <= number <= count:
        raise InputError(
            f"{where}: category must be from 1 to {count}, got {_shown(word)}."
        )
    return number - 1


def parse_flags(words, codes, names, where):
    """Parses a word per name to a byte each: what `codes` says of it."""
    _require_count(words, len(names), where)
    try:
        return bytes(map(codes.__getitem__, words))  # 23,000 rows of 1,000/s.
    except KeyError:
        i = next(i for i, word in enumerate(words) if word not in codes)
        raise InputError(
            f"{where}: {names[i]} must be one of {b', '.join(codes).decode()}, "
            f"got {_shown(words[i])}."
        ) from None


def parse_classes(words, groups, names, where):
    """Parses a class number per group of names to a byte per name, 1 or 0."""
    _require_count(words, len(groups), where)
    labels = bytearray(len(names))
    for word, group in zip(words, groups, strict=True):
        number = _whole(word)
        if number is None or number >= len(group):
            raise InputError(
                f"{where}: class of {names[group[0]]} ... {names[group[-1]]} "
                f"must be from 0 to {len(group) - 1}, got {_shown(word)}."
            )
        labels[group[number]] = 1
    return bytes(labels)


def _require_count(words, count, where):
    if len(words) != count:
        raise InputError(f"{where}: expected {count} values, got {len(words)}.")


def _whole(word):
    """Returns an int >= 0 of at most 9 digits, else None."""
    return int(word) if word.isdigit() and len(word) < 10 else None


def _text(line, where):
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8.") from error


def _shown(word):
    return repr(word.decode(errors="replace"))
