"""The sweep, with little scripts in the place of trainings."""

import csv
import io
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import binaries
import pytest
from rich.console import Console
from rich.live import Live

from jdstyle.errors import InputError
from jdstyle.sweeps import gpus
from jdstyle.sweeps import plan
from jdstyle.sweeps import runner
from jdstyle.sweeps import view

pytestmark = pytest.mark.long

ROOT = pathlib.Path(__file__).parents[2]

# Takes flags as `train` does and leaves what `train` leaves. --do says how it
# ends; `starts` has a line per try. With --door it connects to that port and
# waits until the other end closes.
FAKE = """
import json, os, pathlib, signal, socket, sys
flags = dict(text.removeprefix("--").split("=", 1) for text in sys.argv[1:])
folder = pathlib.Path(flags["workdir"])
folder.mkdir(parents=True, exist_ok=True)
def note(name, text):
    with open(folder / name, "a") as file:
        file.write(f"{text}\\n")
do = flags.get("do", "succeed")
if do == "ignore_term":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
note("starts", os.getpid())
note("gpus", os.environ.get("CUDA_VISIBLE_DEVICES"))
first = len((folder / "starts").read_text().split()) == 1
print("10:00:00 Epoch 3 of 20: loss 0.5\\nsomething else", flush=True)
if "door" in flags:
    door = socket.create_connection(("127.0.0.1", int(flags["door"])))
    door.settimeout(300)  # Much longer than any test, which may have ended.
    door.sendall(folder.name.encode())
    door.recv(1)
if not os.path.exists(flags.get("donor", "/")):
    sys.exit("no donor")
if do == "fail" or do == "fail_once" and first:
    sys.exit("no luck")
if do == "die_once" and first:
    os.kill(os.getpid(), signal.SIGKILL)
if do.startswith("exit"):
    sys.exit(int(do.removeprefix("exit")))
if do == "leave_nothing" or flags.get("style") == os.environ.get("IDLE", "-"):
    sys.exit(0)
record = {
    "command": [sys.executable, *sys.argv],
    "fingerprint": os.environ.get("FINGERPRINT"),
}
(folder / "run.json").write_text(json.dumps(record))
scores = {"Punk": {"f2": 0.7368, "baseline_f2": 0.1074}}
(folder / "results.json").write_text(
    json.dumps({"validation": {"styles": scores}})
)
"""


# -S: without site-packages, which it does not need, it starts faster.
TRAIN = (sys.executable, "-S", "-c", FAKE)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(runner, "TRAIN", TRAIN)
    monkeypatch.setattr(runner, "_POLL_SECONDS", 0.02)


def job(folder, name, *flags, needs=()):
    workdir = str(folder / name)
    flags = [f"--workdir={workdir}", *flags]
    return plan.Job(name, flags, workdir, needs)


def sweep(folder, *jobs, num_places=2, show=lambda runs: None, **options):
    """Runs the jobs; returns a dict from name to `Attempt`."""
    places = gpus.environments(num_places)
    runs = runner.run_jobs(jobs, places, str(folder), show, **options)
    return {run.job.name: run for run in runs}


