"""Flags that hold a path: of all binaries, tools and other flag modules.

A shell expands `~` only where a word begins with it, and neither in
`--flag=~/x` nor in a flagfile: here it is. What `flags.cfg` records is the path
that was used.
"""

import os

from absl import flags

from jdstyle.errors import InputError
from jdstyle.files import places

# The flags belong to the module that defines them.
flags.disclaim_key_flags()

_STDOUT = "/dev/stdout"


class _Parser(flags.ArgumentParser):
    """Parses a path.

    Args:
        check: function of a path and a flag's name that raises `InputError`.
        takes_stdout: whether - stands for standard output.
    """

    syntactic_help = "a path"

    def __init__(self, check, takes_stdout):
        super().__init__()
        self.check = check
        self._takes_stdout = takes_stdout

    def parse(self, argument):
        if argument == "-" and self._takes_stdout:
            return _STDOUT
        # A line of flags.cfg records it.
        if len(argument.splitlines()) > 1:
            raise ValueError(f"a path of several lines: {argument!r}")
        return _expand(argument)

    def flag_type(self):
        return "path"


def DEFINE_path(name, default, help, **options):  # noqa: N802
    """Defines a flag for a path that is read, or that is not always one.

    Args:
        name: string.
        default: string or None.
        help: string.
        **options: such as `required`.

    Returns:
        The flag's holder.
    """
    return _define(places.require_readable, name, default, help, **options)


def DEFINE_output(name, default, help, *, stream=True, **options):  # noqa: N802
    """Defines a flag for a file that is written; - is standard output.

    Args:
        name: as in `DEFINE_path`.
        default: as in `DEFINE_path`.
        help: as in `DEFINE_path`.
        stream: as in `places.require_file`.
        **options: as in `DEFINE_path`.

    Returns:
        The flag's holder.
    """

    def check(path, flag):
        places.require_file(path, flag, stream=stream)

    return _define(check, name, default, help, takes_stdout=stream, **options)


def DEFINE_folder(name, default, help, *, write=True, **options):  # noqa: N802
    """Defines a flag for a folder that is written to.

    Args:
        name: as in `DEFINE_path`.
        default: as in `DEFINE_path`.
        help: as in `DEFINE_path`.
        write: as in `places.require_folder`.
        **options: as in `DEFINE_path`.

    Returns:
        The flag's holder.
    """

    def check(path, flag):
        places.require_folder(path, flag, write=write)

    return _define(check, name, default, help, **options)


def _define(check, name, default, help, *, takes_stdout=False, **options):
    return flags.DEFINE(
        _Parser(check, takes_stdout),
        name,
        default,
        help,
        serializer=flags.ArgumentSerializer(),
        **options,
    )


def check(module):
    """Checks the places that a binary's flags name, before it begins.

    Args:
        module: the binary's `__name__`.

    Raises:
        InputError: if one cannot be written to, or may not be read.
    """
    for flag in flags.FLAGS.get_key_flags_for_module(module):
        parser = flag.parser
        if isinstance(parser, _Parser) and flag.value:
            parser.check(flag.value, flag.name)


def expand(arguments):
    """Returns the paths of a command line that are no flags, ~ expanded.

    Args:
        arguments: list of strings.

    Raises:
        InputError: as a flag's value would be refused.
    """
    try:
        return [_expand(argument) for argument in arguments]
    except ValueError as error:
        raise InputError(f"A path on the command line: {error}.") from error


def _expand(path):
    """Returns a path with ~ or ~USER at its beginning expanded."""
    if not path or "\0" in path:
        raise ValueError(f"not a path: {path!r}")
    expanded = os.path.expanduser(path)
    if not expanded.startswith("~"):
        return expanded
    if os.path.lexists(path):  # Such as ~draft.jpg.
        return os.path.join(os.curdir, path)
    raise ValueError(
        f"there is no home folder of {path.partition('/')[0]!r}; a file or "
        f"folder that is called so is ./{path}"
    )
