"""The tools, run as people run them, in this process."""

import numpy as np
from binaries import call
from PIL import Image


def test_augmentation_sheet(data_dir, tmp_path):
    call(
        tmp_path,
        "tools/show_augmentation.py",
        "--dataset=label_table/tiny",
        f"--data_dir={data_dir}",
        "--num_photos=4",
        "--image_size=32",
        f"--output={tmp_path / 'sheet.png'}",
    )
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (64, 128, 3)


def test_relations_of_labels_and_what_they_gain(tmp_path):
    """Told of photos that had no say, a rule that is off loses little."""
    rng = np.random.default_rng(0)
    names = ["common", "implied", "other"]
    for split, num_rows in [("train", 300), ("test", 200)]:
        common = rng.random(num_rows) < 0.4
        implied = common & (rng.random(num_rows) < 0.9)
        labels = np.stack([common, implied, rng.random(num_rows) < 0.3], 1)
        numbers = labels * [3.0, 0.3, 1.0] + rng.normal(size=labels.shape)
        lines = [
            ",".join([*"xyz", *names]),
            *(
                ",".join(map(str, [*row, *map(int, flags)]))
                for row, flags in zip(numbers.tolist(), labels, strict=True)
            ),
        ]
        (tmp_path / f"{split}.csv").write_text("\n".join(lines))
    said = call(
        tmp_path,
        "tools/show_relations.py",
        f"--table={tmp_path / 'train.csv'}",
        f"--test_table={tmp_path / 'test.csv'}",
        "--styles=common:other",
        "--num_groups=2",
        f"--output_dir={tmp_path / 'out'}",
    )
    assert "Group: common, implied" in said
    out_of_fold = said.split("Out of fold, nested")[1].split("test rows:")[0]
    gains = {
        # The last words are "+0.012 +0.001 to +0.020".
        words[0]: float(words[-4])
        for words in map(str.split, out_of_fold.splitlines())
        if words and words[0] in names
    }
    assert gains.keys() == set(names)
    assert min(gains.values()) > -0.05
    for title in ("0.5", "threshold", "+ relations", "+ plausibility"):
        assert title in said
    assert Image.open(tmp_path / "out" / "mutual_table.png").size[0] > 300


def test_relations_of_the_challenges_fold_file(tmp_path):
    # P(Casual|Sports) = 1/2: both of two photos have Sports, one has Casual.
    flags = ["1_1_0", "1_0_0"]
    lines = [f"1,p{i}_{f}{'_0' * 10}.jpg" for i, f in enumerate(flags)]
    (tmp_path / "fold.txt").write_text("\n".join(lines))
    said = call(
        tmp_path,
        "tools/show_relations.py",
        f"--fold_file={tmp_path / 'fold.txt'}",
        f"--output_dir={tmp_path}",
    )
    row = next(line for line in said.splitlines() if line.startswith("Casual"))
    assert row.split()[1:4] == ["1", "0.500", "1.000"]
    assert "Styles per photo: 1 to 2" in said