@pytest.fixture
def door():
    """Where fake trainings wait to be let go on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)  # Only ends what hangs.
        yield server


def port(door):
    return f"--door={door.getsockname()[1]}"


def answer(door):
    """Returns the name of the next at the door, and its line to hold it on."""
    line, _ = door.accept()
    line.settimeout(60)
    return line.recv(1000).decode(), line


def lines(path):
    return path.read_text().split()


def status(folder):
    with open(folder / "sweep.csv", newline="", encoding="utf-8") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_runs_in_parallel_but_not_more_than_there_are_places(tmp_path, door):
    names = [f"job{i}" for i in range(4)]
    jobs = [job(tmp_path, name, port(door)) for name in names]
    places = gpus.environments(2, ["4", "7"])
    seen, let_go = [], []

    def show(runs):
        running = {run.job.name for run in runs if run.state == "running"}
        seen.append(running)
        if not let_go:
            assert len(running) == 2
        # Two new ones, and there was an occasion to start a third.
        if running.isdisjoint(let_go) and seen.count(running) == 2:
            waiting = dict(answer(door) for _ in range(2))
            assert waiting.keys() == running
            used = {lines(tmp_path / name / "gpus")[0] for name in running}
            assert used == {"4", "7"}
            let_go.extend(running)
            for line in waiting.values():
                line.close()

    runner.run_jobs(jobs, places, str(tmp_path), show)
    assert max(map(len, seen)) == 2
    assert sorted(let_go) == names
    for name in names:
        assert len(lines(tmp_path / name / "starts")) == 1


def test_heirs_wait_for_their_donor(tmp_path):
    results = tmp_path / "donor" / "results.json"
    runs = sweep(
        tmp_path,
        job(tmp_path, "donor", "--do=fail_once"),
        job(tmp_path, "heir", f"--donor={results}", needs=("donor",)),
    )
    assert (runs["donor"].state, runs["donor"].tries) == ("done", 2)
    assert (runs["heir"].state, runs["heir"].tries) == ("done", 1)


def test_tries_again_once(tmp_path, capsys):
    runs = sweep(
        tmp_path,
        job(tmp_path, "once", "--do=fail_once"),
        job(tmp_path, "killed", "--do=die_once"),
        job(tmp_path, "never", "--do=fail"),
        show=view.Lines(2),
    )
    said = capsys.readouterr().out
    assert "killed: running, try 2 after signal 9 (Killed)" in said
    seen = {name: (run.state, run.tries) for name, run in runs.items()}
    assert seen == {
        "once": ("done", 2),
        "killed": ("done", 2),
        "never": ("failed", 2),
    }
    log = (tmp_path / "logs" / "never.log").read_text()
    assert log.count("=== ") == log.count("\nno luck\n") == 2


def test_what_cannot_be_done_is_not_tried_again(tmp_path):
    runs = sweep(
        tmp_path,
        job(tmp_path, "refused", "--do=exit2"),
        job(tmp_path, "stopped", "--do=exit3"),
    )
    seen = {name: (run.state, run.tries) for name, run in runs.items()}
    assert seen == {"refused": ("failed", 1), "stopped": ("failed", 2)}
    summary = view.format_summary(list(runs.values()))
    assert "refused: failed once, exit code 2 (what was asked" in summary


def test_a_full_disk_starts_no_other(tmp_path):
    runs = sweep(
        tmp_path,
        job(tmp_path, "full", "--do=exit4"),
        job(tmp_path, "next"),
        num_places=1,
    )
    seen = {name: (run.state, run.tries) for name, run in runs.items()}
    assert seen == {"full": ("failed", 1), "next": ("waiting", 0)}
    assert runner.met_full_disk(runs.values())
    assert not (tmp_path / "next").exists()
    assert status(tmp_path)["next"]["state"] == "waiting"


def test_failures_are_named_last_and_block_their_heirs(tmp_path, capsys):
    runs = sweep(
        tmp_path,
        job(tmp_path, "donor", "--do=fail"),
        job(tmp_path, "heir", needs=("donor",)),
        job(tmp_path, "grandchild", needs=("heir",)),
        job(tmp_path, "good"),
        show=view.Lines(2),
    )
    assert not (tmp_path / "heir").exists()
    rows = status(tmp_path)
    log = str(tmp_path / "logs" / "donor.log")
    assert rows["donor"]["state"] == "failed"
    assert rows["donor"]["tries"] == "2"
    assert rows["donor"]["exit code"] == "1"
    assert rows["donor"]["log"] == log
    assert [rows[name]["state"] for name in ("heir", "grandchild", "good")] == [
        "blocked",
        "blocked",
        "done",
    ]
    assert [run.job.name for run in runner.unsuccessful(runs.values())] == [
        "donor",
        "heir",
        "grandchild",
    ]
    summary = view.format_summary(list(runs.values())).splitlines()
    assert summary[1].split()[:3] == ["good", "done", "1"]
    assert summary[1].split()[4:] == ["0.737", "0.107"]
    last = pathlib.Path(log).read_text().splitlines()[-5:]
    assert last[-1] == "no luck"
    assert summary[-11:] == [
        "",
        f"donor: failed 2 times, exit code 1, see {log}",
        *(f"    {line.strip()}" for line in last),
        "",
        "heir: blocked, since it starts from donor",
        "",
        "grandchild: blocked, since it starts from heir",
    ]
    said = capsys.readouterr().out
    assert "donor: running, try 2 after exit code 1" in said
    assert "donor: failed 2 times" in said
    assert "1 failed, 2 blocked" in said


def test_success_without_results_is_a_failure(tmp_path):
    runs = sweep(tmp_path, job(tmp_path, "liar", "--do=leave_nothing"))
    assert runs["liar"].state == "failed"
    summary = view.format_summary(list(runs.values()))
    assert "liar: failed 2 times, exit code 0 without results.json" in summary


def test_goes_on_where_it_stopped(tmp_path):
    jobs = [job(tmp_path, "a", "--epochs=5"), job(tmp_path, "b")]
    sweep(tmp_path, *jobs)
    (tmp_path / "b" / "results.json").unlink()  # As if it was interrupted.
    runs = sweep(tmp_path, *jobs)
    assert (runs["a"].state, runs["a"].tries) == ("done", 0)
    assert (runs["b"].state, runs["b"].tries) == ("done", 1)
    assert len(lines(tmp_path / "a" / "starts")) == 1
    assert len(lines(tmp_path / "b" / "starts")) == 2
    assert "done before" in view.format_summary(list(runs.values()))


def test_status_is_there_from_the_start(tmp_path):
    seen = []

    def show(runs):
        seen.append([row["state"] for row in status(tmp_path).values()])
        assert seen[-1] == [run.state for run in runs]

    sweep(
        tmp_path,
        job(tmp_path, "a"),
        job(tmp_path, "b", needs=("a",)),
        show=show,
    )
    assert seen[0] == ["running", "waiting"]
    assert seen[-1] == ["done", "done"]
    assert not list(tmp_path.glob("*.tmp"))


def test_a_second_sweep_is_refused(tmp_path):
    def show(runs):
        with pytest.raises(InputError, match="--runs_dir=.* is in use"):
            sweep(tmp_path, job(tmp_path, "b"))

    sweep(tmp_path, job(tmp_path, "a"), show=show)
    assert not (tmp_path / "b").exists()


def test_progress_counts_and_estimates(tmp_path, monkeypatch):
    runs = [runner.Attempt(job(tmp_path, str(i)), "log") for i in range(6)]
    for run, seconds in zip(runs, (50.0, 70.0), strict=False):
        run.state, run.tries, run.seconds = "done", 1, seconds
    runs[2].state = "running"
    monkeypatch.setattr(runs[2], "elapsed", lambda: 20.0)
    runs[3].state = "failed"
    # Mean 60 s: 40 s for the running one and twice 60 s, over two places.
    assert view.progress(runs, 2, 150) == (
        "2 of 6 done, 1 running, 1 failed, 2 waiting; 0:02:30 so far, "
        "about 0:01:20 left"
    )
    assert "left" not in view.progress(runs[2:], 2, 150)


def make_live_table(num_places, **options):
    """A live table on a terminal of 80 x 25 whose text can be read."""
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system=None,
        **({"width": 80, "height": 25} | options),
    )
    live = Live(console=console, auto_refresh=False)
    return view.LiveTable(num_places, live), live, console.file


def test_live_table_shows_what_runs_and_what_failed(
    tmp_path, monkeypatch, door
):
    monkeypatch.setattr(view, "_REDRAW_SECONDS", 0)
    table, live, file = make_live_table(2, width=300)
    pictures = []
    let_go = False

    def show(runs):
        nonlocal let_go
        file.truncate(file.seek(0))
        table(runs)
        pictures.append(file.getvalue())
        seen = "1 running, 1 failed" in pictures[-1]
        if seen and "Epoch 3" in pictures[-1] and not let_go:
            answer(door)[1].close()
            let_go = True

    with live:
        sweep(
            tmp_path,
            job(tmp_path, "slow", port(door)),
            job(tmp_path, "bad", "--do=fail"),
            show=show,
        )
    assert any("slow" in p and "Epoch 3 of 20: loss" in p for p in pictures)
    # Three lines, so the next picture begins two lines further up.
    i = next(i for i, p in enumerate(pictures) if "1 running, 1 failed" in p)
    assert pictures[i].count("\n") == 2
    assert pictures[i + 1].count("\x1b[1A") == 2
    assert "failed 2 times, exit code 1, see" in pictures[-1]
    assert "1 of 2 done, 1 failed" in pictures[-1]


def failed(folder, *names):
    """Returns attempts that have failed."""
    attempts = [runner.Attempt(job(folder, name), "log") for name in names]
    for attempt in attempts:
        attempt.state, attempt.tries, attempt.exit_code = "failed", 2, 1
    return attempts


def test_live_table_is_no_higher_than_the_terminal(tmp_path):
    table, live, file = make_live_table(1, height=10)
    with live:
        table(failed(tmp_path, *(f"job{i}" for i in range(12))))
        text = file.getvalue()
    assert text.count("failed 2 times") == 7
    assert "and 5 more, see sweep.csv" in text
    assert text.count("\n") == 8


def test_live_table_shows_names_as_they_are(tmp_path):
    table, live, file = make_live_table(1)
    with live:
        table(failed(tmp_path, "[red]x[/red]-:smile:", "a\x1b[31m\nb"))
        text = file.getvalue()
    assert "[red]x[/red]-:smile:" in text
    assert "a[31mb" in text and "\x1b[31m" not in text


def test_live_table_cuts_long_lines(tmp_path):
    table, live, file = make_live_table(1, width=40)
    with live:
        table(failed(tmp_path, "wide" * 20, "\u88d9" * 30))
        text = file.getvalue()
    assert text.count("\n") == 2
    text.replace("\u88d9", "").encode("ascii")  # Nothing that it adds itself.


def test_without_a_terminal_lines_are_shown(capsys):
    with view.open_view(1) as show:
        assert isinstance(show, view.Lines)
    assert capsys.readouterr().out == ""


STOPPED = """
import sys
from jdstyle.sweeps import plan
from jdstyle.sweeps import processes
from jdstyle.sweeps import runner
runner.TRAIN = {train!r}
processes._PATIENCE_SECONDS = 0.5
jobs = [plan.Job(*job) for job in {jobs!r}]
try:
    runner.run_jobs(jobs, [{{}}, {{}}], {folder!r}, lambda runs: None)
