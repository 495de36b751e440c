"""Tests for `model_card` and `card_sections`: what the hub and people read."""

import re

import huggingface_hub
import markdown
import numpy as np
import pytest

from jdstyle.datasets import records
from jdstyle.evaluation import scores
from jdstyle.runs import directory
from jdstyle.runs import model_card

SOURCE = records.Source("label_table/mine/1.0.0", "f" * 64, 0)
TRAINED = {
    "task": "train",
    "dataset": SOURCE.dataset,
    "backbone": "MobileNet",
    "image_size": 32,
    "versions": {"jdstyle": "0.3.0", "tensorflow": "2.21.0"},
    "commit": None,
}
FUSED = {"task": "fuse", "versions": {}, "commit": "abc"}
HOSTILE = [
    'a"b\\c: {x}, [y] # | > - &z *w !tag %',
    "<script>alert(1)</script>",
    "[x](javascript:y) ![p](q) `<i>` ``<b>``",
    "--- 韩版 \U0001f457 \u00e9",
]


def results_of(names, labels=None):
    """Returns results of as many photos as 60, as `train` writes them."""
    random = np.random.default_rng(0)
    if labels is None:
        labels = random.integers(0, 2, (60, len(names)))
    probabilities = np.clip(
        labels * 0.5 + random.random(labels.shape) / 2, 0, 1
    )
    thresholds = [0.5] * len(names)
    decisions = (probabilities >= 0.5).astype(int)
    return {
        "styles": names,
        "thresholds": thresholds,
        "logit_scales": [1.0] * len(names),
        "validation": scores.score(
            names,
            labels,
            probabilities,
            decisions,
            SOURCE,
            thresholds=thresholds,
        ),
    }


