"""The flag of what a model card says and no file of a run does."""

from absl import flags

from jdstyle.errors import shown

# The flag belongs to the module that defines it.
flags.disclaim_key_flags()

_MOST_LETTERS = 200


class _Parser(flags.ArgumentParser):
    """Parses a text that stands on one line."""

    syntactic_help = "a text of one line"

    def parse(self, argument):
        text = argument.strip()
        if not text or not text.isprintable() or len(text) > _MOST_LETTERS:
            raise ValueError(
                "it must be a text of one line, at most "
                f"{_MOST_LETTERS} characters, such as cc-by-4.0; received "
                f"{shown(argument)}"
            )
        return text


def define(values):
    """Defines it among `flags.FLAGS` or other `flags.FlagValues`.

    Returns:
        The flag's holder.
    """
    return flags.DEFINE(
        _Parser(),
        "data_licence",
        None,
        "The licence of the photos and labels, or where it stands, for the "
        "model card README.md beside the SavedModel. Default: the card says "
        "that it was not given.",
        flag_values=values,
        serializer=flags.ArgumentSerializer(),
    )
