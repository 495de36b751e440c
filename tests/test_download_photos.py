"""Downloads from a server on loopback that has every fault."""

import collections
import csv
import functools
import http.server
import importlib.util
import io
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import binaries
import numpy as np
import pytest
from PIL import Image

from jdstyle.errors import InputError

ROOT = pathlib.Path(__file__).parents[1]
TOOL = ROOT / "tools" / "download_photos.py"
SAMPLES = ROOT.parent / "shared" / "data" / "jd"
FLAGS = ",1" + ",0" * 12
# Answers in turn, the last for good; requests of one run with 3 retries; reason
# in gone.csv, None for a photo.
CASES = {
    "missing": ([404], 1, "HTTP 404"),
    "removed": ([410], 1, "HTTP 410"),
    "back": ([404, 200], 1, "HTTP 404"),
    "forbidden": ([403], 1, "gave up: HTTP 403"),
    "down": ([503], 4, "gave up: HTTP 503"),
    "busy": ([500, 500, 200], 3, None),
    "limited": ([429, 200], 2, None),
    "png": ([200], 1, None),
    "moved": ([302], 1, None),
    "slow": (["slow", 200], 2, None),
    "reset": (["reset", 200], 2, None),
    "cut": (["cut", 200], 2, None),
    "chunked": (["chunk", 200], 2, None),
    "unsaid": (["unsaid", 200], 2, None),
    "page": (["page"], 2, "an HTML or XML page, not a photo"),
    "pageonce": ([500, "page", 200], 3, None),
    "empty": (["empty"], 2, "empty file"),
    "tiny": (["tiny"], 2, "8 x 8 pixels, a side is under 16"),
    "huge": (["huge"], 1, "more than 50,000,000 bytes"),
    **{f"fine{i}": (["fine"], 1, None) for i in range(12)},
}


