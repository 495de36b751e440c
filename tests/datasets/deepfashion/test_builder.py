"""Tests for `jdstyle.datasets.deepfashion` and the files that it reads."""

import csv
import io
import os
import shutil
from pathlib import Path

import binaries
import numpy as np
import pytest
from PIL import Image

from jdstyle.datasets import builder
from jdstyle.datasets import prepared
from jdstyle.datasets import records
from jdstyle.datasets import summary
from jdstyle.datasets.deepfashion import cleaning
from jdstyle.datasets.deepfashion import labels as deepfashion_labels
from jdstyle.datasets.deepfashion import lines as files
from jdstyle.errors import InputError
from jdstyle.photos import normalise

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the real files in ../shared/data"
)

A, B, C, D, E = (f"img/Blouse/{name}.jpg" for name in "abcde")
NAMES = "3\nattribute_name  attribute_type\n"
COARSE = {
    "Anno_coarse/list_attr_cloth.txt": (
        f"{NAMES}a-line         3\nabstract  floral print\t1\nacid wash 2 \n"
    ),
    "Anno_coarse/list_attr_img.txt": (
        "4\nimage_name  attribute_labels\n"
        f"{A}      1 -1  0\r\n{B} -1  1 -1\n{C}\t0  0  0\n{D}   1  1  1 \n\n"
    ),
    "Anno_coarse/list_category_cloth.txt": (
        "2\ncategory_name  category_type\nTee  1\nNight Dress   3\n"
    ),
    "Anno_coarse/list_category_img.txt": (
        f"4\nimage_name  category_label\n{A} 1\n{B}  2\n{C} 2\n{D} 1\n"
    ),
    "Anno_coarse/list_bbox.txt": (
        "4\nimage_name  x_1  y_1  x_2  y_2\n"
        f"{A}  001 002 020 030\n{B}  5 5 40 40\n{C} 1 1 9 9\n{D} 1 1 99 99\n"
    ),
    "Eval/list_eval_partition.txt": (
        "4\nimage_name  evaluation_status\n"
        f"{A}   train\n{B}   train\n{C}   val\n{D}   test\n"
    ),
}
# Groups: red, blue (type 1) and short, long, bare (type 2).
FINE = {
    "Anno_fine/list_attr_cloth.txt": (
        "5 \nattribute_name   attribute_type\n"
        "red 1\nblue 1\nshort 2\nlong 2\nbare 2\n"
    ),
    "Anno_fine/list_category_cloth.txt": "2\nnames\nTee 1\nDress 3\n",
    "Anno_fine/train.txt": f"{A}\n{B}\n",
    "Anno_fine/train_attr.txt": "1 0 0 1 0\n0 1 0 0 1\n",
    "Anno_fine/train_bbox.txt": "001 002 020 030\n5 5 40 40\n",
    "Anno_fine/train_cate.txt": "1\n2\n",
    "Anno_fine/test.txt": f"{D}\n",
}


def write(folder, texts):
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def read(part, folder, everything=True):
    return deepfashion_labels.read(
        part, folder, with_boxes=everything, with_categories=everything
    )


# The files.


@pytest.mark.parametrize("name", ["Anno_coarse", "Anno"])
def test_reads_coarse_under_both_names(tmp_path, name):
    write(
        tmp_path,
        {k.replace("Anno_coarse", name): text for k, text in COARSE.items()},
    )
    table = read("coarse", tmp_path)
    assert table.names == [
        *["a-line", "abstract floral print", "acid wash"],
        *["category Tee", "category Night Dress"],
    ]
    assert table.photos == [A, B, C, D]
    # The file's 1, -1, 0 are yes, no, unknown; then one of two categories.
    assert table.labels.tolist() == [
        [1, 0, -1, 1, 0],
        [0, 1, 0, 0, 1],
        [-1, -1, -1, 0, 1],
        [1, 1, 1, 1, 0],
    ]
    assert table.splits == ["train", "train", "validation", "test"]
    assert table.boxes[:2] == [(1, 2, 20, 30), (5, 5, 40, 40)]
    assert table.wheres[1] == f"{tmp_path}/{name}/list_attr_img.txt:4"


