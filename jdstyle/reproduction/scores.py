"""The scores of a reproduction, step by step."""

import os

from jdstyle.datasets import records
from jdstyle.fusion import evidence
from jdstyle.fusion import product
from jdstyle.fusion import rules
from jdstyle.reproduction import members
from jdstyle.reproduction import steps
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.runs import probability_tables
from jdstyle.sweeps import completeness


def score(plan, builder, labels):
    """Fuses the last step and scores every step and every member.

    Args:
        plan: `steps.Plan` whose trainings are finished.
        builder: a prepared TFDS builder.
        labels: `prepared_labels.Labels` of the same data set.

    Returns:
        `(results, gathered, gains)`: dict of JSON values, `evidence.Evidence`
        of the last step, and the gains of `product.fuse`.
    """
    *early, last = steps.steps(plan)
    folders = {
        step.title: os.path.join(plan.output_dir, step.folder)
        for step in (*early, last)
    }
    fused_dir = os.path.join(plan.output_dir, steps.FUSED)
    os.makedirs(fused_dir, exist_ok=True)
    fingerprint = builder.info.metadata["fingerprint"]
    runs = {
        step.title: finished.find_runs(folders[step.title], fingerprint)
        for step in early
    }
    runs[last.title], _ = completeness.find_runs(
        folders[last.title], fingerprint
    )
    photos = {
        part: records.read_photos(builder, part, cache="stream")
        for part in ("train", "validation")
    }
    fused, gathered, gains = product.fuse(
        runs[last.title],
        photos,
        records.style_names(builder),
        fused_dir,
        rules.Options(),
    )
    probability_tables.bind(fused_dir, directory.OUT_OF_FOLD_FILE)
    (first,) = finished.members(
        [run for run in runs[last.title] if run.backbone == plan.backbones[0]]
    )
    steps_of = {
        step.title: evidence.gather(
            runs[step.title], photos, records.style_names(builder)
        )
        for step in early
    }
    if "test" in builder.info.splits:
        of_product = members.of_product(gathered, fused_dir, first, builder)
        ablation = {
            title: members.of_step(runs[title], of_step, builder)
            for title, of_step in steps_of.items()
        }
    else:
        of_product = members.of_members(gathered, first, members.nested_score)
        of_product["fusion, relations"] = fused["validation"]
        ablation = {
            title: members.nested_score(of_step, members.plain(of_step))
            for title, of_step in steps_of.items()
        }
    transfer = {
        "without": ablation[early[1].title],
        "with": ablation[early[2].title],
    }
    ablation[last.title] = of_product[first]
    ablation["+ relations"] = of_product.pop("first, relations")
    results = {
        **gathered.source._asdict(),
        "kind": of_product["fusion"]["kind"],
        "photos": of_product["fusion"]["photos"],
        "num_runs": sum(map(len, runs.values())),
        "cpu_minutes": sum(
            _cpu_minutes(run) for of_step in runs.values() for run in of_step
        ),
        "positives": _count_positives(labels, gathered.joined.style_names),
        "product": of_product,
        "transfer": transfer,
        "ablation": ablation,
    }
    return results, gathered, gains


def _cpu_minutes(run):
    path = os.path.join(run.directory, directory.RESULTS_FILE)
    return directory.read_json(path)["cpu_minutes"]


def _count_positives(labels, style_names):
    """Returns, per split, how many photos, and per style positives, known."""
    columns = [labels.style_names.index(name) for name in style_names]
    return {
        split: {
            "photos": len(of_split),
            "positives": (of_split[:, columns] == 1).sum(axis=0).tolist(),
            "known": (of_split[:, columns] >= 0).sum(axis=0).tolist(),
        }
        for split, of_split in labels.labels.items()
    }
