"""Tests for `json_lines` and `json_text`: Hugging Face's `metadata.jsonl`."""

import json

import pytest

from jdstyle.datasets import label_table
from jdstyle.errors import InputError


def write(folder, *records, name="metadata.jsonl"):
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(folder, *records, **kwargs):
    return label_table.read_label_table(write(folder, *records), **kwargs)


def of(values, key="labels", **more):
    """Returns a record for each value."""
    return [
        {"file_name": f"{i}.jpg", **more, key: value}
        for i, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "key", "names", "labels"),
    [
        ([["b", "a"], ["a"]], "labels", ["a", "b"], [(1, 1), (1, 0)]),
        (["cat", "dog"] * 2, "label", ["cat", "dog"], [(1, 0), (0, 1)] * 2),
        (["cat", ["dog"]], "label", ["cat", "dog"], [(1, 0), (0, 1)]),
        ([[3, 1], [1]], "labels", ["1", "3"], [(1, 1), (1, 0)]),
        # As in the documentation of `imagefolder`: objects and their boxes.
        (
            [
                {"bbox": [[302.0, 109.0, 73.0, 52.0]], "categories": [0]},
                {"bbox": [[810.0, 100.0, 57.0, 28.0]], "categories": [1, 0]},
            ],
            "objects",
            ["0", "1"],
            [(1, 0), (1, 1)],
        ),
        (
            [{"category": ["hat"]}, {"category": "belt"}],
            "objects",
            ["belt", "hat"],
            [(0, 1), (1, 0)],
        ),
        (
            [[{"bbox": [1, 2], "label": "hat"}, {"label": "belt"}]],
            "objects",
            ["belt", "hat"],
            [(1, 1)],
        ),
    ],
)
def test_true_forms(tmp_path, values, key, names, labels):
    got, rows = read(tmp_path, *of(values, key))
    assert got == names
    assert [row.labels for row in rows] == labels
    path = tmp_path / "metadata.jsonl"
    assert [row.where for row in rows] == [
        f"{path}:{i + 1}" for i in range(len(rows))
    ]


def test_all_rules_of_tables_hold(tmp_path, log):
    records = of([["a"], ["b"]], split="train", group=7, vector=[0.5, 1.5])
    records[1]["split"] = None
    _, rows = read(tmp_path, *records, "", records[0])
    assert [(r.split, r.group) for r in rows] == [("train", "7"), (None, "7")]
    said = [record.getMessage() for record in log.records]
    assert said[0].endswith("Read as JSON lines (--format=jsonl).")
    assert said[1].endswith("Ignored: 'vector', which holds lists or objects.")
    records = [
        {"file_name": "0.jpg", "red": True, "blue": 0, "Fold": 1},
        {"file_name": "1.jpg", "red": False, "blue": 1, "Fold": 0},
    ]
    names, rows = read(tmp_path, *records)
    assert names == ["red", "blue"]
    assert [(r.labels, r.fold) for r in rows] == [((1, 0), 1), ((0, 1), 0)]


def test_the_key_is_chosen(tmp_path):
    records = of([["a"], ["b"]], tags=["x"])
    with pytest.raises(
        InputError, match=r"Choose one with --tags: 'tags' \(as"
    ):
        read(tmp_path, *records)
    assert read(tmp_path, *records, tags="labels")[0] == ["a", "b"]
    assert read(tmp_path, *records, tags="Tags")[0] == ["x"]
    # It names the key alone; what its texts are is another question.
    records = of(["Office lady", "Sports"] * 2, "label")
    for kwargs in ({"tags": "label"}, {"tags": "label", "format": "jsonl"}):
        assert read(tmp_path, *records, **kwargs)[0] == [
            "Office lady",
            "Sports",
        ]
    names, _ = read(tmp_path, *records, tags="label", format="tags")
    assert names == ["Office", "Sports", "lady"]
    records = [{"image": "0.jpg", "labels": ["a"]}]
    assert read(tmp_path, *records, image_column="image")[1][0].id == "0.jpg"


