"""What becomes of an earlier product where a fusion fails."""

import os
import pathlib

import binaries
import pytest
import run_directories

from jdstyle.datasets import prepared
from jdstyle.datasets import records
from jdstyle.errors import InputError
from jdstyle.files import sums
from jdstyle.fusion import product
from jdstyle.runs import directory

# Read as JSON where runs are looked for.
OLD, NEW = '"old"', '"new"'


@pytest.fixture
def fuse(data_dir, tmp_path, monkeypatch):
    """A function that fuses, by a stand-in that writes a text everywhere."""
    builder = prepared.open_prepared("label_table/tiny", data_dir)
    fingerprint = records.source(builder).fingerprint
    (tmp_path / "runs").mkdir()
    run_directories.write(
        tmp_path / "runs", "a", ["bright"], [], fingerprint=fingerprint
    )

    def run(text, error=None, *, code=0, after=None):
        def write(runs, photos, style_names, output_dir, *rest, **options):
            folder = pathlib.Path(output_dir)
            (folder / directory.SAVED_MODEL_DIR).mkdir()
            (folder / directory.SAVED_MODEL_DIR / sums.FILE).write_text("")
            for name in ("saved_model/saved_model.pb", *product.HELD[2:]):
                if name == after:
                    raise error
                if name != directory.SAVED_MODEL_DIR:
                    (folder / name).write_text(text)
            return {"validation": None}, None, {}

        monkeypatch.setattr(product, "fuse", write)
        monkeypatch.setattr(
            "jdstyle.evaluation.score_tables.format_table", lambda result: ""
        )
        monkeypatch.setattr(
            "jdstyle.runs.model_card.write", lambda *_, **__: "README.md"
        )
        return binaries.call(
            tmp_path,
            "fuse",
            binaries.DATASET,
            f"--data_dir={data_dir}",
            "--runs_dir=runs",
            code=code,
        )

    run.folder = tmp_path / "runs" / "fused"
    return run


def read(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("The tables do not fit together."), 2),
        (KeyboardInterrupt(), 3),
    ],
)
def test_a_failed_fusion_leaves_the_old_product(error, code, fuse):
    fuse(OLD)
    before = read(fuse.folder)
    assert before["results.json"] == OLD.encode() and "run.json" in before
    fuse(NEW, error, code=code, after=product.MUTUAL_PICTURE)
    assert read(fuse.folder) == before
    # Of a process that was killed, and what somebody has beside a product.
    (fuse.folder / "incomplete.new").mkdir()
    (fuse.folder / "incomplete.new" / "run.json").touch()
    (fuse.folder / "evaluation-x").mkdir()
    fuse(NEW)
    after = read(fuse.folder)
    assert after["results.json"] == NEW.encode()
    assert after.keys() == before.keys()
    assert "evaluation-x" in os.listdir(fuse.folder)


def test_a_first_fusion_that_fails_leaves_nothing(fuse):
    fuse(NEW, InputError("No."), code=2, after="results.json")
    assert read(fuse.folder) == {}
    fuse(NEW)
