"""Shows which styles meet, and what relations gain over a linear model.

    python tools/show_relations.py --fold_file=train-image-k-fold-1to4.txt
    python tools/show_relations.py --table=train.arff --test_table=test.arff \\
        --styles=FIRST:LAST

Writes P(A|B) as CSV and picture; prints groups of related styles and how many
styles a photo has. With --test_table, the numeric columns that are not styles
serve as features: a logistic regression per style predicts every row out of
fold; thresholds, relations and plausibility are fitted to that and tried on the
test table.
"""

import os

from absl import flags

from jdstyle import cli
from jdstyle import path_flags
from jdstyle.errors import InputError

_FOLD_FILE = path_flags.DEFINE_path(
    "fold_file",
    None,
    "The challenge's fold file, with lines such as fold,ID_0_1_..._0.jpg. Pass "
    "either this or --table.",
)
_TABLE = path_flags.DEFINE_path(
    "table",
    None,
    "ARFF or CSV file: a column of 0s and 1s per style, and numeric columns.",
)
_TEST_TABLE = path_flags.DEFINE_path(
    "test_table",
    None,
    "A file like --table with the rows to test on. Default: no test.",
)
_STYLES = flags.DEFINE_string(
    "styles",
    None,
    "The first and the last style column of --table, as FIRST:LAST. Required "
    "with --table.",
)
_NUM_GROUPS = flags.DEFINE_integer(
    "num_groups",
    4,
    "Number of groups of related styles to print.",
    lower_bound=1,
)
_OUTPUT_DIR = path_flags.DEFINE_folder(
    "output_dir", ".", "Folder that takes the files."
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of the five folds.", lower_bound=0
)


def main(argv):
    del argv
    if (_FOLD_FILE.value is None) == (_TABLE.value is None):
        raise InputError("Pass either --fold_file or --table.")
    os.makedirs(_OUTPUT_DIR.value, exist_ok=True)
    if _FOLD_FILE.value:
        _show_labels(*_read_fold_file(_FOLD_FILE.value))
        return
    names, labels, numbers = _read_table(_TABLE.value)
    counts, limits = _show_labels(names, labels)
    if _TEST_TABLE.value:
        _, test_labels, test_numbers = _read_table(_TEST_TABLE.value)
        part, predicted, tested = _predict(labels, numbers, test_numbers)
        fitted = _fit(names, labels, counts, limits, part, predicted)
        _show_scores(names, fitted, tested, test_labels)


def _read_fold_file(path):
    import numpy as np

    from jdstyle import styles
    from jdstyle.datasets import csv_files
    from jdstyle.datasets import jd_fashion

    rows = [
        jd_fashion.parse_fold_line(values, where)[2]
        for where, values in csv_files.read(path, "--fold_file")
    ]
    return list(styles.NAMES), np.array(rows)


def _read_table(path):
    import pandas as pd
    from scipy.io import arff

    try:
        if path.endswith(".arff"):
            table = pd.DataFrame(arff.loadarff(path)[0])
        else:
            table = pd.read_csv(path)
    except (OSError, ValueError, arff.ArffError) as error:
        raise InputError(f"{path}: {error}") from error
    first, _, last = (_STYLES.value or "").partition(":")
    if not {first, last} <= set(table.columns):
        raise InputError(
            "--styles must be FIRST:LAST, columns of the table. "
            f"Received: {_STYLES.value}."
        )
    labels = table.loc[:, first:last]
    values = labels.astype(int)
    if not values.isin((0, 1)).all(axis=None):
        raise InputError(f"{path}: labels must be 0 or 1.")
    numbers = table.drop(columns=labels.columns).select_dtypes("number")
    return list(labels), values.to_numpy(), numbers.to_numpy()


def _show_labels(names, labels):
    """Writes and prints what labels alone say; returns counts and limits."""
    import numpy as np

    from jdstyle.evaluation import charts
    from jdstyle.fusion import plausibility
    from jdstyle.fusion import relations

    counts = relations.cooccurrence(labels)
    limits = plausibility.limits(labels)
    table = relations.mutual_table(names, counts)
    print(f"P(A|B) of {len(labels):,} rows; A in the rows, given B above")
    print(table.to_string(float_format="{:.3f}".format))
    paths = [
        os.path.join(_OUTPUT_DIR.value, f"mutual_table.{kind}")
        for kind in ("csv", "png")
    ]
    table.to_csv(paths[0])
    charts.mutual_table(
        names, relations.conditional(counts), np.diag(counts), paths[1]
    )
    num_groups = min(_NUM_GROUPS.value, len(names))
    for group in relations.related_groups(counts, num_groups):
        print(f"Group: {', '.join(names[style] for style in group)}")
    print(f"Styles per photo: {limits[0]} to {limits[1]}")
    print(f"Written: {' '.join(paths)}")
    return counts, limits


