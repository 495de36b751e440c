"""Shows which styles meet, and what relations gain over a linear model.

    python tools/show_relations.py --fold_file=train-image-k-fold-1to4.txt
    python tools/show_relations.py --table=train.arff --test_table=test.arff \\
        --styles=FIRST:LAST

Writes P(A|B) as CSV and picture; prints groups of related styles and how many
styles a photo has. With --test_table, the columns that are no styles are
numbers: a logistic regression per style scores every row out of fold;
thresholds, relations and plausibility are fitted to that and tried on the test
table.
"""

import os

from absl import flags

from jdstyle import cli
from jdstyle.errors import InputError

_FOLD_FILE = flags.DEFINE_string(
    "fold_file", None, "The challenge's fold file: fold,ID_0_1_..._0.jpg."
)
_TABLE = flags.DEFINE_string(
    "table", None, "ARFF or CSV: a column of 0s and 1s per style, and numbers."
)
_TEST_TABLE = flags.DEFINE_string(
    "test_table", None, "The same of the rows to test on."
)
_STYLES = flags.DEFINE_string(
    "styles", None, "The style columns of --table: FIRST:LAST."
)
_NUM_GROUPS = flags.DEFINE_integer(
    "num_groups", 4, "Groups of related styles.", lower_bound=1
)
_OUTPUT_DIR = flags.DEFINE_string("output_dir", ".", "Where the files go.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the five folds.", lower_bound=0)


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
        scores = _linear_scores(labels, numbers, test_numbers)
        _show_gains(names, labels, counts, limits, *scores, test_labels)


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
    numbers = table.drop(columns=labels.columns).select_dtypes("number")
    return list(labels), labels.astype(int).to_numpy(), numbers.to_numpy()


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


def _linear_scores(labels, numbers, test_numbers):
    """Returns folds, out-of-fold scores and test scores, `(n, styles)`."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from jdstyle.datasets import folds

    part = folds.stratified_folds(
        labels, np.arange(len(labels)), [0.2] * 5, _SEED.value
    )
    scores = np.zeros(labels.shape, np.float32)
    test_scores = np.zeros((len(test_numbers), labels.shape[1]), np.float32)
    for style in range(labels.shape[1]):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
        for fold in range(5):
            seen = part != fold
            model.fit(numbers[seen], labels[seen, style])
            scores[~seen, style] = model.predict_proba(numbers[~seen])[:, 1]
        model.fit(numbers, labels[:, style])
        test_scores[:, style] = model.predict_proba(test_numbers)[:, 1]
    return part, scores, test_scores


def _show_gains(
    names, labels, counts, limits, part, scores, test_scores, test_labels
):
    import numpy as np
    import pandas as pd

    from jdstyle.datasets import records
    from jdstyle.evaluation import scores as report
    from jdstyle.fusion import plausibility
    from jdstyle.fusion import product
    from jdstyle.fusion import relation_fit
    from jdstyle.fusion import relations

    conditional = relations.conditional(counts).astype(np.float32)
    fit = relation_fit.fit(labels, scores, part, conditional)
    gains = fit.table.rename(index=dict(enumerate(names)))
    print("\nOut of fold, each fold decided by the others:")
    print(product.gains_table(gains).to_string())

    positive = test_scores >= fit.first_thresholds
    corrected = relations.correct(
        test_scores, positive, conditional, fit.alpha, fit.beta
    )
    corrected = np.clip(corrected, 0, 1)
    decisions = {
        "0.5": test_scores >= 0.5,
        "threshold": positive,
        "+ relations": corrected >= fit.thresholds,
        "+ plausibility": plausibility.decide(
            corrected, fit.thresholds, *limits
        ).numpy(),
    }
    rows = {}
    source = records.Source("table", "", num_leaking=0)
    for title, chosen in decisions.items():
        score = report.score(
            names, test_labels, corrected, np.asarray(chosen, int), source
        )
        macro = score["macro"]
        rows[title] = {
            name: report.decimals(row["f2"])
            for name, row in score["styles"].items()
        } | {
            "macro F2": report.decimals(macro["f2"]),
            "95 % interval": report.interval(macro),
            "all positive": report.decimals(macro["baseline_f2"]),
        }
    print(f"\nF2 on the {len(test_labels)} test rows:")
    print(pd.DataFrame(rows).to_string())


if __name__ == "__main__":
    cli.run(main)
