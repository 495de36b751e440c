"""What a training costs before its first step, in CPU-seconds.

    python tools/bench/start.py
    python tools/bench/start.py --train=--xla --train=--backbone=ResNet50

Each round is a process of its own, `python -m jdstyle.train` on made photos,
that ends after its first step. The stages:

- imports: Python, TensorFlow, and looking for devices;
- records: the rest until the network is built, the photos read;
- network: building it, the optimizer and the callbacks;
- first step: tracing, optimising and running the graph.

The second step is reported beside it: what the first one costs to build.
"""

import json
import tempfile

from absl import flags

from jdstyle import cli

_ROUNDS = flags.DEFINE_integer("rounds", 5, "Rounds.", lower_bound=1)
_PHOTOS = flags.DEFINE_integer("photos", 300, "Photos.", lower_bound=60)
_TRAIN = flags.DEFINE_multi_string(
    "train", [], "More flags for the training, each as --train=--name=value."
)

# Run in the place of `python -m jdstyle.train`: notes when each stage ends.
_TIMED = """
import json, os, runpy, sys, time
times = []

def note():
    times.append((time.process_time(), time.monotonic()))

def install():
    from jdstyle.training import fit, progress, trainer

    build, run = trainer.recipe.build_network, trainer.fit.fit

    def build_network(*arguments):
        note()  # The photos are read.
        return build(*arguments)

    def start_fit(network, *rest):
        original = network.fit
        def timed(*arguments, **options):
            note()  # Built, compiled.
            return original(*arguments, **options)
        network.fit = timed
        return run(network, *rest)

    trainer.recipe.build_network = build_network
    trainer.fit.fit = start_fit

    def on_train_batch_end(self, batch, logs=None):
        note()
        if batch == 1:
            print(json.dumps(times), flush=True)
            os._exit(0)

    progress.Rate.on_train_batch_end = on_train_batch_end

from jdstyle import cli

start = cli.start_tensorflow

def start_tensorflow():
    start()
    note()
    install()

cli.start_tensorflow = start_tensorflow
runpy.run_module("jdstyle.train", run_name="__main__", alter_sys=True)
"""
_STAGES = ("imports", "records", "network", "first step", "second step")


def main(argv):
    del argv
    import made
    import measure
    import processes

    measure.print_header(rounds=_ROUNDS.value, train=" ".join(_TRAIN.value))
    stages = {name: [] for name in (*_STAGES[:-1], "until then", _STAGES[-1])}
    with tempfile.TemporaryDirectory() as folder:
        made.prepare(folder, _PHOTOS.value, 96)
        for number in range(_ROUNDS.value + 1):
            said = processes.run(
                *(
                    "-c",
                    _TIMED,
                    "--dataset=label_table/made",
                    "--style=style00",
                ),
                f"--data_dir={folder}/{_PHOTOS.value}-96/data",
                f"--workdir={folder}/run{number}",
                *("--backbone=MobileNetV3Small", "--image_size=96"),
                *("--init_from=scratch", "--frozen_epochs=0"),
                *("--precision=float32", "--steps_per_epoch=50"),
                *_TRAIN.value,
            ).said
            if not number:
                continue  # It fills the disk's cache.
            times = [(0.0, 0.0), *json.loads(said.splitlines()[-1])]
            cpu = [time for time, _ in times]
            for name, start, end in zip(_STAGES, cpu, cpu[1:], strict=False):
                stages[name].append(end - start)
            stages["until then"].append(cpu[4])
    rows = [
        [name, measure.show(measure.figure(taken))]
        for name, taken in stages.items()
    ]
    print(measure.table(["stage", "CPU-seconds"], rows))


if __name__ == "__main__":
    cli.run(main)