def read(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


def test_the_hub_reads_scores_with_interval_and_baseline(tmp_path):
    results = results_of(["red", "blue"])
    path = model_card.write(
        str(tmp_path), results, licence="cc-by-4.0", record=TRAINED
    )
    metadata = huggingface_hub.metadata_load(path)
    assert metadata["pipeline_tag"] == "image-classification"
    assert metadata["data_licence"] == "cc-by-4.0"
    card = huggingface_hub.ModelCard.load(path)
    found = {r.metric_name: r for r in card.data.eval_results}
    assert [*found] == ["F2, macro mean", "F2 of red", "F2 of blue"]
    rows = results["validation"]["styles"] | {
        "macro": results["validation"]["macro"]
    }
    for name, row in (("F2 of red", "red"), ("F2, macro mean", "macro")):
        of_row = rows[row]
        assert found[name].metric_type == "f2"
        assert found[name].metric_value == pytest.approx(of_row["f2"], abs=1e-4)
        assert found[name].metric_args == pytest.approx(
            {
                "low": of_row["f2_low"],
                "high": of_row["f2_high"],
                "all_positive": of_row["baseline_f2"],
            },
            abs=1e-4,
        )
        assert found[name].dataset_split == "validation"
        assert found[name].dataset_revision == "f" * 64
    assert card.data.model_name == tmp_path.name
    # What people read.
    row = rows["red"]
    said = f"| red | {row['f2']:.3f} | {row['f2_low']:.3f} to "
    assert said in read(tmp_path)
    assert "Licence of the data: cc-by-4.0." in read(tmp_path)
    headings = re.findall("^## (.+)$", read(tmp_path), re.M)
    assert headings == [
        *("What it recognises", "Scores", "Thresholds", "Calibration"),
        *("Data", "Limits", "How to load it", "How it was made"),
    ]


@pytest.mark.parametrize("licence", [*HOSTILE, None])
def test_whatever_names_hold_is_shown_as_it_stands(tmp_path, licence):
    results = results_of(HOSTILE)
    path = model_card.write(
        str(tmp_path), results, licence=licence, record=TRAINED
    )
    metadata = huggingface_hub.metadata_load(path)
    assert metadata.get("data_licence") == licence
    card = huggingface_hub.ModelCard.load(path)
    names = [result.metric_name for result in card.data.eval_results]
    assert names[1:] == [f"F2 of {name}" for name in HOSTILE]
    page = markdown.markdown(card.text, extensions=["tables", "fenced_code"])
    tags = {tag.lower() for tag in re.findall(r"<\s*/?(\w+)", page)}
    assert tags <= {
        *("h1", "h2", "p", "code", "pre", "table", "thead", "tbody"),
        *("tr", "th", "td", "em"),
    }
    assert "javascript" not in "".join(re.findall("<[^>]*>", page))
    # Every table has as many cells in each row.
    for block in re.findall(r"(?:^\|.*\|$\n?)+", card.text, re.M):
        cells = [
            len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()
        ]
        assert len({*cells}) == 1


def test_styles_without_a_score(tmp_path):
    labels = np.zeros((60, 2), int)
    labels[:5, 0] = 1
    path = model_card.write(
        str(tmp_path), results_of(["red", "blue"], labels), record=TRAINED
    )
    found = huggingface_hub.ModelCard.load(path).data.eval_results
    names = [result.metric_name for result in found]
    assert names == ["F2, macro mean", "F2 of red"]
    text = read(tmp_path)
    assert "these styles, whose numbers say little: red (5), blue (0)." in text
    assert "-: no positive among these photos" in text
    assert "Licence of the data: not given (--data_licence)." in text
    results = results_of(["red"], np.zeros((60, 1), int))
    path = model_card.write(str(tmp_path), results, record=TRAINED)
    assert "model-index" not in huggingface_hub.metadata_load(path)


def test_fused_products_say_what_decides(tmp_path):
    results = results_of(["red", "blue"]) | {
        "members": ["mobilenet", "resnet50"],
        "calibration": {"scale": [1.0, 0.9], "shift": [0.0, 0.1]},
        "relations": ["none", "sets"],
        "limits": [1, 3],
        "at_least": ["red"],
        "at_most": [],
        "skipped": ["green"],
        "missing": [],
    }
    path = model_card.write(str(tmp_path), results, record=FUSED)
    text = read(tmp_path)
    assert "Networks that are blended: mobilenet, resnet50." in text
    assert "each is scored by networks that were not trained on it" in text
    assert "correct the probability of blue." in text
    assert "fewest 1, then decides in red." in text
    assert "as they could not be learned: green." in text
    assert "Platt scaling was applied to 1 of 2 styles" in text
    assert "commit abc" in text
    (first, *_) = huggingface_hub.ModelCard.load(path).data.eval_results
    assert first.dataset_split == "out_of_fold"


def test_the_record_of_the_folder_is_read(tmp_path):
    directory.write_json(tmp_path / "run.json", TRAINED)
    model_card.write(str(tmp_path), results_of(["red"]))
    assert "One network: MobileNet, photos of 32 x 32 pixels." in read(tmp_path)


def test_a_card_that_was_changed_stays(tmp_path, log):
    results = results_of(["red"])

    def write(licence):
        return model_card.write(
            str(tmp_path), results, licence=licence, record=TRAINED
        )

    assert model_card.is_due(tmp_path, None)
    write("a")
    path = tmp_path / "README.md"
    assert write("b") == str(path) and "data: b." in read(tmp_path)
    assert not model_card.is_due(tmp_path, None)
    assert model_card.is_due(tmp_path, "c")
    mine = read(tmp_path).replace("data: b.", "data: b, and ask us.")
    path.write_text(mine, encoding="utf-8")
    assert write("c") == str(tmp_path / "README.new.md")
    assert read(tmp_path) == mine
    assert "data: c." in (tmp_path / "README.new.md").read_text()
    assert "or changed since, and stays" in log.records[-1].getMessage()
    for other in (b"", b"# Mine\n", b"\xff\n<!-- jdstyle: 00 -->\n"):
        path.write_bytes(other)
        assert write("d") != str(path) and path.read_bytes() == other
    path.unlink()
    path.mkdir()
    assert write("e") == str(tmp_path / "README.new.md")
