"""What each column of a label table is, by its name and by what it holds."""

import itertools
import typing

from jdstyle import styles
from jdstyle.datasets import column_roles
from jdstyle.errors import InputError
from jdstyle.errors import shown

_MOST_NAMES = 50  # Of columns in a message.


class Columns(typing.NamedTuple):
    """The columns of a table, as numbers from 0.

    Attributes:
        image: of the photos' paths.
        split: of the words for splits, or None.
        flags: dict from a split to the column that says yes where a row is of
            it; empty if there is none.
        fold: int or None.
        group: int or None.
        styles: list of ints.
        ignored: dict from the other columns to why nobody reads them.
    """

    image: int
    split: int | None
    flags: dict[str, int]
    fold: int | None
    group: int | None
    styles: list[int]
    ignored: dict[int, str]


def choose(
    header,
    contents,
    *,
    image_column,
    style_columns,
    where,
    is_style=None,
    ignore_empty=False,
):
    """Decides what each column of a table is.

    Reserved are `split`, `fold` and `group`, in whatever case. Columns that
    hold nothing but words for splits, and those called `is_valid`, `kfold` and
    the like, are taken for what they say. What may be a style as well is
    refused, unless `style_columns` says which columns are the styles.

    Args:
        header: list of strings.
        contents: list of `column_roles.Content`, of each column.
        image_column: string, or None to look for it.
        style_columns: list of names or "first:last" runs, or None for all
            columns that are nothing else.
        where: "file:line" of the header.
        is_style: list of bools, whether each column is a style; None where
            that is not known.
        ignore_empty: bool, whether columns that hold nothing are no styles,
            unless `style_columns` says so.

    Returns:
        `Columns`.

    Raises:
        InputError: if a column is not there or may be several things.
    """
    named, chosen, known = set(), [], []
    of_styles = of_others = header
    if is_style is not None:
        known = [column for column, is_one in enumerate(is_style) if is_one]
        # Nobody else is called "": a style may be called like a column.
        pairs = list(zip(header, is_style, strict=True))
        of_styles = [name if is_one else "" for name, is_one in pairs]
        of_others = ["" if is_one else name for name, is_one in pairs]
    if style_columns is not None:
        named, chosen = _parse_styles(style_columns, of_styles, where)
    elif known:
        chosen = known
    if image_column is None:
        image = column_roles.guess_image(header, contents, known or chosen)
    else:
        image = _find(image_column, of_others, "--image_column", where)
    roles, ignored = {}, {}
    for column, name in enumerate(header):
        if is_style is not None and is_style[column]:
            if column not in chosen:
                ignored[column] = "not named by --styles"
            continue
        role = (
            column_roles.role(name, contents[column])
            if column != image
            else "image"
        )
        if column in chosen:
            _require_style(role, column in named, name, where)
        elif role in ("numbers of the rows", "empty"):
            ignored[column] = role
        elif role == "perhaps":
            ignored[column] = _refuse_perhaps(
                name,
                contents[column],
                where,
                refuse=style_columns is None and is_style is None,
            )
        elif role is not None:
            roles.setdefault(role, []).append(column)
        elif is_style is not None:
            ignored[column] = "holds no labels that are read"
        elif style_columns is None:
            if ignore_empty and contents[column].values == {""}:
                ignored[column] = "no label is known"
            else:
                chosen.append(column)
        else:
            ignored[column] = "not named by --styles"
    if not chosen:
        raise InputError(
            f"{where}: no column of a style besides "
            f"{_listed(range(min(len(header), _MOST_NAMES)), header, ', ')}."
        )
    split, flags = _choose_split(roles, ignored, header, where)
    return Columns(
        image=image,
        split=split,
        flags=flags,
        fold=_first(roles, ("fold", "folds"), "fold", ignored, header, where),
        group=_first(roles, ("group",), "group", ignored, header, where),
        styles=chosen,
        ignored=dict(sorted(ignored.items())),
    )


def _find(name, header, flag, where):
    """Returns the column of a name: of just that one, else of one like it."""
    found = styles.match(name, header) if name else []
    if len(found) != 1:
        several = f"{len(found)} columns like" if found else "no column"
        there = [column for column, text in enumerate(header) if text]
        raise InputError(
            f"{where}: {several} {shown(name)} ({flag}). There are: "
            f"{_listed(there[:_MOST_NAMES], header, ', ')}."
        )
    return found[0]


def _parse_styles(items, header, where):
    """Returns the columns of --styles that are named, and all of them."""
    named, chosen = set(), []
    for item in items:
        # A name may hold a colon itself.
        first, _, last = (
            (item, "", "")
            if styles.match(item, header)
            else item.partition(":")
        )
        start = _find(first, header, "--styles", where)
        end = _find(last or first, header, "--styles", where)
        if start > end:
            raise InputError(
                f"{where}: --styles={item}: {header[start]!r} stands after "
                f"{header[end]!r} in the header. Write --styles={last}:{first}."
            )
        named |= {start, end}
        run = [*range(start, end + 1)]
        twice = next((header[i] for i in run if i in chosen), None)
        if twice is not None:
            raise InputError(f"{where}: --styles names {twice!r} twice.")
        chosen += run
    if not chosen:
        raise InputError(f"{where}: --styles must name at least one column.")
    return named, chosen


def _require_style(role, is_named, name, where):
    """Refuses a column of --styles that is something else."""
    if role in ("image", *column_roles.RESERVED):
        raise InputError(
            f"{where}: --styles must not name {name!r}, the column of the "
            f"{role}."
        )
    if not is_named and role not in (None, "perhaps"):
        raise InputError(
            f"{where}: --styles names columns on both sides of {name!r}, which "
            "looks like no style. Leave it out, or name it by itself."
        )


def _refuse_perhaps(name, content, where, *, refuse):
    some = ", ".join(sorted(content.values - {""})[:4])
    problem = f"may be a split, fold or group, and holds {some}"
    if refuse:
        raise InputError(
            f"{where}: the column {name!r} {problem}. If it is a style, name "
            "the styles with --styles. Else call it split, with the words "
            "train, validation and test; fold, with numbers; or group."
        )
    return f"{problem}; to use it, call it so"


def _choose_split(roles, ignored, header, where):
    """Returns the column of words and the dict of columns of yes and no."""
    kinds = ("split", "words", *column_roles.FLAGS)
    if "split" in roles:
        return _first(roles, kinds, "split", ignored, header, where), {}
    flags = {
        split: roles[split] for split in column_roles.FLAGS if split in roles
    }
    words = roles.get("words", [])
    sources = [*words, *(c for found in flags.values() for c in found)]
    if (
        len(words) > 1
        or (words and flags)
        or any(len(found) > 1 for found in flags.values())
    ):
        raise InputError(
            f"{where}: {_listed(sources, header)} each say the split. Call the "
            "one that counts split, or leave out the others."
        )
    return (words or [None])[0], {s: found[0] for s, found in flags.items()}


def _first(roles, kinds, meaning, ignored, header, where):
    """Returns the column of the first kind that is there; ignores others."""
    found = [roles[kind] for kind in kinds if kind in roles]
    if not found:
        return None
    if len(found[0]) > 1:
        raise InputError(
            f"{where}: {_listed(found[0], header)} each say the {meaning}. "
            "Leave out all but one."
        )
    for column in itertools.chain.from_iterable(found[1:]):
        ignored[column] = f"{header[found[0][0]]!r} says the {meaning}"
    return found[0][0]


def _listed(columns, header, joint=" and "):
    return joint.join(shown(header[column]) for column in columns)
