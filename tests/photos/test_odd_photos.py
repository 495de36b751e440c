"""What `prepare`, `predict` and the graph make of odd and broken photos."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys

import binaries
import odd_photos
import pytest
import tensorflow as tf

from jdstyle.photos import decoding
from jdstyle.photos import headers
from jdstyle.photos import normalise

FUZZ = binaries.HELPERS / "fuzz_photos.py"
KINDS = odd_photos.kinds()
MOST_MB = 1500


@pytest.fixture(scope="module")
def decode():
    """The decoding of an exported model, as a graph."""
    return tf.function(
        # None is twice as large: nothing is decoded at half its size.
        lambda image_bytes: decoding.read_pixels(image_bytes, 2000),
        input_signature=[tf.TensorSpec([], tf.string)],
    )


@pytest.mark.parametrize("name", KINDS)
def test_the_graph_decodes_or_refuses(name, decode):
    odd = KINDS[name]
    if odd.decoded is None:
        with pytest.raises(tf.errors.InvalidArgumentError):
            decode(odd.data)
    else:
        assert decode(odd.data).shape == (*odd.decoded, 3)


@pytest.mark.parametrize("name", KINDS)
def test_prepare_stores_or_says_why(name, decode):
    odd = KINDS[name]
    if isinstance(odd.stored, str):
        with pytest.raises(normalise.PhotoError) as caught:
            normalise.normalise(odd.data)
        assert str(caught.value).startswith(odd.stored)
    else:
        photo = normalise.normalise(odd.data)
        assert (photo.width, photo.height) == odd.stored
        assert decode(photo.jpeg).shape == (*odd.stored[::-1], 3)


@pytest.mark.parametrize(
    "make", [odd_photos.picture, lambda size: odd_photos.picture(size, "RGBA")]
)
@pytest.mark.parametrize("lossless", [False, True])
def test_reads_the_size_of_every_webp(make, lossless, decode, monkeypatch):
    data = odd_photos.encode(make((210, 90)), "WEBP", lossless=lossless)
    check = tf.function(headers.check_webp)
    assert check(tf.constant(data)) == data
    # 210 x 90 = 18,900.
    monkeypatch.setattr(headers, "MAX_PIXELS", 18_899)
    check = tf.function(headers.check_webp)
    with pytest.raises(tf.errors.InvalidArgumentError, match="18,899.*90"):
        check(tf.constant(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_cut_is_refused_in_words(kind, decode):
    """Also those within the header, where a message must not hold the file."""
    data = odd_photos.encode(odd_photos.picture(), kind)
    for length in range(60):
        with pytest.raises(tf.errors.InvalidArgumentError):
            decode(data[:length])


def test_a_folder_of_all_kinds(tmp_path):
    """Their names hold spaces and Chinese, and all end in .jpg."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with open(tmp_path / "t.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "a"])
        for i, (name, odd) in enumerate(KINDS.items()):
            photo = folder / f"{i} 连衣裙 {name}.jpg"
            photo.write_bytes(odd.data)
            writer.writerow([photo.name, i % 2])
    said = binaries.call(
        tmp_path,
        "prepare",
        "--dataset=label_table/odd",
        "--table=t.csv",
        "--images_dir=photos",
        "--max_bad_fraction=1",
        "--allow_all_zero",
        "--duplicates=off",
        "--num_folds=2",
        "--data_dir=it's my $HOME/data",
    )
    (following,) = re.findall("^Next: (.*)", said, re.MULTILINE)
    assert shlex.split(following) == [
        *("python", "-m", "jdstyle.train", "--dataset=label_table/odd"),
        *("--data_dir=it's my $HOME/data", "--style=1"),
    ]
    rejected = {n for n, o in KINDS.items() if isinstance(o.stored, str)}
    assert f"{len(rejected)} photos rejected" in said
    data_dir = tmp_path / "it's my $HOME" / "data"
    report = data_dir / "label_table-odd-1.0.0-rejected.csv"
    with open(report, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    named = {row["id"].partition("连衣裙 ")[2][:-4]: row for row in rows}
    assert set(named) == rejected
    for name, row in named.items():
        assert row["reason"].startswith(KINDS[name].stored)
        assert row["named_in"].startswith("t.csv:")


@pytest.mark.skipif(
    not odd_photos.REAL.is_dir(),
    reason="needs the real odd files in ../shared/data/bad_images",
)
def test_the_graph_decodes_or_refuses_real_files(decode):
    paths = odd_photos.real_files()
    assert len(paths) == 20
    for path in paths:
        if path.name.startswith(odd_photos.REAL_REFUSED):
            with pytest.raises(tf.errors.InvalidArgumentError):
                decode(path.read_bytes())
        else:
            assert decode(path.read_bytes()).shape[-1] == 3


@pytest.fixture(scope="module")
def measured(request, tmp_path_factory):
    """What a process of its own says of odd and of damaged photos."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("needs /proc/self/clear_refs to measure memory")
    more = odd_photos.real_files()
    number = request.config.getoption("--mutants")
    folder = tmp_path_factory.mktemp("mutants")
    done = subprocess.run(
        [
            sys.executable,
            binaries.HELPERS / "fuzz_photos.py",
            str(number),
            folder,
            *more,
        ],
        env=os.environ | {"PYTHONPATH": binaries.HELPERS_PATH},
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, f"{folder}/mutant: {done.stderr[-2000:]}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.long
def test_memory_of_each(measured):
    peaks = measured["peaks_mb"]
    assert set(KINDS) <= set(peaks)
    for name, (stored, decoded) in peaks.items():
        assert max(stored, decoded) < MOST_MB, name
    # What is refused by its header takes next to nothing.
    assert max(peaks["PNG of a megabyte claiming 20,000 x 20,000"]) < 20


@pytest.mark.long
def test_mutants(measured, request):
    """Damaged photos are decoded or refused; nothing else happens."""
    number = request.config.getoption("--mutants")
    said = measured["mutants"]
    print(said)
    assert said["stored"] + said["refused"] == number
    assert said["decoded"] + said["not decoded"] == number
    # Damage that nothing notices and damage that is refused: both occur.
    counts = [said[k] for k in ("stored", "refused", "decoded", "not decoded")]
    assert min(counts) > number / 20
    assert said["peak_mb"] < MOST_MB
