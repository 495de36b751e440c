import errno
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import binaries
import keras
import numpy as np
import odd_photos
import pytest
import tensorflow as tf
from PIL import Image

from jdstyle.datasets import records
from jdstyle.errors import Failure
from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.input_pipeline import batches
from jdstyle.models import classifier
from jdstyle.serving import assets
from jdstyle.serving import loader
from jdstyle.serving import saved_model

pytestmark = pytest.mark.long

SIZE = 32
STYLES = ["Punk", "Ethnic"]


def build(backbone):
    keras.utils.set_random_seed(1)
    return classifier.build(
        classifier.Architecture(backbone, SIZE, len(STYLES))
    )


@pytest.fixture(scope="module")
def model(small_mobilenet):
    return build("MobileNet")


def export(model, folder):
    """Exports a network; returns the path of its product."""
    scorer = saved_model.Thresholded(model, [0.5, 0.4])
    saved_model.export(scorer, STYLES, str(folder / "saved_model"))
    return str(folder / "saved_model")


@pytest.fixture(scope="module")
def product(model, tmp_path_factory):
    return export(model, tmp_path_factory.mktemp("export"))


@pytest.fixture
def jpegs(tiny):
    return records.read_photos(tiny, "test").encoded


def test_bytes_give_what_evaluation_gives(jpegs, tiny, tmp_path):
    """Here alone the network is one that people train."""
    model = build("MobileNetV3Small")
    classify, names = loader.load(export(model, tmp_path))
    assert names == STYLES
    probabilities, labels = loader.predict(classify, [jpegs[:5], jpegs[5:]])
    dataset = batches.make_eval_dataset(
        records.read_photos(tiny, "test"), image_size=SIZE, batch_size=8
    )
    expected = tf.sigmoid(model.predict(dataset, verbose=0))
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_array_equal(labels, probabilities >= [0.5, 0.4])


def test_signatures_are_as_promised(product):
    loaded = tf.saved_model.load(product)
    files, pixels = (
        loaded.signatures[name] for name in ("serving_default", "pixels")
    )
    assert files.structured_input_signature[1] == {
        "image_bytes": tf.TensorSpec([None], tf.string, "image_bytes")
    }
    assert pixels.structured_input_signature[1] == {
        "images": tf.TensorSpec([None, None, None, 3], tf.float32, "images")
    }
    for signature in (files, pixels):
        outputs = signature.structured_outputs
        assert outputs["probabilities"].dtype == tf.float32
        assert outputs["probabilities"].shape.as_list() == [None, 2]
        assert outputs["labels"].dtype == tf.int32
        assert outputs["labels"].shape.as_list() == [None, 2]


def test_members_on_request(product, jpegs):
    members = tf.saved_model.load(product).signatures["members"]
    result = members(image_bytes=jpegs)
    assert result["member_probabilities"].shape == (len(jpegs), 1, 2)
    np.testing.assert_array_equal(
        result["member_probabilities"][:, 0], result["probabilities"]
    )