def test_what_is_not_asked_for_need_not_be_there(tmp_path):
    optional = ("list_bbox", "list_category")
    write(
        tmp_path,
        {
            name: text
            for name, text in COARSE.items()
            if not any(word in name for word in optional)
        },
    )
    table = read("coarse", tmp_path, everything=False)
    assert table.labels.shape == (4, 3) and table.boxes == [None] * 4
    with pytest.raises(InputError, match="list_category_cloth.txt: No such"):
        read("coarse", tmp_path)


# Classes from 0 within a type: blue, long is 1 1; red, bare is 0 2.
@pytest.mark.parametrize("rows", ["0 1 0 1 0\n1 0 0 0 1\n", "1 1\n0 2\n"])
def test_reads_both_kinds_of_fine_rows(tmp_path, rows):
    write(tmp_path, {**FINE, "Anno_fine/train_attr.txt": rows})
    table = read("fine", tmp_path)
    assert table.names[:2] == ["red", "blue"]
    assert table.names[5:] == ["category Tee", "category Dress"]
    assert table.labels.tolist() == [
        [0, 1, 0, 1, 0, 1, 0],
        [1, 0, 0, 0, 1, 0, 1],
    ]
    # test.txt has no test_attr.txt beside it: left out.
    assert table.photos == [A, B] and table.splits == ["train"] * 2
    assert table.boxes == [(1, 2, 20, 30), (5, 5, 40, 40)]


def test_fine_test_photos_come_in_with_their_attributes(tmp_path):
    write(tmp_path, {**FINE, "Anno_fine/test_attr.txt": "0 0 0 0 1"})
    table = read("fine", tmp_path, everything=False)
    assert table.splits == ["train", "train", "test"]
    assert table.labels[2].tolist() == [0, 0, 0, 0, 1]


IMG, BOX = "list_attr_img.txt", "list_bbox.txt"
CLOTH, PARTITION = "list_attr_cloth.txt", "list_eval_partition.txt"
CATE, KINDS = "list_category_img.txt", "list_category_cloth.txt"
GIVEN = f"{A}      1 -1  0"


@pytest.mark.parametrize(
    "file, old, new, message",
    [
        (CLOTH, "3\n", "4\n", "1: says 4 rows, but there are 3"),
        (CLOTH, "3\n", "x\n", "1: expected the number of rows, got 'x'"),
        (CLOTH, "a-line         3", "a-line", "3: expected a name and the"),
        (CLOTH, "acid wash 2", "a-line 2", "5: a-line is also above"),
        (IMG, GIVEN, f"{A} 1 -1", "3: expected 3 values, got 2"),
        (IMG, GIVEN, f"{A} 1 -1 2", "3: acid wash must be one of 1, -1, 0, "),
        (IMG, GIVEN, f"{A} 1 --1 0", "3: abstract floral print must be one"),
        (IMG, GIVEN, "img/../a.jpg 1 1 1", "3: expected a path img/..., got"),
        (IMG, GIVEN, "/img/a.jpg 1 1 1", "3: expected a path img/..., got"),
        (IMG, GIVEN, "img/e.jpg 1 1 1", "3: img/e.jpg is not in "),
        (IMG, GIVEN, "", "3: a blank line among rows"),
        (IMG, "4\n", "5\n", "1: says 5 rows, but there are 4"),
        (
            PARTITION,
            "   val",
            "   dev",
            "5: expected train, val or test, got 'dev'",
        ),
        (PARTITION, C, "img/e.jpg", "img.txt:5: "),
        (PARTITION, f"{D}   test", f"{A}   val", f"6: {A} is also at "),
        (BOX, "5 5 40 40", "5 5 40", "4: expected a box of 4 ints, got '5 5 "),
        (BOX, "5 5 40 40", "5 5 4x 4", "4: expected a box of 4 ints"),
        (BOX, "5 5 40 40", "5 5 4 40", "4: box (5, 5, 4, 40) is empty"),
        (CATE, f"{B}  2", f"{B}  3", "4: category must be from 1 to 2, got '3"),
        (CATE, f"{B}  2", f"{B}  0", "4: category must be from 1 to 2, got '0"),
        (CATE, f"{B}  2", f"{A}  2", f"4: {A} is also at "),
        (KINDS, "Tee  1", "Tee", "3: expected a name and the number of its"),
        (KINDS, "Tee  1", "T\xff  1", "3: not UTF-8"),
    ],
)
def test_faults_of_coarse(tmp_path, file, old, new, message):
    write(tmp_path, COARSE)
    path = next(tmp_path.glob(f"*/{file}"))
    assert old in path.read_text()
    # latin-1: bytes as they are, hence a fault where they are not UTF-8.
    path.write_text(path.read_text().replace(old, new, 1), "latin-1")
    with pytest.raises(InputError) as caught:
        read("coarse", tmp_path)
    assert f"{'' if '.txt' in message else f'{file}:'}{message}" in str(
        caught.value
    )


