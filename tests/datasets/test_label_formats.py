"""Label files of every format, written in every way: read back or refused."""

import csv
import io
import pathlib
import re
import tempfile

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from jdstyle import styles
from jdstyle.datasets import jd_fashion
from jdstyle.datasets import label_table
from jdstyle.datasets.deepfashion import labels as deepfashion_labels
from jdstyle.errors import InputError

NAMES = ["red", "连衣裙", "füß"]
# Names in scripts that other encodings write otherwise.
WORDS = st.text("ab-é裙ßф ", min_size=1, max_size=6).map(str.strip)
WORDS = WORDS.filter(bool)
FLAGS = st.lists(st.integers(0, 1), min_size=3, max_size=3)
TABLES = st.dictionaries(WORDS, FLAGS, min_size=1, max_size=6)
SPELLINGS = {0: ["0", "0.0", " 0"], 1: ["1", "1.0", "1 "]}


@st.composite
def dialects(draw):
    """How a spreadsheet may write: ends of lines, quotes, blanks, a mark."""
    return {
        "end": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        "mark": draw(st.booleans()),
        "blanks": draw(st.booleans()),
        "spellings": draw(st.lists(st.integers(0, 2), min_size=1, max_size=5)),
    }


def write(rows, dialect):
    """Writes rows of texts and of labels (ints) to a text."""
    file = io.StringIO(newline="")
    writer = csv.writer(
        file, lineterminator=dialect["end"], quoting=dialect["quoting"]
    )
    spellings = dialect["spellings"]
    for i, row in enumerate(rows):
        if dialect["blanks"] and i % 2:
            file.write(dialect["end"])
        writer.writerow(
            SPELLINGS[cell][spellings[(i + j) % len(spellings)]]
            if isinstance(cell, int)
            else cell
            for j, cell in enumerate(row)
        )
    return ("\ufeff" if dialect["mark"] else "") + file.getvalue()


def read_table(data):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "t.csv")
        path.write_bytes(data)
        try:
            return label_table.read_label_table(path, allow_all_zero=True)
        except InputError as error:
            # Whatever is refused has its line.
            assert re.match(rf"{re.escape(str(path))}:\d+: ", str(error))
            return str(error)


@settings(max_examples=60, deadline=None)
@given(TABLES, dialects())
def test_tables_of_any_dialect_come_back(table, dialect):
    rows = [["image", *NAMES], *([f"{n}.jpg", *f] for n, f in table.items())]
    names, read = read_table(write(rows, dialect).encode())
    assert names == NAMES
    assert {row.id: list(row.labels) for row in read} == {
        f"{name}.jpg": flags for name, flags in table.items()
    }


@settings(max_examples=80, deadline=None)
@given(
    TABLES,
    dialects(),
    st.sampled_from(
        ["utf-16", "utf-16-le", "utf-32-be", "gb18030", "latin-1", "cp1251"]
        + ["shift_jis", "utf-8"]
    ),
    st.sampled_from([",", ";", "\t", ",,"]),
)
def test_other_encodings_come_back_or_are_refused(table, dialect, code, comma):
    rows = [["image", *NAMES], *([f"{n}.jpg", *f] for n, f in table.items())]
    text = write(rows, dialect).replace(",", comma)
    read = read_table(text.encode(code, errors="replace"))
    if isinstance(read, str):
        assert code != "utf-8" or comma != ","
    else:
        names, read = read
        assert names == [known(name, code) for name in NAMES]
        assert {row.id: list(row.labels) for row in read} == {
            known(f"{name}.jpg", code): flags for name, flags in table.items()
        }


def known(text, code):
    """Puts question marks for what an encoding does not have."""
    return text.encode(code, "replace").decode(code)


JD_ROWS = st.dictionaries(
    st.from_regex(r"[0-9a-f]{4}N[0-9a-f_]{3}", fullmatch=True),
    st.tuples(
        st.lists(
            st.integers(0, 1),
            min_size=len(styles.NAMES),
            max_size=len(styles.NAMES),
        ).filter(any),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(JD_ROWS, dialects())
def test_files_of_the_challenge_come_back(rows, dialect):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        train, fold, test, result = [], [], [], []
        for name, (flags, number) in rows.items():
            train.append([name, "http://x/a,b.jpg?q", *flags])
            fold.append(
                [str(number), f"{name}_{'_'.join(map(str, flags))}.jpg"]
            )
            test.append([f"t{name}", "http://x/y.jpg"])
            result.append([f"t{name}", *flags])
        for name, lines in [
            ("train", train),
            ("fold", fold),
            ("test", test),
            ("result", result),
        ]:
            text = write(lines, dialect)
            (folder / f"{name}.txt").write_bytes(text.encode())
        read = jd_fashion.read_jd_fashion(folder)
    assert [(r.id, list(r.labels), r.fold, r.split) for r in read] == [
        (name, flags, number, "train") for name, (flags, number) in rows.items()
    ] + [(f"t{name}", flags, None, "test") for name, (flags, _) in rows.items()]


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"img/[a-z_é]{1,5}/[0-9]{3}\.jpg", fullmatch=True),
        st.tuples(
            st.lists(st.sampled_from([1, 0, -1]), min_size=3, max_size=3),
            st.sampled_from(["train", "val", "test"]),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from([" ", "   ", "\t"]),
)
def test_files_of_deepfashion_come_back(rows, end, mark, space):
    code = {1: "1", 0: "-1", -1: "0"}
    files = {
        "Anno_coarse/list_attr_cloth.txt": [
            "3",
            "attribute_name  attribute_type",
            *(f"{name}{space}1" for name in ("a line", "floral", "v-neck")),
        ],
        "Anno_coarse/list_attr_img.txt": [
            str(len(rows)),
            "image_name  attribute_labels",
            *(
                f"{photo}{space}{space.join(code[v] for v in values)}"
                for photo, (values, _) in rows.items()
            ),
        ],
        "Eval/list_eval_partition.txt": [
            str(len(rows)),
            "image_name evaluation_status",
            *(f"{photo}{space}{split}" for photo, (_, split) in rows.items()),
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            text = ("\ufeff" if mark else "") + end.join([*lines, "", ""])
            path.write_bytes(text.encode())
        table = deepfashion_labels.read("coarse", folder)
    assert table.names == ["a line", "floral", "v-neck"]
    assert table.photos == list(rows)
    assert table.labels.tolist() == [values for values, _ in rows.values()]
    short = {"train": "train", "val": "validation", "test": "test"}
    assert table.splits == [short[split] for _, split in rows.values()]


@pytest.mark.parametrize(
    "word, where",
    [("1.0", 3), ("2", 3), ("", 3), ("１", 3), ("1,", 3)],
)
def test_deepfashion_refuses_other_words_with_their_line(tmp_path, word, where):
    (tmp_path / "Anno_coarse").mkdir()
    (tmp_path / "Eval").mkdir()
    (tmp_path / "Anno_coarse" / "list_attr_cloth.txt").write_text(
        "1\nname type\nfloral 1\n"
    )
    (tmp_path / "Anno_coarse" / "list_attr_img.txt").write_text(
        f"1\nname labels\nimg/a/1.jpg {word}\n", encoding="utf-8"
    )
    (tmp_path / "Eval" / "list_eval_partition.txt").write_text(
        "1\nname status\nimg/a/1.jpg train\n"
    )
    with pytest.raises(InputError, match=rf"list_attr_img.txt:{where}: "):
        deepfashion_labels.read("coarse", tmp_path)
