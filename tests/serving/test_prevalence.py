"""Other shares of styles: what is read, moved and decided."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from jdstyle.errors import InputError
from jdstyle.serving import assets
from jdstyle.serving import prevalence

STYLES = ["Punk", "Lady, Office", "Sexy"]


@pytest.fixture
def product(tmp_path):
    folder = tmp_path / "saved_model" / "assets"
    folder.mkdir(parents=True)
    (folder / assets.STYLES).write_text("".join(f"{s}\n" for s in STYLES))
    (folder / assets.SHARES).write_text("0.02\n0.5\n0.2\n")
    return str(folder.parent)


def read(tmp_path, product, text):
    (tmp_path / "shop.csv").write_text(text)
    return prevalence.read(str(tmp_path / "shop.csv"), product, STYLES)


def test_shares_become_factors_of_the_odds(tmp_path, product):
    text = 'style,share\n\nSexy, 0.5\n"Lady, Office",1e-1\n'
    found = read(tmp_path, product, text)
    assert found.names == ["Sexy", "Lady, Office"]
    assert (found.columns, found.shares) == ([2, 1], [0.5, 0.1])
    # 1 to 1 by 1 to 4, and 1 to 9 by 1 to 1.
    np.testing.assert_allclose(found.factors, [4, 1 / 9])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "shop.csv:1: the header must be style,share"),
        ("name,share\n", "shop.csv:1: the header must be .* got 'name,share'"),
        ("style,share\n", "shop.csv: no style has a share"),
        ("style,share\nPunk\n", "shop.csv:2: .* got 1 cells"),
        ("style,share\nPunk,0.1,0.2\n", "shop.csv:2: .* got 3 cells"),
        ("style,share\nSexy,.1\nPnuk,.1\n", "shop.csv:3: .* no style 'Pnuk'"),
        ("style,share\nPunk,.1\nPunk,.1\n", "shop.csv:3: 'Punk' has a share"),
        *(
            (f"style,share\nPunk,{text}\n", "shop.csv:2: a share must be")
            for text in ("", "0", "1", "-0.1", "5 %", "nan", "inf", "1e-320")
        ),
        ('style,share\n"Punk,0.1\n', "shop.csv:2: "),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, product, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, product, text)


def test_a_product_must_say_what_it_was_trained_on(tmp_path, product):
    (tmp_path / "saved_model" / "assets" / assets.SHARES).unlink()
    with pytest.raises(InputError, match="does not say which shares.*anew"):
        read(tmp_path, product, "style,share\nPunk,0.1\n")


def test_shares_of_known_labels():
    labels = np.array([[1, 0], [0, 1], [0, -1], [0, 1]])
    assert prevalence.shares(labels) == [0.25, 2 / 3]


def test_moved_by_hand():
    # Odds of 1, 4 and 0.25, times 4; what is certain stays.
    moved = prevalence.move(np.float32([0.5, 0.8, 0.2, 0, 1]), 4.0)
    np.testing.assert_allclose(moved, [0.8, 16 / 17, 0.5, 0, 1], rtol=1e-6)
    back = prevalence.move(moved, 0.25)
    np.testing.assert_allclose(back, [0.5, 0.8, 0.2, 0, 1], rtol=1e-6)


def test_moved_probabilities_are_right_in_the_other_shop():
    """Photos of two shops look alike within a style; its share is another."""
    rng = np.random.default_rng(0)

    def shop(share):
        labels = rng.random(200_000) < share
        looks = rng.normal(2.0 * labels)
        return labels, looks

    # Bayes: log odds are 2 x - 2 and those of the share.
    labels, looks = shop(0.2)
    at_home = special.expit(2 * looks - 2 + special.logit(0.05))
    moved = prevalence.move(at_home, (0.2 / 0.8) / (0.05 / 0.95))
    assert abs(at_home.mean() - 0.2) > 0.1
    assert moved.mean() == pytest.approx(0.2, abs=0.003)
    # F2 at the cut, found without labels, is that of the best of all cuts.
    reached = {
        cut: f2(labels, moved >= cut) for cut in np.linspace(0.01, 0.5, 99)
    }
    cut = prevalence.best_cut(moved)
    assert f2(labels, moved >= cut) > max(reached.values()) - 0.002


def f2(labels, decisions):
    hits = np.sum(labels & decisions)
    return 5 * hits / (4 * labels.sum() + decisions.sum())


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=30))
def test_the_best_cut_is_the_best_of_all(values):
    p = np.array(values)
    cut = prevalence.best_cut(p)

    def expected(accepted):
        return 5 * p[accepted].sum() / (4 * p.sum() + accepted.sum())

    best = max(expected(p >= t) for t in p)
    assert 5 * cut == pytest.approx(best)
    assert expected(p >= cut) == pytest.approx(best)


@pytest.mark.parametrize("values", [[], [0.0, 0.0]])
def test_a_cut_without_any_hope(values):
    assert prevalence.best_cut(np.array(values)) == 0.2


def test_only_given_styles_change(tmp_path, product):
    given = read(tmp_path, product, "style,share\nSexy,0.5\n")
    probabilities = np.float32([[0.1, 0.6, 0.2], [0.3, 0.4, 0.001]])
    decisions = np.array([[1, 0, 0], [0, 1, 1]])
    before = probabilities.copy(), decisions.copy()
    moved, decided, record = prevalence.apply(given, probabilities, decisions)
    np.testing.assert_array_equal(before[0], probabilities)
    np.testing.assert_array_equal(before[1], decisions)
    np.testing.assert_array_equal(moved[:, :2], probabilities[:, :2])
    np.testing.assert_array_equal(decided[:, :2], decisions[:, :2])
    # 0.5 and 0.004 in odds: the first alone is the best, 0.5 / (4 T + 1).
    np.testing.assert_allclose(moved[:, 2], [0.5, 0.004 / 1.003], rtol=1e-4)
    assert decided[:, 2].tolist() == [1, 0]
    assert record["Sexy"]["share"] == 0.5
    assert record["Sexy"]["cut"] == pytest.approx(0.5 / (4 * 0.504 + 1), 1e-3)


@pytest.mark.parametrize("photos, warns", [(1, True), (19, True), (21, False)])
def test_few_photos_cannot_say_where_to_cut(
    tmp_path, product, log, photos, warns
):
    given = read(tmp_path, product, "style,share\nSexy,0.2\n")
    probabilities = np.full((photos, 3), 0.5, np.float32)
    prevalence.apply(given, probabilities, np.zeros((photos, 3), int))
    said = f"Sexy: {photos / 2:.2g} of {photos} photos are expected"
    assert (said in log.text) == warns
