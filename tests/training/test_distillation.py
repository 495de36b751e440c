import keras
import numpy as np
import pytest
import small_settings

from jdstyle.datasets import records
from jdstyle.input_pipeline import batches
from jdstyle.training import distillation
from jdstyle.training import losses
from jdstyle.training import objective

LABEL_LOSS = losses.CostSensitiveBinaryCrossentropy(1.5, 1.0)


def make_loss(share=0.5, temperature=2.0):
    return distillation.DistillationLoss(LABEL_LOSS, share, temperature)


def slopes(loss, targets, logits):
    """Slopes of the loss by logits, by differences."""
    found = np.zeros(len(logits))
    for i in range(len(logits)):
        step = np.zeros(len(logits))
        step[i] = 1e-2
        more, less = (
            loss(np.float32([targets]), np.float32([logits + sign * step]))
            for sign in (1, -1)
        )
        found[i] = (more - less) / 2e-2
    return found


def test_hand_computed():
    # One style, x = 2 ln 3, T = 2: p = 0.9, softened sigmoid(ln 3) = 0.75.
    # Labels: 1.5 * -ln 0.9. Teacher, q = 0.25:
    # 4 * (-0.25 ln 0.75 - 0.75 ln 0.25).
    x, labels = 2 * np.log(3), -1.5 * np.log(0.9)
    teacher = 4 * (-0.25 * np.log(0.75) - 0.75 * np.log(0.25))
    for share in (0.0, 0.25, 1.0):
        value = make_loss(share)(np.float32([[1, 0.25]]), np.float32([[x]]))
        expected = (1 - share) * labels + share * teacher
        assert float(value) == pytest.approx(expected, rel=1e-6)


def test_masks_the_labels_alone():
    """Two styles: of the first the label is not known."""
    logits = np.float32([[0.3, -0.7]])
    loss = make_loss(temperature=1.0)
    found = loss(np.float32([[-1, 0, 0.5, 0.25]]), logits)
    labels = np.log1p(np.exp(-0.7)) / 2
    teacher = np.logaddexp(0, logits[0]) - np.array([0.5, 0.25]) * logits[0]
    assert float(found) == pytest.approx((labels + teacher.mean()) / 2)
    # What the first style's label would be changes nothing but by its mask.
    assert float(found) < float(loss(np.float32([[1, 0, 0.5, 0.25]]), logits))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.5, 10.0])
def test_an_equal_teacher_asks_for_nothing(temperature):
    logits = np.array([-1.0, 0.5, 1.0])
    teacher = distillation.Teacher(
        np.array(["a"]), logits[None], temperature=temperature
    )
    (taught,) = teacher.targets(np.zeros(3))
    loss = make_loss(1.0, temperature)
    targets = np.concatenate([[1, 0, -1], taught])
    assert slopes(loss, targets, logits) == pytest.approx(0, abs=2e-3)
    # A teacher who says more pulls up, and one who says less down.
    assert (slopes(loss, targets, logits - 1) < -0.005).all()
    assert (slopes(loss, targets, logits + 1) > 0.005).all()


def test_a_teacher_speaks_of_the_logits_that_labels_teach():
    """Resampling to 1:1 of 1:9 adds ln 9 to a logit, and so does he."""
    teacher = distillation.Teacher(np.array(["a"]), np.log([[1 / 9]]))
    assert teacher.targets(-np.log([9.0])) == pytest.approx(0.5)


def test_survives_being_saved():
    loss = make_loss(0.25, 3.0)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, distillation.DistillationLoss)
    assert (again.share, again.temperature) == (0.25, 3.0)
    targets, logits = np.float32([[1, 0, 0.5, 0.2]]), np.float32([[0.1, 2]])
    assert float(again(targets, logits)) == float(loss(targets, logits))


@pytest.mark.parametrize(
    ("share", "temperature"),
    [(-0.1, 1.0), (1.1, 1.0), (0.5, 0.0), (0.5, float("inf"))],
)
def test_refuses_what_is_out_of_range(share, temperature):
    with pytest.raises(ValueError, match=r"must be .* Received"):
        make_loss(share, temperature)


def test_refuses_labels_alone():
    with pytest.raises(ValueError, match=r"2 \* num_styles.*\(1, 2\)"):
        make_loss()(np.zeros((1, 2)), np.zeros((1, 2)))


def make_objective(photos, teacher):
    settings = small_settings.SETTINGS._replace(positive_rate=(0.0, 0.5))
    return objective.make_objective(
        photos, photos, [0, 1], settings, ["bright", "rare"], teacher=teacher
    )


@pytest.mark.parametrize("cache", ["memory", "stream"])
def test_every_photo_teaches_and_labels_are_still_drawn(tiny, cache):
    photos = records.read_photos(tiny, "train", cache=cache)
    number = np.array([int(name.removesuffix(".jpg")) for name in photos.ids])
    logits = np.stack([number / 100, -number / 100], axis=1)
    teacher = distillation.Teacher(photos.ids, logits, 0.3, 1.5)
    made = make_objective(photos, teacher)
    assert made.shown == len(photos.ids)
    # "rare" is an eighth, and is resampled to a half.
    expected = teacher.targets(made.correction)
    dataset = batches.make_train_dataset(
        photos,
        made.targets,
        made.acceptance,
        image_size=8,
        batch_size=len(photos.ids),
        seed=3,
    )
    ids = batches.batch_ids(
        photos,
        made.targets,
        made.acceptance,
        0,
        batch_size=len(photos.ids),
        seed=3,
    )
    assert sorted(ids) == sorted(photos.ids)
    order = [photos.ids.tolist().index(name) for name in ids]
    _, targets = next(iter(dataset))
    np.testing.assert_array_equal(targets[:, 2:], expected[order])
    labels = photos.labels[order]
    np.testing.assert_array_equal(targets[:, 0], labels[:, 0])
    rare = targets[:, 1].numpy()
    drawn = rare >= 0
    np.testing.assert_array_equal(rare[drawn], labels[drawn, 1])
    assert drawn[labels[:, 1] == 1].all()
    assert 0 < drawn[labels[:, 1] == 0].mean() < 0.5


def test_another_teacher_is_no_teacher(tiny):
    photos = records.read_photos(tiny, "train")
    logits = np.zeros((len(photos.ids), 2))
    teacher = distillation.Teacher(photos.ids[::-1], logits)
    with pytest.raises(ValueError, match="of the training photos"):
        make_objective(photos, teacher)
    digests = {
        teacher.digest(),
        distillation.Teacher(photos.ids, logits).digest(),
        distillation.Teacher(photos.ids, logits + 1e-9).digest(),
    }
    assert len(digests) == 3
