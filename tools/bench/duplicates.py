"""Measures how well near-duplicates are found, and how fast.

    python tools/bench/duplicates.py --photos_dir=FOLDER
    python tools/bench/duplicates.py --photos_dir=FOLDER --sets=real \\
        --most_photos=800 --search=

Each set holds different pictures and, of every second one, each kind of copy.
Two pictures are found if they end in one group, also through others. Recall is
the share of the pairs of a picture and its copy that are found; precision the
share of found pairs of which both are of one picture. `sets` made here need no
photos; "real", "tenth" and "twentieth" take them from --photos_dir, the last
two at that part of their brightness.

A solid colour that is brighter is another colour, so solid pictures have no
copies of other brightness. What is compared was chosen on the seeds 1 to 3.
"""

import os
import tempfile
import time

from absl import flags

from jdstyle import cli
from jdstyle import path_flags

_PHOTOS_DIR = path_flags.DEFINE_path(
    "photos_dir", None, "JPEGs, also in folders below. By default none."
)
_MOST_PHOTOS = flags.DEFINE_integer(
    "most_photos", 4000, "Photos of --photos_dir to take.", lower_bound=4
)
_MADE = flags.DEFINE_integer(
    "made", 200, "Pictures in each made set.", lower_bound=4
)
_SEED = flags.DEFINE_integer(
    "seed", 11, "Of made pictures and copies; which real photos to take."
)
_SETS = flags.DEFINE_list(
    "sets",
    [
        *("real", "tenth", "twentieth"),
        *("woven", "solid", "hazy", "dark", "jewellery"),
    ],
    "Which sets.",
)
_SEARCH = flags.DEFINE_list(
    "search", ["50000"], "Numbers of looks to search; empty for none."
)


def main(argv):
    del argv
    import copies
    import measure
    import numpy as np

    measure.print_header(made=_MADE.value, seed=_SEED.value)
    rows = []
    for name in _SETS.value:
        pictures = copies.pictures(
            name,
            _PHOTOS_DIR.value,
            _MOST_PHOTOS.value,
            _MADE.value,
            _SEED.value,
        )
        if pictures:
            rows.append(
                [name, *copies.score(name, pictures, _SEED.value).cells()]
            )
            print(" | ".join(rows[-1]), flush=True)
    print()
    print(measure.table(["set", *copies.COLUMNS], rows))
    for number in map(int, _SEARCH.value):
        for kind in ("different", "equal hashes", "copies"):
            with tempfile.TemporaryFile(dir=os.getcwd()) as file:
                photos = copies.made_looks(kind, number, file)
                start = time.process_time(), time.monotonic()
                groups = copies.find(photos)
                cpu = time.process_time() - start[0]
                wall = time.monotonic() - start[1]
            print(
                f"{number:,} looks, {kind}: {cpu:.0f} CPU-seconds, {wall:.0f} "
                f"s, {len(np.unique(groups)):,} groups",
                flush=True,
            )


if __name__ == "__main__":
    cli.run(main)