def test_a_photo_of_one_list_alone_is_a_fault(tmp_path):
    extra = COARSE["Anno_coarse/list_bbox.txt"].replace("4\n", "5\n", 1)
    extra += "img/e.jpg 1 1 2 2\n"
    write(tmp_path, {**COARSE, "Anno_coarse/list_bbox.txt": extra})
    with pytest.raises(InputError, match="list_bbox.txt:7: img/e.jpg is not"):
        read("coarse", tmp_path)


@pytest.mark.parametrize(
    "file, text, message",
    [
        ("train_attr.txt", "1 0 0\n", "attr.txt:1: 1 rows, but "),
        ("train_attr.txt", "1 0 0\n1 0 0\n", "attr.txt:1: expected 5 flags"),
        ("train_attr.txt", "0 2\n0 3\n", "attr.txt:2: class of short ... bare"),
        ("train_attr.txt", "0 2\n-1 0\n", "attr.txt:2: class of red ... blue"),
        ("train_attr.txt", "0 2\n0 1 0\n", "attr.txt:2: expected 2 values"),
        (
            "train_attr.txt",
            "1 0 0 0 0\n1 -1 0 0 0\n",
            "attr.txt:2: blue must be one of 1, 0, got '-1'",
        ),
        ("train_bbox.txt", "1 1 2 2\n", "bbox.txt:1: 1 rows, but "),
        ("train_cate.txt", "1\n3\n", "cate.txt:2: category must be from 1"),
        ("train.txt", "", "train.txt:1: no rows"),
        ("train.txt", f"{A}\n\n{B}\n", "train.txt:2: a blank line"),
    ],
)
def test_faults_of_fine(tmp_path, file, text, message):
    write(tmp_path, {**FINE, f"Anno_fine/{file}": text})
    with pytest.raises(InputError) as caught:
        read("fine", tmp_path)
    assert message in str(caught.value)


def test_missing_files_and_folders_name_the_flag(tmp_path):
    with pytest.raises(InputError, match="Anno_coarse or Anno .*--manual_dir"):
        read("coarse", tmp_path)
    write(tmp_path, {n: t for n, t in FINE.items() if "train_attr" not in n})
    with pytest.raises(InputError, match="train_attr.txt: No such.*manual_dir"):
        read("fine", tmp_path)
    with pytest.raises(ValueError, match="`part` must be one of"):
        read("middle", tmp_path)


# Cleaning.


