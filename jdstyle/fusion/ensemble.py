"""The fused product: members, blend, relations, thresholds, plausibility."""

import typing

import keras
import numpy as np
import tensorflow as tf

from jdstyle.fusion import blending
from jdstyle.fusion import label_sets
from jdstyle.fusion import rules
from jdstyle.models import batch_norm_folding
from jdstyle.models import classifier


class Network(typing.NamedTuple):
    """A trained network of a member.

    Attributes:
        model: `keras.Model` from square images to logits.
        member: int, the number of its member, from 0.
        columns: list of ints from 0, the fused style of each of its logits, or
            None for a logit whose style is not fused.
    """

    model: keras.Model
    member: int
    columns: list[int | None]


class Ensemble:
    """A scorer like `saved_model.Thresholded`, made of many networks.

    Each network runs once. Several of one member and style, those of the folds,
    are averaged.

    Args:
        networks: list of `Network`.
        member_names: list of strings.
        num_styles: int.
        fitted: `rules.Rules`.
    """

    def __init__(self, networks, member_names, num_styles, fitted):
        self._networks = networks
        self.image_sizes = sorted({n.model.input_shape[1] for n in networks})
        self.member_names = list(member_names)
        self.weights = [w.value for n in networks for w in n.model.weights]
        self._num_styles = num_styles
        self._rules = fitted

    def __call__(self, images):
        """Predicts and decides.

        Args:
            images: dict from each of `image_sizes` to a float32 tensor
                `(n, size, size, 3)`, RGB in [0, 255].

        Returns:
            dict of tensors: `probabilities`, float32 in [0, 1], and `labels`,
            int32 of 0s and 1s, both `(n, num_styles)`;
            `member_probabilities`, float32 `(n, members, num_styles)`, NaN
            where a member lacks a style; and `label_set`, int32
            `(n, num_styles)`, the most probable label set.
        """
        members = self._member_probabilities(images)
        blended = blending.apply(self._rules.blend, members)
        probabilities = rules.correct(self._rules, blended)
        outputs = {
            "probabilities": probabilities,
            "labels": rules.decide(self._rules, probabilities),
            "member_probabilities": members,
        }
        if self._rules.found is not None:
            outputs["label_set"] = label_sets.most_probable(
                self._rules.found,
                rules.calibrate(self._rules.calibrated, blended),
            )
        return outputs

    def _member_probabilities(self, images):
        """Returns float32 `(n, members, num_styles)`, NaN for what is lacking.

        Means of probabilities, over the networks of a member and style.
        """
        predicted = {}
        for model, member, columns in self._networks:
            logits = model(images[model.input_shape[1]], training=False)
            for i, column in enumerate(columns):
                if column is None:
                    continue
                predicted.setdefault((member, column), []).append(
                    tf.sigmoid(logits[:, i])
                )
        first = next(iter(predicted.values()))[0]
        missing = tf.fill(tf.shape(first), np.float32(np.nan))
        means = {
            place: tf.add_n(probabilities) / len(probabilities)
            for place, probabilities in predicted.items()
        }
        return tf.stack(
            [
                tf.stack(
                    [
                        means.get((member, column), missing)
                        for column in range(self._num_styles)
                    ],
                    axis=1,
                )
                for member in range(len(self.member_names))
            ],
            axis=1,
        )


def load(members, style_names, fitted):
    """Loads every network of the members.

    Args:
        members: dict of `finished.members`.
        style_names: list of the fused styles' names.
        fitted: `rules.Rules`.

    Returns:
        `Ensemble`.
    """
    columns = {name: column for column, name in enumerate(style_names)}
    networks = [
        Network(
            batch_norm_folding.fold_batch_norms(
                classifier.load_calibrated(run.directory)
            ),
            number,
            [columns.get(name) for name in run.style_names],
        )
        for number, runs in enumerate(members.values())
        for run in runs
        if not columns.keys().isdisjoint(run.style_names)
    ]
    return Ensemble(networks, list(members), len(style_names), fitted)