def test_pixels_of_any_size(model, product):
    pixels = tf.saved_model.load(product).signatures["pixels"]
    images = np.random.default_rng(0).uniform(0, 255, (3, SIZE, SIZE, 3))
    images = images.astype("float32")
    result = pixels(images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(
        result, tf.sigmoid(model.predict(images, verbose=0)), atol=1e-5
    )
    # Each pixel four times: averaged down, it is the same photo.
    larger = images.repeat(4, axis=1).repeat(4, axis=2)
    again = pixels(images=tf.constant(larger))["probabilities"]
    np.testing.assert_allclose(again, result, atol=1e-4)


def test_empty_batch(product):
    loaded = tf.saved_model.load(product).signatures
    for result in (
        loaded["serving_default"](image_bytes=tf.zeros([0], tf.string)),
        loaded["pixels"](images=tf.zeros([0, 50, 40, 3])),
        loaded["members"](image_bytes=tf.zeros([0], tf.string)),
    ):
        assert result["probabilities"].shape == (0, 2)
        assert result["labels"].shape == (0, 2)


def test_runs_where_there_is_no_keras(model, product, jpegs, tmp_path):
    """A downstream process has TensorFlow and nothing of ours."""
    for i, jpeg in enumerate(jpegs.numpy()):
        (tmp_path / f"{i:02}.jpg").write_bytes(jpeg)
    program = f"""
        import pathlib, sys
        sys.modules["keras"] = sys.modules["jdstyle"] = None
        import numpy as np
        import tensorflow as tf
        model = tf.saved_model.load({product!r})
        photos = sorted(pathlib.Path({str(tmp_path)!r}).glob("*.jpg"))
        result = model.signatures["serving_default"](
            image_bytes=tf.constant([p.read_bytes() for p in photos])
        )
        np.save({str(tmp_path / "result.npy")!r}, result["probabilities"])
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=True,
        cwd=tmp_path,
    )
    from jdstyle.photos import decoding

    images = np.stack([decoding.decode(jpeg, SIZE) for jpeg in jpegs])
    expected = tf.sigmoid(model.predict(images, verbose=0))
    result = np.load(tmp_path / "result.npy")
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_export_replaces_and_leaves_no_litter(model, tmp_path):
    directory = tmp_path / "saved_model"
    for name in ("Old", "New"):
        saved_model.export(
            saved_model.Thresholded(model, [0.5, 0.5]),
            [name, "x"],
            str(directory),
        )
    assert loader.load(str(directory))[1] == ["New", "x"]
    assert [path.name for path in tmp_path.iterdir()] == ["saved_model"]
    assert sorted(p.name for p in directory.iterdir() if p.is_file()) == [
        "SHA256SUMS",
        "fingerprint.pb",
        "saved_model.pb",
    ]


@pytest.fixture
def old_product(product, tmp_path):
    """A product in a folder of its own, for a test to replace."""
    return pathlib.Path(shutil.copytree(product, tmp_path / "saved_model"))


def export_new(model, directory):
    scorer = saved_model.Thresholded(model, [0.5, 0.5])
    saved_model.export(scorer, ["New", "x"], str(directory))


def test_no_room_leaves_the_old_product_and_no_litter(
    model, old_product, monkeypatch
):
    def fail(directory):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sums, "write", fail)
    with pytest.raises(OSError, match="No space left"):
        export_new(model, old_product)
    assert [p.name for p in old_product.parent.iterdir()] == ["saved_model"]
    assert loader.load(str(old_product))[1] == STYLES


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_kill_at_the_end_leaves_a_whole_product(
    renames, model, old_product, monkeypatch
):
    """Killed after so many renames, of which the first sets the old aside."""
    done = []

    def rename(source, target):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(os.replace(source, target))

    def remove(path, **options):
        if len(done) == 2:
            raise KeyboardInterrupt
        rmtree(path, **options)

    rmtree = shutil.rmtree
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        patch.setattr(shutil, "rmtree", remove)
        with pytest.raises(KeyboardInterrupt):
            export_new(model, old_product)
    aside = str(old_product.with_name("incomplete.replaced_saved_model"))
    whole = str(old_product) if old_product.exists() else aside
    expected = ["New", "x"] if renames == 2 else STYLES
    assert loader.load(whole)[1] == expected
    # The next one removes what was left, and nothing of others.
    old_product.with_name("saved_model.tmp").mkdir()
    export_new(model, old_product)
    assert loader.load(str(old_product))[1] == ["New", "x"]
    left = sorted(p.name for p in old_product.parent.iterdir())
    assert left == ["saved_model", "saved_model.tmp"]


def test_says_the_short_side_of_its_photos(model, product, tmp_path):
    assert assets.read_short_side(product) == 320
    path = str(tmp_path / "saved_model")
    scorer = saved_model.Thresholded(model, [0.5, 0.5])
    saved_model.export(scorer, STYLES, path, short_side=64)
    assert loader.load(path)[1] == STYLES
    assert assets.read_short_side(path) == 64


def test_says_the_shares_of_its_photos(model, product, tmp_path):
    assert assets.read_shares(product) is None
    path = str(tmp_path / "saved_model")
    scorer = saved_model.Thresholded(model, [0.5, 0.5])
    saved_model.export(scorer, STYLES, path, shares=np.float64([0.25, 0.1]))
    assert loader.load(path)[1] == STYLES
    assert assets.read_shares(path) == [0.25, 0.1]
    (pathlib.Path(path) / "assets" / assets.SHARES).write_text("1\n2\n")
    sums.write(path)
    with pytest.raises(InputError, match="was not run: .*between 0 and 1"):
        loader.load(path)


def test_product_of_an_older_version_is_loaded(model, tmp_path):
    path = str(tmp_path / "saved_model")
    scorer = saved_model.Thresholded(model, [0.5, 0.5])
    files = {"styles.txt": STYLES, "members.txt": scorer.member_names}
    saved_model._write(scorer, files, path)
    assert loader.load(path)[1] == STYLES
    assert assets.read_short_side(path) == 320


def test_refuses_what_is_no_model(tmp_path):
    with pytest.raises(InputError, match="--saved_model.*styles.txt"):
        loader.load(str(tmp_path))


def test_knows_nothing_of_training():
    """The exported graph holds no augmentation: serving does not import it."""
    source = pathlib.Path(saved_model.__file__).read_text(encoding="utf-8")
    assert "augment" not in source


def test_bad_photos_leave_the_others_alone(product, jpegs):
    loaded = tf.saved_model.load(product)
    good = [photo.numpy() for photo in jpegs[:3]]
    files = [b"", good[0], b"<html>", good[1][:200], good[1], good[2]]
    expected = loaded.signatures["members"](image_bytes=tf.constant(good))
    for name in ("members", "serving_default"):
        result = loaded.signatures[name](image_bytes=tf.constant(files))
        assert result["valid"].numpy().tolist() == [
            False, True, False, False, True, True,
        ]  # fmt: skip
        places = [1, 4, 5]
        for key in set(result) - {"valid"}:
            value = result[key].numpy()
            np.testing.assert_array_equal(value[places], expected[key])
            others = np.delete(value, places, axis=0)
            if key == "labels":
                assert not others.any()
            else:
                assert np.isnan(others).all()


def test_many_large_photos_take_the_memory_of_one(product, tmp_path):
    """Two of the largest that may be, at a time, would take 1,540 MB."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("needs /proc/self/clear_refs to measure memory")
    # The last is the largest that is decoded beside others.
    for name, side in [("good", 300), ("large", 10_000), ("middle", 3535)]:
        photo = Image.new("CMYK", (side, side), (10, 20, 30, 40))
        photo.save(tmp_path / name, "JPEG", progressive=True)
    program = f"""
        import pathlib
        import tensorflow as tf
        import fuzz_photos
        # As on a machine of many cores.
        tf.config.threading.set_inter_op_parallelism_threads(32)
        model = tf.saved_model.load({product!r})
        classify = model.signatures["serving_default"]
        good, large, middle = (
            pathlib.Path(name).read_bytes()
            for name in ("good", "large", "middle")
        )
        classify(image_bytes=tf.constant([good] * 4))
        batch = tf.constant([large, good, large, b""] + [middle] * 12)
        idle = fuzz_photos.memory("VmRSS")
        fuzz_photos.reset_peak()
        result = classify(image_bytes=batch)
        peak = fuzz_photos.memory("VmHWM") - idle
        print(peak, result["valid"].numpy().tolist(), sep=";")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": binaries.HELPERS_PATH},
        capture_output=True,
        text=True,
    )
    peak, valid = done.stdout.split(";")
    assert valid.strip() == str([True] * 3 + [False] + [True] * 12)
    assert float(peak) < 1200


def test_every_odd_photo_in_one_batch(product, jpegs):
    """Each kind, and each real file, becomes what it does in the decoder."""
    kinds = odd_photos.kinds()
    files = [odd.data for odd in kinds.values()]
    expected = [odd.decoded is not None for odd in kinds.values()]
    for path in odd_photos.real_files():
        files.append(path.read_bytes())
        expected.append(not path.name.startswith(odd_photos.REAL_REFUSED))
    classify = tf.saved_model.load(product).signatures["serving_default"]
    good = [photo.numpy() for photo in jpegs[:3]]
    alone = classify(image_bytes=tf.constant(good))
    # Two batches, each with good photos first, in the midst and last.
    for part in (slice(0, None, 2), slice(1, None, 2)):
        odd, valid = files[part], np.array(expected[part])
        middle = len(odd) // 2
        batch = [good[0], *odd[:middle], good[1], *odd[middle:], good[2]]
        places = [0, middle + 1, len(batch) - 1]
        result = classify(image_bytes=tf.constant(batch))
        result = {key: value.numpy() for key, value in result.items()}
        for key, value in result.items():
            np.testing.assert_allclose(value[places], alone[key], atol=1e-6)
        others = {k: np.delete(v, places, 0) for k, v in result.items()}
        np.testing.assert_array_equal(others["valid"], valid)
        missing = np.isnan(others["probabilities"])
        assert missing[~valid].all()
        assert not missing[valid].any()
        assert not others["labels"][~valid].any()


@pytest.mark.parametrize("files", [[], [b"no photo"]], ids=["none", "bad"])
def test_batch_without_a_good_photo(product, files):
    classify = tf.saved_model.load(product).signatures["serving_default"]
    result = classify(image_bytes=tf.constant(files, tf.string))
    assert result["probabilities"].shape == (len(files), len(STYLES))
    assert not result["labels"].numpy().any()
    assert not result["valid"].numpy().any()


def test_pixel_that_is_not_finite_is_not_hidden(product):
    classify = tf.saved_model.load(product).signatures["pixels"]
    images = np.random.default_rng(0).uniform(0, 255, (3, 40, 50, 3))
    images = images.astype("float32")
    clean = classify(images=tf.constant(images))
    assert clean["valid"].numpy().all()
    images[1, 5, 5, 0] = np.nan
    result = classify(images=tf.constant(images))
    assert result["valid"].numpy().tolist() == [True, False, True]
    assert np.isnan(result["probabilities"][1]).all()
    np.testing.assert_allclose(
        result["probabilities"].numpy()[[0, 2]],
        clean["probabilities"].numpy()[[0, 2]],
        rtol=1e-5,
    )


def test_predict_tells_of_photos_that_the_model_refuses(product, jpegs):
    classify, _ = loader.load(product)
    with pytest.raises(Failure, match="cannot read 1 photos"):
        loader.predict(classify, [jpegs[:2], tf.constant([b"bad"])])
