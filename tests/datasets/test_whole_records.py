"""Preparing that is killed, fails, runs twice or finds other photos."""

import errno
import fcntl
import gc
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jdstyle.datasets import builder
from jdstyle.datasets import prepared
from jdstyle.datasets import records
from jdstyle.datasets import summary
from jdstyle.datasets import whole_records
from jdstyle.errors import InputError
from jdstyle.files import swap

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def table(tmp_path):
    """A table of 24 photos of noise in photos/, in a folder of its own."""
    folder = tmp_path / "photos"
    folder.mkdir()
    lines = ["image,a"]
    for i in range(24):
        pixels = np.random.default_rng(i).integers(0, 256, (40, 40, 3))
        Image.fromarray(pixels.astype("uint8")).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{i % 2}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "t.csv"


def make(table, **options):
    return prepared.make_builder(
        "label_table/x",
        str(table.parent / "data"),
        builder.Options(**options),
        table=str(table),
        images_dir=str(table.parent / "photos"),
        allow_all_zero=True,
    )


def ids(table):
    opened = open_it(table)
    return {
        photo
        for split in opened.info.splits
        for photo in records.read_photos(opened, split).ids
    }


# Forks, so that TensorFlow is imported once, and kills each child at a place:
# while it reads photos, before and while it writes records, before TFDS renames
# the folder, and the same with --overwrite, once the old records are aside.
_KILLED = """
import os
import pathlib
import signal
import sys
from jdstyle.datasets import builder
from jdstyle.datasets import checked_photos
from jdstyle.photos import normalise
from jdstyle.datasets import prepared
from jdstyle.datasets import whole_records
from etils import epath

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(number, function):
    left = iter(range(number))
    return lambda *args: die() if next(left, None) is None else function(*args)

def prepare(**options):
    overwrite = options.pop("overwrite", False)
    made = prepared.make_builder(
        "label_table/x", os.path.abspath("data"), builder.Options(**options),
        table=os.path.abspath("t.csv"), images_dir=os.path.abspath("photos"),
        allow_all_zero=True)
    prepared.prepare(made, overwrite=overwrite)

def read_dies():
    normalise.normalise = die_after(5, normalise.normalise)
def report_dies():
    checked_photos.write_report = die
def records_die():
    real = builder.PhotoBuilder._generate_examples
    def generate(self, photos, spool):
        yield next(real(self, photos, spool))
        die()
    builder.PhotoBuilder._generate_examples = generate
def rename_dies():
    epath.backend._OsPathBackend.rename = die
    type(epath.Path(".")).rename = die

def remove_dies():
    whole_records.shutil.rmtree = die

def attempt(fault, **options):
    pid = os.fork()
    if pid == 0:
        fault()
        prepare(**options)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    folder = pathlib.Path("data", "label_table", "x")
    left = sorted(p.name.partition(".")[0] for p in folder.iterdir())
    names = " ".join(sorted({"incomplete" if n == "incomplete" else "whole"
                             for n in left}))
    print("*", fault.__name__, killed, names or "nothing", flush=True)

for fault in (read_dies, report_dies, records_die, rename_dies):
    attempt(fault)
prepare()
for fault in (read_dies, rename_dies):
    attempt(fault, seed=1, overwrite=True)
    attempt(read_dies)  # It need not read: the old records are put back.
attempt(remove_dies, seed=1, overwrite=True)
"""


@pytest.mark.long
def test_killed_anywhere_it_leaves_nothing_that_looks_prepared(table):
    done = subprocess.run(
        [sys.executable, "-c", _KILLED],
        cwd=table.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # Of the last, the new records are whole and the old ones half removed.
    said = [line for line in done.stdout.splitlines() if line[:1] == "*"]
    assert said == [
        "* read_dies True incomplete",
        "* report_dies True incomplete",
        "* records_die True incomplete",
        "* rename_dies True incomplete",
        "* read_dies True incomplete",
        "* read_dies False whole",
        "* rename_dies True incomplete",
        "* read_dies False whole",
        "* remove_dies True incomplete whole",
    ]
    # Run again, it finishes and removes what was left.
    prepared.prepare(make(table, seed=1))
    assert len(ids(table)) == 24
    folder = table.parent / "data" / "label_table" / "x"
    assert [path.name for path in folder.iterdir()] == ["1.0.0"]


# Reads slowly, so that the signal comes meanwhile.
_SLOW = """
import time
from jdstyle import cli
from jdstyle import prepare
from jdstyle.datasets import checked_photos
from jdstyle.photos import normalise

def slowly(*args, real=normalise.normalise):
    print("reading", flush=True)
    time.sleep(0.1)
    return real(*args)

normalise.normalise = slowly
cli.run(prepare.main)
"""


@pytest.mark.long
def test_stopped_by_sigterm_it_leaves_nothing(table):
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _SLOW, "--dataset=label_table/x"),
            *("--table=t.csv", "--images_dir=photos", "--allow_all_zero"),
        ],
        cwd=table.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "reading\n" in iter(process.stdout.readline, "")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 3, err
    assert "Stopped. The same command begins again" in err
    folder = table.parent / "data" / "label_table" / "x"
    assert list(folder.iterdir()) == []
    prepared.prepare(make(table))
    assert len(ids(table)) == 24


