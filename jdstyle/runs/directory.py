"""What a run directory records, and which directory may be used."""

import json
import os

from jdstyle.errors import InputError
from jdstyle.files import atomic
from jdstyle.files import cells
from jdstyle.files import litter
from jdstyle.files import lock
from jdstyle.files import places
from jdstyle.files import sums
from jdstyle.files import swap
from jdstyle.files import together
from jdstyle.runs import checkpoints
from jdstyle.runs import provenance

FLAGS_FILE = "flags.cfg"
RUN_FILE = "run.json"
RESULTS_FILE = "results.json"
BEST_WEIGHTS = "weights.best.weights.h5"
HISTORY_FILE = "history.csv"
SAVED_MODEL_DIR = "saved_model"
TENSORBOARD_DIR = "tensorboard"
VALIDATION_FILE = "validation_probabilities.csv"
# Of a product whose thresholds more than validation photos chose.
OUT_OF_FOLD_FILE = "out_of_fold_probabilities.csv"

_OF_A_START = {FLAGS_FILE, RUN_FILE, lock.LOCK_FILE}

# These change where and how fast things happen or what a card says, not what a
# run computes.
_PLACES = (
    "workdir",
    "data_dir",
    "output_dir",
    "jobs",
    "gpus",
    "checkpoint_minutes",
    "require_gpu",
    "data_licence",
)


def start(workdir, flag_texts, record, *, flag="workdir", into=None):
    """Claims a run directory and writes its flags, before training.

    Args:
        workdir: path; made if needed.
        flag_texts: dict from flag name to the flag as text ("--style=12").
        record: dict for `run.json`, JSON values; must hold `fingerprint`, the
            data set's, and may hold `arguments`, what stood after --.
        flag: the one that names the directory, for messages.
        into: None, or the folder that takes what is written: the run begins
            again, and an earlier one of the same flags stays meanwhile.

    Returns:
        The results of a run of the same flags that has already finished in this
        directory, or None. An unfinished one goes on where its state was saved,
        or else begins again.

    Raises:
        InputError: if the directory holds a run of other flags or data, or
            the saved state of one by other code, with the differing entries.
    """
    record = record | provenance.environment()
    holds_run = require_free(workdir, flag_texts, record, flag=flag)
    if holds_run and into is None:
        if os.path.exists(os.path.join(workdir, RESULTS_FILE)):
            return read_json(os.path.join(workdir, RESULTS_FILE))
        if checkpoints.find(os.path.join(workdir, checkpoints.DIRECTORY)):
            _require_same_code(workdir, record, flag)
        else:
            _remove_outputs(workdir)
    os.makedirs(workdir, exist_ok=True)
    _remove(workdir, filter(atomic.is_unfinished, litter.names(workdir)))
    into = workdir if into is None else into
    write_json(os.path.join(into, RUN_FILE), record)
    _write(
        os.path.join(into, FLAGS_FILE),
        "".join(f"{t}\n" for _, t in sorted(flag_texts.items()) if t),
    )
    return None


def require_free(workdir, flag_texts, record, *, flag="workdir"):
    """Refuses a directory that `start` would refuse, and changes nothing.

    Args:
        workdir: as in `start`.
        flag_texts: as in `start`.
        record: as in `start`.
        flag: as in `start`.

    Returns:
        bool, whether it holds a run of these flags.
    """
    there = set(litter.names(workdir)) if places.is_folder(workdir) else set()
    there -= set(filter(together.is_part, there))
    there -= set(filter(atomic.is_unfinished, there))
    if there <= _OF_A_START:
        return False  # New, or a start that failed or was killed.
    if FLAGS_FILE not in there:
        raise InputError(
            f"--{flag}={workdir} holds files that no run of jdstyle wrote. "
            "Name another directory."
        )
    _require_same(workdir, flag_texts, record, flag)
    return True


def run_directory(path):
    """Returns the run directory that a path names, be it of its weights."""
    if os.path.basename(path) == BEST_WEIGHTS:
        return os.path.dirname(path)
    return path


def write_json(path, values):
    """Writes a dict as JSON; the file is whole at any time."""
    _write(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def read_json(path):
    """Reads a JSON file.

    Raises:
        InputError: if it is empty, cut off or no JSON.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except ValueError as error:
        raise InputError(
            f"{path} is not JSON, perhaps cut off ({error}). Copy it again "
            "from where it was written, or move its folder elsewhere and run "
            "the command again."
        ) from error


def write_table(path, table):
    """Writes a pandas table as CSV; reading it gives the same float32.

    Texts are those of `cells.write`.
    """
    texts = table.select_dtypes(exclude=["number", "bool"])
    table = table.assign(
        **{
            name: column.map(cells.write, na_action="ignore")
            for name, column in texts.items()
        }
    )
    with atomic.aside(path, newline="") as file:
        table.to_csv(
            file, index=False, float_format="%.9g", lineterminator="\n"
        )


def _remove_outputs(workdir):
    """Removes what an unfinished run wrote: the new one begins again."""
    names = (RESULTS_FILE, HISTORY_FILE, BEST_WEIGHTS, sums.FILE)
    _remove(workdir, (*names, TENSORBOARD_DIR))


def _remove(workdir, names):
    """Removes files and folders, those that are there."""
    for name in names:
        path = os.path.join(workdir, name)
        if os.path.isdir(path):
            swap.remove(path)
        elif os.path.exists(path):
            os.remove(path)


def _require_same(workdir, flag_texts, record, flag):
    with open(os.path.join(workdir, FLAGS_FILE), encoding="utf-8") as file:
        # Not `splitlines`: a style's name may hold what that splits at.
        there = {_name(text): text for text in file.read().split("\n") if text}
    here = {_name(text): text for text in flag_texts.values() if text}
    differing = [
        f"{there.get(name, 'not set')}, now {here.get(name, 'not set')}"
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name) and name not in _PLACES
    ]
    run_path = os.path.join(workdir, RUN_FILE)
    recorded = read_json(run_path)
    arguments = [
        "-- " + " ".join(values.get("arguments", []))
        for values in (recorded, record)
    ]
    if arguments[0] != arguments[1]:
        differing.append(f"{arguments[0]}, now {arguments[1]}")
    fingerprint = recorded["fingerprint"]
    if fingerprint != record["fingerprint"]:
        differing.append(
            f"data {fingerprint[:12]}, now {record['fingerprint'][:12]}"
        )
    if recorded.get("teacher") != record.get("teacher"):
        differing.append("what its teachers said, now something else")
    if differing:
        raise InputError(
            f"--{flag}={workdir} holds a run of other settings: "
            f"{'; '.join(differing)}. Name another directory."
        )


def _require_same_code(workdir, record, flag):
    """The same settings mean the same only by the same code."""
    there = read_json(os.path.join(workdir, RUN_FILE))
    differing = provenance.differing(there, record)
    if differing:
        folder = os.path.join(workdir, checkpoints.DIRECTORY)
        raise InputError(
            f"--{flag}={workdir} holds the state of a training by other code: "
            f"{'; '.join(differing)}. Remove {folder} to begin again, or name "
            "another directory."
        )


def _name(text):
    """Name of the flag in "--name=value" or "--noname"."""
    name = text.removeprefix("--").partition("=")[0]
    return name if "=" in text else name.removeprefix("no")


def _write(path, text):
    with atomic.aside(path) as file:
        file.write(text)
