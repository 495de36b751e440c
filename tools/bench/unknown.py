"""Measures what heads lose where labels are unknown, and by reading them as 0.

    python tools/bench/unknown.py --dataset=label_table/mine --hidden=0.5

Heads are fitted to the features of a frozen backbone as `train --frozen` does:
on all labels that train and validate; on those that are left when some are
hidden at random; and on all, the hidden ones read as 0. All three decide the
same test photos, of which every label counts. Intervals are paired bootstraps
over these photos. Features lie beside the records, as those of `train`.
"""

import os

from absl import flags

from jdstyle import cli
from jdstyle import data_flags
from jdstyle import path_flags

flags.adopt_module_key_flags(data_flags)

_HIDDEN = flags.DEFINE_float(
    "hidden",
    0.5,
    "Share of the labels that is hidden.",
    lower_bound=0.01,
    upper_bound=0.99,
)
_SEEDS = flags.DEFINE_integer(
    "seeds", 1, "Draws of the hidden labels to average over.", lower_bound=1
)
_BACKBONE = flags.DEFINE_string(
    "backbone", "EfficientNetLite0", "What makes the features."
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", 224, "Height and width of the photos.", lower_bound=32
)
_INIT_FROM = path_flags.DEFINE_path(
    "init_from", "imagenet", "The backbone's weights, as of `train`."
)


def main(argv):
    del argv
    import measure
    import numpy as np

    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.errors import InputError
    from jdstyle.evaluation import metrics

    builder = prepared.open_prepared(
        data_flags.DATASET.value, data_flags.DATA_DIR.value
    )
    photos = {
        part: records.read_photos(builder, part, cache="stream")
        for part in ("train", "validation", "test")
    }
    labels = {part: of.labels for part, of in photos.items()}
    if any((of < 0).any() for of in labels.values()):
        raise InputError(
            f"{data_flags.DATASET.value} has unknown labels already."
        )
    measure.print_header(seeds=_SEEDS.value, hidden=_HIDDEN.value)
    features = _features(builder, photos)
    tried = {"all known": [labels], "hidden": [], "read as 0": []}
    for seed in range(_SEEDS.value):
        hidden = _hide(labels, np.random.default_rng(seed))
        tried["hidden"].append(hidden)
        tried["read as 0"].append(
            {part: of.clip(0) for part, of in hidden.items()}
        )
    drawn, f2 = {}, {}
    for name, versions in tried.items():
        decisions = [_decide(features, of, photos) for of in versions]
        truth = labels["test"]
        drawn[name] = np.mean(
            [
                metrics.bootstrap_fbeta(truth, of).mean(axis=1)
                for of in decisions
            ],
            axis=0,
        )
        f2[name] = np.mean(
            [metrics.fbeta(*metrics.counts(truth, of)) for of in decisions]
        )
    rows = [
        [
            name,
            f"{f2[name]:.3f}",
            " to ".join(f"{end:.3f}" for end in metrics.interval(drawn[name])),
            f"{f2[name] / f2['all known']:.3f}",
            _change(f2, drawn, "hidden", name) if name != "hidden" else "",
        ]
        for name in tried
    ]
    header = ["labels", "macro F2", "95 % interval", "of all", "hidden beside"]
    print(measure.table(header, rows))


def _change(f2, drawn, name, other):
    """Returns what the first gains beside the other, with its interval."""
    from jdstyle.evaluation import metrics

    low, high = metrics.interval(drawn[name] - drawn[other])
    return f"{f2[name] - f2[other]:+.3f} ({low:+.3f} to {high:+.3f})"


def _features(builder, photos):
    """Returns a dict from the parts of the data to features of their photos."""
    from jdstyle.training import features
    from jdstyle.training import recipe

    num_styles = photos["train"].labels.shape[1]
    settings = recipe.Settings(
        backbone=_BACKBONE.value,
        image_size=_IMAGE_SIZE.value,
        init_from=_INIT_FROM.value,
        epochs=1,
        frozen_epochs=0,
        learning_rate=1e-3,
        positive_rate=0.0,
        false_negative_cost=1.0,
        frozen=True,
    )
    _, model = recipe.build_network(settings, num_styles)
    extractor = features.Extractor(
        model,
        recipe.make_architecture(settings, num_styles),
        os.path.dirname(builder.data_dir),
    )
    return {part: extractor(of).values for part, of in photos.items()}


def _hide(labels, rng):
    """Returns labels of which some that train and validate are unknown."""
    import numpy as np

    return {
        part: np.where(rng.random(of.shape) < _HIDDEN.value, -1, of)
        for part, of in labels.items()
        if part != "test"
    }


def _decide(features, labels, photos):
    """Fits heads, calibration and thresholds, and decides the test photos."""
    import numpy as np
    from scipy import special

    from jdstyle.evaluation import bagging
    from jdstyle.evaluation import calibration
    from jdstyle.training import heads

    num_styles = labels["train"].shape[1]
    fitted = heads.fit(
        features["train"],
        labels["train"],
        np.ones((num_styles, 2)),
        photos["train"].folds,
    )
    logits = {
        part: features[part] @ fitted.kernel + fitted.bias
        for part in ("validation", "test")
    }
    there = np.isfinite(fitted.out_of_fold)
    pooled = np.concatenate(
        [labels["validation"], np.where(there, labels["train"], -1)]
    )
    chosen_on = np.concatenate(
        [logits["validation"], np.where(there, fitted.out_of_fold, 0)]
    )
    calibrated = calibration.fit(pooled, chosen_on, np.zeros(len(pooled)))
    scored, unseen = (
        special.expit(calibrated.apply(of)).astype(np.float32)
        for of in (chosen_on, logits["test"])
    )
    pairs = zip(pooled.T, scored.T, strict=True)
    chosen = [bagging.choose(*of_style) for of_style in pairs]
    return unseen >= np.array(chosen, np.float32)


if __name__ == "__main__":
    cli.run(main)
