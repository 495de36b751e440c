"""The defaults of flags, which depend on the data set and on the style."""

from jdstyle import styles

# Largest short side of a stored photo, in pixels.
SHORT_SIDE = 320

# A small network that a CPU trains from scratch in two minutes.
_DEMO = {
    "backbone": "MobileNetV3Small",
    "image_size": 96,
    "init_from": "scratch",
    "epochs": 30,
    "frozen_epochs": 0,
    "learning_rate": 2e-3,
    # Small networks gain nothing from bfloat16, and the figures in the README
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

# A user's own photos, few as a rule and often without a GPU: a network whose
# ImageNet weights come with jdstyle. Half the recipe's epochs: one of 2,455
# photos takes a core nine minutes, or two minutes where the backbone is frozen.
_OWN_PHOTOS = _PHOTOS | {"backbone": "EfficientNetLite0", "epochs": 10}

# What a training of the heads alone takes of them.
_OF_FROZEN = ("backbone", "image_size", "init_from")

# For a style that is not one of the thirteen: as for the rare ones of them.
_OTHER_STYLE = {"positive_rate": 0.5, "false_negative_cost": 1.5}

# Their styles are the thirteen, of which one may start from another's network.
_THIRTEEN = ("demo", "jd_fashion")


def for_run(dataset, style_name, *, frozen=False):
    """Returns the default settings of a run.

    Args:
        dataset: "demo", "jd_fashion", "deepfashion/..." or "label_table/NAME".
        style_name: string, the data set's name of the style, or "all".
        frozen: bool, whether only the heads are trained. They need weights that
            have learned something, and no resampling.

    Returns:
        dict from flag name to value. `positive_rate` 0 keeps every photo.
    """
    settings = dict(_PHOTOS)
    if dataset == "demo":
        settings = dict(_DEMO)
    elif dataset.startswith("label_table/"):
        settings = dict(_OWN_PHOTOS)
    if frozen:
        start = settings if dataset != "demo" else _OWN_PHOTOS
        return {
            **{name: start[name] for name in _OF_FROZEN},
            "positive_rate": 0.0,
            "false_negative_cost": 1.0,
        }
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


def describe(name):
    """Says what a flag is by default, for its help text.

    Args:
        name: of a flag that comes with the data set, such as "backbone".

    Returns:
        A sentence.
    """
    own = _OWN_PHOTOS[name]
    if own == _PHOTOS[name]:
        return (
            f"Default: {_DEMO[name]} for demo; {own} for jd_fashion, "
            "label_table and deepfashion."
        )
    return (
        f"Default: {_DEMO[name]} for demo; {own} for label_table; "
        f"{_PHOTOS[name]} for jd_fashion and deepfashion."
    )


def describe_starts():
    """Says which of the thirteen styles start from another by default."""
    starts = ", ".join(
        f"{style.name} from style:{styles.STYLES[style.start_from - 1].name}"
        for style in styles.STYLES
        if style.start_from
    )
    return (
        f"On {' and '.join(_THIRTEEN)} a network for one style may start from "
        f"another's: {starts}."
    )


def describe_style(name):
    """Says what a flag is by default for a style, for its help text.

    Args:
        name: "positive_rate" or "false_negative_cost".

    Returns:
        A sentence.
    """
    return (
        "Default: for the thirteen styles of the challenge what the recipe "
        f"gives each, for other styles {_OTHER_STYLE[name]}."
    )
