"""The bench of hidden labels, on a small network."""

import shutil

import pytest

pytestmark = pytest.mark.long


def test_hidden_labels_are_compared_with_all_and_with_zeros(
    bench, data_dir, tmp_path
):
    copy = shutil.copytree(data_dir, tmp_path / "data")  # Takes the features.
    said = bench(
        *(tmp_path, "unknown.py"),
        *("--dataset=label_table/tiny", f"--data_dir={copy}"),
        *("--backbone=MobileNet", "--image_size=32", "--init_from=scratch"),
        *("--hidden=0.3", "--seeds=2"),
    )
    cells = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in said.splitlines()
        if line.startswith("|")
    ]
    rows = {row[0]: row[1:] for row in cells[2:]}
    assert rows.keys() == {"all known", "hidden", "read as 0"}
    f2 = {name: float(row[0]) for name, row in rows.items()}
    assert all(0 < of <= 1 for of in f2.values())
    for name, row in rows.items():
        ratio = f2[name] / f2["all known"]
        assert float(row[2]) == pytest.approx(ratio, abs=0.003)
        if name != "hidden":
            change = f2["hidden"] - f2[name]
            assert float(row[3].split()[0]) == pytest.approx(change, abs=0.002)
