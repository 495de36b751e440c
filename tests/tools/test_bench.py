"""How the benchmarks measure, and that each of them runs."""

import importlib.util
import io
import pathlib
import sys
import types

import pytest
import tensorflow as tf

pytestmark = pytest.mark.long

ROOT = pathlib.Path(__file__).parents[2]
BENCH = ROOT / "tools" / "bench"


def load(name):
    """Imports a module of tools/bench, which is no package."""
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


measure = load("measure")


def turns(*cpu):
    return [measure.Round(seconds, 2 * seconds) for seconds in cpu]


def test_sides_take_turns_after_a_round_that_does_not_count():
    order = []
    taken = measure.alternate(
        {name: lambda name=name: order.append(name) for name in "AB"}, rounds=2
    )
    assert "".join(order) == "ABABAB"
    assert {name: len(rounds) for name, rounds in taken.items()} == {
        "A": 2,
        "B": 2,
    }


@pytest.fixture
def work(monkeypatch):
    """Takes 2 s, 0.25 CPU-seconds of its own and 0.5 of other processes."""
    passed = {"wall": 100.0, "cpu": 10.0, "children": 20.0}
    clocks = types.SimpleNamespace(
        monotonic=lambda: passed["wall"], process_time=lambda: passed["cpu"]
    )
    monkeypatch.setattr(measure, "time", clocks)
    monkeypatch.setattr(
        measure, "_children_seconds", lambda: passed["children"]
    )

    def work():
        passed["wall"] += 2
        passed["cpu"] += 0.25
        passed["children"] += 0.5

    return work


def test_cpu_time_is_that_of_this_process(work):
    for _ in range(2):
        assert measure.once(work) == (0.25, 2.0)


def test_processes_count_where_a_peer_starts_them(work, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\n"))
    measure.serve("peer 1.0", work)
    assert capsys.readouterr().out == "peer 1.0\n" + 2 * "0.75 2.0\n"


def test_figures_by_hand():
    # 100 photos in 0.5, 0.25 and 1 CPU-seconds.
    taken = turns(0.5, 0.25, 1.0)
    assert measure.rate(taken, 100) == (200, 100, 400)
    assert measure.cpu_ms(taken, 100) == (5.0, 2.5, 10.0)
    assert measure.cores(taken) == (0.5, 0.5, 0.5)


def test_ratios_are_taken_round_by_round():
    # 4 / 1, 2 / 2 and 9 / 3; of the medians it would be 4 / 2.
    ratio = measure.ratio(turns(4.0, 2.0, 9.0), turns(1.0, 2.0, 3.0))
    assert ratio == (3.0, 1.0, 4.0)
    scaled = measure.ratio(turns(4.0), turns(1.0), scale=0.5)
    assert scaled == (2.0, 2.0, 2.0)


def test_tables_are_markdown():
    assert measure.show(measure.Figure(1234.5, 0.25, 2000.0), 1) == (
        "1,234.5 (0.2 to 2,000.0)"
    )
    lines = measure.table(["part", "ms"], [["decode", "1.0"]]).splitlines()
    assert lines == ["| part | ms |", "| --- | --- |", "| decode | 1.0 |"]


def test_batches_take_as_many_as_they_say_each_time():
    dataset = tf.data.Dataset.counter().batch(4)
    batches = measure.Batches(dataset, 3, times=2)
    for _ in range(2):
        turn = batches.run()
        assert turn.cpu > 0
    assert next(batches._iterator).numpy()[0] == 2 * 2 * 3 * 4


@pytest.fixture
def peer_script(tmp_path):
    """A library whose work takes 0.2 CPU-seconds in a process of its own."""
    script = tmp_path / "peer.py"
    spin = "import time\nwhile time.process_time() < 0.2: pass"
    script.write_text(
        f"import subprocess, sys\nsys.path.insert(0, {str(BENCH)!r})\n"
        "import measure\nif len(sys.argv) > 1: import no_such_library\n"
        f"command = [sys.executable, '-c', {spin!r}]\n"
        "measure.serve('peer 1.0', lambda: subprocess.run(command))\n"
    )
    return str(script)


def test_peers_measure_themselves_and_their_processes(peer_script):
    peer = measure.Peer([peer_script])
    try:
        assert peer.name == "peer 1.0"
        for _ in range(2):
            turn = peer.run()
            assert turn.cpu > 0.15
    finally:
        peer.close()


def test_peers_that_are_not_installed_have_no_name(peer_script):
    peer = measure.Peer([peer_script, "missing"])
    assert peer.name is None
    peer.close()


TINY = ("--backbone=MobileNet", "--image_size=32", "--rounds=1")


@pytest.mark.parametrize(
    ("name", "arguments", "parts"),
    [
        (
            "input",
            [
                "--num_photos=2",
                "--batch_size=2",
                "--image_size=32",
                "--rounds=1",
                "--peers=nobody",
            ],
            [
                "nobody: not installed",
                "| 800 x 800 | jdstyle |",
                "| prepared |",
            ],
        ),
        (
            "duplicates",
            [
                *("--made=4", "--sets=solid,woven,real"),
                *("--search=50", "--photos_dir=."),
            ],
            ["| solid | 4 | 1.0000 |", "50 looks, copies", "1 groups"],
        ),
        (
            "optimism",
            ["--sets=1", "--photos=40", "--fusion=mean"],
            ["| 40 | without | mean |", "| 40 | 5 | mean |"],
        ),
        (
            "resampling",
            ["--num_photos=400", "--num_positives=100", "--rounds=1"],
            ["| jdstyle |", "| Dataset.rejection_resample |"],
        ),
        (
            "augment",
            [*TINY, "--batch_size=2"],
            [
                "| training step |",
                "| jdstyle |",
                "| jdstyle, --xla |",
                "differ",
            ],
        ),
        (
            "step",
            [*TINY, "--num_photos=4", "--batch_size=2"],
            ["| bare step |", "| our step |", "| our validation |", "First"],
        ),
        (
            "saved_model",
            [
                "--backbones=MobileNet",
                "--image_size=32",
                "--batch_sizes=2",
                "--rounds=1",
            ],
            ["| load |", "| first call |", "| over the sum, batch 2 |"],
        ),
    ],
)
def test_benchmark_prints_its_parts(bench, name, arguments, parts):
    # There are photos in the folder of the program.
    said = bench(ROOT, f"{name}.py", *arguments)
    header = next(line for line in said.splitlines() if "cores of" in line)
    assert "TensorFlow" in header
    for part in parts:
        assert part in said
