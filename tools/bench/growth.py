"""Draws how time and memory grow with photos, styles and members.

    python tools/bench/growth.py --output_dir=growth

- photos: `prepare` of made photos of 64 x 64 pixels, the whole program.
- styles: the fit of relations and thresholds to 2,000 photos, and the decisions
  on 100,000 rows in the graph.
- members: a fused product of MobileNets at 64 px, each with weights of its own:
  built and exported, loaded, and 32 photos scored.

Each point has a process of its own, whose memory is its peak. Writes
growth.json, growth.md, a table, and growth.png. "grows as" compares a point
with the one before it: n^1 is linear, less is cheaper per piece. One kind can
be measured anew while growth.json keeps the others:

    python tools/bench/growth.py --photos= --members=
"""

import json
import os
import tempfile

from absl import flags

from jdstyle import cli
from jdstyle import path_flags

_PHOTOS = flags.DEFINE_list(
    "photos", ["1000", "3000", "10000", "30000", "100000"], "Numbers of photos."
)
_STYLES = flags.DEFINE_list(
    "styles", ["1", "3", "10", "30", "100"], "Numbers of styles."
)
_MEMBERS = flags.DEFINE_list(
    "members", ["1", "3", "13", "39"], "Numbers of members."
)
_OUTPUT_DIR = path_flags.DEFINE_folder(
    "output_dir", "growth", "Takes growth.md and growth.png."
)
_HERE = os.path.dirname(os.path.abspath(__file__))


def main(argv):
    del argv
    import growth_page

    os.makedirs(_OUTPUT_DIR.value, exist_ok=True)
    path = os.path.join(_OUTPUT_DIR.value, "growth")
    curves = {"photos": [], "styles": [], "members": []}
    if os.path.exists(f"{path}.json"):
        with open(f"{path}.json", encoding="utf-8") as file:
            curves.update(json.load(file))
    for kind, numbers, cost in [
        ("photos", _PHOTOS.value, _prepare),
        ("styles", _STYLES.value, _costs),
        ("members", _MEMBERS.value, _costs),
    ]:
        if numbers:
            curves[kind] = []
        for number in map(int, numbers):
            seconds, peak = cost(kind, number)
            print(f"{number:,} {kind}: {seconds}, {peak:,.0f} MB", flush=True)
            curves[kind].append((number, seconds, peak))
    curves = {kind: points for kind, points in curves.items() if points}
    for ending, text in [
        ("json", json.dumps(curves, indent=1)),
        ("md", growth_page.tabulate(curves)),
    ]:
        with open(f"{path}.{ending}", "w", encoding="utf-8") as file:
            file.write(text + "\n")
    growth_page.draw(curves, f"{path}.png")
    print(growth_page.tabulate(curves))


def _prepare(kind, number):
    """Returns CPU-seconds by what was done, and the peak in MB."""
    del kind
    import made

    with tempfile.TemporaryDirectory() as folder:
        cost = made.prepare(folder, number, 64)
    return {"prepare": cost.cpu}, cost.peak


def _costs(kind, number):
    """As `_prepare`."""
    import processes

    script = os.path.join(_HERE, "growth_costs.py")
    cost = processes.run(script, kind, number)
    return json.loads(cost.said.splitlines()[-1]), cost.peak


if __name__ == "__main__":
    cli.run(main)
