"""Which photos a product has seen, and what a score on them is worth."""

import pytest

from jdstyle.datasets import records
from jdstyle.datasets import sources
from jdstyle.errors import InputError
from jdstyle.evaluation import scores
from jdstyle.serving import assets
from jdstyle.serving import seen

A, B, C = (letter * 16 for letter in "abc")


def write(product, trained, chose):
    (product / "assets").mkdir(parents=True)
    for name, digests in (assets.TRAINED, trained), (assets.CHOSE, chose):
        text = "".join(f"{digest}\n" for digest in digests)
        (product / "assets" / name).write_text(text)
    return str(product)


@pytest.mark.parametrize(
    ("photos", "kind"),
    [
        ([C], scores.TEST),
        ([B, C], scores.OPTIMISTIC),
        ([C, A], None),
        # Of folds, a photo has trained some and chosen the rules of all.
        ([A, B], None),
    ],
)
def test_the_photos_count_whatever_their_split(tmp_path, photos, kind):
    product = write(tmp_path, [A], [A, B])
    for part in ("train", "validation", "test"):
        assert seen.kind(product, photos, part) == kind


def test_of_older_products_the_split_counts(tmp_path):
    kinds = [
        seen.kind(str(tmp_path), [A], part)
        for part in ("train", "validation", "test")
    ]
    assert kinds == [None, scores.OPTIMISTIC, scores.TEST]


def test_several_have_seen_what_each_has(tmp_path):
    first = seen.read(write(tmp_path / "1", [A], [B]))
    second = seen.read(write(tmp_path / "2", [B], []))
    assert seen.union([first, second]) == ({A, B}, {B})
    assert seen.union([first, seen.read(tmp_path)]) is None


def test_of_a_start_it_is_known_what_it_has_seen(tiny, tmp_path):
    ids = records.read_photos(tiny, "train").ids
    digests = sources.photo_digests(tiny, ids)
    assert len({*digests}) == len(ids)
    for name, trained in ("mine", digests[:1]), ("other", [A]):
        write(tmp_path / name / "saved_model", trained, digests)
    (tmp_path / "old").mkdir()
    found = {
        name: seen.of_start(str(tmp_path / name))
        for name in ("none", "other", "mine", "old")
    }
    assert found == {
        "none": (set(), set()),
        "other": ({A}, {*digests}),
        "mine": ({digests[0]}, {*digests}),
        "old": None,  # Nothing is known of it.
    }
    own = seen.of_photos(tiny, ids[:2], ids[2:])
    assert own == ({*digests[:2]}, {*digests[2:]})
    both = seen.union([own, found["other"]])
    assert both == ({*digests[:2], A}, {*digests})


def test_other_lines_are_refused(tmp_path):
    product = write(tmp_path, [A, "x"], [])
    with pytest.raises(InputError, match=r"trained.txt:2: expected 16 hexa"):
        seen.kind(product, [A], "test")