def test_whatever_the_name_of_the_file(tmp_path):
    path = write(tmp_path, *of([["a"], ["b"]]), name="labels.json")
    assert label_table.read_label_table(path)[0] == ["a", "b"]
    assert label_table.read_label_table(path, format="tags")[0] == ["a", "b"]
    (tmp_path / "x.jsonl").write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert label_table.read_label_table(tmp_path / "x.jsonl")[0] == ["a", "b"]


GOOD = '{"file_name": "0.jpg", "labels": ["a"]}'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"file_name": "1.jpg", "labels": ["a"]', "no JSON: Expecting ','"),
        (
            '{"labels": ["a"]}',
            "'file_name' must be the path of a photo, got non",
        ),
        ('{"file_name": 7, "labels": ["a"]}', "'file_name' must be .* got 7"),
        ('{"file_name": "", "labels": ["a"]}', "'file_name' must be .* got ''"),
        ('["1.jpg", "a"]', "expected an object with file_name and labels"),
        ("7", "expected an object with file_name and labels on each line, got"),
        ('{"file_name": "1.jpg"}', "'labels' must be a list .* Received: None"),
        ('{"file_name": "1.jpg", "labels": null}', "'labels' must be a list"),
        ('{"file_name": "1.jpg", "labels": [1.5]}', "'labels' must be a list"),
        ('{"file_name": "1.jpg", "labels": [null]}', "'labels' must be a list"),
        ('{"file_name": "1.jpg", "labels": [true]}', "'labels' must be a list"),
        ('{"file_name": "1.jpg", "labels": [""]}', "'labels' must be a list"),
        ('{"file_name": "1.jpg", "labels": [NaN]}', "NaN is no number of JSON"),
        ('{"file_name": "1.jpg", "labels": []}', "no style is 1"),
        ('{"file_name": "0.jpg", "labels": ["b"]}', "0.jpg is also at"),
        ('{"file_name": "a", "file_name": "b"}', "an object has 'file_name' t"),
        (f'{{"file_name": "1.jpg", "n": {"9" * 5000}}}', "Exceeds the limit"),
        (
            f'{{"file_name": "1.jpg", "labels": ["a"], "n": {"9" * 30}}}',
            "'n' must be a text or a number of at most 64 bits, got 999",
        ),
        ('{"file_name": "1.jpg", "labels": %s' % ("[" * 10**5), "nested too"),
        (
            '{"file_name": "\\ud800.jpg", "labels": ["a"]}',
            "'file_name' must be",
        ),
        ('{"file_name": "1.jpg", "labels": ["\\ud800"]}', "'labels' must be"),
        (
            '{"file_name": "1\\u0000", "labels": ["a"]}',
            "'file_name' must be the path",
        ),
        ('{"file_name": "1\\ufeff", "labels": ["a"]}', "'file_name' must be"),
        (
            '{"file_name": "1.jpg", "labels": ["a"], "group": "\\u0000"}',
            "'group' must be a text",
        ),
        ('{"file_name": "1.jpg", "labels": ["A"]}', "style's name 'a' would"),
        (
            '{"file_name": "1.jpg", "labels": ["a\\nb"]}',
            "style's name 'a.nb' ho",
        ),
    ],
)
def test_faults_have_their_line(tmp_path, line, message):
    number = 1 if '["A"]' in line else 2
    with pytest.raises(
        InputError, match=rf"metadata.jsonl:{number}: .*{message}"
    ) as caught:
        read(tmp_path, GOOD, line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: empty, expected an object on each line"),
        ("\n \n", ":1: empty, expected an object on each line"),
        (f"[{GOOD}]", ":1: a JSON list, expected JSON lines"),
        (GOOD.encode("utf-16"), ":1: not UTF-8. Save it as UTF-8."),
        (
            '{"file_name": "0.jpg", "v": [1, 2]}',
            ":1: no key holds labels besid",
        ),
        ('{"file_name": "0.jpg"}', ":1: no key holds labels besides 'file_na"),
        (
            '{"file_name": "0.jpg", "text": "a red dress"}',
            ":1: 'text' holds 'a red dress', which may be tags or a class.",
        ),
    ],
)
def test_files_that_hold_no_labels(tmp_path, text, message):
    path = tmp_path / "metadata.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        label_table.read_label_table(path)
    assert str(caught.value).startswith(f"{path}{message}")