def test_copies_are_merged_and_none_trains_that_scores():
    values = np.array(
        [
            [1, -1, 0, -1],  # a: train
            [0, 0, 0, 0],  # b: train
            [1, 0, 1, -1],  # a: known beats unknown; 0 and 1 contradict
            [1, 1, 1, 1],  # b: test, hence alone
            [-1, -1, 0, -1],  # a: 0 once more stays contradicted
        ],
        np.int8,
    )
    kept, counts = cleaning.merge_copies(
        list("ababa"), ["train"] * 3 + ["test", "train"], values, what="path"
    )
    assert kept == [0, 3]
    assert values[kept].tolist() == [[1, 0, -1, -1], [1, 1, 1, 1]]
    # Two rows into the first a, one b of train, one label.
    assert list(counts.values()) == [2, 1, 1]


def test_chooses_the_most_balanced():
    u = -1
    values = np.array(
        [
            #  1/4  none 1/2  2/3 1/3 all
            [1, 0, 1, 1, 1, 1],
            [0, 0, 0, 1, 0, 1],
            [0, 0, u, 0, 0, 1],
            [0, 0, u, u, u, u],
        ],
        np.int8,
    )
    names = list("abcdef")
    # Distances from a half: 1/4, -, 0, 1/6, 1/6 (a tie, by order), -.
    assert cleaning.choose_balanced(values, names, 3) == [2, 3, 4]
    assert cleaning.choose_balanced(values, names, 20) == [2, 3, 4, 0]
    assert cleaning.choose_balanced(values, names, 0) == [0, 1, 2, 3, 4, 5]
    with pytest.raises(InputError, match="None of the 1 labels has both"):
        cleaning.choose_balanced(values[:, 1:2], ["b"], 0)


def test_clean_drops_what_is_unknown(tmp_path):
    write(tmp_path, COARSE)
    table = read("coarse", tmp_path, everything=False)
    names, rows, boxes, counts = cleaning.clean(table, "root", 2)
    # Of the two training rows acid wash knows a no alone; c knows nothing.
    assert names == ["a-line", "abstract floral print"]
    assert [(row.id, row.labels, row.split) for row in rows] == [
        (A, (1, 0), "train"),
        (B, (0, 1), "train"),
        (D, (1, 1), "test"),
    ]
    assert rows[0].path == os.path.join("root", A) and boxes == {}
    assert counts["rows listed"] == 4
    assert counts["rows without a known label"] == 1


def test_the_first_box_of_a_path_counts(tmp_path):
    more = {
        "Anno_fine/train.txt": f"{A}\n{A}\n{B}\n",
        "Anno_fine/train_attr.txt": "1 0 0 1 0\n1 0 0 1 0\n0 1 0 0 1\n",
        "Anno_fine/train_bbox.txt": "1 2 20 30\n3 4 20 30\n5 5 40 40\n",
        "Anno_fine/train_cate.txt": "1\n1\n2\n",
    }
    write(tmp_path, {**FINE, **more})
    _, rows, boxes, counts = cleaning.clean(read("fine", tmp_path), "root", 20)
    assert [row.id for row in rows] == [A, B]
    assert boxes == {A: (1, 2, 20, 30), B: (5, 5, 40, 40)}
    assert counts["rows merged into another of the same path"] == 1
    name = "rows with another box than the path's first, which counts"
    assert counts[name] == 1


# Boxes.


