"""Tests for `jdstyle.datasets.near_duplicates`."""

import importlib.util
import pathlib
import time

import numpy as np
import pytest

from jdstyle.datasets import near_duplicates
from jdstyle.photos import looks

BENCH = pathlib.Path(__file__).parents[2] / "tools" / "bench"
SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def copies():
    """The pictures of the bench, and how it scores them."""
    path = BENCH / "copies.py"
    spec = importlib.util.spec_from_file_location("copies", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_sets(groups):
    """A grouping without its numbers: the set of its groups."""
    return {
        frozenset(np.flatnonzero(groups == g).tolist())
        for g in np.unique(groups)
    }


def make(number, seed=0):
    """Looks of different pictures with strong contrast."""
    rng = np.random.default_rng(seed)
    photos = np.zeros(number, looks.LOOK)
    coarse = rng.integers(-100, 101, (number, 8, 8, 3))
    photos["cells"] = coarse.repeat(4, axis=1).repeat(4, axis=2)
    photos["bits"] = rng.integers(0, 256, (number, 32))
    photos["bits"][:, -1] &= 0xFE  # 255 bits.
    photos["spread"], photos["mean"] = 50, 128
    return photos


def flip(photo, *places):
    bits = np.unpackbits(photo["bits"])
    bits[list(places)] ^= 1
    photo["bits"] = np.packbits(bits)


def test_hashes_may_differ_up_to_the_limit():
    photos = make(2).repeat(2)
    flip(photos[1], *range(near_duplicates.MAX_DISTANCE))
    flip(photos[3], *range(near_duplicates.MAX_DISTANCE + 1))
    groups = near_duplicates.find(photos)
    assert as_sets(groups) == {
        frozenset({0, 1}),
        frozenset({2}),
        frozenset({3}),
    }
    # The numbers are 0, 1 and 2.
    assert sorted(set(groups.tolist())) == [0, 1, 2]


def test_equal_hashes_do_not_suffice():
    photos = make(30)
    photos["bits"] = photos["bits"][0]
    assert len(set(near_duplicates.find(photos).tolist())) == 30
    # Nor does the same thumbnail in other colours.
    photos["cells"] = photos["cells"][0]
    photos["mean"] = 128 + 20 * np.eye(3)[np.arange(30) % 3]
    groups = near_duplicates.find(photos)
    assert as_sets(groups) == {frozenset(range(i, 30, 3)) for i in range(3)}


def test_chains_join():
    (first,) = make(1)
    chain = np.stack([first] * 4)
    for i in range(4):  # Each differs by 60 from the one before.
        flip(chain[i], *range(60 * i))
    assert len(set(near_duplicates.find(chain).tolist())) == 1
    assert len(set(near_duplicates.find(chain[[0, 2]]).tolist())) == 2


@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize("pairs", [1, 5, 512])
def test_blocks_do_not_matter(monkeypatch, block, pairs):
    rng = np.random.default_rng(0)
    photos = make(12).repeat(4)
    for photo in photos:
        flip(photo, *rng.integers(0, 255, rng.integers(0, 60)))
    flat = make(12, seed=1)
    flat["spread"] = 0.3
    flat["mean"] = 40 + 30 * (np.arange(12) // 2)[:, np.newaxis]
    photos = np.concatenate([photos, flat])
    expected = near_duplicates.find(photos)
    # Of four copies each, and of two without contrast.
    assert len(set(expected.tolist())) == 12 + 6
    monkeypatch.setattr(near_duplicates, "_BLOCK", block)
    monkeypatch.setattr(near_duplicates, "_PAIRS", pairs)
    assert as_sets(near_duplicates.find(photos)) == as_sets(expected)


def test_chosen_photos_of_a_file(tmp_path):
    photos = make(3)[[0, 1, 0, 2, 1]]
    photos.tofile(tmp_path / "looks")
    read = np.memmap(tmp_path / "looks", looks.LOOK, "r")
    groups = near_duplicates.find(read, [4, 2, 0, 3])
    assert as_sets(groups) == {
        frozenset({0}),
        frozenset({1, 2}),
        frozenset({3}),
    }


def test_many_copies_of_one_photo_are_one_group():
    # A shop's placeholder 30,000 times: 450 million pairs.
    photos = make(2).repeat([30_000, 1])
    start = time.process_time()
    groups = near_duplicates.find(photos)
    assert np.bincount(groups).tolist() in ([30_000, 1], [1, 30_000])
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    "photos", [np.zeros(3), np.zeros((3, 4), bool), np.zeros((), looks.LOOK)]
)
def test_refuses_what_is_no_look(photos):
    with pytest.raises(ValueError, match="`photos` must be an array"):
        near_duplicates.find(photos)


# Of what is small or has little contrast every hash was equal.
@pytest.mark.parametrize(
    "name, recall",
    [
        ("solid", 0.95),
        ("hazy", 0.95),
        ("dark", 0.95),
        ("jewellery", 0.9),
        ("woven", 0.95),
    ],
)
def test_made_pictures_are_told_apart_and_copies_found(copies, name, recall):
    score = copies.score(name, copies.pictures(name, None, 0, made=16))
    assert score.joined == 0 and score.before >= 2
    assert score.precision >= 0.99
    assert score.recall >= recall


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the real photos in ../shared/data"
)
@pytest.mark.parametrize("name", ["clothing", "deepfashion26"])
def test_real_copies_are_found_and_nothing_else(copies, name):
    images = copies.pictures("real", str(SHARED / name), 40, 0)
    score = copies.score("real", images)
    assert score.joined == 0 and score.precision == 1
    assert score.recall >= 0.95
