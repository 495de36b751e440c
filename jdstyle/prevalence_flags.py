"""The flag of other shares of styles: of `evaluate` and `predict`."""

from absl import flags

from jdstyle import path_flags

# The flag belongs to the binary.
flags.disclaim_key_flags()


def define():
    """Defines it among `flags.FLAGS`; returns its holder."""
    return path_flags.DEFINE_path(
        "prevalence",
        None,
        "A CSV file with the header style,share: what share of the photos has "
        "a style where that is not its share in training. The style's "
        "probabilities are moved accordingly, and it is recognised from the "
        "probability on that promises the best F2 on all these photos; no "
        "labels are needed. Styles that it does not name stay as they are.",
    )
