"""Measures `prepare`: photos per core and second, and memory.

    python tools/bench/prepare.py
    python tools/bench/prepare.py --rounds=1 --photos=200 \\
        --memory_photos=5000,50000

Runs the program itself on made photos. The rate is that of further photos:
between a run on --photos and one on a tenth of them, so that starting
TensorFlow does not count. Memory is the peak of each process; its photos have
--memory_side pixels, since what grows with their number is labels, names and
hashes, not pixels: 50,000 of 800 x 800 would take several minutes.
"""

import tempfile

from absl import flags

from jdstyle import cli

_PHOTOS = flags.DEFINE_integer(
    "photos", 2000, "Photos to time.", lower_bound=20
)
_SIDE = flags.DEFINE_integer("side", 800, "Pixels.", lower_bound=16)
_MEMORY_PHOTOS = flags.DEFINE_list(
    "memory_photos", ["5000", "50000"], "Numbers of photos; empty for none."
)
_MEMORY_SIDE = flags.DEFINE_integer("memory_side", 64, "Pixels.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Rounds.", lower_bound=1)
_TARGET = 80  # Photos per core and second.


def main(argv):
    del argv
    import made
    import measure

    measure.print_header(rounds=_ROUNDS.value)
    with tempfile.TemporaryDirectory() as folder:
        _time(folder)
        for number in map(int, _MEMORY_PHOTOS.value):
            cost = made.prepare(folder, number, _MEMORY_SIDE.value)
            print(
                f"{number:,} photos ({_MEMORY_SIDE.value} x "
                f"{_MEMORY_SIDE.value}): at most {cost.peak:,.0f} MB, "
                f"{cost.wall:.0f} s, {cost.cpu:.0f} CPU-seconds",
                flush=True,
            )


def _time(folder):
    import made
    import measure

    few, many = _PHOTOS.value // 10, _PHOTOS.value
    costs = [
        [made.prepare(folder, number, _SIDE.value) for number in (few, many)]
        for _ in range(_ROUNDS.value)
    ]
    side = f"{_SIDE.value} x {_SIDE.value}"
    print(f"{many:,} photos ({side}), beyond the first {few:,}:")
    wall, cpu = (
        measure.figure(
            (many - few) / (getattr(b, unit) - getattr(a, unit))
            for a, b in costs
        )
        for unit in ("wall", "cpu")
    )
    print(f"  photos per second: {measure.show(wall, 0)}")
    met = "met" if cpu.median >= _TARGET else "missed"
    print(
        f"  photos per core and second: {measure.show(cpu, 0)}, "
        f"at least {_TARGET}: {met}",
        flush=True,
    )


if __name__ == "__main__":
    cli.run(main)
