import csv
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from jdstyle import styles
from jdstyle.datasets import builder
from jdstyle.datasets import prepared
from jdstyle.datasets import records
from jdstyle.datasets.demo import builder as demo
from jdstyle.errors import InputError


def read_all(dataset, data_dir):
    """Reads every part: a dict from split to `Photos`."""
    opened = prepared.open_prepared(dataset, data_dir)
    return {
        split: records.read_photos(opened, split, cache="stream")
        for split in opened.info.splits
    }


# The demo.


def test_demo_draws_the_real_label_sets():
    sets, counts = demo.read_label_sets()
    assert counts.sum() == 54_908
    assert (counts @ sets).tolist() == [
        104, 4292, 49893, 262, 18722, 8882, 197, 1356, 49389, 7094, 3712,
        1249, 361,
    ]  # fmt: skip
    assert np.bincount(sets.sum(axis=1), counts).tolist() == [
        0, 1637, 19003, 31221, 3028, 19,
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_demo_keeps_frequencies_and_raises_rare_styles(seed):
    sets, counts = demo.read_label_sets()
    drawn = demo.draw_labels(4000, seed)
    real = {tuple(row) for row in sets}
    assert {tuple(row) for row in drawn} <= real
    positives = drawn.sum(axis=0)
    assert positives.min() >= demo.MIN_POSITIVES
    expected = counts @ sets / 54_908 * 4000
    # Binomial, 4 standard deviations, and what the rare ones displaced.
    slack = 4 * np.sqrt(expected) + demo.MIN_POSITIVES * 4
    assert (np.abs(positives - expected) < slack).all()
    # Rare stays rare.
    assert positives[0] < 100


def test_demo_has_three_splits_and_five_folds(small_demo):
    parts = read_all("demo", small_demo)
    sizes = {split: len(photos.ids) for split, photos in parts.items()}
    assert sum(sizes.values()) == 300
    assert abs(sizes["test"] - 60) <= 6
    assert abs(sizes["validation"] - 48) <= 6
    opened = prepared.open_prepared("demo", small_demo)
    for fold in range(1, 6):
        part = records.read_photos(opened, "validation", fold=fold)
        assert abs(len(part.ids) - 48) <= 8


def test_demo_is_the_same_every_time(small_demo, tmp_path):
    again = str(tmp_path)
    prepared.prepare(
        demo.Demo(num_photos=300, data_dir=again, options=builder.Options())
    )
    prints = [
        prepared.open_prepared("demo", folder).info.metadata["fingerprint"]
        for folder in (small_demo, again)
    ]
    assert prints[0] == prints[1]


def test_demo_prepares_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(
        demo.Demo.__init__, "__kwdefaults__", {"num_photos": 200}
    )
    opened = prepared.open_prepared("demo", str(tmp_path / "new"))
    assert opened.info.metadata["styles"] == list(styles.NAMES)
    assert sum(s.num_examples for s in opened.info.splits.values()) == 200


# The challenge's files.


def write_photo(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3))
    Image.fromarray(pixels.astype("uint8")).save(path)


@pytest.fixture
def jd_files(tmp_path):
    """20 training photos in folds 1 to 4 (16) and the rest, 4 test photos."""
    (tmp_path / "images").mkdir()
    flags = ["0"] * 13
    flags[2] = "1"
    train, fold = [], []
    for i in range(20):
        write_photo(tmp_path / "images" / f"id{i}N.jpg", i)
        train.append(",".join([f"id{i}N", "http://x/y.jpg", *flags]))
        if i < 16:
            fold.append(f"{i % 4 + 1},id{i}N_{'_'.join(flags)}.jpg")
    (tmp_path / "train.txt").write_text("\n".join(train) + "\n")
    (tmp_path / "fold.txt").write_text("\n".join(fold) + "\n")
    test = [f"t{i}" for i in range(4)]
    for i, name in enumerate(test):
        write_photo(tmp_path / "images" / f"{name}.jpg", 100 + i)
    (tmp_path / "test.txt").write_text(
        "".join(f"{name},http://x/y.jpg\n" for name in test)
    )
    (tmp_path / "result.txt").write_text(
        "".join(f"{name},{','.join(flags)}\n" for name in test)
    )
    return tmp_path


def prepare_jd(files, data_dir, **options):
    made = prepared.make_builder(
        "jd_fashion",
        str(data_dir),
        builder.Options(**options),
        manual_dir=str(files),
    )
    prepared.prepare(made)
    return made


