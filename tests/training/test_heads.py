import hidden
import numpy as np
import pytest

from jdstyle.training import heads

RNG = np.random.default_rng(0)


def make(num_photos=400, num_styles=2, noise=1.0):
    """Photos of which the first feature says the first style, and so on."""
    features = RNG.normal(size=(num_photos, 6)).astype("float32")
    seen = features + noise * RNG.normal(size=features.shape)
    labels = (seen[:, :num_styles] > 0.5).astype(int)
    # Features of any scale and offset, and one that says nothing.
    features = features * [1, 100, 1e-3, 1, 1, 1] + [0, 500, 3, 0, 0, 0]
    features = np.c_[features, np.full(num_photos, 7.0)].astype("float32")
    return features, labels, np.arange(num_photos) % 4 + 1


EVEN = np.ones((2, 2))


def test_is_one_dense_layer_of_logistic_regressions():
    """At the optimum the predicted and the true share of positives agree."""
    features, labels, folds = make()
    fitted = heads.fit(features, labels, EVEN, folds)
    assert fitted.kernel.shape == (7, 2) and fitted.bias.shape == (2,)
    assert not fitted.kernel[6].any()
    logits = features @ fitted.kernel + fitted.bias
    predicted = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(
        predicted.mean(axis=0), labels.mean(axis=0), atol=1e-3
    )
    ranked = np.argsort(-logits, axis=0)[:50]
    assert np.take_along_axis(labels, ranked, axis=0).mean() > 0.8
    assert set(fitted.strengths) <= set(heads.STRENGTHS)


def test_out_of_fold_logits_have_not_seen_their_photo():
    """Labels of pure chance: who has not seen them cannot rank them."""
    features = RNG.normal(size=(200, 150)).astype("float32")
    labels = RNG.integers(0, 2, (200, 1))
    folds = np.arange(200) % 5
    fitted = heads.fit(features, labels, EVEN[:1], folds)
    assert np.isfinite(fitted.out_of_fold).all()
    assert fitted.strengths[0] < 0.01  # Weaker ones are worse than none.
    found = np.corrcoef(fitted.out_of_fold[:, 0], labels[:, 0])[0, 1]
    assert abs(found) < 0.2
    seen = features @ fitted.kernel + fitted.bias
    assert np.corrcoef(seen[:, 0], labels[:, 0])[0, 1] > 0.5


def test_noise_wants_a_stronger_regularisation():
    strengths = [
        heads.fit(*make(noise=noise)[:2], EVEN, make()[2]).strengths[0]
        for noise in (0.1, 20.0)
    ]
    assert strengths[0] > strengths[1]


def test_unknown_labels_count_nowhere():
    features, labels, folds = make()
    labels[::3, 0] = -1
    features[::3, 1] = np.where(labels[::3, 1] == 1, 900, -900)
    known = labels[:, 0] >= 0
    both = heads.fit(features, labels, EVEN, folds)
    assert np.isnan(both.out_of_fold[~known, 0]).all()
    assert np.isfinite(both.out_of_fold[known, 0]).all()
    assert np.isfinite(both.out_of_fold[:, 1]).all()


def test_photos_of_which_nothing_is_known_change_no_head():
    features, labels, _ = make()
    alone = heads.fit(features, labels, EVEN, np.zeros(len(labels)))
    known, more, seen = hidden.insert(labels, features)
    seen[~known] *= 100
    found = heads.fit(seen, more, EVEN, np.zeros(len(more)))
    for one, other in zip(alone[:3], found[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found.out_of_fold[known], alone.out_of_fold)
    assert np.isnan(found.out_of_fold[~known]).all()


def test_weights_move_what_is_predicted():
    """A positive that counts four times: as if each were there four times."""
    features, labels, folds = make()
    weighted = heads.fit(features, labels, np.array([[1, 4], [1, 1]]), folds)
    plain = heads.fit(features, labels, EVEN, folds)
    shift = features @ (weighted.kernel - plain.kernel)
    shift = shift + weighted.bias - plain.bias
    assert 0.7 * np.log(4) < shift[:, 0].mean() < 1.5 * np.log(4)
    np.testing.assert_allclose(shift[:, 1], 0, atol=1e-5)


@pytest.mark.parametrize("folds", [np.zeros(400, int), np.arange(400)])
def test_any_number_of_folds_will_do(folds):
    features, labels, _ = make()
    fitted = heads.fit(features, labels, EVEN, folds)
    assert np.isfinite(fitted.out_of_fold).all()


def test_positives_of_one_fold_are_scored_by_nobody():
    features, labels, folds = make()
    labels[:, 1] = (folds == 2) & (features[:, 1] > 600)
    fitted = heads.fit(features, labels, EVEN, folds)
    assert np.isnan(fitted.out_of_fold[folds == 2, 1]).all()
    assert np.isfinite(fitted.out_of_fold[folds != 2, 1]).all()
    assert fitted.strengths[1] in heads.STRENGTHS
