"""Files that systems and editors leave in any folder, and nobody asked for."""

import os
import re

_LITTER = re.compile(
    r"\.DS_Store|\._.*|\.localized|Icon\r|__MACOSX|\.AppleDouble"  # macOS
    r"|\.Spotlight-V100|\.fseventsd|\.Trashes|\.TemporaryItems"
    r"|(eh)?thumbs\.db|thumbs\.db:.*|desktop\.ini|\$RECYCLE\.BIN"  # Windows
    r"|System Volume Information|.*:Zone\.Identifier"
    r"|\.nfs.*|\.fuse_hidden.*|\.directory|\.Trash-\d+|lost\+found"  # Linux
    r"|\.~lock\..*#|~\$.*|\.#.*|.*~|\.[^/]*\.sw[a-p]"  # editors
    r"|\.ipynb_checkpoints|\.idea|\.vscode|\.gitkeep|\.gitignore"
    r"|@eaDir|#recycle|\.@__thumb|\.snapshot",  # network storage
    re.IGNORECASE | re.DOTALL,
)


def is_litter(name):
    """Whether a file or a folder of this name is nobody's data.

    Args:
        name: without its folder.
    """
    return _LITTER.fullmatch(name) is not None


def names(folder):
    """Lists the names in a folder, sorted, without litter.

    Args:
        folder: path.
    """
    return sorted(n for n in os.listdir(folder) if not is_litter(n))


def files_below(folder):
    """Lists the paths of all files below a folder, sorted, without litter.

    Args:
        folder: path.

    Returns:
        List of paths relative to the folder.

    Raises:
        OSError: if a folder in it cannot be listed.
    """
    found = []
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not is_litter(name)]
        found += [
            os.path.relpath(os.path.join(place, name), folder)
            for name in files
            if not is_litter(name)
        ]
    return sorted(found)


def _refuse(error):
    raise error
