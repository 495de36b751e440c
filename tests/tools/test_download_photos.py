"""Downloads from a server on loopback that has every fault.

Little here goes by the clock: what has to be under way at some moment waits
for the others, and a time limit only ends what hangs.
"""

import collections
import contextlib
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
import types

import binaries
import numpy as np
import pytest
from PIL import Image

from jdstyle.errors import InputError

pytestmark = pytest.mark.long

ROOT = pathlib.Path(__file__).parents[2]
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
    "png": ([200], 1, None),
    "moved": ([302], 1, None),
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
ANSWERS = {
    **{name: answers for name, (answers, _, _) in CASES.items()},
    "limited": [429, 200],
    "silent": ["stuck", 200],
}


@functools.cache
def photo(name, side=24):
    """The bytes of a photo that no other name has."""
    rng = np.random.default_rng(list(name.encode()))
    pixels = rng.integers(0, 256, (side, side, 3), "uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG" if name == "png" else "JPEG")
    return file.getvalue()


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, name = self.server, self.path[1:]
        with server.lock:
            server.requests[name] += 1
            server.agents.add(self.headers["User-Agent"])
            number = server.requests[name]
        answers = ANSWERS.get(name, [name.split("-")[0]])
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
        self.send_header("Retry-After", "7" if code == 429 else "0")
        self.send_header("Location", "/fine-moved")
        self.end_headers()
        self.wfile.write(data)

    def fine(self, data):
        self.send(data)

    def pair(self, data):
        """Only while another one is under way."""
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        self.server.both.wait()
        with self.server.lock:
            self.server.now -= 1
        self.send(data)

    def rationed(self, data):
        """Whole while rations last, then half, and no end."""
        if self.server.rations.acquire(blocking=False):
            self.send(data)
        else:
            self.send(data[: len(data) // 2], length=len(data))
            self.stuck(data)

    def cut(self, data):
        self.send(data[: len(data) // 2], length=len(data))
        self.close_connection = True

    def chunk(self, data):
        """A chunk, and not the empty one that ends them."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(_chunk(data))
        self.close_connection = True

    def unsaid(self, data):
        """Cut off, and nothing says how long it was to be."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

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

    def drip(self, start, drop, data=b""):
        """Something again and again, until the client hangs up."""
        self.wfile.write(start)
        while not self.server.over.wait(0.01):
            self.wfile.write(drop)

    def dripline(self, data):
        self.drip(b"HTTP/1.1 200 ", b"O")

    def dripheader(self, data):
        self.drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")

    def dripcontinue(self, data):
        self.drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n")

    def dripbody(self, data):
        self.drip(b"HTTP/1.1 200 OK\r\n\r\n", b"\xff")

    def dripchunk(self, data):
        self.drip(_CHUNKED + b"1;", b"x")

    def driptrailer(self, data):
        self.drip(_CHUNKED + _chunk(data) + b"0\r\nX: ", b"x")

    def dripafter(self, data):
        """Whole to who does not wait for the end of the connection."""
        self.drip(b"HTTP/1.1 200 OK\r\n\r\n" + data, b"")

    def dripredirect(self, data):
        self.send_response(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def inside(self, data):
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.2:1/fine")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def stuck(self, data):
        self.server.num_stuck.release()
        self.server.over.wait()
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests = collections.Counter()
        self.agents = set()
        self.both = threading.Barrier(2)
        self.now = self.most = 0
        self.rations = threading.Semaphore(10)
        self.num_stuck = threading.Semaphore(0)
        self.over = threading.Event()

    def handle_error(self, request, address):
        """Clients that hang up are what the tests want."""


@contextlib.contextmanager
def serve():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.both.abort()
            server.shutdown()
            thread.join()


@pytest.fixture
def server():
    with serve() as server:
        yield server


def wait_until_stuck(server, number):
    for _ in range(number):
        assert server.num_stuck.acquire(timeout=60)


def start(folder, *arguments):
    return subprocess.Popen(
        binaries.interruptible(
            *(sys.executable, TOOL, f"--manual_dir={folder}"),
            *("--allow_private", *arguments),
        ),
        env=os.environ | {"PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs: folder, output, requests, photos and reasons of each."""
    folder = tmp_path_factory.mktemp("jd")
    (folder / "images").mkdir()
    # As a run that was killed, and as wget, leave them.
    (folder / "images" / "fine0.jpg.part").write_bytes(b"half")
    (folder / "images" / "fine1.jpg").touch()
    (folder / "images" / "fine2.jpg").write_bytes(b"there")
    done = []
    with serve() as server:
        write(folder, CASES, server.server_port)
        for more in ([], [], ["--retry_gone"]):
            arguments = ["--jobs=8", "--retries=3", "--backoff=0", *more]
            said = run(folder, *arguments, code=1)
            requests = dict(server.requests)
            done.append((said, requests, stored(folder), reasons(folder)))
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
    # Of 29 cases 2 are given up, 7 are gone, and fine2 was there.
    assert "19 downloaded, 1 there before, 7 gone, 2 failed" in said
    assert len(photos) == 20  # Nothing unfinished is left.
    assert len(gone) == 9
    assert str(folder / "gone.csv") in said
    assert f"--manual_dir={folder} --allow_missing" in said
    assert "Fetched 28 of 28 photos, 9 rejected" in said


def test_next_run_tries_only_what_failed(runs):
    _, [(_, before, *_), (said, after, _, gone), _] = runs
    again = {n: after[n] - before[n] for n in after if after[n] != before[n]}
    assert again == {"forbidden": 1, "down": 4}
    assert "0 downloaded, 20 there before, 7 gone, 2 failed" in said
    assert len(gone) == 9


def test_retry_gone_tries_what_is_gone(runs):
    _, [_, (_, before, *_), (said, after, photos, gone)] = runs
    again = {n for n in after if after[n] != before[n]}
    assert again == {name for name in CASES if CASES[name][2]}
    assert photos["back"] == photo("back")
    assert "back" not in gone
    assert "1 downloaded, 20 there before, 6 gone, 2 failed" in said


def test_photos_come_in_parallel(server, tmp_path):
    write(tmp_path, [f"pair-{i}" for i in range(6)], server.server_port)
    run(tmp_path, "--jobs=2", "--timeout=3600", code=0)
    assert server.most == 2


def test_says_who_asks(server, tmp_path):
    write(tmp_path, ["fine"], server.server_port)
    run(tmp_path, code=0)
    (agent,) = server.agents
    assert agent.startswith("jdstyle/")


def test_silence_ends_a_try(server, tmp_path):
    write(tmp_path, ["silent"], server.server_port)
    # On a busy machine the answers may come late as well, so many tries.
    run(tmp_path, "--timeout=0.5", "--retries=20", "--backoff=0", code=0)
    assert server.requests["silent"] >= 2
    assert stored(tmp_path) == {"silent": photo("silent")}


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("download_photos", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(TOOL.parent))  # As for a program of that folder.
    try:
        with binaries.own_flags():  # They are those of other binaries, too.
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(TOOL.parent))
    return module


@pytest.fixture
def fetch(tool, server, monkeypatch):
    """Fetches a photo by its name or its URL, and a clock of `sleep`."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def fetch(name, *, retries=0, timeout=60, private=True, **clock):
        flags = {"_RETRIES": retries, "_BACKOFF": 2, "_TIMEOUT": timeout}
        flags["_ALLOW_PRIVATE"] = private
        for flag, value in flags.items():
            monkeypatch.setattr(tool, flag, types.SimpleNamespace(value=value))
        monkeypatch.setattr(tool, "time", types.SimpleNamespace(**clock))
        here = f"http://127.0.0.1:{server.server_port}/{name}"
        return tool.fetch_photo(name if "://" in name else here)

    yield fetch
    tool._SESSION.close()  # Another server may get the port.


def test_back_off_doubles(tool, fetch):
    waits = []
    with pytest.raises(tool.Fault, match="gave up: HTTP 503"):
        fetch("down", retries=4, sleep=waits.append)
    # 2 s, 4 s, 8 s and 16 s, give or take half.
    assert len(waits) == 4
    for i, wait in enumerate(waits):
        assert 0.5 <= wait / 2 ** (i + 1) <= 1.5


def test_waits_as_long_as_the_server_asks(fetch):
    waits = []
    data = fetch("limited", retries=1, sleep=waits.append)
    assert waits == [7]  # The back-off alone is at most 3 s.
    assert data == photo("limited")


@pytest.mark.parametrize(
    "kind",
    [
        *("line", "header", "continue", "body", "chunk", "trailer", "after"),
        "redirect",
    ],
)
def test_what_drips_on_ends_in_time(tool, server, fetch, kind):
    start = time.monotonic()
    with pytest.raises(tool.Fault, match="gave up: (too slow|Exceeded 30 red)"):
        fetch(f"drip{kind}", timeout=0.3)
    assert time.monotonic() - start < 10  # It goes on for ever.


def test_a_look_up_without_an_answer_ends_in_time(tool, fetch, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60))
    with pytest.raises(tool.Fault, match="gave up: too slow"):
        fetch("http://photos.example/a.jpg", timeout=0.2)
    over.set()


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "[::1]"),
        *("[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"),
    ],
)
@pytest.mark.parametrize("proxy", [None, "http://127.0.0.1:1"])
def test_addresses_inside_are_refused(tool, fetch, monkeypatch, host, proxy):
    monkeypatch.delenv("no_proxy")
    if proxy:
        monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(tool.Fault, match="not a public address .--allow_priv"):
        fetch(f"http://{host}:1/fine", private=False)


def test_a_name_that_leads_inside_is_refused(tool, server, fetch, monkeypatch):
    asked = []

    def look_up(host, port, *rest, **options):
        asked.append(host)
        return real(answers.get(host, host), port, *rest, **options)

    real = socket.getaddrinfo
    answers = {"photos.example": "127.0.0.1"}
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = f"http://photos.example:{server.server_port}/fine"
    with pytest.raises(tool.Fault, match="127.0.0.1 is not a public address"):
        fetch(url, private=False)
    assert not server.requests
    assert fetch(url) == photo("fine")
    # A second answer could be another: what was looked at is connected to.
    assert asked == ["photos.example"] * 2 + ["127.0.0.1"]


def test_a_redirect_inside_is_refused(tool, server, fetch, monkeypatch):
    real = tool.bounded.require_public
    monkeypatch.setattr(
        tool.bounded,
        "require_public",
        lambda host: None if host == "127.0.0.1" else real(host),
    )
    assert fetch("fine", private=False) == photo("fine")
    with pytest.raises(tool.Fault, match="127.0.0.2 is not a public address"):
        fetch("inside", private=False, retries=3)
    assert server.requests["inside"] == 1


@pytest.mark.parametrize(
    ("host", "is_public"),
    [
        *(("8.8.8.8", True), ("2606:4700:4700::1111", True)),
        *(("::ffff:8.8.8.8", True), ("64:ff9b::808:808", True)),
        *(("2002:808:808::", True), ("::ffff:10.0.0.1", False)),
        *(("64:ff9b::7f00:1", False), ("2002:7f00:1::", False)),
        *(("::127.0.0.1", False), ("fe80::1%eth0", False)),
        *(("fc00::1", False), ("172.16.0.1", False), ("100.64.0.1", False)),
        *(("192.168.1.1", False), ("224.0.0.1", False), ("::", False)),
        ("2001:0:808:808::80ff:fffe", False),
    ],
)
def test_which_addresses_are_public(tool, host, is_public):
    if is_public:
        tool.bounded.require_public(host)
        return
    with pytest.raises(tool.bounded.PrivateAddressError, match="--allow_priv"):
        tool.bounded.require_public(host)


def test_goes_on_after_a_kill(server, tmp_path):
    names = [f"rationed-{i}" for i in range(40)]
    write(tmp_path, names, server.server_port)
    process = start(tmp_path, "--files=train.txt", "--jobs=2")
    wait_until_stuck(server, 2)
    process.kill()
    process.communicate()
    complete = stored(tmp_path)
    assert len(complete) == 10
    assert all(data == photo(name) for name, data in complete.items())
    server.rations.release(40)
    said = run(tmp_path, "--jobs=8", code=0)
    assert "30 downloaded, 10 there before, 0 gone, 0 failed" in said
    assert "--allow_missing" not in said
    assert stored(tmp_path) == {name: photo(name) for name in names}
    assert all(server.requests[name] == 1 for name in complete)


def test_ctrl_c_ends_at_once(server, tmp_path):
    write(tmp_path, ["stuck-0", "stuck-1"], server.server_port)
    process = start(tmp_path, "--files=train.txt", "--timeout=3600")
    wait_until_stuck(server, 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
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
