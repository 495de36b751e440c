"""The card beside a product: README.md, as Hugging Face's hub reads it."""

import hashlib
import os
import re

from absl import logging

from jdstyle.evaluation import pages
from jdstyle.files import atomic
from jdstyle.runs import card_sections
from jdstyle.runs import directory

FILE = "README.md"
# Takes the card's place where somebody has changed it.
NEW_FILE = "README.new.md"

# Closes a card: what was changed since has another sum.
_SEAL = re.compile(rb"\n<!-- jdstyle: ([0-9a-f]{64}) -->\n\Z")


def write(folder, results, *, licence=None, record=None):
    """Writes the card of a product, unless somebody has changed it.

    Args:
        folder: that holds `saved_model`; its card is written aside first. One
            that was changed since stays, and the new one is called `NEW_FILE`.
        results: dict of the product's `results.json`.
        licence: string, of the data; or None.
        record: dict of `run.json`; None for the one in the folder.

    Returns:
        Path of the card.
    """
    if record is None:
        record = directory.read_json(os.path.join(folder, directory.RUN_FILE))
    name = os.path.basename(os.path.abspath(folder))
    text = compose(name, results, record, licence)
    path = os.path.join(folder, FILE)
    if not _is_ours(path):
        other = os.path.join(folder, NEW_FILE)
        logging.warning(
            "%s was not written by jdstyle, or changed since, and stays; the "
            "new one is %s",
            path,
            other,
        )
        path = other
    with atomic.aside(path) as file:
        file.write(f"{text}\n<!-- jdstyle: {_sum(text.encode())} -->\n")
    return path


def is_due(folder, licence):
    """Whether the card of a finished run is to be written once more.

    Args:
        folder: run directory.
        licence: string or None, as it is given now.
    """
    return licence is not None or not os.path.exists(os.path.join(folder, FILE))


def compose(name, results, record, licence):
    """Returns the card as Markdown, with its front matter.

    Args:
        name: string, of the product.
        results: dict of `results.json`.
        record: dict of `run.json`.
        licence: string or None.
    """
    parts = [_front_matter(name, results, record, licence)]
    parts.append(f"# {pages.escape(name)}")
    for heading, blocks in card_sections.sections(results, record, licence):
        parts.append(f"## {heading}")
        parts += [pages.format_block(block, ".") for block in blocks]
    return "\n\n".join(parts) + "\n"


def _is_ours(path):
    """Whether there is no card, or one as `write` left it."""
    if not os.path.lexists(path):
        return True
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return False
    seal = _SEAL.search(data)
    return bool(seal) and _sum(data[: seal.start()]) == seal[1].decode()


def _sum(data):
    return hashlib.sha256(data).hexdigest()


def _front_matter(name, results, record, licence):
    """Returns the card's YAML: for search, and the scores as `model-index`."""
    validation = results["validation"]
    lines = [
        "---",
        "pipeline_tag: image-classification",
        "tags:",
        *(f"- {tag}" for tag in ("tensorflow", "jdstyle", "fashion")),
        "- multi-label-classification",
    ]
    if licence:
        lines.append(f"data_licence: {_quoted(licence)}")
    metrics = []
    rows = dict(validation["styles"])
    if "macro" in validation:
        metrics += _metric("F2, macro mean", validation["macro"])
    for style, row in rows.items():
        metrics += _metric(f"F2 of {style}", row)
    if metrics:  # The hub refuses an empty list.
        dataset = _quoted(validation["dataset"])
        fused = card_sections.is_fused(record)
        part = "out_of_fold" if fused else "validation"
        lines += [
            "model-index:",
            f"- name: {_quoted(name)}",
            "  results:",
            "  - task:",
            "      type: image-classification",
            "      name: multi-label image classification",
            "    dataset:",
            f"      type: {dataset}",
            f"      name: {dataset}",
            f"      split: {part}",
            f"      revision: {_quoted(validation['fingerprint'])}",
            "    metrics:",
            *(f"    {line}" for line in metrics),
        ]
    return "\n".join([*lines, "---"])


def _metric(name, row):
    """Returns the lines of a score; none where it is not defined."""
    if row["f2"] is None:
        return []
    return [
        "- type: f2",
        f"  name: {_quoted(name)}",
        f"  value: {row['f2']:.4f}",
        "  args:",
        f"    low: {row['f2_low']:.4f}",
        f"    high: {row['f2_high']:.4f}",
        f"    all_positive: {row['baseline_f2']:.4f}",
    ]


def _quoted(text):
    """Returns a text as a string of YAML, whatever it holds."""
    letters = (
        letter if letter.isprintable() else f"\\U{ord(letter):08x}"
        for letter in text.replace("\\", r"\\").replace('"', r"\"")
    )
    return f'"{"".join(letters)}"'
