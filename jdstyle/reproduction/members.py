"""Scores of a reproduction's members, alone and together.

They are of test photos. Without any they are out of fold and nested: on every
other photo some fold's networks have trained.
"""

import os

import numpy as np
import tensorflow as tf

from jdstyle.datasets import records
from jdstyle.evaluation import scores
from jdstyle.fusion import blending
from jdstyle.fusion import ensemble
from jdstyle.fusion import nested
from jdstyle.fusion import rule_fit
from jdstyle.fusion import rules
from jdstyle.input_pipeline import batches
from jdstyle.runs import directory
from jdstyle.runs import finished
from jdstyle.serving import loader

_BATCH_SIZE = 32


def of_step(runs, gathered, builder):
    """Scores one member on test photos, by thresholds chosen out of fold.

    Args:
        runs: list of `finished.FinishedRun` of one member.
        gathered: `evidence.Evidence` of these runs.
        builder: a prepared TFDS builder.

    Returns:
        dict of `scores.score`.
    """
    members = finished.members(runs)
    names = gathered.joined.style_names
    fitted, _, _ = rule_fit.fit(gathered, plain(gathered))
    member = ensemble.load(members, names, fitted)
    scored = records.read_photos(
        builder, "test", cache="stream", style_names=names
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
    return _test(scored, names, probabilities, decisions)


def of_product(gathered, fused_dir, first, builder):
    """Scores the fused SavedModel on test photos, and its members alone.

    Args:
        gathered: `evidence.Evidence` that the SavedModel was made from.
        fused_dir: the folder that it is in.
        first: name of the member that also gets relations of its own.
        builder: a prepared TFDS builder.

    Returns:
        dict from what decides to a dict of `scores.score`: each member by
        thresholds alone; "fusion", their mean, likewise; "first, relations",
        the first member with its own relations; "fusion, relations", the
        product.
    """
    joined = gathered.joined
    photos = records.read_photos(
        builder, "test", cache="stream", style_names=joined.style_names
    )
    saved_model = os.path.join(fused_dir, directory.SAVED_MODEL_DIR)
    classify, _ = loader.load(saved_model, "members")
    probabilities, decisions, members = loader.predict(
        classify, photos.stream.batch(_BATCH_SIZE)
    )

    def score_some(some, options):
        numbers = [joined.members.index(name) for name in some.joined.members]
        fitted, _, _ = rule_fit.fit(some, options)
        blended = blending.apply(fitted.blend, members[:, numbers])
        corrected = rules.correct(fitted, blended)
        decided = rules.decide(fitted, corrected)
        return _test(photos, joined.style_names, corrected, decided)

    result = of_members(gathered, first, score_some)
    result["fusion, relations"] = _test(
        photos, joined.style_names, probabilities, decisions
    )
    return result


def of_members(gathered, first, score_some):
    """Scores members alone, their mean, and one with relations.

    Args:
        gathered: `evidence.Evidence`.
        first: name of the member that gets relations.
        score_some: function of the `Evidence` of some members and of
            `rules.Options` that returns a dict of `scores.score`.

    Returns:
        dict from names to these dicts.
    """
    names = gathered.joined.members
    result = {
        name: score_some(_of(gathered, [name]), plain(gathered))
        for name in names
    }
    result["fusion"] = score_some(_of(gathered, names), plain(gathered))
    as_in_the_recipe = rules.Options(relations="equation2")
    result["first, relations"] = score_some(
        _of(gathered, [first]), as_in_the_recipe
    )
    return result


def nested_score(gathered, options):
    """Scores photos out of fold by rules that they did not choose.

    Args:
        gathered: `evidence.Evidence`.
        options: `rules.Options`.

    Returns:
        dict of `scores.score`.
    """
    return nested.score(gathered, nested.decide(gathered, options))


def plain(gathered):
    """Returns the options by which thresholds alone decide."""
    num_styles = len(gathered.joined.style_names)
    return rules.Options(relations="none", least=0, most=num_styles)


def _of(gathered, names):
    """Returns the evidence of some members."""
    joined = gathered.joined
    numbers = [joined.members.index(name) for name in names]
    joined = joined._replace(
        probabilities=joined.probabilities[:, numbers], members=list(names)
    )
    return gathered._replace(joined=joined)


def _test(photos, style_names, probabilities, decisions):
    return scores.score(
        style_names,
        photos.labels,
        np.asarray(probabilities),
        np.asarray(decisions),
        photos.source,
        kind=scores.TEST,
    )