@functools.cache
def photo(name, side=24):
    """The bytes of a photo that no other name has."""
    rng = np.random.default_rng(list(name.encode()))
    pixels = rng.integers(0, 256, (side, side, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG" if name == "png" else "JPEG")
    return file.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, name = self.server, self.path[1:]
        with server.lock:
            server.times[name].append(time.monotonic())
            server.agents.add(self.headers["User-Agent"])
            number = len(server.times[name])
        answers = CASES[name][0] if name in CASES else [name.split("-")[0]]
        answer = answers[min(number, len(answers)) - 1]
        if isinstance(answer, str):
            getattr(self, answer)(photo(name))
        else:
            self.send(photo(name), answer)

    def log_message(self, *args):
        pass

    def send(self, data, code=200, length=None):
        self.send_response(code)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", length or len(data))
        self.send_header("Retry-After", "1" if code == 429 else "0")
        self.send_header("Location", "/fine-moved")
        self.end_headers()
        self.wfile.write(data)

    def fine(self, data):
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        time.sleep(0.05)
        with self.server.lock:
            self.server.now -= 1
        self.send(data)

    def cut(self, data):
        self.send(data[: len(data) // 2], length=len(data))
        self.close_connection = True

    def chunk(self, data):
        """A chunk, and not the empty one that ends them."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.close_connection = True

    def unsaid(self, data):
        """Cut off, and nothing says how long it was to be."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def slow(self, data):
        time.sleep(0.8)
        self.send(data)

    def reset(self, data):
        # Closed with no time to linger, a socket sends a reset.
        at_once = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.close_connection = True

    def page(self, data):
        self.send(b"<html>Sorry</html>")

    def empty(self, data):
        self.send(b"")

    def tiny(self, data):
        self.send(photo("tiny", side=8))

    def huge(self, data):
        self.send(bytes(51_000_000))

    def drip(self, data):
        self.send_response(200)
        self.end_headers()
        while not self.server.over.wait(0.02):
            self.wfile.write(b"\xff")

    def stuck(self, data):
        self.server.over.wait(30)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.times = collections.defaultdict(list)
        self.agents = set()
        self.now = self.most = 0

    def handle_error(self, request, address):
        """Clients that hang up are what the tests want."""


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, TOOL, f"--manual_dir={folder}", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=binaries.allow_interrupts,
    )


def run(folder, *arguments, code):
    """Runs the tool on train.txt; returns what it printed."""
    process = start(folder, "--files=train.txt", *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err
    return out + err


def write(folder, names, port):
    lines = [f"{name},http://127.0.0.1:{port}/{name}{FLAGS}" for name in names]
    (folder / "train.txt").write_text("\n".join(lines) + "\n")


def stored(folder):
    """Dict from id to bytes."""
    paths = (folder / "images").iterdir()
    return {path.name.removesuffix(".jpg"): path.read_bytes() for path in paths}


def reasons(folder):
    with open(folder / "gone.csv", newline="", encoding="utf-8") as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def counts(server):
    return {name: len(times) for name, times in server.times.items()}


@pytest.fixture(scope="module")
def runs(server, tmp_path_factory):
    """Three runs: folder, output, requests, photos and reasons of each."""
    folder = tmp_path_factory.mktemp("jd")
    write(folder, CASES, server.server_port)
    (folder / "images").mkdir()
    # As a run that was killed, and as wget, leave them.
    (folder / "images" / "fine0.jpg.part").write_bytes(b"half")
    (folder / "images" / "fine1.jpg").touch()
    (folder / "images" / "fine2.jpg").write_bytes(b"there")
    done = []
    for more in ([], [], ["--retry_gone"]):
        said = run(
            folder,
            "--jobs=8",
            "--retries=3",
            "--backoff=0.05",
            "--timeout=0.4",
            *more,
            code=1,
        )
        done.append((said, counts(server), stored(folder), reasons(folder)))
    return folder, done


@pytest.mark.parametrize("name", CASES)
def test_every_answer(runs, name):
    _, [(_, requests, photos, gone), *_] = runs
    _, expected, reason = CASES[name]
    if name == "fine2":  # It was there.
        assert name not in requests
        assert photos[name] == b"there"
        return
    assert requests[name] == expected
    assert gone.get(name) == reason
    content = photo("fine-moved" if name == "moved" else name)
    assert photos.get(name) == (content if reason is None else None)


def test_counts_report_and_next_command(runs):
    folder, [(said, _, photos, gone), *_] = runs
    # Of 31 cases 2 are given up, 7 are gone, and fine2 was there.
    assert "21 downloaded, 1 there before, 7 gone, 2 failed" in said
    assert len(photos) == 22  # Nothing unfinished is left.
    assert len(gone) == 9
    assert str(folder / "gone.csv") in said
    assert f"--manual_dir={folder} --allow_missing" in said
    assert "Fetched 30 of 30 photos, 9 rejected" in said


def test_next_run_tries_only_what_failed(runs):
    _, [(_, before, *_), (said, after, _, gone), _] = runs
    again = {n: after[n] - before[n] for n in after if after[n] != before[n]}
    assert again == {"forbidden": 1, "down": 4}
    assert "0 downloaded, 22 there before, 7 gone, 2 failed" in said
    assert len(gone) == 9


def test_retry_gone_tries_what_is_gone(runs):
    _, [_, (_, before, *_), (said, after, photos, gone)] = runs
    again = {n for n in after if after[n] != before[n]}
    assert again == {name for name in CASES if CASES[name][2]}
    assert photos["back"] == photo("back")
    assert "back" not in gone
    assert "1 downloaded, 22 there before, 6 gone, 2 failed" in said


def test_photos_come_in_parallel(runs, server):
    assert 2 <= server.most <= 8  # --jobs


def test_says_who_asks(runs, server):
    assert all(agent.startswith("jdstyle/") for agent in server.agents)


def test_back_off_doubles(runs, server):
    # 0.05 s, 0.1 s and 0.2 s, give or take half.
    waits = np.diff(server.times["down"][:4])
    assert (waits >= [0.025, 0.05, 0.1]).all()


def test_waits_as_long_as_the_server_asks(runs, server):
    # 1 s; the back-off alone is at most 0.075 s.
    assert np.diff(server.times["limited"]).item() >= 1


def test_a_body_that_drips_on_ends(server, tmp_path):
    write(tmp_path, ["drip"], server.server_port)
    run(tmp_path, "--retries=0", "--timeout=0.3", code=1)
    assert reasons(tmp_path) == {"drip": "gave up: too slow"}


def test_goes_on_after_a_kill(server, tmp_path):
    names = [f"fine-{i}" for i in range(40)]
    write(tmp_path, names, server.server_port)
    process = start(tmp_path, "--files=train.txt", "--jobs=2")
    wait_until(lambda: (tmp_path / "images").exists() and stored(tmp_path))
    time.sleep(0.2)
    process.kill()
    process.communicate()
    complete = {
        path.stem: path.read_bytes()
        for path in (tmp_path / "images").glob("*.jpg")
    }
    assert 0 < len(complete) < 40
    assert all(data == photo(name) for name, data in complete.items())
    said = run(tmp_path, "--jobs=8", code=0)
    assert f"{len(complete)} there before, 0 gone, 0 failed" in said
    assert "--allow_missing" not in said
    assert stored(tmp_path) == {name: photo(name) for name in names}
    assert all(len(server.times[name]) == 1 for name in complete)


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_ctrl_c_ends_at_once(server, tmp_path):
    write(tmp_path, ["stuck-0", "stuck-1"], server.server_port)
    process = start(tmp_path, "--files=train.txt")
    wait_until(lambda: server.times["stuck-0"] and server.times["stuck-1"])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)  # Not the 20 s of --timeout.
    assert process.returncode == 3
    assert err.endswith("Stopped. The same command goes on from here.\n")
    assert "Traceback" not in err
    assert reasons(tmp_path) == {}


@pytest.fixture
def closed_port():
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        yield unheard.getsockname()[1]


def test_stops_where_the_network_is_down(closed_port, tmp_path):
    write(tmp_path, range(150), closed_port)
    said = run(tmp_path, "--retries=0", code=2)
    assert "100 photos in a row failed" in said
    assert "Connection refused" in said
    assert len(reasons(tmp_path)) == 100


def test_no_photo_at_all_is_no_success(server, tmp_path):
    write(tmp_path, ["missing"], server.server_port)
    assert "No photo is there" in run(tmp_path, code=1)


def test_a_photo_that_cannot_be_written(server, tmp_path):
    name = "fine-" + "x" * 250  # A name may have 255 bytes.
    write(tmp_path, [name], server.server_port)
    said = run(tmp_path, code=2)
    assert f"Error: {tmp_path / 'images' / name}.jpg.part: File name" in said


def test_a_strange_gone_csv(server, tmp_path):
    write(tmp_path, ["png"], server.server_port)
    (tmp_path / "gone.csv").write_text("id,url,reason\na,b\n")
    assert f"{tmp_path / 'gone.csv'}:2: " in run(tmp_path, code=2)


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("download_photos", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b", "got 1 columns"),
        ("b,http://x/b.jpg,1,0", "got 4 columns"),
        ("../b,http://x/b.jpg", "not a photo's id: '../b'"),
        ("..,http://x/b.jpg", "not a photo's id"),
        (",http://x/b.jpg", "not a photo's id"),
        ("b\\c,http://x/b.jpg", "not a photo's id"),
        ("b,ftp://x/b.jpg", "not an http or https URL: 'ftp://x/b.jpg'"),
        ("b,file:///etc/passwd", "not an http or https URL"),
        ("b,http:///b.jpg", "not an http or https URL"),
        ("b,", "not an http or https URL"),
        ("a,http://x/b.jpg", "a has another URL at .*train.txt:1"),
        ("b,\xff", "not UTF-8"),
    ],
)
def test_label_faults_end_with_file_and_line(tool, tmp_path, line, message):
    path = tmp_path / "train.txt"
    path.write_bytes(f"a,http://x/a.jpg{FLAGS}\n{line}\n".encode("latin-1"))
    with pytest.raises(InputError, match=rf"train\.txt:2: .*{message}"):
        tool.read_urls([path])


def test_a_missing_label_file_names_the_flag(tool, tmp_path):
    with pytest.raises(InputError, match=r"test\.txt: .*--files"):
        tool.read_urls([tmp_path / "test.txt"])


def test_two_ids_of_one_url_and_a_line_twice(tool, tmp_path):
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text(f"a,http://x/a.jpg{FLAGS}\n")
    test.write_text("b,http://x/a.jpg\na,http://x/a.jpg\n")
    urls = dict.fromkeys("ab", "http://x/a.jpg")
    assert tool.read_urls([train, test]) == urls


def test_official_samples(tool):
    paths = [SAMPLES / "sample-train.txt", SAMPLES / "sample-test.txt"]
    if not all(path.is_file() for path in paths):
        pytest.skip("no official label files in shared/data/jd")
    assert len(tool.read_urls(paths[:1])) == 500  # Lines.
    assert len(tool.read_urls(paths)) == 500 + 300
