"""Trains the same networks in several ways, and compares them on test photos.

    python tools/bench/variants.py --variant=--batch_size=32 \
        --variant="--batch_size=64 --learning_rate=2.8e-3" -- --style=12

What stands after `--` goes to every training. Each variant trains with the same
seeds; all are scored on the same test photos, which neither trained nor chose a
threshold. The change to the first variant is the mean over the seeds, its
interval a paired bootstrap over the photos. Log loss, and the mean probability
by the share of positives, are means over the styles. The same command goes on
where it stopped.
"""

import os
import shlex

from absl import flags

from jdstyle import cli
from jdstyle import path_flags

_VARIANTS = flags.DEFINE_multi_string(
    "variant", None, "Flags of `train`, one string per variant.", required=True
)
_SEEDS = flags.DEFINE_integer("seeds", 3, "Seeds per variant.", lower_bound=1)
_OUTPUT_DIR = path_flags.DEFINE_folder(
    "output_dir", "runs/variants", "Where the runs and their scores go."
)


def main(argv):
    import measure
    import numpy as np

    from jdstyle.evaluation import metrics

    measure.print_header(seeds=_SEEDS.value, flags=shlex.join(argv[1:]))
    rows, first = [], None
    for variant in _VARIANTS.value:
        runs = [_run(variant, seed, argv[1:]) for seed in range(_SEEDS.value)]
        # The same draws of photos for every run: differences are paired.
        drawn = np.mean([run["drawn"] for run in runs], axis=0)
        scores = [run["f2"] for run in runs]
        row = [
            variant,
            f"{runs[0]['steps']}",
            measure.show(measure.figure(scores), 3),
            " to ".join(f"{end:.3f}" for end in metrics.interval(drawn)),
            f"{np.mean([run['log_loss'] for run in runs]):.3f}",
            f"{np.mean([run['mean_to_share'] for run in runs]):.2f}",
            measure.show(measure.figure(run["cpu"] for run in runs), 1),
        ]
        if first is None:
            first = np.mean(scores), drawn
            row.append("")
        else:
            low, high = metrics.interval(drawn - first[1])
            change = np.mean(scores) - first[0]
            row.append(f"{change:+.3f} ({low:+.3f} to {high:+.3f})")
        rows.append(row)
        print(f"{variant}: {row[2]}", flush=True)
    header = [
        "variant",
        "steps",
        "F2",
        "95 % interval",
        "log loss",
        "mean p / share",
        "CPU-minutes",
        "change",
    ]
    print(measure.table(header, rows))


def _run(variant, seed, arguments):
    """Trains and scores one network; returns what there is to say of it."""
    import numpy as np
    import pandas as pd
    import processes

    from jdstyle.evaluation import metrics
    from jdstyle.runs import directory
    from jdstyle.serving import evaluation

    name = "_".join(variant.replace("/", "-").split()) or "as it is"
    workdir = os.path.join(_OUTPUT_DIR.value, name, f"seed-{seed}")
    processes.run(
        *("-m", "jdstyle.train", f"--workdir={workdir}", f"--seed={seed}"),
        *(*arguments, *shlex.split(variant)),
    )
    output_dir = os.path.join(workdir, "test")
    if not os.path.isfile(os.path.join(output_dir, directory.RESULTS_FILE)):
        model = os.path.join(workdir, directory.SAVED_MODEL_DIR)
        processes.run(
            *("-m", "jdstyle.evaluate", f"--saved_model={model}"),
            *(f"--output_dir={output_dir}", *_data_flags(arguments)),
        )
    results = directory.read_json(os.path.join(workdir, directory.RESULTS_FILE))
    history = pd.read_csv(os.path.join(workdir, directory.HISTORY_FILE))
    table = pd.read_csv(os.path.join(output_dir, evaluation.PROBABILITIES_FILE))
    steps = results.get("steps_per_epoch")  # Not with --frozen.
    names = results["styles"]
    labels = table[[f"label {name}" for name in names]].to_numpy()
    probabilities = table[[f"probability {name}" for name in names]].to_numpy()
    decisions = probabilities >= np.array(results["thresholds"])
    scored = directory.read_json(
        os.path.join(output_dir, directory.RESULTS_FILE)
    )["styles"]
    f2 = metrics.fbeta(*metrics.counts(labels, decisions)).mean()
    return {
        "f2": float(f2),
        "drawn": metrics.bootstrap_fbeta(labels, decisions).mean(axis=1),
        "steps": f"{len(history)} x {steps}" if steps else "heads alone",
        "cpu": results["cpu_minutes"],
        **{
            name: np.mean([row[name] for row in scored.values() if name in row])
            for name in ("log_loss", "mean_to_share")
        },
    }


def _data_flags(arguments):
    """Returns the flag that says where the data set lies, where it is given."""
    return [text for text in arguments if text.startswith("--data_dir=")]


if __name__ == "__main__":
    cli.run(main, arguments=True)
