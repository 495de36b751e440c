"""The flags of what a training minimises, whichever binary begins it."""

from absl import flags

# The flags belong to the module that defines them.
flags.disclaim_key_flags()


def define(values):
    """Defines them among `flags.FLAGS` or other `flags.FlagValues`."""
    flags.DEFINE_enum(
        "loss",
        "cost_sensitive",
        ["cost_sensitive", "asymmetric", "focal"],
        "What is minimised. cost_sensitive: cross-entropy; focal: it counts "
        "less what the network is sure of (Lin et al. 2017, gamma 2); "
        "asymmetric: only of negatives, and those below 0.05 not at all "
        "(Ridnik et al. 2021, gamma 0 and 4). All are multiplied by the costs; "
        "only cost_sensitive makes probabilities that are probabilities.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "false_positive_cost",
        1.0,
        "Cost of a false positive in the loss.",
        lower_bound=1e-6,
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "balance",
        False,
        "Give positives and negatives the same weight in the loss, by their "
        "counts after resampling.",
        flag_values=values,
    )
