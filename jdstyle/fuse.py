"""Fuses the finished runs of a folder into one SavedModel.

    python -m jdstyle.fuse --runs_dir=runs/demo

Members (a backbone's runs for all styles, averaged over folds) are blended and
corrected by the relations between styles; thresholds and a plausible number of
styles per photo then decide. All of it is chosen on photos that the networks
have not seen.
"""

import os

from absl import flags

from jdstyle import card_flags
from jdstyle import cli
from jdstyle import commands
from jdstyle import data_flags
from jdstyle import path_flags
from jdstyle import threshold_flags
from jdstyle.files import lock
from jdstyle.files import together
from jdstyle.runs import directory

flags.adopt_module_key_flags(data_flags)

_RUNS_DIR = path_flags.DEFINE_path(
    "runs_dir",
    None,
    "Folder whose sub-folders are finished runs. Required.",
    required=True,
)
_RUNS = flags.DEFINE_list(
    "runs",
    None,
    "Names of the runs to fuse, separated by commas; * stands for any letters "
    "and ? for one. Default: all of them.",
)
_ALLOW_MISSING = flags.DEFINE_boolean(
    "allow_missing",
    False,
    "Whether to fuse although trainings are missing: of the last sweep, or of "
    "a style or fold that another member has. results.json then names them.",
)
_SKIP_UNUSABLE = flags.DEFINE_boolean(
    "skip_unusable",
    False,
    "Whether to fuse without the styles that no photo out of fold has. "
    "results.json then names them.",
)
_OUTPUT_DIR = path_flags.DEFINE_folder(
    "output_dir",
    None,
    "Folder that takes the product. Default: <runs_dir>/fused.",
)
_FUSION = flags.DEFINE_enum(
    "fusion",
    "mean",
    ["mean", "weighted", "stack"],
    "How the members' probabilities are blended. mean: all members count "
    "alike; weighted: each style weighs its members; stack: each style has a "
    "logistic regression on all members and styles.",
)
_RELATIONS = flags.DEFINE_enum(
    "relations",
    "auto",
    ["none", "equation2", "full", "sets", "stack", "both", "auto"],
    "How the other styles of a photo correct a style's probability, in those "
    "styles in which that gains F2 out of fold. equation2: as the recipe does, "
    "by the styles that are recognised, with one weight per style; full: with "
    "one weight per pair of styles; sets: by the label sets that photos have; "
    "stack: by a logistic regression on all styles; both: by one on all styles "
    "and what sets says; auto: in each style by what gains most of all but "
    "full; none: not at all.",
)
_MIN_STYLES = flags.DEFINE_integer(
    "min_styles",
    None,
    "Fewest styles that a photo gets, in all styles, whatever that costs. "
    "Default: the fewest of a training photo, in those styles in which that "
    "gains F2 out of fold.",
    lower_bound=0,
)
_MAX_STYLES = flags.DEFINE_integer(
    "max_styles",
    None,
    "Most styles that a photo gets, in all styles, whatever that costs. "
    "Default: the most of a training photo, in those styles in which that "
    "gains F2 out of fold.",
    lower_bound=1,
)
_THRESHOLD = threshold_flags.define(flags.FLAGS)
_DATA_LICENCE = card_flags.define(flags.FLAGS)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Seed of the resamples that choose thresholds and give intervals, and of "
    "the parts that stand in where runs have no folds.",
    lower_bound=0,
)


def main(argv):
    del argv
    # Not above, so that --help does not wait for it.
    cli.start_tensorflow()
    from jdstyle.datasets import prepared
    from jdstyle.datasets import records
    from jdstyle.evaluation import score_tables
    from jdstyle.fusion import product
    from jdstyle.fusion import rules
    from jdstyle.runs import model_card
    from jdstyle.runs import probability_tables
    from jdstyle.sweeps import completeness

    builder = prepared.open_prepared(
        data_flags.DATASET.value, data_flags.DATA_DIR.value
    )
    output_dir = _OUTPUT_DIR.value or os.path.join(_RUNS_DIR.value, "fused")
    runs, missing = completeness.find_runs(
        _RUNS_DIR.value,
        records.source(builder).fingerprint,
        _RUNS.value,
        allow_missing=_ALLOW_MISSING.value,
    )
    with lock.hold(output_dir, "output_dir"):
        # An earlier product stays until this one is whole.
        with together.replacing(output_dir, product.HELD) as new:
            directory.start(
                output_dir,
                cli.flag_texts(),
                {
                    "task": "fuse",
                    **records.source(builder)._asdict(),
                    "seed": _SEED.value,
                },
                flag="output_dir",
                into=new,  # Again: there may be more runs by now.
            )
            results, _, gains = product.fuse(
                runs,
                {
                    part: records.read_photos(builder, part, cache="stream")
                    for part in ("train", "validation")
                },
                records.style_names(builder),
                new,
                rules.Options(
                    fusion=_FUSION.value,
                    relations=_RELATIONS.value,
                    least=_MIN_STYLES.value,
                    most=_MAX_STYLES.value,
                    threshold=_THRESHOLD.value,
                    seed=_SEED.value,
                ),
                missing=missing,
                skip_unusable=_SKIP_UNUSABLE.value,
            )
        probability_tables.bind(output_dir, directory.OUT_OF_FOLD_FILE)
        card = model_card.write(
            output_dir, results, licence=_DATA_LICENCE.value
        )
    if gains:  # As always with several styles, unless every rule is off.
        print(
            "F2 by thresholds alone and what each rule gained on photos that "
            'had no say in it; "no": the rule is off in that style:'
        )
        print(product.gains_table(gains).to_string())
    print("All members:")
    print(score_tables.format_table(results["validation"]))
    saved_model = os.path.join(output_dir, directory.SAVED_MODEL_DIR)
    print(f"Rules: {os.path.join(output_dir, product.GAINS_FILE)}")
    print(f"P(A|B): {os.path.join(output_dir, product.MUTUAL_TABLE_FILE)}")
    print(f"SavedModel: {saved_model}")
    print(f"Model card: {card}")
    following = commands.predict(saved_model)
    if "test" in builder.info.splits:
        following = commands.evaluate(
            saved_model,
            data_flags.DATASET.value,
            data_flags.DATA_DIR.value,
            builder.info.splits,
        )
    print(f"Next: {following}")


if __name__ == "__main__":
    cli.run(main)
