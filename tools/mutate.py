"""Counts how many mutants of the core modules their tests find.

    pip install -e '.[test,mutation]'
    python tools/mutate.py
    python tools/mutate.py --module=training/losses --jobs=4

A mutant is a module in which one operator, number or keyword is another, by
the operators of Cosmic Ray. It is killed if a test of the module fails, or
takes longer than a minute. Those that no test finds are printed as differences.
"""

import difflib
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

from absl import flags

from jdstyle import cli

# Paths in jdstyle/; the tests of a/b stand in tests/a/test_b.py.
_MODULES = (
    "training/losses",
    "evaluation/metrics",
    "fusion/relations",
    "input_pipeline/resampling",
    "evaluation/thresholds",
)
_ROOT = pathlib.Path(__file__).resolve().parent.parent
_TIMEOUT_SECONDS = 60

_MODULE = flags.DEFINE_multi_enum(
    "module", list(_MODULES), _MODULES, "What to mutate; may be repeated."
)
_JOBS = flags.DEFINE_integer(
    "jobs", os.cpu_count(), "Mutants that are tested at a time.", lower_bound=1
)


def main(argv):
    del argv
    # Here and not in each process, where it would take longer than the tests.
    # Nothing may run before the fork: TensorFlow's threads do not survive it.
    import hypothesis
    import keras  # noqa: F401
    import pytest  # noqa: F401
    import sklearn.metrics  # noqa: F401

    # A failing example will do, the smallest one takes long to find.
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )

    start = time.monotonic()
    killed, total = 0, 0
    print("| module | mutants | killed | share |", flush=True)
    for module in _MODULE.value:
        source = (_ROOT / "jdstyle" / f"{module}.py").read_text("utf-8")
        if _test_all(module, [source], 1) != [False]:
            sys.exit(f"{_tests_of(module)} fails without any mutation.")
        mutants = _mutants(source)
        found = _test_all(module, mutants, _JOBS.value)
        for mutant, was_found in zip(mutants, found, strict=True):
            if not was_found:
                _print_difference(module, source, mutant)
        killed, total = killed + sum(found), total + len(found)
        _print_row(module, sum(found), len(found))
    _print_row("all", killed, total)
    print(f"{time.monotonic() - start:.0f} s")


def _tests_of(module):
    folder, name = module.split("/")
    return f"tests/{folder}/test_{name}.py"


def _mutants(source):
    """Returns the different texts with one change each."""
    from cosmic_ray import mutating
    from cosmic_ray import plugins

    mutants = {}
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if operator.arguments():  # Does nothing without a setting of its own.
            continue
        occurrence = 0
        while mutant := mutating.mutate_code(source, operator(), occurrence):
            mutants[mutant] = None
            occurrence += 1
    return list(mutants)


def _test_all(module, texts, jobs):
    """Returns for each text of a module whether its tests find fault."""
    found = [None] * len(texts)
    running = {}
    for index, text in enumerate(texts):
        print(f"\r{module}: {index} of {len(texts)}", end="", file=sys.stderr)
        if len(running) == jobs:
            _wait_for_one(running, found)
        folder = tempfile.mkdtemp(prefix="mutant")
        process = os.fork()
        if not process:
            _test(module, text, pathlib.Path(folder))
        running[process] = index, folder
    while running:
        _wait_for_one(running, found)
    print(file=sys.stderr)
    return found


def _wait_for_one(running, found):
    process, status = os.wait()
    index, folder = running.pop(process)
    shutil.rmtree(folder)
    found[index] = status != 0


def _test(module, text, folder):
    """Tests a mutant in a copy of the code; ends this process."""
    import pytest

    code = 1
    try:
        signal.alarm(_TIMEOUT_SECONDS)  # Its default action kills.
        for name in ("jdstyle", "tests"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(_ROOT / name, folder / name, ignore=ignored)
        (folder / "jdstyle" / f"{module}.py").write_text(text, "utf-8")
        os.chdir(folder)
        log = os.open("log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        # Those that this program has imported are not the copy's.
        for name in [
            name for name in sys.modules if name.startswith("jdstyle")
        ]:
            del sys.modules[name]
        sys.path.insert(0, str(folder))
        code = pytest.main(
            ["-x", "--tb=no", "-p", "no:xdist", "-p", "no:cacheprovider"]
            + ["-m", "not timed", "--hypothesis-profile=mutants"]
            + [_tests_of(module)]
        )
    finally:
        os._exit(int(code))


def _print_difference(module, source, mutant):
    lines = difflib.unified_diff(
        source.splitlines(), mutant.splitlines(), f"{module}.py", n=0
    )
    print("\n".join(list(lines)[2:]), flush=True)


def _print_row(name, killed, total):
    share = 100 * killed / total
    print(f"| {name} | {total:,} | {killed:,} | {share:.1f} % |", flush=True)


if __name__ == "__main__":
    cli.run(main)
