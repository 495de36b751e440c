import hidden
import numpy as np
from scipy import special

from jdstyle.evaluation import calibration


def draw(n, scale, shift, seed=0):
    """Logits, and labels of which these are right once scaled and shifted."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 1))
    truth = special.expit(scale * logits + shift)
    return (rng.random((n, 1)) < truth).astype(int), logits


def test_what_bent_the_logits_is_found():
    labels, logits = draw(20_000, 0.5, -1.5)
    fitted = calibration.fit(labels, logits, np.zeros(20_000))
    np.testing.assert_allclose(fitted.scale, 0.5, atol=0.03)
    np.testing.assert_allclose(fitted.shift, -1.5, atol=0.05)
    mean = special.expit(fitted.apply(logits)).mean()
    np.testing.assert_allclose(mean, labels.mean(), rtol=1e-3)


def test_probabilities_that_are_right_stay_to_the_last_bit():
    stayed = 0
    for seed in range(20):
        labels, logits = draw(300, 1, 0, seed)
        fitted = calibration.fit(labels, logits, np.arange(300) % 3)
        stayed += fitted.scale[0] == 1 and fitted.shift[0] == 0
    assert stayed >= 17


def test_labels_against_the_logits_turn_nothing_around():
    labels, logits = draw(2_000, -1, 0)
    fitted = calibration.fit(labels, logits, np.arange(2_000) % 5)
    assert fitted.scale == 1 and fitted.shift == 0


def test_a_style_that_all_or_none_or_few_have_stays():
    logits = np.random.default_rng(0).normal(size=(50, 3))
    labels = np.zeros((50, 3), int)
    labels[:, 1] = 1
    labels[:19, 2] = 1
    logits[:, 2] = 9 * labels[:, 2]
    fitted = calibration.fit(labels, logits, np.arange(50) % 5)
    np.testing.assert_array_equal(fitted.scale, 1)
    np.testing.assert_array_equal(fitted.shift, 0)


def test_unknown_labels_say_nothing():
    labels, logits = draw(3_000, 0.5, -1)
    folds = np.arange(3_000) % 5
    alone = calibration.fit(labels, logits, folds)
    more = calibration.fit(
        np.concatenate([labels, np.full((3_000, 1), -1)]),
        np.concatenate([logits, np.full((3_000, 1), 100.0)]),
        np.concatenate([folds, folds]),
    )
    np.testing.assert_array_equal(alone, more)


def test_separated_labels_give_finite_numbers():
    logits = np.linspace(-3, 3, 80)[:, np.newaxis]
    fitted = calibration.fit(logits > 0, logits, np.arange(80) % 4)
    assert np.isfinite(fitted).all() and (fitted.scale > 0).all()


def test_log_losses_and_logits():
    np.testing.assert_allclose(
        calibration.log_losses(np.array([True, False]), np.zeros(2)), np.log(2)
    )
    np.testing.assert_allclose(
        calibration.logits(np.float32([0.5, 0.0, 1.0])),
        [0, -27.631, 27.631],
        atol=1e-3,
    )


def test_parts_by_lot_are_of_the_known_photos():
    labels, logits = draw(500, 0.5, -1)
    _, more, scored = hidden.insert(labels, logits, photos=300)
    alone = calibration.fit(labels, logits, np.zeros(500))
    assert alone.scale != 1
    np.testing.assert_array_equal(
        calibration.fit(more, scored, np.zeros(800)), alone
    )
