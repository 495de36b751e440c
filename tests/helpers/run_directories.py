"""Run directories as a training leaves them, for those that read them."""

import json


def write(folder, name, styles, rows, *, finished=True, **changes):
    """Writes a run directory; rows are `(id, label, probability, ...)`."""
    directory = folder / name
    directory.mkdir()
    record = {
        "task": "train",
        "dataset": "demo/1.0.0",
        "fingerprint": "f" * 64,
        "styles": styles,
        "backbone": "ResNet50",
        "image_size": 224,
        "sharing": None if len(styles) == 1 else "trunk",
        "fold": None,
    }
    (directory / "run.json").write_text(json.dumps(record | changes))
    header = ["id"]
    for style in styles:
        header += [f"label {style}", f"probability {style}"]
    lines = [",".join(map(str, row)) for row in [header, *rows]]
    (directory / "validation_probabilities.csv").write_text(
        "".join(f"{line}\n" for line in lines)
    )
    if finished:
        validation = {"styles": {s: {"f2": 0.25} for s in styles}}
        if len(styles) > 1:
            validation["macro"] = {"f2": 0.75}
        results = {"thresholds": [0.5] * len(styles), "validation": validation}
        (directory / "results.json").write_text(json.dumps(results))
    return str(directory)