def test_jd_folds_one_to_four_train(jd_files, tmp_path):
    prepare_jd(jd_files, tmp_path / "data")
    parts = read_all("jd_fashion", str(tmp_path / "data"))
    assert {k: len(v.ids) for k, v in parts.items()} == {
        "train": 16,
        "validation": 4,
        "test": 4,
    }
    assert set(parts["validation"].ids) == {f"id{i}N" for i in range(16, 20)}
    assert (parts["test"].labels.sum(axis=0)[2]) == 4


def test_missing_photos_need_the_flag(jd_files, tmp_path):
    os.remove(jd_files / "images" / "id3N.jpg")
    data_dir = tmp_path / "data"
    with pytest.raises(InputError, match="1 of 24.*id3N.jpg.*--allow_missing"):
        prepare_jd(jd_files, data_dir)
    assert not (data_dir / "jd_fashion" / "1.0.0").exists()
    made = prepare_jd(jd_files, data_dir, allow_missing=True)
    assert len(read_all("jd_fashion", str(data_dir))["train"].ids) == 15
    with open(made.report_path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["reason"]) for row in rows] == [
        ("id3N", "no such file")
    ]
    assert rows[0]["named_in"].endswith("train.txt:4")


def test_bad_photos_need_the_fraction(jd_files, tmp_path):
    (jd_files / "images" / "id3N.jpg").write_bytes(b"<html>")
    data_dir = tmp_path / "data"
    with pytest.raises(InputError, match="1 of 24.*--max_bad_fraction=0.01"):
        prepare_jd(jd_files, data_dir)
    prepare_jd(jd_files, data_dir, max_bad_fraction=0.05)
    opened = prepared.open_prepared("jd_fashion", str(data_dir))
    assert sum(opened.info.metadata["rejected"].values()) == 1


# Preparing again.


def prepare_table(table, data_dir, *, overwrite=False, **options):
    made = prepared.make_builder(
        "label_table/again",
        str(data_dir),
        builder.Options(short_side=64, **options),
        table=str(table),
        images_dir=str(table.parent),
        allow_all_zero=True,
    )
    prepared.prepare(made, overwrite=overwrite)
    return made


def test_other_settings_need_overwrite(table, tmp_path):
    made = prepare_table(table, tmp_path)
    record = os.path.join(made.data_dir, "metadata.json")
    first = os.stat(record).st_mtime_ns
    prepare_table(table, tmp_path)
    assert os.stat(record).st_mtime_ns == first
    with pytest.raises(InputError, match="seed 0, now 1.*--overwrite"):
        prepare_table(table, tmp_path, seed=1)
    prepare_table(table, tmp_path, seed=1, overwrite=True)
    with open(record) as file:
        assert json.load(file)["settings"]["seed"] == 1


