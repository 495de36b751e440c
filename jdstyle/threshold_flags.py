"""The flag of how thresholds are chosen: of `train`, `pretrain` and `fuse`."""

from absl import flags

# The flag belongs to the module that defines it.
flags.disclaim_key_flags()


def define(values):
    """Defines it among `flags.FLAGS` or other `flags.FlagValues`.

    Returns:
        The flag's holder.
    """
    return flags.DEFINE_enum(
        "threshold",
        "auto",
        ["auto", "bagged", "exact"],
        "How each style's threshold is chosen. exact: the best for F2 on the "
        "photos that choose it; bagged: what the best ones of 200 resamples of "
        "these photos agree on, which few positives mislead less; auto: bagged "
        "for styles with fewer than 100 positives there, else exact.",
        flag_values=values,
    )