except KeyboardInterrupt:
    sys.exit(3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's")
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 3),
        (signal.SIGTERM, 3),
        (signal.SIGKILL, -9),
    ],
)
def test_no_training_outlives_the_sweep(tmp_path, door, number, code):
    jobs = [
        job(tmp_path, "obedient", port(door)),
        job(tmp_path, "stubborn", port(door), "--do=ignore_term"),
        job(tmp_path, "next"),
    ]
    script = STOPPED.format(
        train=TRAIN, jobs=[tuple(j) for j in jobs], folder=str(tmp_path)
    )
    process = subprocess.Popen(
        binaries.interruptible(sys.executable, "-c", script),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    waiting = dict(answer(door) for _ in range(2))
    assert waiting.keys() == {"obedient", "stubborn"}
    process.send_signal(number)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == code
    for line in waiting.values():
        with line:
            assert line.recv(1) == b""  # Closed, which only its death does.
    assert not (tmp_path / "next").exists()
    if number != signal.SIGKILL:
        states = [row["state"] for row in status(tmp_path).values()]
        assert states == ["waiting", "waiting", "waiting"]


# The same command twice, in one process: importing TensorFlow is the slow part.
BINARY = """
import os
from jdstyle import cli
from jdstyle import sweep
from jdstyle.sweeps import runner
runner.TRAIN = {train!r}
for idle in ("rare", "-"):
    os.environ["IDLE"] = idle
    try:
        cli.run(sweep.main, arguments=True)
    except SystemExit as end:
        print("Exit code:", end.code or 0)
"""


def test_binary_never_hides_a_failure_and_goes_on(tmp_path, tiny, data_dir):
    # The sweep looks whether there is such a run, no further.
    (tmp_path / "x-resnet50").mkdir()
    record = {"fingerprint": "other", "architecture": {"backbone": "ResNet50"}}
    (tmp_path / "x-resnet50" / "run.json").write_text(json.dumps(record))
    (tmp_path / "x-resnet50" / "weights.best.weights.h5").touch()
    done = subprocess.run(
        [
            *(sys.executable, "-c", BINARY.format(train=TRAIN)),
            *("--dataset=label_table/tiny", f"--data_dir={data_dir}"),
            *("--folds=all", "--jobs=3", "--pretrained=x-{backbone}"),
            "--backbones=ResNet50",
            *("--", "--epochs=1"),
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "FINGERPRINT": tiny.info.metadata["fingerprint"],
        },
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    first, second, _ = re.split(r"Exit code: \d\n", done.stdout)
    assert re.findall(r"Exit code: (\d)", done.stdout) == ["1", "0"]
    # Two styles x five folds.
    assert "5 of 10 trainings failed or are blocked" in first
    assert "rare-resnet50-fold5: failed 2 times, exit code 0 without" in first
    assert "Next:" not in first
    assert "5 of 10 done" in second
    assert (
        "Next: python -m jdstyle.fuse --runs_dir=runs/label_table-tiny "
        "--dataset=label_table/tiny" in second
    )
    runs = tmp_path / "runs" / "label_table-tiny"
    log = (runs / "logs" / "rare-resnet50-fold5.log").read_text()
    assert "--init_from=x-resnet50" in log
    # Those of the second sweep.
    tries = {name: row["tries"] for name, row in status(runs).items()}
    assert tries == {
        f"{style}-resnet50-fold{fold}": number
        for style, number in [("bright", "0"), ("rare", "1")]
        for fold in range(1, 6)
    }
