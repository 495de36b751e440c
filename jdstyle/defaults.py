"""What a flag is worth when it is not given: by data set, then by style."""

from jdstyle import styles

# A small network that a CPU trains from scratch in two minutes.
_DEMO = {
    "backbone": "MobileNetV3Small",
    "image_size": 96,
    "init_from": "scratch",
    "epochs": 30,
    "frozen_epochs": 0,
    "learning_rate": 2e-3,
    # Small networks gain nothing by bfloat16, and the figures of the README
    # come out alike on CPUs with and without it.
    "precision": "float32",
}

# The recipe: a large network that starts from ImageNet, on a GPU.
_PHOTOS = {
    "backbone": "ResNet50",
    "image_size": 224,
    "init_from": "imagenet",
    "epochs": 20,
    "frozen_epochs": 2,
    "learning_rate": 1e-4,
    "precision": "auto",
}

# For a style that is not one of the thirteen: as for the rare ones.
_OTHER_STYLE = {"positive_rate": 0.5, "false_negative_cost": 1.5}

# Their styles are the thirteen: one may start from another's network.
_THIRTEEN = ("demo", "jd_fashion")


def for_run(dataset, style_name):
    """Returns the default settings of a run.

    Args:
        dataset: "demo", "jd_fashion", "deepfashion/..." or "label_table/NAME".
        style_name: string, the data set's name of the style, or "all".

    Returns:
        dict from flag name to value. `positive_rate` 0 keeps every photo.
    """
    settings = dict(_DEMO if dataset == "demo" else _PHOTOS)
    recipe = styles.recipe_for(style_name)
    if recipe is not None and recipe.start_from and dataset in _THIRTEEN:
        donor = styles.STYLES[recipe.start_from - 1]
        settings["init_from"] = f"style:{donor.name}"
    return settings | for_style(style_name)


def for_style(style_name):
    """Returns the default resampling and cost of a style; see `for_run`."""
    recipe = styles.recipe_for(style_name)
    if recipe is None:
        return dict(_OTHER_STYLE)
    return {
        "positive_rate": recipe.positive_rate or 0.0,
        "false_negative_cost": recipe.false_negative_cost,
    }
