"""What a model card says of a product, section by section."""

from jdstyle.evaluation import pages
from jdstyle.evaluation import score_tables
from jdstyle.evaluation import scores

_NOT_GIVEN = "not given (--data_licence)"
_LOADING = """\
import tensorflow as tf

model = tf.saved_model.load("saved_model")
classify = model.signatures["serving_default"]
with open("saved_model/assets/styles.txt", encoding="utf-8") as file:
    styles = file.read().splitlines()
with open("photo.jpg", "rb") as file:
    result = classify(image_bytes=tf.constant([file.read()]))
for style, probability, label in zip(
    styles, result["probabilities"][0].numpy(), result["labels"][0].numpy()
):
    print(style, probability, label)
"""
# Photos with a style, below which its numbers say little.
_FEW = 50


def sections(results, record, licence):
    """Yields `(heading, blocks)` of a card; blocks as those of `pages.write`.

    Args:
        results: dict of `results.json`.
        record: dict of `run.json`.
        licence: string, of the data; or None.
    """
    validation = results["validation"]
    yield "What it recognises", _recognises(results, record)
    yield "Scores", _scores(validation, record)
    yield "Thresholds", _thresholds(results)
    yield "Calibration", _calibration(results)
    yield "Data", _data(validation, licence)
    yield "Limits", _limits(results)
    yield "How to load it", _loading()
    yield "How it was made", _made(record)


def is_fused(record):
    """Whether a product is of several networks.

    Args:
        record: dict of `run.json`.
    """
    return record.get("task") in ("fuse", "reproduce")


def _recognises(results, record):
    names = results["styles"]
    yield (
        "It says of a photo of clothing which of these styles it shows, in the "
        "order of its outputs. A photo may have several of them, or none."
    )
    yield ", ".join(names) + "."
    if is_fused(record):
        yield f"Networks that are blended: {', '.join(results['members'])}."
    else:
        yield (
            f"One network: {record['backbone']}, photos of "
            f"{record['image_size']} x {record['image_size']} pixels."
        )


def _scores(validation, record):
    photos = f"{validation['photos']:,} photos"
    if is_fused(record):
        yield (
            f"Of {photos}, {scores.NESTED}: each is scored by networks "
            "that were not trained on it, and by weights, relations and "
            "thresholds that were chosen without it."
        )
    else:
        chose = (
            "helped to choose"
            if record.get("frozen")
            else "chose the epoch and"
        )
        also = ", and networks that taught this one have seen them"
        yield (
            f"Of the {photos} that validated. They also {chose} the thresholds"
            f"{also if record.get('task') == 'distill' else ''}, so the scores "
            "are optimistic: score the product on photos that were kept back."
        )
    yield score_tables.table(validation).drop(
        columns=["threshold", "90 % interval", "log loss", "mean p / share"],
        errors="ignore",
    )
    yield (
        "F2 = 5 precision recall / (4 precision + recall) counts a missed "
        "style more than a false one. Its interval is of a bootstrap over "
        "photos. All positive is the F2 of saying yes to every photo, and "
        "PR-AUC the average precision."
    )
    yield from score_tables.notes(validation)


def _thresholds(results):
    yield (
        "A style is recognised from its threshold up, which was chosen for F2 "
        "on the photos above, or on more that the networks had not seen."
    )
    columns = score_tables.table(results["validation"])
    there = [
        name
        for name in ("style", "threshold", "90 % interval")
        if name in columns
    ]
    yield columns[there].head(len(results["styles"]))  # Less the macro mean.
    kinds = results.get("relations") or []
    changed = [
        style
        for style, kind in zip(results["styles"], kinds, strict=False)
        if kind != "none"
    ]
    if changed:
        yield (
            "Before, the other styles of the photo correct the probability of "
            f"{', '.join(changed)}."
        )
    for key, what in (("at_least", "fewest"), ("at_most", "most")):
        if results.get(key):
            yield (
                f"A plausible number of styles a photo, {what} "
                f"{results['limits'][key == 'at_most']}, then decides in "
                f"{', '.join(results[key])}."
            )


def _calibration(results):
    fitted = results.get("calibration", {}).get("scale")
    scales = fitted or results.get("logit_scales") or []
    scaled = sum(scale != 1 for scale in scales)
    yield (
        "Probabilities are those among photos like the training's: of the "
        "photos that get 0.3, three in ten should have the style. Platt "
        f"scaling was applied to {scaled} of {len(results['styles'])} styles, "
        "those in which it lowered the log loss on unseen photos."
    )
    columns = score_tables.table(results["validation"])
    there = [n for n in ("log loss", "mean p / share") if n in columns]
    yield columns[["style", *there]]
    yield (
        "Mean p / share is the mean probability by the share of photos that "
        "have the style: 1 where they agree. Where other shares of the photos "
        "have a style, `jdstyle.predict --prevalence` moves its probabilities."
    )


def _data(validation, licence):
    yield f"Data set: {validation['dataset']}, SHA-256 of what training saw:"
    yield pages.Code(validation["fingerprint"])
    yield f"Licence of the data: {licence or _NOT_GIVEN}."


def _limits(results):
    validation = results["validation"]
    yield (
        "The scores hold for photos like those of the data set: other cameras, "
        "shops, seasons or people may give others, and there is no score for "
        "them here. What is no photo of clothing gets probabilities, too."
    )
    few = [
        f"{style} ({row['positives']})"
        for style, row in validation["styles"].items()
        if row["positives"] < _FEW
    ]
    if few:
        yield (
            f"Fewer than {_FEW} photos that were scored have these styles, "
            f"whose numbers say little: {', '.join(few)}."
        )
    for key, what in (
        ("skipped", "Left out of it, as they could not be learned"),
        ("missing", "Fused although this was missing"),
    ):
        if results.get(key):
            yield f"{what}: {', '.join(results[key])}."
    yield (
        "The model reads JPEG, PNG and WebP and does not apply their EXIF "
        "orientation; `valid` is False for a file that it cannot read. "
        "`jdstyle.predict` turns photos upright and reads more formats."
    )


def _loading():
    yield "With TensorFlow alone, from the folder of this file:"
    yield pages.Code(_LOADING)
    yield "With jdstyle, for a folder of photos:"
    yield pages.Code(
        "python -m jdstyle.predict --saved_model=saved_model "
        "--output=predictions.csv FOLDER"
    )


def _made(record):
    versions = record.get("versions", {})
    named = ", ".join(
        f"{name} {versions[name]}"
        for name in ("jdstyle", "tensorflow", "keras")
        if versions.get(name)
    )
    commit = record.get("commit")
    yield (
        f"By `jdstyle.{record.get('task', 'train')}`, {named}"
        f"{f', commit {commit}' if commit else ''}. `flags.cfg`, `run.json` "
        "and `results.json` beside this file have the settings and all numbers."
    )
