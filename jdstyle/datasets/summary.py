"""What is in a data set."""

import numpy as np
import pandas as pd

from jdstyle.datasets import copies
from jdstyle.datasets import prepared
from jdstyle.datasets import prepared_labels
from jdstyle.datasets import usable


def summarise(dataset, data_dir):
    """Returns a table of photos and positives per split, and what there is.

    Below it: what was left out and grouped, and which styles lack positives or
    negatives somewhere. Where labels are unknown the table also says how many
    are known, positives and negatives.

    Args: as `prepared.open_prepared`.
    """
    builder = prepared.open_prepared(dataset, data_dir)
    names, parts, fold_numbers = prepared_labels.read(builder)
    columns, folds = {}, {}
    gaps = any((labels < 0).any() for labels in parts.values())
    for split, labels in parts.items():
        columns[split] = [len(labels), *(labels == 1).sum(axis=0)]
        if gaps:
            known = (labels >= 0).sum(axis=0)
            columns[f"{split} known"] = [len(labels), *known]
        numbers = fold_numbers[split]
        for fold in np.unique(numbers[numbers >= 0]):
            folds.setdefault(int(fold), []).append(labels[numbers == fold])
    parts |= {
        f"fold {fold}": np.concatenate(folds[fold]) for fold in sorted(folds)
    }
    return "\n".join(
        [
            pd.DataFrame(columns, ["photos", *names]).to_string(),
            *usable.describe(names, parts),
            *_describe_trainable(names, builder.info),
            *_describe_metadata(builder.info.metadata),
        ]
    )


def _describe_trainable(names, info):
    """Yields what to do where styles cannot be trained."""
    trainable = info.metadata.get("trainable")
    if set(info.splits) == {"test"}:
        yield (
            "All photos are test photos: a model can be evaluated on them, but "
            "there is nothing to train on. To train, mark some of them train."
        )
    elif trainable is not None and len(trainable) < len(names):
        some = f"{len(names) - len(trainable)} of {len(names)} styles lack"
        yield (
            f"{some if trainable else 'No style can be trained: all lack'} "
            "photos with or without the style in training or validation. Add "
            "such photos, choose other folds, or leave those styles out."
        )


def _describe_metadata(metadata):
    """Yields sentences on what was left out, grouped and torn apart."""
    # Not in what older versions prepared.
    for what, n in metadata.get("cleaning", {}).items():
        yield f"{n} {what}"
    yield (
        f"{sum(metadata['rejected'].values())} photos rejected, "
        f"{metadata['num_grouped']} have a near-duplicate or a group."
    )
    if found := metadata.get("near_duplicates"):
        yield from copies.Report(**found).sentences()
    mode = metadata["settings"].get("duplicates")
    if mode == "off":
        yield "Near-duplicates were not looked for."
    if mode == "warn":
        yield "Near-duplicates were not kept together (--duplicates=warn)."
    fold = metadata.get("validation_fold")
    if fold is not None:
        yield f"Fold {fold} validates."
    if metadata["num_leaking"]:
        yield (
            f"{metadata['num_leaking']} groups lie on both sides of a "
            "split or fold: scores will be optimistic, and say so."
        )
