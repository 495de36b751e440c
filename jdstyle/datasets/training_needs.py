"""What a division must leave to train on, said before anything long."""

from jdstyle.errors import InputError


def require_two_places(rows, groups):
    """Stops where no division leaves photos both to train and to validate.

    Rows that all test are fine: a model can be evaluated on them.

    Args:
        rows: list of `labels.Row`.
        groups: int array, shape `(n,)`: photos with one number stay together.

    Raises:
        InputError: with what to do.
    """
    usable = [i for i, row in enumerate(rows) if row.split != "test"]
    if not usable:
        return
    marks = {rows[i].split or "train" for i in usable}
    given = {rows[i].fold for i in usable} - {None}
    all_of_them = f"All {len(usable)} photos"
    if len(usable) < len(rows):
        all_of_them += " that do not test"
    if len(marks) == 2:
        return
    if "validation" in marks:
        raise InputError(
            f"{all_of_them} are marked validation: none are left to train. "
            "Mark some of them train."
        )
    if len(given) == 1:
        raise InputError(
            f"{all_of_them} are in fold {given.pop()}, so it would validate "
            "and none are left to train. Give at least two folds, mark "
            "validation photos in a column split, or leave out the column "
            "fold: then prepare makes folds."
        )
    if len(usable) == 1:
        raise InputError(
            f"There is one photo to train and to validate on: "
            f"{rows[usable[0]].id}. At least two are needed."
        )
    if not given and len(set(groups[usable])) == 1:
        raise InputError(
            f"{all_of_them} are of one group, by the column group or as near-"
            "duplicates, and a group is never divided: none are left to train "
            "or to validate. Correct the column group, or if they are not "
            "near-duplicates, pass --duplicates=off."
        )
