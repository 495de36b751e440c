"""What data sets may be called."""

import re

from jdstyle.errors import InputError
from jdstyle.errors import shown

_NAME = re.compile(
    r"deepfashion/(coarse|fine)|demo|jd_fashion|label_table/\w[\w.-]*"
)
_MOST_BYTES = 100  # Of NAME, which goes into the names of folders and files.


def require(dataset):
    """Refuses what no data set is called.

    Args:
        dataset: string, the value of --dataset.

    Raises:
        InputError: if it is none of those that there are.
    """
    if dataset in ("label_table", "label_table/"):
        raise InputError(
            "--dataset=label_table needs a name of your choice, which tells "
            "your tables apart: --dataset=label_table/mine."
        )
    if len(dataset.encode(errors="replace")) > _MOST_BYTES + 12:
        raise InputError(
            f"--dataset must have a NAME of at most {_MOST_BYTES} bytes. "
            f"Received: {shown(dataset)}."
        )
    if not _NAME.fullmatch(dataset):
        raise InputError(
            "--dataset must be deepfashion/coarse, deepfashion/fine, demo, "
            "jd_fashion or label_table/NAME, NAME of letters, digits, _, - and "
            f"dots. Received: {shown(dataset)}."
        )
