"""How every benchmark here measures, compares and prints.

Two sides of a comparison take turns, A B A B, in one run: what else the machine
does then hits both. CPU-seconds count all threads, so they hardly depend on who
else waits for the cores; they do on who shares the caches. A figure is the
median of the rounds, with the smallest and the largest. Figures of different
runs should not be compared.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
import typing


class Round(typing.NamedTuple):
    """What one round took, in seconds: `cpu` of all threads, and `wall`."""

    cpu: float
    wall: float


def once(work):
    """Runs `work()` and returns a `Round`."""
    cpu, wall = time.process_time(), time.monotonic()
    work()
    return Round(time.process_time() - cpu, time.monotonic() - wall)


def alternate(sides, rounds):
    """Runs several pieces of work in turns.

    Args:
        sides: dict from a name to a function without arguments, the work, or to
            an object whose `run` does the work and returns a `Round`.
        rounds: int > 0. One more comes first and does not count: it traces,
            compiles and fills caches.

    Returns:
        Dict from the name to a list of `Round`, one per round.
    """
    taken = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, work in sides.items():
            turn = work.run() if hasattr(work, "run") else once(work)
            if number:
                taken[name].append(turn)
    return taken


class Figure(typing.NamedTuple):
    """The median of several values, the smallest and the largest."""

    median: float
    low: float
    high: float


def figure(values):
    """Returns the `Figure` of a list of numbers."""
    values = list(values)
    return Figure(statistics.median(values), min(values), max(values))


def rate(turns, count):
    """Returns how many of `count` pieces per round one CPU-second does."""
    return figure(count / turn.cpu for turn in turns)


def cpu_ms(turns, count):
    """Returns the CPU-milliseconds of each of `count` pieces per round."""
    return figure(1e3 * turn.cpu / count for turn in turns)


def ratio(numerator, denominator, scale=1.0):
    """Returns CPU time over CPU time, round by round, times `scale`.

    Args:
        numerator: list of `Round` of one `alternate`.
        denominator: likewise.
        scale: float.
    """
    pairs = zip(numerator, denominator, strict=True)
    return figure(scale * a.cpu / b.cpu for a, b in pairs)


def cores(turns):
    """Returns how many cores were busy with it, the CPU time over the wall."""
    return figure(turn.cpu / turn.wall for turn in turns)


def show(value, digits=2):
    """Returns `median (smallest to largest)` of a `Figure`."""
    texts = [f"{number:,.{digits}f}" for number in value]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def table(header, rows):
    """Returns a Markdown table.

    Args:
        header: list of strings, the columns.
        rows: list of lists of strings, as many in each.
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def print_header(**more):
    """Prints the machine, the versions and the settings in one line."""
    print(header(**more) + "\n", flush=True)


def header(**more):
    """Returns the machine, the versions and the settings in one line."""
    import keras
    import tensorflow as tf

    parts = [
        *_gpus(),
        f"{len(os.sched_getaffinity(0))} cores of {_cpu()}",
        f"load {os.getloadavg()[0]:.1f}",
        f"Python {platform.python_version()}",
        f"TensorFlow {tf.__version__}",
        f"Keras {keras.__version__}",
        *(f"{name} {value}" for name, value in more.items()),
    ]
    return ", ".join(parts)


class Batches:
    """Some batches of a dataset, whose iterator stays open: without start-up.

    Prefetched batches come for nothing and are replaced afterwards. So a round
    ends when all is replaced; the cores are counted until the last batch.

    Args:
        dataset: endless `tf.data.Dataset`.
        count: int, batches per round.
        times: int, so often they are taken; a round is the mean. Many are
            needed for the cores: the first come out of the buffer.
    """

    def __init__(self, dataset, count, times=1):
        self._iterator, self._count, self._times = iter(dataset), count, times

    def run(self):
        """Takes the batches; returns a `Round`."""
        _settle()
        cpu, wall = time.process_time(), time.monotonic()
        for _ in range(self._count * self._times):
            next(self._iterator)
        busy, wall = time.process_time() - cpu, time.monotonic() - wall
        _settle()
        total = (time.process_time() - cpu) / self._times
        return Round(total, wall * total / busy)


class Peer:
    """Other people's code, in a process of its own.

    Some libraries crash in one process with TensorFlow. The process prints a
    line when it is ready, `NAME VERSION`, then for each line that it reads does
    its work once and prints the CPU-seconds and the seconds that it took.
    `serve` is the other end.

    Args:
        command: list of strings, a Python script and its arguments.

    Attributes:
        name: what the process calls itself, or None where it did not start: its
            library is not installed.
    """

    def __init__(self, command):
        self._process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.name = self._process.stdout.readline().strip() or None

    def run(self):
        """Lets it work once; returns a `Round`."""
        print(file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} died: {self._process.args}.")
        return Round(*map(float, line.split()))

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve(name, work):
    """Works for a `Peer` until its input ends.

    Args:
        name: string, a library and its version.
        work: function without arguments. The processes that it starts and
            waits for count as well.
    """
    print(name, flush=True)
    for _ in sys.stdin:
        children = _children_seconds()
        turn = once(work)
        cpu = turn.cpu + _children_seconds() - children
        print(cpu, turn.wall, flush=True)


def _settle():
    """Waits until this process does nothing any more."""
    while True:
        before = time.process_time()
        time.sleep(0.2)
        if time.process_time() - before < 0.002:
            return


def _children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _gpus():
    """Returns the names of the GPUs, and what CUDA TensorFlow was built for."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    names = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in found
    ]
    built = tf.sysconfig.get_build_info()
    versions = [f"{k} {built.get(f'{k}_version')}" for k in ("cuda", "cudnn")]
    return names + versions if names else []


def _cpu():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