def test_sorting_in_files_gives_the_same_records(
    table, data_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(builder, "_SORTED_IN_MEMORY", 1000)
    options = builder.Options(short_side=64)
    prepared.prepare(
        prepared.make_builder(
            "label_table/tiny",
            str(tmp_path),
            options,
            table=str(table),
            images_dir=str(table.parent),
            allow_all_zero=True,
        )
    )
    in_files = read_all("label_table/tiny", str(tmp_path))
    in_memory = read_all("label_table/tiny", data_dir)
    assert in_files.keys() == in_memory.keys()
    for split, photos in in_memory.items():
        assert in_files[split].ids.tolist() == photos.ids.tolist()
    assert not list(tmp_path.rglob("bucket_*"))


def test_edited_table_is_noticed(table, tmp_path):
    prepare_table(table, tmp_path)
    lines = table.read_text().splitlines()
    edited = table.parent / "edited.csv"
    edited.write_text("\n".join(lines[:-1]) + "\n")
    last = lines[-1].partition(",")[0]
    with pytest.raises(InputError, match=f"1 row differs.*'{last}' is gone"):
        prepare_table(edited, tmp_path)
    edited.write_text("\n".join([*lines[:-1], f"{last},0,1"]) + "\n")
    message = rf"labels: 1 row .*edited.csv:81: '{last}': bright 0, was 1, rare"
    with pytest.raises(InputError, match=message):
        prepare_table(edited, tmp_path)
    # Then no row is what it was, and the styles say it all.
    edited.write_text("\n".join([lines[0].upper(), *lines[1:]]) + "\n")
    message = r"settings: styles \['bright', 'rare'\], now [^;]*$"
    with pytest.raises(InputError, match=message):
        prepare_table(edited, tmp_path)


def test_another_way_to_write_the_same_is_no_change(
    table, tmp_path, monkeypatch
):
    folder = tmp_path / "photos"
    shutil.copytree(table.parent, folder)
    made = prepare_table(folder / table.name, tmp_path)
    record = os.path.join(made.data_dir, "metadata.json")
    first = os.stat(record).st_mtime_ns
    monkeypatch.chdir(tmp_path)
    for spelling in ("photos", "./photos", "photos/../photos/"):
        prepare_table(pathlib.Path(spelling) / table.name, tmp_path)
    os.rename(folder, tmp_path / "moved")
    lines = (tmp_path / "moved" / table.name).read_text().splitlines()
    rewritten = tmp_path / "moved" / "rewritten.csv"
    # Other rows first, another column, blanks, line ends and numbers.
    rows = [f'./{line.replace(",1", ", 1.0")},""' for line in lines[:0:-1]]
    rewritten.write_text("\r\n".join([f"{lines[0]},Split", *rows]))
    prepare_table(rewritten, tmp_path)
    assert os.stat(record).st_mtime_ns == first


def test_what_an_older_version_prepared_stays_prepared(table, tmp_path):
    made = prepare_table(table, tmp_path)
    # It knew no rows, and its digest was of the paths too.
    os.remove(os.path.join(made.data_dir, "labels.csv"))
    record = pathlib.Path(made.data_dir, "metadata.json")
    metadata = json.loads(record.read_text())
    old = made.settings_of_old()["labels"]
    assert metadata["settings"]["labels"] != old
    metadata["settings"]["labels"] = old
    del metadata["settings"]["num_folds"]  # As if there had been no such flag.
    record.write_text(json.dumps(metadata))
    prepare_table(table, tmp_path)
    with pytest.raises(InputError, match="num_folds 5, now 3"):
        prepare_table(table, tmp_path, num_folds=3)
    copy = tmp_path / "copy"
    shutil.copytree(table.parent, copy)
    message = "labels, or the folder .* --images_dir as then. Pass --overwrite"
    with pytest.raises(InputError, match=message):
        prepare_table(copy / table.name, tmp_path)


def test_line_breaks_in_names_of_old_are_refused_when_opened(table, tmp_path):
    made = prepare_table(table, tmp_path)
    record = pathlib.Path(made.data_dir, "metadata.json")
    record.write_text(record.read_text().replace('"rare"', r'"ra\nre"'))
    with pytest.raises(InputError, match=r"line break in its name: 'ra\\nre'"):
        prepared.open_prepared("label_table/again", str(tmp_path))


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (
            "label_table/again",
            "lies below .*/label_table/again, which is no folder",
        ),
        ("label_table/again/1.0.0", "must be a folder, not a file"),
    ],
)
def test_files_where_folders_belong(spoilt, message, table, tmp_path):
    (tmp_path / spoilt).parent.mkdir(parents=True)
    (tmp_path / spoilt).touch()
    with pytest.raises(InputError, match=message):
        prepare_table(table, tmp_path)


def test_a_damaged_data_set_is_no_fault_of_ours(data_dir, tmp_path):
    shutil.copytree(data_dir, tmp_path, dirs_exist_ok=True)
    (tmp_path / "label_table" / "tiny" / "1.0.0" / "features.json").unlink()
    with pytest.raises(InputError, match="is not what `prepare` wrote"):
        prepared.open_prepared("label_table/tiny", str(tmp_path))


def test_unprepared_says_the_command(tmp_path):
    with pytest.raises(
        InputError, match="python -m jdstyle.prepare --dataset=jd_fashion"
    ):
        prepared.open_prepared("jd_fashion", str(tmp_path))


def test_refuses_unknown_data_set(tmp_path):
    with pytest.raises(InputError, match="demo, jd_fashion or label_table/"):
        prepared.make_builder("mnist", str(tmp_path), builder.Options())


def test_jd_notices_new_label_files(jd_files, tmp_path):
    result = jd_files / "result.txt"
    truth = result.read_text()
    result.unlink()
    prepare_jd(jd_files, tmp_path / "data")
    result.write_text(truth)
    with pytest.raises(InputError, match="other settings: labels"):
        prepare_jd(jd_files, tmp_path / "data")


@pytest.mark.parametrize("name", ["label_table/../x", "label_table/.", "/demo"])
def test_names_stay_in_the_folder(name, tmp_path):
    with pytest.raises(InputError, match="--dataset must be"):
        prepared.make_builder(name, str(tmp_path), builder.Options())
    with pytest.raises(InputError, match="--dataset must be"):
        prepared.open_prepared(name, str(tmp_path))