def test_nothing_is_prepared_while_only_unfinished_folders_are_there(table):
    made = make(table)
    folder = pathlib.Path(made.data_dir)
    (folder.parent / "incomplete.ABC_1.0.0").mkdir(parents=True)
    with pytest.raises(InputError, match="label_table/x is not prepared"):
        prepared.open_prepared("label_table/x", str(table.parent / "data"))


def test_failed_overwrite_leaves_the_old_records(table):
    prepared.prepare(make(table))
    for i in range(4):
        (table.parent / "photos" / f"{i}.png").write_bytes(b"")
    with pytest.raises(InputError, match="4 of 24 photos cannot be used"):
        prepared.prepare(make(table), overwrite=True)
    assert len(ids(table)) == 24
    prepared.prepare(make(table, max_bad_fraction=0.5), overwrite=True)
    assert len(ids(table)) == 20


@pytest.mark.long
def test_one_process_at_a_time(tmp_path):
    """A lock that a dead process held is free; a living one's is not."""
    program = (
        "import sys\n"
        "from absl import logging\n"
        "from jdstyle.datasets import whole_records\n"
        "logging.set_verbosity(logging.INFO)\n"
        "with whole_records.wait_for_turn(sys.argv[1]):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout.readline() == b"held\n"
    waiting = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert b"Another process prepares" in waiting.stderr.readline()
    other.kill()
    assert waiting.communicate()[0] == b"held\n"
    assert (other.wait(), waiting.returncode) == (-9, 0)


def test_notices_changed_photos(table):
    prepared.prepare(make(table))
    folder = table.parent / "photos"
    # A copy of all, with new times: the content is the same.
    shutil.copytree(folder, table.parent / "copy")
    shutil.rmtree(folder)
    os.rename(table.parent / "copy", folder)
    os.utime(folder / "5.png", ns=(1, 1))
    prepared.prepare(make(table))
    Image.new("RGB", (40, 40), "red").save(folder / "3.png")
    (folder / "4.png").unlink()
    with pytest.raises(
        InputError,
        match=r"2 photo files are not what .*/3.png has changed; .*/4.png is "
        "gone. Pass --overwrite",
    ):
        prepared.prepare(make(table))


def test_notices_photos_that_were_missing_or_broken(table):
    photo = table.parent / "photos" / "7.png"
    data = photo.read_bytes()
    photo.unlink()
    broken = table.parent / "photos" / "8.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:50])
    options = {"allow_missing": True, "max_bad_fraction": 0.1}
    prepared.prepare(make(table, **options))
    prepared.prepare(make(table, **options))  # Nothing has changed.
    photo.write_bytes(data)
    with pytest.raises(InputError, match="1 photo files .*7.png is new"):
        prepared.prepare(make(table, **options))
    photo.unlink()
    broken.write_bytes(whole)
    with pytest.raises(InputError, match="1 photo files .*8.png has changed"):
        prepared.prepare(make(table, **options))


def copy_between_splits(table):
    """Gives the table a split column that tears a photo from its copy."""
    image = Image.open(table.parent / "photos" / "0.png")
    image.save(table.parent / "photos" / "1.png")
    lines = table.read_text().splitlines()
    splits = ["train", "test", "validation"] * 8
    table.write_text(
        "\n".join(
            [f"{lines[0]},split"]
            + [f"{a},{b}" for a, b in zip(lines[1:], splits, strict=True)]
        )
    )


def test_refuses_given_splits_that_leak(table):
    copy_between_splits(table)
    with pytest.raises(
        InputError,
        match=r"^1 groups of near-duplicate .*: 0.png \(train, fold \d\) and "
        r"1.png \(test\)\. .*--allow_leaks",
    ):
        prepared.prepare(make(table))
    assert not os.path.exists(make(table).data_dir)
    prepared.prepare(make(table, allow_leaks=True))
    data_dir = str(table.parent / "data")
    said = summary.summarise("label_table/x", data_dir)
    assert "2 have a near-duplicate or a group." in said
    assert "1 groups lie on both sides" in said
    metadata = prepared.open_prepared("label_table/x", data_dir).info.metadata
    assert metadata["num_leaking"] == 1
    # What is prepared is not to be used by mistake either.
    with pytest.raises(InputError, match="--allow_leaks"):
        prepared.prepare(make(table))


def test_says_which_styles_lack_what(table):
    lines = table.read_text().splitlines()
    rows = [f"{line},{int(i < 2)},1" for i, line in enumerate(lines[1:])]
    table.write_text("\n".join([f"{lines[0]},few,every", *rows]))
    prepared.prepare(make(table))
    said = summary.summarise("label_table/x", str(table.parent / "data"))
    # Two positives: of five folds and the test photos at least four have none.
    (line,) = [x for x in said.splitlines() if x.startswith("few: no pos")]
    assert line.count("fold") + line.count("test") >= 4
    assert "every: only positives in train, validation, test, fold 1" in said


@pytest.mark.parametrize("whole", [["1.0.0"], []])
def test_unfinished_folders_give_way(tmp_path, whole):
    """Old records stay only where nothing whole stands in their place."""
    for name in ("incomplete.replaced_1.0.0", "incomplete.XY_1.0.0", *whole):
        (tmp_path / name).mkdir()
        (tmp_path / name / "from").write_text(name)
    whole_records.remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1.0.0"]
    kept = (tmp_path / "1.0.0" / "from").read_text()
    assert kept == ("1.0.0" if whole else "incomplete.replaced_1.0.0")


def test_half_removed_records_are_not_put_back(tmp_path, monkeypatch):
    data_dir = tmp_path / "1.0.0"
    data_dir.mkdir()

    def stop(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", stop)
        with (
            pytest.raises(KeyboardInterrupt),
            swap.replacing(data_dir),
        ):
            data_dir.mkdir()
    shutil.rmtree(data_dir)
    whole_records.remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []


def open_it(table):
    return prepared.open_prepared("label_table/x", str(table.parent / "data"))


def test_records_that_are_read_are_not_replaced(table):
    made = make(table)
    prepared.prepare(made)
    opened = open_it(table)
    late = open_it(table)
    photos = records.read_photos(opened, "train", cache="stream")
    # In another epoch; the photos themselves are not needed any more.
    epochs = photos.stream.map(lambda jpeg: jpeg).repeat(2)
    number = len(photos.ids)
    del photos
    iterator = epochs.as_numpy_iterator()
    next(iterator)
    other = make(table, seed=1)
    with pytest.raises(InputError, match="1.0.0 is being read: by a training"):
        prepared.prepare(other, overwrite=True)
    assert 1 + len(list(iterator)) == 2 * number
    del epochs, iterator
    gc.collect()
    # Photos in memory need no records.
    in_memory = records.read_photos(opened, "train")
    prepared.prepare(other, overwrite=True)
    assert len(in_memory.encoded) == number
    with pytest.raises(InputError, match="prepared anew since this command"):
        records.read_photos(late, "train", cache="stream")


def test_records_that_are_being_replaced_are_not_read(table):
    made = make(table)
    prepared.prepare(made)
    opened = open_it(table)
    with (
        whole_records.kept_from_readers(made.data_dir),
        pytest.raises(InputError, match="1.0.0 is being prepared anew"),
    ):
        records.read_photos(opened, "train", cache="stream")
    records.read_photos(opened, "train", cache="stream")


def test_records_without_locks_are_read_and_replaced(table, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    made = make(table)
    monkeypatch.setattr(fcntl, "flock", refuse)
    prepared.prepare(made)
    opened = open_it(table)
    photos = records.read_photos(opened, "train", cache="stream")
    prepared.prepare(make(table, seed=1), overwrite=True)
    assert len(photos.ids)
