"""Other shares of styles than in training: probabilities and cuts that fit."""

import typing

import numpy as np
from absl import logging

from jdstyle.errors import InputError
from jdstyle.serving import assets
from jdstyle.serving import style_values

# 1 - 1e-20 is 1 and has no odds.
_SHARE = style_values.Kind(
    "a number between 0 and 1, such as 0.05",
    lambda share: 1e-9 <= share <= 1 - 1e-9,
)
# Photos with a style that are expected. Of fewer the best cut says little: a
# single photo is recognised, whatever its probability.
_FEW = 10


class Prevalence(typing.NamedTuple):
    """What is to be done to some styles of a product.

    Attributes:
        names: list of strings, these styles.
        columns: list of ints, their places among all.
        shares: list of floats in (0, 1), what they are to be.
        factors: list of floats > 0, the odds of a share by those of the share
            that the style had in training.
    """

    names: list[str]
    columns: list[int]
    shares: list[float]
    factors: list[float]


def shares(labels):
    """Returns the share of each style among the photos whose label is known.

    Args:
        labels: int array, shape `(n, num_styles)`: 1, 0, or -1 where unknown.

    Returns:
        List of floats.
    """
    return [
        float(np.count_nonzero(of_style == 1) / np.count_nonzero(of_style >= 0))
        for of_style in np.asarray(labels).T
    ]


def read(path, saved_model, style_names):
    """Reads a CSV of `style,share`, and what it means for a product.

    Args:
        path: of the CSV.
        saved_model: directory of the SavedModel.
        style_names: list of strings, its styles.

    Returns:
        `Prevalence`.

    Raises:
        InputError: for any fault, with file and line; or if the product does
            not say which shares its styles had in training.
    """
    given = read_shares(path, style_names)
    trained = assets.read_shares(saved_model)
    if trained is None:
        raise InputError(
            f"--prevalence={path}: {saved_model} does not say which shares of "
            f"its training photos had its styles (assets/{assets.SHARES}): an "
            "older jdstyle made it. Make it anew, or leave --prevalence out."
        )
    columns = [style_names.index(name) for name in given]
    factors = [
        _odds(share) / _odds(trained[column])
        for column, share in zip(columns, given.values(), strict=True)
    ]
    return Prevalence(list(given), columns, list(given.values()), factors)


def read_shares(path, style_names):
    """Reads the CSV alone; returns a dict from style to share."""
    return style_values.read(path, "--prevalence", "share", style_names, _SHARE)


def _odds(share):
    return share / (1 - share)


def move(probabilities, factor):
    """Moves one style's probabilities to another share of the style.

    Args:
        probabilities: float array in [0, 1], shape `(n,)`.
        factor: float > 0, of `Prevalence`.

    Returns:
        float64 array in [0, 1], shape `(n,)`: of the odds times the factor.

    Source: Saerens, Latinne and Decaestecker, "Adjusting the Outputs of a
    Classifier to New a Priori Probabilities" (2002), equation 2.4.
    """
    yes = np.asarray(probabilities, np.float64) * factor
    return yes / (yes + 1 - np.asarray(probabilities, np.float64))


def best_cut(probabilities):
    """Finds the cut of calibrated probabilities with the best expected F2.

    Of the photos from a probability t on,

        F2(t) = 5 sum p / (4 sum of all p + their number)

    is what is expected, whatever their labels are. Its maximum F* accepts just
    the photos of which p >= F* / 5.

    Args:
        probabilities: float array in [0, 1], shape `(n,)`.

    Returns:
        float in [0, 0.2]; 0.2, which is right where F2 could be 1, where there
        are no photos or all probabilities are 0.

    Source: Ye, Chai, Lee and Chieu, "Optimizing F-measure: A Tale of Two
    Approaches" (2012); Lipton, Elkan and Naryanaswamy, "Optimal Thresholding
    of Classifiers to Maximize F1 Measure" (2014).
    """
    falling = np.sort(np.asarray(probabilities, np.float64))[::-1]
    found = falling.cumsum()
    if not len(found) or not found[-1]:
        return 0.2
    count = np.arange(1, len(found) + 1)
    return float((found / (4 * found[-1] + count)).max())


def apply(given, probabilities, decisions):
    """Moves the probabilities of the given styles and decides them anew.

    Args:
        given: `Prevalence`.
        probabilities: float array, shape `(n, num_styles)`, of all photos.
        decisions: int array, likewise.

    Returns:
        `(probabilities, decisions, record)`: copies, and a dict from the name
        of each given style to its `share` and its `cut`.
    """
    probabilities, decisions, record = (
        probabilities.copy(),
        decisions.copy(),
        {},
    )
    for name, column, share, factor in zip(*given, strict=True):
        moved = move(probabilities[:, column], factor)
        cut = best_cut(moved)
        probabilities[:, column] = moved
        decisions[:, column] = moved >= cut
        record[name] = {"share": share, "cut": cut}
        logging.info(
            "%s: for a share of %.4g recognised from %.4g on", name, share, cut
        )
        if moved.sum() < _FEW:
            logging.warning(
                "%s: %.2g of %d photos are expected to have it, too few for a "
                "cut to rely on. Give all photos of the shop at once.",
                name,
                moved.sum(),
                len(moved),
            )
    return probabilities, decisions, record
