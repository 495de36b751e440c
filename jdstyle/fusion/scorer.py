"""The fused scorer: members, blend, relations, thresholds, plausibility."""

import typing

import numpy as np
import tensorflow as tf

from jdstyle.fusion import blending
from jdstyle.fusion import plausibility
from jdstyle.fusion import relations


class Rules(typing.NamedTuple):
    """What turns the members' probabilities into decisions.

    Attributes:
        blend: `blending.Blend`.
        first_thresholds: float32 `(styles,)`, for the blended probabilities.
        conditional: float32 `(styles, styles)`, P(A|B).
        alpha: float32 `(styles,)`, of equation 2.
        beta: float32 `(styles, styles)`, of equation 2.
        thresholds: float32 `(styles,)`, for the corrected probabilities.
        least, most: ints, how many styles a photo can have.
    """

    blend: blending.Blend
    first_thresholds: np.ndarray
    conditional: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray
    thresholds: np.ndarray
    least: int
    most: int


def correct(rules, blended):
    """Applies equation 2, as `relations.correct` says, clipped to [0, 1].

    Args:
        rules: `Rules`.
        blended: float32 `(n, styles)`, of `blending.apply`.

    Returns:
        float32 tensor in [0, 1], shape `(n, styles)`.
    """
    positive = blended >= rules.first_thresholds
    corrected = relations.correct(
        blended, positive, rules.conditional, rules.alpha, rules.beta
    )
    return tf.clip_by_value(corrected, 0.0, 1.0)


def decide(rules, corrected):
    """Applies thresholds and plausibility, as `plausibility.decide` says."""
    return plausibility.decide(
        corrected, rules.thresholds, rules.least, rules.most
    )


class Network(typing.NamedTuple):
    """A trained network of a member.

    Attributes:
        model: `keras.Model` from square images to logits.
        member: int, the number of its member.
        styles: list of ints, the fused style of each of its logits.
    """

    model: typing.Any
    member: int
    styles: list


class Fusion:
    """A scorer as `serving.Thresholded`, of many networks.

    Each network runs once. Several of one member and style, those of the folds,
    are averaged.

    Args:
        networks: list of `Network`.
        member_names: list of strings.
        num_styles: int.
        rules: `Rules`.
    """

    def __init__(self, networks, member_names, num_styles, rules):
        self._networks = networks
        self.image_sizes = sorted({n.model.input_shape[1] for n in networks})
        self.member_names = list(member_names)
        self.weights = [w.value for n in networks for w in n.model.weights]
        self._num_styles = num_styles
        self._rules = rules

    def __call__(self, images):
        members = self._member_probabilities(images)
        blended = blending.apply(self._rules.blend, members)
        probabilities = correct(self._rules, blended)
        return {
            "probabilities": probabilities,
            "labels": decide(self._rules, probabilities),
            "member_probabilities": members,
        }

    def _member_probabilities(self, images):
        """Returns float32 `(n, members, styles)`, NaN where there is none."""
        columns = {}
        for model, member, styles in self._networks:
            logits = model(images[model.input_shape[1]], training=False)
            for i, style in enumerate(styles):
                columns.setdefault((member, style), []).append(
                    tf.sigmoid(logits[:, i])
                )
        first = next(iter(columns.values()))[0]
        missing = tf.fill(tf.shape(first), np.float32(np.nan))
        means = {
            place: tf.add_n(scores) / len(scores)
            for place, scores in columns.items()
        }
        return tf.stack(
            [
                tf.stack(
                    [
                        means.get((member, style), missing)
                        for style in range(self._num_styles)
                    ],
                    axis=1,
                )
                for member in range(len(self.member_names))
            ],
            axis=1,
        )
