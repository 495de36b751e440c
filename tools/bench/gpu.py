"""What a GPU does: training beside PyTorch and bare Keras, and `predict`.

    python tools/bench/gpu.py

Takes less than eight minutes on an H100, from a fresh start. Each part is a
process of its own, since together they would not fit the GPU's memory: one that
fails, is not installed or finds no time left says so, and the others go on. The
parts, the most telling first:

- `keras`, `keras-xla`: jdstyle's whole training step (photos from memory,
  augmentation, loss, average, callbacks) in turn with a bare Keras step of the
  same network, compiled alike, on a batch that is on the device, and with the
  augmentation alone;
- `torch-compile`, `torch-eager`: torchvision's network of that name, channels
  last, the same precision and optimizer, a batch that is on the device. Its
  ResNet50 strides in the second convolution of a block instead of the first,
  which computes an eighth more than Keras's;
- `predict`: photo files to decisions, beside the network and the host alone.

Rates are photos per second of the clock, since the host only waits. A figure
is the median of the blocks; before each of jdstyle's, what was prefetched
meanwhile is used up.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

from absl import flags

from jdstyle import cli

_BACKBONE = flags.DEFINE_string("backbone", "ResNet50", "Of all networks.")
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Height and width.", lower_bound=16
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 256, "Photos per step.", lower_bound=1
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "mixed_bfloat16",
    ["mixed_bfloat16", "mixed_float16", "float32"],
    "Of all trainings.",
)
_BLOCKS = flags.DEFINE_integer("blocks", 5, "Blocks that count.", lower_bound=1)
_SECONDS = flags.DEFINE_float(
    "seconds", 1.5, "How long a block is.", lower_bound=0.01
)
_PHOTOS = flags.DEFINE_integer(
    "photos", 4096, "Photos of `predict`.", lower_bound=2
)
_SIDE = flags.DEFINE_integer("side", 800, "Of their files, in pixels.")
_MINUTES = flags.DEFINE_float(
    "minutes", 7.8, "Time for all of it; what would take longer is ended."
)
_PARTS = ("keras", "keras-xla", "torch-compile", "predict", "torch-eager")
_CHOSEN = flags.DEFINE_multi_enum("part", _PARTS, _PARTS, "Which to run.")
_INSIDE = flags.DEFINE_bool(
    "inside", False, "Run one part in this process, and print JSON."
)

# The first steps of a part build and tune its kernels.
_LEAST_SECONDS = 20.0
# One that hangs leaves some to the next.
_MOST_OF_TIME_LEFT = 0.6


def main(argv):
    del argv
    if _INSIDE.value:
        print(json.dumps(_run_inside(_CHOSEN.value[-1])))
        return
    deadline = time.monotonic() + 60 * _MINUTES.value
    results = {}
    for part in _CHOSEN.value:
        start = time.monotonic()
        found, problem = _run_apart(part, deadline - start)
        took = time.monotonic() - start
        print(f"{part}: {problem or f'{took:.0f} s'}", flush=True)
        if found:
            results[part] = found
    _show(results)


def _run_inside(part):
    """Returns what a part measures, JSON values."""
    form = {
        "backbone": _BACKBONE.value,
        "image_size": _IMAGE_SIZE.value,
        "batch_size": _BATCH_SIZE.value,
    }
    blocks = {"blocks": _BLOCKS.value}
    timed = blocks | {
        "precision": _PRECISION.value,
        "seconds": _SECONDS.value,
    }
    if part.startswith("torch"):
        import gpu_torch

        return gpu_torch.measure_training(
            **form, **timed, compiled=part == "torch-compile"
        )
    if part == "predict":
        import gpu_predict

        return gpu_predict.measure_predict(
            **form, **blocks, photos=_PHOTOS.value, side=_SIDE.value
        )
    import gpu_training

    return gpu_training.measure_training(
        **form, **timed, xla=part == "keras-xla"
    )


def _run_apart(part, seconds):
    """Runs a part as a process.

    Returns:
        `(found, problem)`: what `_run_inside` returns there, or None and a
        sentence.
    """
    if seconds < _LEAST_SECONDS:
        return None, "left out: no time left"
    limit = _MOST_OF_TIME_LEFT * seconds
    # The same flags again; the last part that is named counts inside.
    command = [sys.executable, *sys.argv, "--inside", f"--part={part}"]
    with tempfile.TemporaryFile("w+") as said:
        try:
            done = subprocess.run(
                command,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                stdout=subprocess.PIPE,
                stderr=said,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None, f"ended: not done after {limit:.0f} s"
        said.seek(0)
        if done.returncode:
            return None, f"failed: {said.read()[-1000:].strip()}"
    found = json.loads(done.stdout.splitlines()[-1])
    return found, found.get("missing")


def _show(results):
    import measure

    for found in results.values():
        if "header" in found:
            print(f"\n{found['header']}\n", flush=True)
            break
    rates = {
        name: measure.figure(values)
        for found in results.values()
        for name, values in found.get("training", {}).items()
    }
    firsts = {
        name: seconds
        for found in results.values()
        for name, seconds in found.get("first_step", {}).items()
    }
    rows = []
    for name, rate in rates.items():
        ours = name.startswith("jdstyle")
        bare = name.replace("jdstyle", "bare Keras") if ours else None
        rows.append(
            [name, measure.show(rate, 0)]
            + [
                f"{rate.median / rates[peer].median:.2f}"
                if peer in rates
                else ""
                for peer in (bare, "torch.compile")
            ]
            + [f"{firsts[name]:.0f}"]
        )
    if rows:
        header = ["training", "photos/s", "of its bare Keras step"]
        header += ["of torch.compile", "first step, s"]
        print(measure.table(header, rows), end="\n\n")
    for found in results.values():
        for name, values in found.get("share", {}).items():
            share = measure.show(measure.figure(values))
            print(f"{name}: {share} % of jdstyle's step", end="\n\n")
    if "predict" in results:
        _show_predict(results["predict"]["rates"])


def _show_predict(found):
    import measure

    rates = {name: measure.figure(values) for name, values in found.items()}
    own = rates["network alone"].median
    rows = [
        [name, measure.show(rate, 0), f"{rate.median / own:.2f}"]
        for name, rate in rates.items()
    ]
    header = ["predict", "photos/s", "of the network alone"]
    print(measure.table(header, rows), end="\n\n")
    if rates["predict"].median < 0.8 * own:
        slower = min("network alone", "host alone", key=lambda n: rates[n])
        print(f"More than 20 % behind the network; slower: the {slower}.")


if __name__ == "__main__":
    cli.run(main)
