r"""Names of files and styles, as cells of a CSV and as words on a terminal.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`; a terminal
obeys control characters. Such a text, and one that begins with an apostrophe,
gets an apostrophe in front in a CSV; its control characters become `\xNN`, and
its backslashes are doubled. All other texts stay as they are, and all can be
read back.
"""

import re

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")
_ODD = re.compile(r"[=+\-@']|.*" + _CONTROL.pattern, re.DOTALL)
_ESCAPED = re.compile(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4})")


def write(text):
    """Returns a text as a CSV has it.

    Args:
        text: string.
    """
    if not _ODD.match(text):
        return text
    return "'" + _CONTROL.sub(_escape, text.replace("\\", "\\\\"))


def read(cell):
    """Returns the text that `write` wrote.

    Args:
        cell: string.
    """
    if not cell.startswith("'"):
        return cell
    return _ESCAPED.sub(
        lambda found: (
            "\\" if found[1] == "\\" else chr(int(found[1][1:], base=16))
        ),
        cell[1:],
    )


def visible(text):
    """Returns a text for a terminal: control characters as `\\xNN`.

    Args:
        text: string; ends of lines and tabs stay.
    """
    return _CONTROL.sub(
        lambda found: found[0] if found[0] in "\n\t" else _escape(found), text
    )


def _escape(found):
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
