"""What the flags of `decide` ask of each style."""

from jdstyle.decisions.floors import Wish
from jdstyle.errors import InputError
from jdstyle.errors import shown
from jdstyle.serving import prevalence
from jdstyle.serving import style_values

_FLOOR = style_values.Kind(
    "a number from 0 to 1, such as 0.6, or STYLE:0.6", lambda x: 0 <= x <= 1
)
_THRESHOLD = style_values.Kind("a number from 0 to 1", lambda x: 0 <= x <= 1)
_COST = style_values.Kind(
    "what a miss and a false alarm cost, such as 5:1, or STYLE:5:1",
    lambda x: 1e-6 <= x <= 1e6,
    num_parts=2,
)


def read(
    style_names,
    *,
    precision_floor=(),
    recall_floor=(),
    cost=(),
    beta=None,
    prevalence_path=None,
    thresholds_path=None,
):
    """Reads what is asked of each style.

    Args:
        style_names: list of strings, the styles of the product.
        precision_floor: list of strings, VALUE or STYLE:VALUE.
        recall_floor: likewise.
        cost: list of strings, MISS:FALSE or STYLE:MISS:FALSE.
        beta: float > 0, or None.
        prevalence_path: path of a CSV of style,share, or None.
        thresholds_path: path of a CSV of style,threshold, or None.

    Returns:
        List of a `floors.Wish` per style, None where nothing is asked and
        its threshold stays.

    Raises:
        InputError: for any fault, and if nothing is asked of any style.
    """
    values, named = {}, {}
    for field, texts, kind in (
        ("precision_floor", precision_floor, _FLOOR),
        ("recall_floor", recall_floor, _FLOOR),
        ("cost", cost, _COST),
    ):
        values[field], named[field] = style_values.of_flag(
            texts, f"--{field}", style_names, kind
        )
    if beta is not None:
        if not 0 < beta < 1e3:
            raise InputError(
                f"--beta must be a number above 0, such as 1. Received: {beta}."
            )
        if len(values["cost"]) == len(style_names):
            raise InputError(
                "--beta and --cost are two things to aim at. Pass one of them, "
                "or --cost=STYLE:MISS:FALSE for some styles."
            )
        values["beta"] = dict.fromkeys(style_names, float(beta))
    if prevalence_path is not None:
        values["share"] = prevalence.read_shares(prevalence_path, style_names)
    if thresholds_path is not None:
        values["threshold"] = style_values.read(
            *(thresholds_path, "--thresholds", "threshold", style_names),
            _THRESHOLD,
        )
        for field, names in named.items():
            for name in names & values["threshold"].keys():
                raise InputError(
                    f"--thresholds gives {shown(name)} a threshold by hand, "
                    f"and --{field} names it as well. Leave one of them out."
                )
    if not any(values.values()):
        raise InputError(
            "Say how to choose: --precision_floor, --recall_floor, --cost, "
            "--beta (--beta=2 chooses as `train` does), --prevalence or "
            "--thresholds."
        )
    return [
        Wish(**asked)
        if (
            asked := {
                field: of_style[name]
                for field, of_style in values.items()
                if name in of_style
            }
        )
        else None
        for name in style_names
    ]