def encode(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_box_keeps_its_pixels_before_shrinking():
    # Columns 41 to 80 of 120, counted from 1, and rows 21 to 60 are white.
    pixels = np.zeros((100, 120, 3), np.uint8)
    pixels[20:60, 40:80] = 255
    photo = normalise.normalise(encode(pixels), 20, box=(41, 21, 80, 60))
    assert (photo.width, photo.height) == (20, 20)
    assert np.asarray(Image.open(io.BytesIO(photo.jpeg))).min() > 250
    # One pixel further is black on all sides.
    photo = normalise.normalise(encode(pixels), 320, box=(40, 20, 81, 61))
    assert (photo.width, photo.height) == (42, 42)
    got = np.asarray(Image.open(io.BytesIO(photo.jpeg)).convert("L")) > 127
    assert got[1:-1, 1:-1].all() and got.sum() == 40 * 40


def test_box_of_a_large_jpeg_counts_full_pixels():
    # Decoding at an eighth, as for a whole photo, would miss the box.
    pixels = np.zeros((800, 800, 3), np.uint8)
    pixels[600:, 600:] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    photo = normalise.normalise(file.getvalue(), 16, box=(601, 601, 800, 800))
    assert np.asarray(Image.open(io.BytesIO(photo.jpeg))).min() > 250


@pytest.mark.parametrize(
    "box, size",
    [((0, -5, 200, 20), (50, 20)), ((31, 1, 99, 99), (20, 40))],
)
def test_box_is_clipped_to_the_picture(box, size):
    photo = normalise.normalise(
        encode(np.zeros((40, 50, 3), np.uint8)), 320, box
    )
    assert (photo.width, photo.height) == size


@pytest.mark.parametrize(
    "box, reason",
    [
        ((51, 1, 60, 40), "box outside of the photo"),
        ((1, -9, 50, 0), "box outside of the photo"),
        ((1, 1, 15, 40), "box of 15 x 40 pixels, a side is under 16"),
    ],
)
def test_box_that_leaves_nothing(box, reason):
    with pytest.raises(normalise.PhotoError, match=reason):
        normalise.normalise(encode(np.zeros((40, 50, 3), np.uint8)), 320, box)


# The whole way.


def write_photos(folder, names):
    """40 x 60 pixels of noise, each its own."""
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(i)
        path.write_bytes(encode(rng.integers(0, 256, (60, 40, 3), np.uint8)))


@pytest.fixture
def tree(tmp_path):
    """The coarse files with photos in Img/img; boxes large enough to cut."""
    boxes = COARSE["Anno_coarse/list_bbox.txt"].replace("1 1 9 9", "1 1 40 60")
    write(tmp_path, {**COARSE, "Anno_coarse/list_bbox.txt": boxes})
    write_photos(tmp_path / "Img", [A, B, C, D])
    return tmp_path


def prepare(part, folder, data_dir, **settings):
    made = prepared.make_builder(
        f"deepfashion/{part}",
        str(data_dir),
        builder.Options(num_folds=2),
        manual_dir=str(folder),
        **settings,
    )
    prepared.prepare(made)
    return prepared.open_prepared(f"deepfashion/{part}", str(data_dir))


def read_parts(opened):
    return {
        split: records.read_photos(opened, split)
        for split in opened.info.splits
    }


def test_records_hold_the_unknown(tree, tmp_path):
    opened = prepare(
        "coarse", tree, tmp_path / "data", num_attributes=0, crop_to_box=True
    )
    parts = read_parts(opened)
    got = {
        photo: row.tolist()
        for part in parts.values()
        for photo, row in zip(part.ids, part.labels, strict=True)
    }
    assert got == {A: [1, 0, -1], B: [0, 1, 0], D: [1, 1, 1]}
    sizes = {
        photo: Image.open(io.BytesIO(jpeg)).size
        for part in parts.values()
        for photo, jpeg in zip(part.ids, part.encoded.numpy(), strict=True)
    }
    # Boxes (1, 2, 20, 30) and (5, 5, 40, 40), both ends inclusive; the third
    # to 99 is clipped to the photo's 40 x 60.
    assert sizes == {A: (20, 29), B: (36, 36), D: (40, 60)}
    # c, the one photo of val, knows nothing: a fold validates in its place.
    assert sorted(parts) == ["test", "train", "validation"]


def test_equal_photos_are_merged(tmp_path):
    # b is the photo of a, both train; c of train is the photo of d of test.
    write(
        tmp_path,
        {
            **FINE,
            "Anno_fine/train.txt": f"{A}\n{B}\n{C}\n",
            "Anno_fine/train_attr.txt": "1 0 0 1 0\n0 1 0 0 1\n1 1 1 1 1\n",
            "Anno_fine/val.txt": f"{E}\n",
            "Anno_fine/val_attr.txt": "1 0 1 0 0\n",
            "Anno_fine/test_attr.txt": "0 1 0 0 1\n",
        },
    )
    write_photos(tmp_path, [A, D, E])
    for copy, original in [(B, A), (C, D)]:
        shutil.copy(tmp_path / original, tmp_path / copy)
    opened = prepare("fine", tmp_path, tmp_path / "data", num_attributes=0)
    parts = read_parts(opened)
    assert {
        k: (v.ids.tolist(), v.labels.tolist()) for k, v in parts.items()
    } == {
        # Only `short` is the same, 0, for a and b.
        "train": ([A], [[-1, -1, 0, -1, -1]]),
        "validation": ([E], [[1, 0, 1, 0, 0]]),
        "test": ([D], [[0, 1, 0, 0, 1]]),
    }
    lines = summary.summarise("deepfashion/fine", str(tmp_path / "data"))
    for line in [
        "5 rows listed",
        "1 rows merged into another of the same content",
        "1 rows left out, their content being in a later partition too",
        "4 labels unknown, since rows of the same content contradict",
        "0 rows left without a known label",
    ]:
        assert line in lines.splitlines()
    # Photos, then red: of train none is known, of validation 1, of test a 0.
    table = [line.split() for line in lines.splitlines()[:3]]
    assert table[1] == ["photos", *"111111"]
    assert table[2] == ["red", *"001101"]


def test_other_settings_need_overwrite(tree, tmp_path):
    prepare("coarse", tree, tmp_path / "data")
    with pytest.raises(InputError, match="crop_to_box False, now True"):
        prepare("coarse", tree, tmp_path / "data", crop_to_box=True)


def test_binary_prepares_deepfashion(tree, tmp_path):
    said = binaries.call(
        tmp_path,
        "prepare",
        "--dataset=deepfashion/coarse",
        f"--manual_dir={tree}",
        f"--data_dir={tmp_path / 'data'}",
        "--num_attributes=1",
        "--categories",
        "--crop_to_box",
    )
    # a-line has a yes and a no among the training rows, as have all but acid
    # wash; it is the first.
    assert "Keeping 1 of 5 labels" in said
    assert "a-line: 50.0% of 2 known" in said
    next_command = (
        "Next: python -m jdstyle.pretrain --dataset=deepfashion/coarse "
        f"--data_dir={tmp_path / 'data'}"
    )
    assert next_command in said.splitlines()
    assert "1 rows without a known label" in said


@pytest.mark.parametrize(
    "flag, dataset",
    [
        ("--num_attributes=5", "jd_fashion"),
        ("--crop_to_box", "label_table/a"),
        ("--categories", "demo"),
        ("--manual_dir=x", "demo"),
        ("--table=x", "deepfashion/fine"),
    ],
)
def test_binary_refuses_flags_of_others(flag, dataset, tmp_path):
    name = flag.removeprefix("--").partition("=")[0]
    said = binaries.call(
        tmp_path, "prepare", flag, f"--dataset={dataset}", code=2
    )
    assert said == f"Error: --{name} does not apply to --dataset={dataset}.\n"


def test_unprepared_says_the_command(tmp_path):
    with pytest.raises(
        InputError, match="--dataset=deepfashion/fine .*--manual_dir=..."
    ):
        prepared.open_prepared("deepfashion/fine", str(tmp_path))
    with pytest.raises(
        InputError, match="--dataset must be deepfashion/coarse"
    ):
        prepared.open_prepared("deepfashion/middle", str(tmp_path))


# The real files.


@pytest.fixture
def real(tmp_path):
    """The real files under their official names, photos linked."""
    given = SHARED / "deepfashion_anno"
    shutil.copytree(given / "fine26", tmp_path / "Anno_fine")
    shutil.copytree(given / "derived_official_layout", tmp_path / "Anno")
    (tmp_path / "Eval").mkdir()
    partition = "list_eval_partition.txt"
    os.rename(tmp_path / "Anno" / partition, tmp_path / "Eval" / partition)
    os.symlink(SHARED / "deepfashion26" / "img", tmp_path / "img")
    return tmp_path


def read_index():
    with open(SHARED / "deepfashion26" / "index.csv", newline="") as file:
        return list(csv.DictReader(file))


@needs_shared
def test_real_names():
    folder = SHARED / "deepfashion_anno" / "coarse1000"
    names, types = files.read_names(folder / "list_attr_cloth.txt")
    assert (len(names), len(set(names))) == (1000, 1000)
    # By awk '{print $NF}' from the file.
    counts = [types.count(str(kind)) for kind in range(1, 6)]
    assert counts == [156, 218, 180, 216, 230]
    assert "abstract chevron print" in names
    names, types = files.read_names(folder / "list_category_cloth.txt")
    assert (len(names), names[4], names[-1]) == (50, "Button-Down", "Sundress")
    assert types.count("1") == 20


@needs_shared
def test_real_layouts_agree_with_the_index(real):
    fine, coarse = (
        deepfashion_labels.read(part, real, with_boxes=True)
        for part in ("fine", "coarse")
    )
    assert fine.labels.shape == (6000, 26)
    assert (fine.labels == coarse.labels).all()
    assert fine.photos == coarse.photos and fine.boxes == coarse.boxes
    assert fine.splits == coarse.splits
    assert fine.splits == ["train"] * 5000 + ["validation"] * 1000
    index = read_index()
    assert fine.photos[:5000] == [row["file"] for row in index]
    expected = [[int(row[name]) for name in fine.names] for row in index]
    assert fine.labels[:5000].tolist() == expected
    assert fine.boxes[:5000] == [
        tuple(int(row[key]) for key in ("x1", "y1", "x2", "y2"))
        for row in index
    ]


@needs_shared
def test_real_photos_are_cut_to_their_boxes(real, tmp_path):
    # The first 30 rows as training, the next 10 as validation photos.
    folder = real / "Anno_fine"
    for kind in ("", "_attr", "_bbox"):
        lines = (folder / f"train{kind}.txt").read_text().splitlines()
        (folder / f"train{kind}.txt").write_text("\n".join(lines[:30]))
        (folder / f"val{kind}.txt").write_text("\n".join(lines[30:40]))
    opened = prepare(
        "fine", real, tmp_path / "data", num_attributes=5, crop_to_box=True
    )
    names = opened.info.metadata["styles"]
    index = {row["file"]: row for row in read_index()[:40]}
    # Sizes of the boxes, both ends inclusive; no photo is larger than 300.
    parts = read_parts(opened)
    assert [len(part.ids) for part in parts.values()] == [30, 10]
    for part in parts.values():
        for photo, values, jpeg in zip(
            part.ids, part.labels, part.encoded.numpy(), strict=True
        ):
            row = index[photo]
            size = [
                int(row[f"{axis}2"]) - int(row[f"{axis}1"]) + 1 for axis in "xy"
            ]
            assert [*Image.open(io.BytesIO(jpeg)).size] == size
            assert values.tolist() == [int(row[name]) for name in names]
    # Of 30 photos with one collar each and so on, 5 of the 26 are chosen.
    train = read_index()[:30]
    distance = [abs(sum(int(r[n]) for r in train) - 15) for n in names]
    assert distance == sorted(distance)
    others = [n for n in list(train[0])[9:] if n not in names]
    assert len(others) == 21
    assert max(distance) <= min(
        abs(sum(int(r[n]) for r in train) - 15) for n in others
    )
