"""The scores of a reproduction, step by step."""

import os

import numpy as np
import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.evaluation import scores
from jdstyle.fusion import blending
from jdstyle.fusion import ensemble
from jdstyle.fusion import evidence
from jdstyle.fusion import product
from jdstyle.fusion import rule_fit
from jdstyle.fusion import rules
from jdstyle.input_pipeline import batches
from jdstyle.reproduction import steps
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.serving import loader
from jdstyle.sweeps import completeness

_BATCH_SIZE = 32


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
    part = "test" if "test" in builder.info.splits else "validation"
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
    _, gathered, gains = product.fuse(
        runs[last.title],
        photos,
        records.style_names(builder),
        fused_dir,
        rules.Options(),
    )
    saved_model = os.path.join(fused_dir, directory.SAVED_MODEL_DIR)
    (first,) = finished.members(
        [run for run in runs[last.title] if run.backbone == plan.backbones[0]]
    )
    of_product = score_product(gathered, saved_model, first, builder, part)
    ablation = {
        step.title: score_step(runs[step.title], photos, builder, part)
        for step in early
    }
    transfer = {
        "without": ablation[early[1].title],
        "with": ablation[early[2].title],
    }
    ablation[last.title] = of_product[first]
    ablation["+ relations"] = of_product.pop("first, relations")
    results = {
        **gathered.source._asdict(),
        "part": part,
        "photos": builder.info.splits[part].num_examples,
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


def score_step(runs, photos, builder, part):
    """Scores one member by thresholds that were chosen out of fold.

    Args:
        runs: list of `finished.FinishedRun` of one member.
        photos: dict from "train" and "validation" to `records.Photos`.
        builder: a prepared TFDS builder.
        part: "test" or "validation".

    Returns:
        dict of `scores.score`.
    """
    members = finished.members(runs)
    gathered = evidence.gather(runs, photos, records.style_names(builder))
    names = gathered.joined.style_names
    options = rules.Options(relations="none", least=0, most=len(names))
    fitted, _, _ = rule_fit.fit(gathered, options)
    member = ensemble.load(members, names, fitted)
    scored = records.read_photos(
        builder, part, cache="stream", style_names=names
    )
    (size,) = member.image_sizes
    dataset = batches.make_eval_dataset(
        scored, image_size=size, batch_size=_BATCH_SIZE
    )
    forward = tf.function(
        lambda images: member({size: tf.cast(images, tf.float32)}),
        autograph=False,
        reduce_retracing=True,
    )
    outputs = [forward(images) for images in dataset]
    probabilities, decisions = (
        np.concatenate([output[key] for output in outputs])
        for key in ("probabilities", "labels")
    )
    return scores.score(
        names,
        scored.labels,
        probabilities,
        decisions,
        scored.source,
    )


def score_product(gathered, saved_model, first, builder, part):
    """Scores the fused SavedModel, and what its members decide without it.

    Args:
        gathered: `evidence.Evidence` that the SavedModel was made from.
        saved_model: its directory.
        first: name of the member that also gets relations of its own.
        builder: a prepared TFDS builder.
        part: "test" or "validation".

    Returns:
        dict from what decides to a dict of `scores.score`: each member by
        thresholds alone; "fusion", their mean, likewise; "fusion, relations",
        the product; "first, relations", the first member with its own
        relations.
    """
    joined = gathered.joined
    photos = records.read_photos(
        builder, part, cache="stream", style_names=joined.style_names
    )
    classify, _ = loader.load(saved_model, "members")
    probabilities, decisions, members = loader.predict(
        classify, photos.stream.batch(_BATCH_SIZE)
    )
    result = {}
    for number, name in enumerate(joined.members):
        result[name] = _score_alone(gathered, [number], members, photos)
    everyone = list(range(len(joined.members)))
    result["fusion"] = _score_alone(gathered, everyone, members, photos)
    result["fusion, relations"] = scores.score(
        joined.style_names,
        photos.labels,
        probabilities,
        decisions,
        photos.source,
    )
    result["first, relations"] = _score_alone(
        gathered,
        [joined.members.index(first)],
        members,
        photos,
        # As in the recipe.
        rules.Options(relations="equation2"),
    )
    return result


def _score_alone(gathered, numbers, members, photos, options=None):
    """Scores some members' mean, by rules fitted to these members alone."""
    joined = gathered.joined
    joined = joined._replace(
        probabilities=joined.probabilities[:, numbers],
        members=[joined.members[number] for number in numbers],
    )
    options = options or rules.Options(
        relations="none", least=0, most=len(joined.style_names)
    )
    fitted, _, _ = rule_fit.fit(gathered._replace(joined=joined), options)
    blended = blending.apply(fitted.blend, members[:, numbers])
    corrected = rules.correct(fitted, blended)
    decisions = rules.decide(fitted, corrected)
    return scores.score(
        joined.style_names,
        photos.labels,
        corrected.numpy(),
        decisions.numpy(),
        photos.source,
    )


def _cpu_minutes(run):
    path = os.path.join(run.directory, directory.RESULTS_FILE)
    return directory.read_json(path)["cpu_minutes"]


def _count_positives(labels, style_names):
    """Returns, per split, the number of photos and of positives per style."""
    columns = [labels.style_names.index(name) for name in style_names]
    return {
        split: {
            "photos": len(of_split),
            "positives": (of_split[:, columns] == 1).sum(axis=0).tolist(),
        }
        for split, of_split in labels.labels.items()
    }