def _predict(labels, numbers, test_numbers):
    """Predicts by logistic regressions.

    Args:
        labels: int array of 0s and 1s, shape `(n, num_styles)`.
        numbers: float array, shape `(n, num_features)`.
        test_numbers: float array, shape `(num_tests, num_features)`.

    Returns:
        `(part, predicted, tested)`: int `(n,)`, each row's fold; float32
        probabilities `(n, num_styles)`, out of fold; float32
        `(num_tests, num_styles)`.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from jdstyle.datasets import folds

    part = folds.stratified_folds(
        labels, np.arange(len(labels)), [0.2] * 5, _SEED.value
    )
    predicted = np.zeros(labels.shape, np.float32)
    tested = np.zeros((len(test_numbers), labels.shape[1]), np.float32)
    for column in range(labels.shape[1]):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
        for fold in range(5):
            seen = part != fold
            model.fit(numbers[seen], labels[seen, column])
            predicted[~seen, column] = model.predict_proba(numbers[~seen])[:, 1]
        model.fit(numbers, labels[:, column])
        tested[:, column] = model.predict_proba(test_numbers)[:, 1]
    return part, predicted, tested


def _fit(names, labels, counts, limits, part, predicted):
    """Prints what each rule gains out of fold; returns the fitted rules."""
    import numpy as np

    from jdstyle.datasets import records
    from jdstyle.fusion import evidence
    from jdstyle.fusion import nested
    from jdstyle.fusion import out_of_fold
    from jdstyle.fusion import product
    from jdstyle.fusion import rule_fit
    from jdstyle.fusion import rules

    joined = out_of_fold.OutOfFold(
        ids=np.arange(len(labels)).astype(str),
        folds=part,
        labels=labels,
        probabilities=predicted[:, np.newaxis],
        members=["regression"],
        style_names=names,
    )
    gathered = evidence.Evidence(
        joined,
        counts,
        limits,
        records.Source("table", "", num_leaking=0),
        others=labels[:0],
        counted=True,
    )
    options = rules.Options()
    fitted, _, gains = rule_fit.fit(gathered, options)
    decided = nested.decide(gathered, options)
    gains = nested.tables(gathered, decided, gains, options.seed)
    print("\nOut of fold, nested: rules decide folds that had no say in them:")
    print(product.gains_table(gains).to_string())
    return fitted


def _show_scores(names, fitted, tested, test_labels):
    """Prints F2 on the test rows, from plain thresholds to all rules."""
    import numpy as np
    import pandas as pd

    from jdstyle.datasets import records
    from jdstyle.evaluation import score_tables
    from jdstyle.evaluation import scores
    from jdstyle.fusion import plausibility
    from jdstyle.fusion import rules

    plain = rules.calibrate(fitted.calibrated, tested).numpy()
    corrected = rules.correct(fitted, tested).numpy()
    decisions = {
        "0.5": tested >= 0.5,
        "threshold": plain >= fitted.first_thresholds,
        "+ relations": corrected >= fitted.thresholds,
        "+ plausibility": rules.decide(fitted, corrected).numpy(),
        "always all": plausibility.decide(
            corrected, fitted.thresholds, fitted.least, fitted.most
        ).numpy(),
    }
    rows = {}
    source = records.Source("table", "", num_leaking=0)
    for title, chosen in decisions.items():
        result = scores.score(
            names, test_labels, corrected, np.asarray(chosen, int), source
        )
        overall = scores.overall(result)
        rows[title] = {
            name: score_tables.decimals(row["f2"])
            for name, row in result["styles"].items()
        } | {
            "macro F2": score_tables.decimals(overall["f2"]),
            "95 % interval": score_tables.interval(overall),
            "all positive": score_tables.decimals(overall["baseline_f2"]),
        }
    print(f"\nF2 on the {len(test_labels)} test rows:")
    print(pd.DataFrame(rows).to_string())


if __name__ == "__main__":
    cli.run(main)
